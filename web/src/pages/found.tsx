import type { JSX } from "preact";
import { NONE } from "../format";
import { Badge, type Column, Table, toneOfHealth } from "../parts";
import type { Source } from "../types";

interface Line {
  source: Source;
  endpoint: Source["endpoints"][number] | null;
}

/** Endpoints that nobody registers, by the source that names them. */
export function Found({ sources }: { sources: Source[] }): JSX.Element | null {
  if (!sources.length) return null;
  const lines = sources.flatMap((source): Line[] =>
    source.endpoints.length ? source.endpoints.map((endpoint) => ({ source, endpoint })) : [{ source, endpoint: null }],
  );
  const columns: Column<Line>[] = [
    { head: "address", cell: ({ endpoint }) => (endpoint ? place(endpoint.address, endpoint.port) : NONE) },
    { head: "version", cell: ({ endpoint }) => endpoint?.labels["version"] || NONE },
    {
      head: "health",
      cell: ({ endpoint }) => (endpoint ? <Badge tone={toneOfHealth(endpoint.health)}>{endpoint.health}</Badge> : NONE),
    },
    { head: "source", cell: ({ source }) => source.source },
    { head: "state", cell: ({ source, endpoint }) => <State source={source} endpoint={endpoint} /> },
  ];
  return (
    <Table
      caption="Found by DNS and files"
      columns={columns}
      rows={lines}
      id={({ source, endpoint }) => `${source.source} ${endpoint ? place(endpoint.address, endpoint.port) : ""}`}
      empty=""
    />
  );
}

function State({ source, endpoint }: Line): JSX.Element {
  if (source.state === "fresh" && !endpoint?.stale) return <>fresh</>;
  const probe = endpoint?.answers === undefined || endpoint.answers === null ? "" : endpoint.answers ? ", answers" : ", does not answer";
  return (
    <>
      <Badge tone={source.state === "pending" ? "calm" : "warn"}>
        {endpoint?.stale ? "stale" : source.state}
        {probe}
      </Badge>{" "}
      {source.problem}
    </>
  );
}

function place(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
