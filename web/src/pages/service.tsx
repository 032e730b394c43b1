import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Chart } from "../chart";
import { ejections } from "../ejected";
import { NONE, errors, moment, ms, percent, rate, short } from "../format";
import { useLive } from "../live";
import { Badge, type Column, EventTable, Table, Trouble, Written, toneOfHealth } from "../parts";
import { useAsked } from "../rest";
import { Link } from "../router";
import type { Edge, MeshEvent, Point, Resource, Rule, Workload } from "../types";
import { EdgeTable } from "./edges";
import { Found } from "./found";
import { Health, howMuch, into, loadOf } from "./services";

const HOUR_S = 3600;
const STEP_S = 60;
// What has rules that match or do not. A policy without holds for whatever it is attached to: nothing decides, so nothing
// is counted.
const COUNTED = ["AccessPolicy", "HTTPRoute"];

export function ServicePage({ name }: { name: string }): JSX.Element {
  const { services, edges, events, workloads } = useLive();
  const service = services.find((each) => each.name === name);
  const near = edges.filter((edge) => edge.source.service === name || edge.destination.service === name);
  const own = events.filter((event) => concerns(event, name, workloads)).reverse();
  if (services.length && !service) {
    return (
      <>
        <h1>{short(name)}</h1>
        <p class="empty">
          There is no service {name}. <Link to="/ui/services">All services</Link>
        </p>
      </>
    );
  }
  return (
    <>
      <h1>
        {short(name)} {service ? <Health service={service} /> : null}
      </h1>
      <Signals name={name} tcp={service?.ports.every((port) => port.protocol === "TCP") ?? false} />
      <h2>Endpoints</h2>
      <Endpoints name={name} />
      {service ? <Found sources={service.sources} /> : null}
      <h2>Routes and policies</h2>
      <Rules name={name} />
      <h2>Callers and callees</h2>
      <EdgeTable edges={near} />
      <h2>Events</h2>
      <EventTable events={own.slice(0, 20)} empty="Nothing has happened to it." />
    </>
  );
}

function concerns(event: MeshEvent, name: string, workloads: Workload[]): boolean {
  const own = workloads.filter((each) => each.service === name).map((each) => each.name);
  const subject = event.subject.split(" ")[0]!;
  return own.includes(subject) || subject.endsWith(`/${name}`) || subject === name;
}

/** `tcp`: nobody sees requests, only connections. */
function Signals({ name, tcp }: { name: string; tcp: boolean }): JSX.Element {
  const path = `/v1/edges/history?seconds=${HOUR_S}&step=${STEP_S}&destination=${encodeURIComponent(name)}`;
  const { data, error } = useAsked<{ points: Point[] }>(path, 10_000);
  const { edges } = useLive();
  const now = Math.floor(Date.now() / 1000);
  // The minute that has begun would look like a fall.
  const known = (data?.points ?? []).filter((point) => point.at + STEP_S <= now);
  const points = filled(known, now);
  const series = (value: (point: Point) => number | null): { at: number; value: number | null }[] =>
    points.map((point) => ({ at: point.at, value: value(point) }));
  const share = (point: Point): number | null => (point.requests ? point.failures / point.requests : null);
  const latest = into(edges, name);
  const shared = { seconds: HOUR_S, now };
  if (tcp) return <p class="lead">Last minute: {howMuch(latest)} TCP has connections, and no requests to count.</p>;
  return (
    <section aria-label="Golden signals of the last hour">
      <p class="lead">
        Last minute: {howMuch(latest)}, {errors(latest)} errors, p99 {ms(latest.p99)}. Below: the last hour, by the minute
        {points.length ? "" : ", once the first one is over"}.
      </p>
      {error ? <Trouble error={error} /> : null}
      <div class="charts">
        <Chart {...shared} title="requests" points={series((p) => p.requests / STEP_S)} show={(v) => (v === null ? NONE : rate(v))} />
        <Chart {...shared} title="errors" points={series(share)} show={(v) => (v === 0 ? "0 %" : percent(v))} />
        <Chart {...shared} title="p50" points={series((p) => p.p50_ms)} show={ms} />
        <Chart {...shared} title="p99" points={series((p) => p.p99_ms)} show={ms} />
      </div>
    </section>
  );
}

/** Minutes without requests are left out by the controller; here they are zeros, from the first known one on. */
function filled(points: Point[], now: number): Point[] {
  const first = points[0];
  if (!first) return [];
  const known = new Map(points.map((point) => [point.at, point]));
  const found: Point[] = [];
  for (let at = first.at; at + STEP_S <= now; at += STEP_S) {
    found.push(known.get(at) ?? { at, requests: 0, failures: 0, p50_ms: null, p90_ms: null, p99_ms: null });
  }
  return found;
}

