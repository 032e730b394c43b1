/** What several pages show. Colour never says anything alone: there is a word or a shape with it. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { NONE, ending, moment, place } from "./format";
import { Link, serviceAt } from "./router";
import { short } from "./format";
import type { MeshEvent, Origin } from "./types";

export type Tone = "good" | "bad" | "warn" | "calm";
const SIGNS: Record<Tone, string> = { good: "✓", bad: "✗", warn: "!", calm: "·" };

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]}</span> {children}
    </span>
  );
}

export const toneOfHealth = (health: string): Tone =>
  health === "healthy" ? "good" : health === "unhealthy" ? "bad" : health === "draining" ? "warn" : "calm";

export const Tls = ({ tls }: { tls: string }): JSX.Element =>
  tls === "mtls" ? <Badge tone="good">mTLS</Badge> : <Badge tone="warn">{tls || "unknown"}</Badge>;

export const ServiceLink = ({ name }: { name: string }): JSX.Element =>
  name ? <Link to={serviceAt(name)}>{short(name)}</Link> : <>{NONE}</>;

/** Where it is written; a click copies it, as a page cannot open an editor. */
export function Written({ origin }: { origin: Origin | string | null }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const text = typeof origin === "string" ? origin : place(origin);
  if (!text || text === NONE) return <span>{NONE}</span>;
  const copy = (): void => {
    void navigator.clipboard?.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <button type="button" class="written" onClick={copy} title={`copy ${text}`}>
      {copied ? "copied" : ending(text)}
    </button>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  number?: boolean;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  empty: ComponentChildren;
}

/** On a narrow screen each row becomes a card, and each cell says its column. */
export function Table<T>({ caption, columns, rows, id, empty }: TableProps<T>): JSX.Element {
  if (!rows.length) return <p class="empty">{empty}</p>;
  return (
    <table>
      <caption>{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.head} scope="col" class={column.number ? "number" : ""}>
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={id(row)}>
            {columns.map((column) => (
              <td key={column.head} data-head={column.head} class={column.number ? "number" : ""}>
                <div>{column.cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const SEVERITY: Record<MeshEvent["severity"], Tone> = { info: "calm", warning: "warn", error: "bad" };

export function EventTable({ events, empty }: { events: MeshEvent[]; empty: ComponentChildren }): JSX.Element {
  const columns: Column<MeshEvent>[] = [
    { head: "time", cell: (event) => <time dateTime={new Date(event.at * 1000).toISOString()}>{moment(event.at)}</time> },
    { head: "kind", cell: (event) => <Badge tone={SEVERITY[event.severity]}>{event.kind}</Badge> },
    { head: "subject", cell: (event) => event.subject },
    { head: "what", cell: (event) => event.text || NONE },
  ];
  return <Table caption="Events, newest first" columns={columns} rows={events} id={(event) => `${event.id}`} empty={empty} />;
}

export function Trouble({ error }: { error: Error & { hint?: string | null } }): JSX.Element {
  return (
    <p class="trouble" role="alert">
      {error.message}
      {error.hint ? <small>{error.hint}</small> : null}
    </p>
  );
}
