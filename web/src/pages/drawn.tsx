import type { JSX } from "preact";
import { short } from "../format";
import { type Sizes, arrange } from "../layout";
import { useMemo } from "preact/hooks";
import { Link, serviceAt } from "../router";
import { type Sum, linkId, said, toneOf } from "../sums";
import type { Node, Shown } from "./graph";

// Four layers beside each other on 1280 px.
const SIZES: Sizes = { width: 190, height: 84, across: 146, between: 40, margin: 12 };

/** The graph as a picture: callers to the left of what they call. */
export function Drawn({ names, links, known, node }: Shown): JSX.Element {
  const shape = `${names.join()}|${links.join()}`;
  const layout = useMemo(() => arrange(names, links, SIZES), [shape]);
  return (
    <div class="graph" tabIndex={0} role="region" aria-label="Graph of services; the table below says the same">
      <svg style={{ "--width": `${layout.width}px` }} viewBox={`0 0 ${layout.width} ${layout.height}`}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {layout.routes.map(({ from, to, path }) => (
          <path
            key={linkId(from, to)}
            class={`edge ${toneOf(known.get(linkId(from, to)))}`}
            d={path}
            marker-end="url(#arrow)"
          />
        ))}
        {layout.boxes.map(({ id, x, y }) => (
          <Box key={id} x={x} y={y} node={node(id)} />
        ))}
        {layout.routes.map(({ from, to, label }) => (
          <Label key={linkId(from, to)} at={label} sum={known.get(linkId(from, to))} />
        ))}
      </svg>
    </div>
  );
}

function Label({ at, sum }: { at: { x: number; y: number }; sum: Sum | undefined }): JSX.Element {
  if (!sum) return <></>;
  const [much, well] = said(sum);
  return (
    <g class={`label ${toneOf(sum)}`} transform={`translate(${at.x} ${at.y})`}>
      <rect x={-62} y={-20} width={124} height={40} rx={6} />
      <Lock secure={sum.secure} />
      <text x={8} y={-4}>
        {sum.secure ? "" : "clear · "}
        {much}
      </text>
      <text y={12}>{well}</text>
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

function Box({ x, y, node: { id, service, tone, health, ejected, shares } }: { x: number; y: number; node: Node }): JSX.Element {
  const [name, mix] = [cut(short(id), 9.4), cut(shares, 6.1)];
  const content = (
    <g class={`node ${tone}`} transform={`translate(${x} ${y})`}>
      {name === short(id) && mix === shares ? null : <title>{`${short(id)} ${shares}`} </title>}
      <rect width={SIZES.width} height={SIZES.height} rx={8} />
      <text class="name" x={12} y={24}>
        {name}{" "}
      </text>
      <text x={12} y={41}>
        {tone === "bad" ? "✗ " : ""}
        {health}{" "}
      </text>
      <text class="ejected" x={12} y={58}>
        {ejected ? `! ${ejected} ` : ""}
      </text>
      <text x={12} y={75}>
        {mix}
      </text>
    </g>
  );
  return service ? <Link to={serviceAt(id)}>{content}</Link> : content;
}

/** So much of it as a box is wide; `each` is what a character takes. */
function cut(text: string, each: number): string {
  const most = Math.floor((SIZES.width - 20) / each);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
