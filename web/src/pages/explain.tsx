import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../live";
import { Badge, Trouble, Written } from "../parts";
import { type RestError, ask } from "../rest";
import { replaceQuery } from "../router";

interface Step {
  table: string;
  decision: string;
  rule_id: string;
  origin: string;
  tried: { rule_id: string; matched: boolean; why: string; origin: string }[];
}

interface Answer {
  source: string;
  destination: string;
  method: string;
  path: string;
  steps: Step[];
  paths: {
    percent: number;
    backend: string;
    endpoints: string[];
    steps: Step[];
    end: { status: number; reason: string; advice: string; rule_id: string; origin: string; location: string };
  }[];
  notes: string[];
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** The address holds the question: a link to it asks again. */
export function Explain({ query }: { query: URLSearchParams }): JSX.Element {
  const { workloads, services, revisions } = useLive();
  const [from, setFrom] = useState(query.get("from") ?? "");
  const [to, setTo] = useState(query.get("to") ?? "");
  const [method, setMethod] = useState(query.get("method") ?? "GET");
  const [path, setPath] = useState(query.get("path") ?? "/");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<RestError | null>(null);
  const asked = query.get("from") && query.get("to") ? query.toString() : "";
  useEffect(() => {
    if (!asked) return;
    const gone = new AbortController();
    const said = new URLSearchParams(asked);
    const body = { from: said.get("from"), to: said.get("to"), method: said.get("method") ?? "GET", path: said.get("path") ?? "/" };
    ask<Answer>("/v1/explain", body, gone.signal).then(
      (found) => (setAnswer(found), setError(null)),
      (failure: RestError) => gone.signal.aborted || (setError(failure), setAnswer(null)),
    );
    return () => gone.abort();
  }, [asked, revisions?.compiled_revision]);
  const submit = (event: Event): void => {
    event.preventDefault();
    replaceQuery({ from, to, method, path });
  };
  return (
    <>
      <h1>Explain</h1>
      <p class="lead">Where would this request go, and which rule says so? Nothing is sent.</p>
      <form class="question" onSubmit={submit}>
        <label class="field">
          From
          <input list="callers" required value={from} onInput={(event) => setFrom(event.currentTarget.value)} placeholder="web" />
        </label>
        <label class="field">
          To
          <input list="services" required value={to} onInput={(event) => setTo(event.currentTarget.value)} placeholder="reviews" />
        </label>
        <label class="field">
          Method
          <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
            {METHODS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label class="field">
          Path
          <input required value={path} onInput={(event) => setPath(event.currentTarget.value)} />
        </label>
        <button type="submit">Explain</button>
        <datalist id="callers">
          {[...services, ...workloads].map((each) => (
            <option key={each.name} value={each.name} />
          ))}
        </datalist>
        <datalist id="services">
          {services.map((each) => (
            <option key={each.name} value={each.name} />
          ))}
        </datalist>
      </form>
      <div aria-live="polite">
        {error ? <Trouble error={error} /> : null}
        {answer ? <Answered answer={answer} /> : null}
      </div>
    </>
  );
}

function Answered({ answer }: { answer: Answer }): JSX.Element {
  return (
    <section class="answer" aria-label="Answer">
      <h2>
        {answer.source} → {answer.destination} {answer.method} {answer.path}
      </h2>
      {answer.notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
      <Steps steps={answer.steps} />
      {answer.paths.map((path, index) => (
        <section key={index} class="path">
          <h3>
            {Number(path.percent.toFixed(1))} % {path.backend ? `to ${path.backend}` : "answered at once"}
            {path.endpoints.length ? ` (${path.endpoints.join(", ")})` : ""}
          </h3>
          <Steps steps={path.steps} />
          <p class="end">
            <Badge tone={path.end.status ? "bad" : "good"}>
              {path.end.status ? `${path.end.status} ${path.end.reason} ${path.end.location}` : "reaches the app"}
            </Badge>{" "}
            {path.end.advice} {path.end.origin ? <Written origin={path.end.origin} /> : null}
          </p>
        </section>
      ))}
    </section>
  );
}

function Steps({ steps }: { steps: Step[] }): JSX.Element {
  return (
    <ol class="steps">
      {steps.map((step, index) => (
        <li key={index}>
          <strong>{step.table}</strong> <span>{step.decision}</span>{" "}
          {step.origin ? <Written origin={step.origin} /> : step.rule_id ? <em>{step.rule_id}</em> : null}
          {step.tried.length ? (
            <ul>
              {step.tried.map((tried) => (
                <li key={tried.rule_id}>
                  <Badge tone={tried.matched ? "good" : "calm"}>{tried.matched ? "matched" : "not"}</Badge> {tried.rule_id}{" "}
                  {tried.why} {tried.origin ? <Written origin={tried.origin} /> : null}
                </li>
              ))}
            </ul>
          ) : null}
        </li>
      ))}
    </ol>
  );
}
