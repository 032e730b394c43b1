import type { JSX } from "preact";
import { errors, ms, rate } from "../format";
import { useLive } from "../live";
import { Badge, type Column, ServiceLink, Table, type Tone } from "../parts";
import { ofConnections } from "../sums";
import type { Edge, Service } from "../types";

export interface Load {
  perSecond: number;
  requests: number;
  failures: number;
  connections: number;
  /** Of the worst: percentiles do not add up. */
  p99: number | null;
}

const IDLE: Load = { perSecond: 0, requests: 0, failures: 0, connections: 0, p99: null };

export function loadOf(edges: Edge[]): Load {
  const load = { ...IDLE };
  for (const edge of edges) add(load, edge);
  return load;
}

function add(load: Load, edge: Edge): void {
  load.perSecond += edge.requests_per_second;
  load.requests += edge.requests;
  load.failures += edge.failures;
  load.connections += edge.connections;
  if (edge.p99_ms !== null) load.p99 = Math.max(load.p99 ?? 0, edge.p99_ms);
}

/** What each service is asked. */
function loads(edges: Edge[]): Map<string, Load> {
  const found = new Map<string, Load>();
  for (const edge of edges) {
    const load = found.get(edge.destination.service) ?? { ...IDLE };
    add(load, edge);
    found.set(edge.destination.service, load);
  }
  return found;
}

export const into = (edges: Edge[], service: string): Load =>
  loadOf(edges.filter((edge) => edge.destination.service === service));

export const howMuch = (load: Load): string =>
  !load.requests && load.connections ? ofConnections(load.connections) : rate(load.perSecond);

export function healthOf({ healthy, workloads, sources }: Service): { tone: Tone; text: string } {
  // Nobody reports on what was found: a number of healthy ones would be a guess.
  const found = sources.reduce((sum, source) => sum + source.endpoints.length, 0);
  if (!workloads && found) {
    const fresh = sources.every((source) => source.state === "fresh");
    return { tone: fresh ? "calm" : "warn", text: `${found} found${fresh ? "" : ", not all now"}` };
  }
  const tone: Tone = workloads === 0 ? "calm" : healthy === workloads ? "good" : healthy ? "warn" : "bad";
  return { tone, text: workloads ? `${healthy} of ${workloads} healthy` : "no workload" };
}

export function Health({ service }: { service: Service }): JSX.Element {
  const { tone, text } = healthOf(service);
  return <Badge tone={tone}>{text}</Badge>;
}

export function Services(): JSX.Element {
  const { services, edges } = useLive();
  const load = loads(edges);
  const of = (service: Service): Load => load.get(service.name) ?? IDLE;
  const columns: Column<Service>[] = [
    { head: "service", cell: (service) => <ServiceLink name={service.name} /> },
    { head: "health", cell: (service) => <Health service={service} /> },
    { head: "declared", cell: (service) => (service.declared ? "yes" : <Badge tone="warn">no</Badge>) },
    { head: "ports", cell: (service) => service.ports.map((port) => `${port.port} ${port.protocol}`).join(", ") },
    { head: "rate", cell: (service) => howMuch(of(service)), number: true },
    { head: "errors", cell: (service) => errors(of(service)), number: true },
    { head: "p99", cell: (service) => ms(of(service).p99), number: true },
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
