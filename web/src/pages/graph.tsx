import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ejections } from "../ejected";
import { count, short } from "../format";
import { useLive } from "../live";
import type { Tone } from "../parts";
import { Link, replaceQuery } from "../router";
import { type Sum, linkId, nodeOf, shares, sums, toneOf } from "../sums";
import type { Service } from "../types";
import { Drawn } from "./drawn";
import { EdgeTable } from "./edges";
import { Listed } from "./listed";
import { healthOf } from "./services";

export type LinkOf = readonly [from: string, to: string];

export interface Node {
  id: string;
  /** undefined: nobody can call it. */
  service: Service | undefined;
  tone: Tone;
  health: string;
  /** "1 ejected"; empty: none. */
  ejected: string;
  shares: string;
}

export interface Shown {
  names: string[];
  links: LinkOf[];
  known: Map<string, Sum>;
  node: (id: string) => Node;
}

const NARROW_SCREEN = matchMedia("(max-width: 900px)");

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW_SCREEN.matches);
  useEffect(() => {
    const read = (): void => setNarrow(NARROW_SCREEN.matches);
    NARROW_SCREEN.addEventListener("change", read);
    return () => NARROW_SCREEN.removeEventListener("change", read);
  }, []);
  return narrow;
}

// The controller forgets an edge then; a page that is open for a day would collect every job that ever ran.
const FORGET_MS = 3_600_000;

/** Nodes and links of the last hour: what falls silent fades, and nothing moves. */
function useSeen(services: Service[], known: Map<string, Sum>): { names: string[]; links: LinkOf[] } {
  const seen = useRef(new Map<string, number>()).current;
  const now = Date.now();
  for (const id of known.keys()) seen.set(id, now);
  for (const [id, at] of seen) if (now - at > FORGET_MS) seen.delete(id);
  const links = [...seen.keys()].sort().map((id) => id.split("\0") as [string, string]);
  return { names: [...new Set([...services.map((each) => each.name), ...links.flat()])].sort(), links };
}

/** The named service, or all with that in their names, with callers and callees. */
function near(text: string, names: string[], links: LinkOf[]): { names: string[]; links: LinkOf[] } {
  if (!text) return { names, links };
  const same = names.filter((name) => name === text || short(name) === text);
  const chosen = new Set(same.length ? same : names.filter((name) => name.toLowerCase().includes(text.toLowerCase())));
  const found = links.filter(([from, to]) => chosen.has(from) || chosen.has(to));
  return { names: [...new Set([...chosen, ...found.flat()])].sort(), links: found };
}

// More is a ball of wool on any screen, and costs a browser more than a frame to arrange.
const MAX_NODES = 60;
const MAX_LINKS = 120;

export function Graph({ around }: { around: string }): JSX.Element {
  const { edges, services, workloads, events } = useLive();
  const known = useMemo(() => sums(edges), [edges]);
  const all = useSeen(services, known);
  const { names, links } = near(around.trim(), all.names, all.links);
  const narrow = useNarrow();
  const byName = useMemo(() => new Map(services.map((each) => [each.name, each])), [services]);
  const parts = useMemo(() => shares(edges), [edges]);
  const out = useMemo(() => {
    const about = ejections(events);
    const found = new Map<string, number>();
    for (const { name, service } of workloads) if (about.has(name)) found.set(service, (found.get(service) ?? 0) + 1);
    return found;
  }, [events, workloads]);
  const node = (id: string): Node => {
    const service = byName.get(id);
    const ejected = out.get(id) ? `${out.get(id)} ejected` : "";
    const { tone, text } = service ? healthOf(service) : { tone: "calm" as const, text: "a client" };
    return { id, service, tone: tone === "good" && ejected ? "warn" : tone, health: text, ejected, shares: parts.get(id) ?? "" };
  };
  const few = names.length <= MAX_NODES && links.length <= MAX_LINKS;
  const drawn = new Set(links.map(([from, to]) => linkId(from, to)));
  const shown = { names, links, known, node };
  const rows = around ? edges.filter((edge) => drawn.has(linkId(nodeOf(edge.source), nodeOf(edge.destination)))) : edges;
  const table = <EdgeTable edges={rows} />;
  return (
    <>
      <h1>Graph</h1>
      <p class="lead">Who calls whom, over the last minute. A lock is mTLS.</p>
      <label class="field">
        Around
        <input
          type="search"
          list="nodes"
          value={around}
          placeholder="a service: it, its callers and callees"
          onInput={(event) => replaceQuery({ around: event.currentTarget.value })}
        />
        <datalist id="nodes">
          {all.names.map((name) => (
            <option key={name} value={short(name)} />
          ))}
        </datalist>
      </label>
      {!all.names.length ? (
        <p class="empty">No service yet. Declare one in a weft.yaml and run: weft up</p>
      ) : !names.length ? (
        <p class="empty">Nothing has “{around}” in its name.</p>
      ) : !few ? (
        <TooMany names={names} links={links} known={known} />
      ) : narrow ? (
        <Listed {...shown} />
      ) : (
        <Drawn {...shown} />
      )}
      {narrow ? (
        <details>
          <summary>All numbers</summary>
          {table}
        </details>
      ) : (
        table
      )}
    </>
  );
}

const WORST = 12;

/** What to look at where all of it cannot be drawn. */
function TooMany({ names, links, known }: Omit<Shown, "node">): JSX.Element {
  const called = new Map<string, number>();
  for (const sum of known.values()) {
    const trouble = toneOf(sum) === "good" ? 0 : sum.failures + sum.answered;
    if (trouble) called.set(sum.to, (called.get(sum.to) ?? 0) + trouble);
  }
  const worst = [...called].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, WORST);
  return (
    <section class="empty" aria-label="What to look at">
      <p>
        {count(names.length, "service")} and {count(links.length, "link")} are too many for one picture: choose a service
        above. {worst.length ? "Failing or refused in the last minute:" : "Nothing failed in the last minute."}
      </p>
      <ul class="choices">
        {worst.map(([name, times]) => (
          <li key={name}>
            <Link to={`?around=${encodeURIComponent(short(name))}`}>{short(name)}</Link> {times.toLocaleString("en")}
          </li>
        ))}
      </ul>
    </section>
  );
}
