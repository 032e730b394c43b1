import type { JSX } from "preact";
import { NONE, short, span } from "../format";
import { useLive } from "../live";
import { Badge, type Column, ServiceLink, Table, toneOfHealth } from "../parts";
import { useClock } from "../time";
import type { Workload } from "../types";

// A certificate lives a day and is renewed at two thirds of it; below an hour renewal has failed many times.
const ENDS_SOON_S = 3600;

export function Workloads(): JSX.Element {
  const { workloads } = useLive();
  const now = useClock();
  const columns: Column<Workload>[] = [
    { head: "workload", cell: (each) => short(each.name) },
    { head: "service", cell: (each) => <ServiceLink name={each.service} /> },
    { head: "version", cell: (each) => each.version || NONE },
    { head: "health", cell: (each) => <HealthOf workload={each} /> },
    { head: "sync", cell: (each) => <Sync workload={each} /> },
    { head: "certificate", cell: (each) => <Certificate end={each.certificate_not_after} now={now} /> },
    { head: "address", cell: (each) => each.ports.map((port) => `${port.address}:${port.listen_port}`).join(", ") || NONE },
    { head: "proxy", cell: (each) => each.proxy_version || NONE },
    { head: "problems", cell: (each) => each.problems.join("; ") || NONE },
  ];
  return (
    <>
      <h1>Workloads</h1>
      <Table
        caption="Who is registered"
        columns={columns}
        rows={workloads}
        id={(each) => each.name}
        empty="No workload. weft run --service NAME -- COMMAND starts one."
      />
    </>
  );
}

function HealthOf({ workload }: { workload: Workload }): JSX.Element {
  if (workload.lease === "lost") return <Badge tone="bad">lost</Badge>;
  return (
    <>
      <Badge tone={toneOfHealth(workload.health)}>{workload.health}</Badge>{" "}
      {workload.health === "healthy" ? "" : workload.health_reason}
    </>
  );
}

function Sync({ workload: { sync } }: { workload: Workload }): JSX.Element {
  if (!sync.connected) return <Badge tone="bad">not connected</Badge>;
  if (sync.rejected.length) {
    return (
      <>
        <Badge tone="bad">rejected {sync.rejected.length}</Badge> {sync.rejected[0]!.name}: {sync.rejected[0]!.reason}
      </>
    );
  }
  const current = sync.current === sync.subscriptions;
  return (
    <Badge tone={current ? "good" : "warn"}>
      {sync.current} of {sync.subscriptions}
    </Badge>
  );
}

function Certificate({ end, now }: { end: number | null; now: number }): JSX.Element {
  if (end === null) return <Badge tone="warn">none</Badge>;
  const left = end - now;
  if (left <= 0) return <Badge tone="bad">ended {span(left)} ago</Badge>;
  return <Badge tone={left < ENDS_SOON_S ? "warn" : "good"}>{span(left)} left</Badge>;
}
