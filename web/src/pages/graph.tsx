import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { NONE, errors, ms, percent, rate, short } from "../format";
import { type Sizes, arrange } from "../layout";
import { useLive } from "../live";
import { type Column, ServiceLink, Table, Tls } from "../parts";
import { Link, serviceAt } from "../router";
import type { Edge, End, Service } from "../types";

const WIDE: Sizes = { width: 176, height: 84, across: 150, between: 40, margin: 16, down: false };
// Two nodes beside each other on 375 px, and between layers room for three rows of labels.
const NARROW: Sizes = { width: 156, height: 84, across: 140, between: 10, margin: 8, down: true };
const NARROW_SCREEN = matchMedia("(max-width: 760px)");

function useSizes(): Sizes {
  const [narrow, setNarrow] = useState(NARROW_SCREEN.matches);
  useEffect(() => {
    const read = (): void => setNarrow(NARROW_SCREEN.matches);
    NARROW_SCREEN.addEventListener("change", read);
    return () => NARROW_SCREEN.removeEventListener("change", read);
  }, []);
  return narrow ? NARROW : WIDE;
}
const UNMESHED = "(unmeshed)";

/** What stands in the graph for one end: its service, or the workload that serves nothing. */
export const nodeOf = (end: End): string => end.service || end.workload || UNMESHED;

interface Sum {
  from: string;
  to: string;
  perSecond: number;
  requests: number;
  failures: number;
  /** Answered by weft itself: access denied, no endpoint, timeout. */
  answered: number;
  p99_ms: number | null;
  secure: boolean;
}

/** Of all versions and ports between two nodes. Its p99 is that of the worst: percentiles do not add up. */
export function sums(edges: Edge[]): Map<string, Sum> {
  const found = new Map<string, Sum>();
  for (const edge of edges) {
    const [from, to] = [nodeOf(edge.source), nodeOf(edge.destination)];
    const id = `${from}\0${to}`;
    const sum = found.get(id) ?? { from, to, perSecond: 0, requests: 0, failures: 0, answered: 0, p99_ms: null, secure: true };
    found.set(id, {
      ...sum,
      perSecond: sum.perSecond + edge.requests_per_second,
      requests: sum.requests + edge.requests,
      failures: sum.failures + edge.failures,
      answered: sum.answered + Object.values(edge.reasons).reduce((a, b) => a + b, 0),
      p99_ms: edge.p99_ms === null ? sum.p99_ms : Math.max(sum.p99_ms ?? 0, edge.p99_ms),
      secure: sum.secure && edge.tls === "mtls",
    });
  }
  return found;
}

/** Requests per second into each version. */
function versions(edges: Edge[], service: string): [string, number][] {
  const found = new Map<string, number>();
  for (const { destination, requests_per_second: perSecond } of edges) {
    if (destination.service === service && destination.version) {
      found.set(destination.version, (found.get(destination.version) ?? 0) + perSecond);
    }
  }
  return [...found].sort();
}

// The controller forgets an edge then; a page that is open for a day would collect every job that ever ran.
const FORGET_MS = 3_600_000;

/** Nodes and links of the last hour: what falls silent fades, and nothing moves. */
function useSeen(services: Service[], known: Map<string, Sum>): { names: string[]; links: [string, string][] } {
  const seen = useRef({ names: new Map<string, number>(), links: new Map<string, number>() });
  const { names, links } = seen.current;
  const now = Date.now();
  for (const service of services) names.set(service.name, now);
  for (const [id, { from, to }] of known) {
    names.set(from, now).set(to, now);
    links.set(id, now);
  }
  for (const map of [names, links]) for (const [id, at] of map) if (now - at > FORGET_MS) map.delete(id);
  return { names: [...names.keys()].sort(), links: [...links.keys()].map((id) => id.split("\0") as [string, string]) };
}

export function Graph(): JSX.Element {
  const { edges, services } = useLive();
  const known = useMemo(() => sums(edges), [edges]);
  const { names, links } = useSeen(services, known);
  const shape = `${names.join()}|${links.join()}`;
  const sizes = useSizes();
  const layout = useMemo(() => arrange(names, links, sizes), [shape, sizes]);
  const frame = useRef<HTMLDivElement>(null);
  // What is wider than the screen is shown from its middle: there the callers stand.
  useLayoutEffect(() => {
    const shown = frame.current;
    if (shown && sizes.down) shown.scrollLeft = (shown.scrollWidth - shown.clientWidth) / 2;
  }, [layout]);
  return (
    <>
      <h1>Graph</h1>
      <p class="lead">Who calls whom, over the last minute. A lock is mTLS.</p>
      {names.length === 0 ? (
        <p class="empty">No service yet. Declare one in a weft.yaml and run: weft up</p>
      ) : (
        <div ref={frame} class="graph" tabIndex={0} role="region" aria-label="Graph of services; the table below says the same">
          <svg width={layout.width} height={layout.height} viewBox={`0 0 ${layout.width} ${layout.height}`}>
            <defs>
              <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                <path d="M0 0L8 4L0 8z" />
              </marker>
            </defs>
            {layout.routes.map((route) => (
              <path
                key={`${route.from}>${route.to}`}
                class={`edge ${toneOf(known.get(`${route.from}\0${route.to}`))}`}
                d={route.path}
                marker-end="url(#arrow)"
              />
            ))}
            {layout.boxes.map((box) => (
              <Node key={box.id} {...box} service={services.find((each) => each.name === box.id)} edges={edges} sizes={sizes} />
            ))}
            {layout.routes.map((route) => (
              <Label key={`${route.from}>${route.to}`} at={route.label} sum={known.get(`${route.from}\0${route.to}`)} />
            ))}
          </svg>
        </div>
      )}
      <EdgeTable edges={edges} />
    </>
  );
}

