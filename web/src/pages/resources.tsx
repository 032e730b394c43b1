import type { JSX } from "preact";
import { NONE, ending } from "../format";
import { useLive } from "../live";
import { Badge, type Column, Table, type Tone, Trouble, Written } from "../parts";
import { useAsked } from "../rest";
import { replaceQuery } from "../router";
import type { Condition, StatusObject } from "../types";

const TONES: Record<Condition["status"], Tone> = { True: "good", False: "bad", Partial: "warn", Unknown: "calm" };

export function Resources({ query }: { query: string }): JSX.Element {
  const { revisions } = useLive();
  const { data, error } = useAsked<{ revision: number; objects: StatusObject[] }>(
    "/v1/status",
    5000,
    revisions?.compiled_revision,
  );
  const wanted = query.toLowerCase();
  const rows = (data?.objects ?? []).filter((each) => each.ref.toLowerCase().includes(wanted));
  const columns: Column<StatusObject>[] = [
    { head: "resource", cell: (each) => each.ref },
    { head: "status", cell: (each) => <Conditions conditions={each.conditions} /> },
    { head: "in force", cell: (each) => <InForce object={each} /> },
    { head: "revision", cell: (each) => each.revision, number: true },
    { head: "written at", cell: (each) => <Written origin={each.origin} /> },
    { head: "owner", cell: (each) => (each.owner ? <span title={each.owner}>{ending(each.owner)}</span> : NONE) },
  ];
  return (
    <>
      <h1>Resources</h1>
      <label class="field">
        Show only
        <input type="search" value={query} onInput={(event) => replaceQuery({ q: event.currentTarget.value })} />
      </label>
      {error ? <Trouble error={error} /> : null}
      <Table
        caption={`Revision ${data?.revision ?? NONE}`}
        columns={columns}
        rows={rows}
        id={(each) => each.ref}
        empty={query ? `No resource has “${query}” in its name.` : data ? "No resource yet: weft apply -f FILE" : "asking …"}
      />
    </>
  );
}

function Conditions({ conditions }: { conditions: Condition[] }): JSX.Element {
  const bad = conditions.filter((each) => each.status !== "True");
  if (!bad.length) return <Badge tone="good">{conditions.length ? "all well" : "no condition"}</Badge>;
  return (
    <>
      {bad.map((each) => (
        <div key={each.type}>
          <Badge tone={TONES[each.status]}>
            {each.type}: {each.status}
          </Badge>{" "}
          {each.reason} {each.message}
        </div>
      ))}
    </>
  );
}

function InForce({ object: { programmed } }: { object: StatusObject }): JSX.Element {
  const { applied, needed, missing } = programmed;
  const names = missing.map((each) => `${each.workload}: ${each.reason}`).join("; ");
  return (
    <>
      {applied} of {needed} proxies{names ? ` (missing ${names})` : ""}
    </>
  );
}
