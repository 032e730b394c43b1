import type { JSX } from "preact";
import { count } from "../format";
import { useLive } from "../live";
import { EventTable } from "../parts";
import { replaceQuery } from "../router";

// Rows that a browser draws without delay; the rest is a filter away.
const MAX_ROWS = 300;

export function Events({ query }: { query: URLSearchParams }): JSX.Element {
  const { events, lost } = useLive();
  const [text, severity] = [query.get("q") ?? "", query.get("severity") ?? ""];
  const change = (more: Record<string, string>): void => replaceQuery({ q: text, severity, ...more });
  const found = events.filter(
    (event) =>
      (!severity || event.severity !== "info") &&
      `${event.kind} ${event.subject} ${event.text}`.toLowerCase().includes(text.toLowerCase()),
  );
  return (
    <>
      <h1>Events</h1>
      <p class="lead">
        Ejections, refusals, restarts, changes. {lost ? `${count(lost, "earlier event")} no longer kept.` : ""}
        {found.length > MAX_ROWS ? ` The newest ${MAX_ROWS} of ${found.length}.` : ""}
      </p>
      <div class="question">
        <label class="field">
          Show only
          <input type="search" value={text} onInput={(event) => change({ q: event.currentTarget.value })} />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={severity !== ""}
            onChange={(event) => change({ severity: event.currentTarget.checked ? "warning" : "" })}
          />
          warnings and errors only
        </label>
      </div>
      <EventTable events={found.slice(-MAX_ROWS).reverse()} empty="No such event." />
    </>
  );
}