// Shares of failures: people notice the first; below the second a graph that blinks is no help.
const BAD = 0.05;
const WORTH_A_LOOK = 0.001;

const toneOf = (sum: Sum | undefined): string =>
  !sum || !sum.requests ? "silent" : sum.failures / sum.requests > BAD ? "bad" : sum.failures / sum.requests > WORTH_A_LOOK || sum.answered ? "warn" : "good";

function Label({ at, sum }: { at: { x: number; y: number }; sum: Sum | undefined }): JSX.Element {
  if (!sum) return <></>;
  const answered = sum.answered > sum.failures && sum.requests > 0;
  return (
    <g class={`label ${toneOf(sum)}`} transform={`translate(${at.x} ${at.y})`}>
      <rect x={-62} y={-20} width={124} height={40} rx={6} />
      <Lock secure={sum.secure} />
      <text x={8} y={-4}>
        {sum.secure ? "" : "clear · "}
        {rate(sum.perSecond)}
      </text>
      <text y={12}>{answered ? `${percent(sum.answered / sum.requests)} refused` : `${errors(sum)} err · ${ms(sum.p99_ms)}`}</text>
    </g>
  );
}

const Lock = ({ secure }: { secure: boolean }): JSX.Element => (
  <g class={`lock ${secure ? "good" : "warn"}`} transform="translate(-54 -15)">
    <title>{secure ? "mTLS" : "not mTLS"}</title>
    <rect y={5} width={10} height={8} rx={1.5} />
    <path d={secure ? "M2 5V3.2a3 3 0 0 1 6 0V5" : "M2 5V3.2a3 3 0 0 1 6 0V3.6"} />
  </g>
);

interface NodeProps {
  id: string;
  x: number;
  y: number;
  service: Service | undefined;
  edges: Edge[];
  sizes: Sizes;
}

function Node({ id, x, y, service, edges, sizes }: NodeProps): JSX.Element {
  const parts = versions(edges, id);
  const well = !service || (service.workloads > 0 && service.healthy === service.workloads);
  const health = service ? `${service.healthy} of ${service.workloads} healthy` : "a client";
  const content = (
    <g class={`node ${service ? (well ? "good" : "bad") : "calm"}`} transform={`translate(${x} ${y})`}>
      <rect width={sizes.width} height={sizes.height} rx={8} />
      <text class="name" x={14} y={25}>
        {cut(short(id), Math.floor((sizes.width - 24) / 9.8))}{" "}
      </text>
      <text x={14} y={44}>
        {well ? "" : "✗ "}
        {health}{" "}
      </text>
      <text x={14} y={66}>
        {cut(shares(parts), Math.floor(sizes.width / 6.6))}
      </text>
    </g>
  );
  if (!service) return content;
  return (
    <Link to={serviceAt(id)}>{content}</Link>
  );
}

/** "v1 80 % · v2 20 %" */
function shares(parts: [string, number][]): string {
  const all = parts.reduce((sum, [, perSecond]) => sum + perSecond, 0);
  const share = (perSecond: number): string => (all ? ` ${Math.round((100 * perSecond) / all)} %` : "");
  return parts.map(([name, perSecond]) => name + share(perSecond)).join(" · ");
}

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

export function EdgeTable({ edges }: { edges: Edge[] }): JSX.Element {
  const end = ({ service, workload, version }: End): JSX.Element => (
    <>
      {service ? <ServiceLink name={service} /> : short(workload) || UNMESHED} {version}
    </>
  );
  const columns: Column<Edge>[] = [
    { head: "from", cell: (edge) => end(edge.source) },
    { head: "to", cell: (edge) => end(edge.destination) },
    { head: "port", cell: (edge) => edge.port, number: true },
    { head: "TLS", cell: (edge) => <Tls tls={edge.tls} /> },
    { head: "rate", cell: (edge) => rate(edge.requests_per_second), number: true },
    { head: "errors", cell: (edge) => errors(edge), number: true },
    { head: "p50", cell: (edge) => ms(edge.p50_ms), number: true },
    { head: "p99", cell: (edge) => ms(edge.p99_ms), number: true },
    { head: "weft answered", cell: (edge) => reasons(edge) },
  ];
  const id = (edge: Edge): string => JSON.stringify([edge.source, edge.destination, edge.port, edge.tls, edge.protocol]);
  return <Table caption="Edges of the last minute" columns={columns} rows={edges} id={id} empty="No requests in the last minute." />;
}

const reasons = (edge: Edge): string =>
  Object.entries(edge.reasons)
    .map(([code, times]) => `${code} ${times}`)
    .join(", ") || NONE;
