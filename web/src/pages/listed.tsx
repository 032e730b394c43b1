import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { short } from "../format";
import { byLayer } from "../layout";
import { Badge, ServiceLink } from "../parts";
import { linkId, said, toneOf } from "../sums";
import type { Shown } from "./graph";

/** The graph on a screen that is too narrow for a picture: who calls whom, callers first. */
export function Listed({ names, links, known, node }: Shown): JSX.Element {
  const shape = `${names.join()}|${links.join()}`;
  const order = useMemo(() => byLayer(names, links), [shape]);
  return (
    <ul class="listed">
      {order.map((name) => {
        const { service, tone, health, ejected, shares } = node(name);
        const callees = links.filter(([from]) => from === name).map(([, to]) => to);
        return (
          <li key={name} class={`caller ${tone}`}>
            <div class="head">
              <strong>{service ? <ServiceLink name={name} /> : short(name)}</strong> <Badge tone={tone}>{health}</Badge>{" "}
              {ejected ? <Badge tone="warn">{ejected}</Badge> : null} <small>{shares}</small>
            </div>
            {callees.length ? (
              <ul>
                {callees.sort().map((to) => (
                  <Call key={to} to={to} id={linkId(name, to)} known={known} />
                ))}
              </ul>
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}

function Call({ to, id, known }: { to: string; id: string; known: Shown["known"] }): JSX.Element {
  const sum = known.get(id);
  const [much, well] = sum ? said(sum) : ["", "silent"];
  return (
    <li class={`call ${toneOf(sum)}`}>
      <span>
        <span aria-hidden="true">→</span>
        <span class="unseen">calls</span> {short(to)}
      </span>
      <span>
        {much}
        {sum ? (sum.secure ? ", mTLS" : ", clear") : ""}
      </span>
      <span class="well">{well}</span>
    </li>
  );
}
