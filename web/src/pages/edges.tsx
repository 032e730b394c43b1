import type { JSX } from "preact";
import { NONE, count, errors, ms, rate, short } from "../format";
import { type Column, ServiceLink, Table, Tls } from "../parts";
import { UNMESHED, ofConnections } from "../sums";
import type { Edge, End } from "../types";

// Rows that a browser draws anew each second without delay; the rest is a choice of a service away.
const MAX_ROWS = 150;

export function EdgeTable({ edges }: { edges: Edge[] }): JSX.Element {
  const columns: Column<Edge>[] = [
    { head: "from", cell: (edge) => <Side end={edge.source} /> },
    { head: "to", cell: (edge) => <Side end={edge.destination} /> },
    { head: "port", cell: (edge) => edge.port, number: true },
    { head: "TLS", cell: (edge) => <Tls tls={edge.tls} /> },
    { head: "rate", cell: (edge) => howMuch(edge), number: true },
    { head: "errors", cell: (edge) => errors(edge), number: true },
    { head: "p50", cell: (edge) => ms(edge.p50_ms), number: true },
    { head: "p99", cell: (edge) => ms(edge.p99_ms), number: true },
    { head: "what weft did", cell: (edge) => done(edge) },
  ];
  const id = (edge: Edge): string => JSON.stringify([edge.source, edge.destination, edge.port, edge.tls, edge.protocol]);
  const more = edges.length > MAX_ROWS ? `; the first ${MAX_ROWS} of ${edges.length.toLocaleString("en")}` : "";
  return (
    <Table
      caption={`Edges of the last minute${more}`}
      columns={columns}
      rows={edges.slice(0, MAX_ROWS)}
      id={id}
      empty="No requests in the last minute."
    />
  );
}

const Side = ({ end: { service, workload, version } }: { end: End }): JSX.Element => (
  <>
    {service ? <ServiceLink name={service} /> : short(workload) || UNMESHED} {version}
  </>
);

function howMuch(edge: Edge): string {
  return !edge.requests && edge.connections ? ofConnections(edge.connections) : rate(edge.requests_per_second);
}

function done({ reasons, retries, retries_saved: saved }: Edge): string {
  const told = Object.entries(reasons).map(([code, times]) => `${code} ${times}`);
  if (retries) told.push(count(retries, "retry", "retries"));
  if (saved) told.push(`saved ${saved}`);
  return told.join(", ") || NONE;
}
