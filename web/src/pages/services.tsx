import type { JSX } from "preact";
import { errors, ms, rate } from "../format";
import { useLive } from "../live";
import { Badge, type Column, ServiceLink, Table, type Tone } from "../parts";
import type { Edge, Service } from "../types";

export function into(edges: Edge[], service: string): { perSecond: number; requests: number; failures: number; p99: number | null } {
  const found = edges.filter((edge) => edge.destination.service === service);
  const p99 = found.flatMap((edge) => (edge.p99_ms === null ? [] : [edge.p99_ms]));
  return {
    perSecond: found.reduce((sum, edge) => sum + edge.requests_per_second, 0),
    requests: found.reduce((sum, edge) => sum + edge.requests, 0),
    failures: found.reduce((sum, edge) => sum + edge.failures, 0),
    p99: p99.length ? Math.max(...p99) : null,
  };
}

export function Health({ service }: { service: Service }): JSX.Element {
  const { healthy, workloads, sources } = service;
  // Nobody reports on what was found: a number of healthy ones would be a guess.
  const found = sources.reduce((sum, source) => sum + source.endpoints.length, 0);
  if (!workloads && found) {
    const fresh = sources.every((source) => source.state === "fresh");
    return <Badge tone={fresh ? "calm" : "warn"}>{`${found} found${fresh ? "" : ", not all now"}`}</Badge>;
  }
  const tone: Tone = workloads === 0 ? "calm" : healthy === workloads ? "good" : healthy ? "warn" : "bad";
  return <Badge tone={tone}>{workloads ? `${healthy} of ${workloads} healthy` : "no workload"}</Badge>;
}

export function Services(): JSX.Element {
  const { services, edges } = useLive();
  const columns: Column<Service>[] = [
    { head: "service", cell: (service) => <ServiceLink name={service.name} /> },
    { head: "health", cell: (service) => <Health service={service} /> },
    { head: "declared", cell: (service) => (service.declared ? "yes" : <Badge tone="warn">no</Badge>) },
    { head: "ports", cell: (service) => service.ports.map((port) => `${port.port} ${port.protocol}`).join(", ") },
    { head: "rate", cell: (service) => rate(into(edges, service.name).perSecond), number: true },
    { head: "errors", cell: (service) => errors(into(edges, service.name)), number: true },
    { head: "p99", cell: (service) => ms(into(edges, service.name).p99), number: true },
  ];
  return (
    <>
      <h1>Services</h1>
      <Table
        caption="Names that can be called, with the last minute"
        columns={columns}
        rows={services}
        id={(service) => service.name}
        empty="No service yet. Declare one in a weft.yaml and run: weft up"
      />
    </>
  );
}