function Endpoints({ name }: { name: string }): JSX.Element {
  const { workloads, events } = useLive();
  const { data, error } = useAsked<{ edges: Edge[] }>("/v1/edges?by=workload&seconds=60", 5000);
  const out = useMemo(() => ejections(events), [events]);
  const load = (workload: Workload): Edge[] =>
    (data?.edges ?? []).filter((edge) => edge.destination.workload === workload.name);
  const columns: Column<Workload>[] = [
    { head: "workload", cell: (each) => short(each.name) },
    { head: "version", cell: (each) => each.version || NONE },
    { head: "health", cell: (each) => <Badge tone={toneOfHealth(each.health)}>{each.health}</Badge> },
    { head: "load", cell: (each) => (data ? howMuch(loadOf(load(each))) : NONE), number: true },
    { head: "errors", cell: (each) => errors(loadOf(load(each))), number: true },
    { head: "p99", cell: (each) => ms(loadOf(load(each)).p99), number: true },
    { head: "ejected", cell: (each) => <Ejected event={out.get(each.name)} /> },
  ];
  return (
    <>
      {error ? <Trouble error={error} /> : null}
      <Table
        caption="Endpoints, with the last minute"
        columns={columns}
        rows={workloads.filter((each) => each.service === name)}
        id={(each) => each.name}
        empty="No workload serves it. weft run --service NAME -- COMMAND starts one."
      />
    </>
  );
}

/** Some caller leaves it out: the last thing that was said about it. */
const Ejected = ({ event }: { event: MeshEvent | undefined }): JSX.Element =>
  event ? (
    <>
      <Badge tone="warn">{event.kind}</Badge> {event.text} ({moment(event.at)})
    </>
  ) : (
    <>no</>
  );

interface Line {
  id: string;
  resource: string;
  rule: string;
  /** null: it has no rules that could be hit. */
  hits: number | null;
  audit: number | null;
  last: number | null;
  origin: Rule["origin"];
}

function Rules({ name }: { name: string }): JSX.Element {
  const { revisions } = useLive();
  const turn = revisions?.compiled_revision;
  const resources = useAsked<{ resources: Resource[] }>("/v1/resources", 30_000, turn);
  const rules = useAsked<{ rules: Rule[] }>("/v1/rules", 5000, turn);
  const error = resources.error ?? rules.error;
  const columns: Column<Line>[] = [
    { head: "resource", cell: (line) => <Link to={`/ui/resources?q=${encodeURIComponent(line.resource)}`}>{line.resource}</Link> },
    { head: "rule", cell: (line) => line.rule },
    { head: "hits", cell: (line) => line.hits?.toLocaleString("en") ?? "always", number: true },
    { head: "would refuse", cell: (line) => line.audit?.toLocaleString("en") ?? NONE, number: true },
    { head: "last", cell: (line) => (line.last ? moment(line.last) : NONE) },
    { head: "written at", cell: (line) => <Written origin={line.origin} /> },
  ];
  const lines = linesOf(name, resources.data?.resources ?? [], rules.data?.rules ?? []);
  return (
    <>
      {error ? <Trouble error={error} /> : null}
      <Table
        caption="Rules for this service, since the controller has started"
        columns={columns}
        rows={lines}
        id={(line) => line.id}
        empty={resources.data && rules.data ? "No route and no policy names it: defaults apply." : "asking …"}
      />
    </>
  );
}

/** Also rules that never decided: those are the ones to find. */
function linesOf(name: string, resources: Resource[], rules: Rule[]): Line[] {
  const hits = new Map(rules.map((rule) => [rule.rule_id, rule]));
  return resources
    .filter((resource) => targets(resource).includes(name))
    .flatMap((resource) => {
      const own = (resource.document.spec?.rules ?? []).map((_, i) => `${resource.ref}/${i}`);
      // The resource itself decides when none of its rules does.
      const ids = new Set([...own, ...[...hits.keys()].filter((id) => id === resource.ref || id.startsWith(`${resource.ref}/`))]);
      const counted = COUNTED.includes(resource.document.kind);
      const refuses = resource.document.kind === "AccessPolicy";
      return [...(ids.size ? ids : [resource.ref])].map((id) => {
        const rule = hits.get(id);
        const index = id.slice(resource.ref.length + 1);
        const line = resource.origin?.rules[Number(index)] || resource.origin?.line || 0;
        const origin = rule?.origin ?? (resource.origin ? { ...resource.origin, line } : null);
        return {
          id,
          resource: resource.ref,
          rule: index || (counted ? "no rule matched" : "all of it"),
          hits: rule?.hits ?? (counted ? 0 : null),
          audit: refuses ? (rule?.audit_hits ?? 0) : null,
          last: rule?.last_hit_at ?? null,
          origin,
        };
      });
    });
}

function targets({ document }: Resource): string[] {
  const { parentRefs = [], targetRefs = [], targetRef } = document.spec ?? {};
  const refs = [...parentRefs, ...targetRefs, ...(targetRef ? [targetRef] : [])];
  const own = document.metadata.namespace ?? "default";
  return refs.filter((ref) => (ref.kind ?? "Service") === "Service").map((ref) => `${ref.namespace ?? own}/${ref.name}`);
}
