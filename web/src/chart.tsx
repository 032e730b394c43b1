/** One signal over the last hour: a line, its last value, its highest. */

import type { JSX } from "preact";
import { clock } from "./format";

const WIDTH = 360;
const HEIGHT = 96;

interface ChartProps {
  title: string;
  /** Oldest first; null: nothing was measured. */
  points: { at: number; value: number | null }[];
  seconds: number;
  now: number;
  show: (value: number | null) => string;
}

export function Chart({ title, points, seconds, now, show }: ChartProps): JSX.Element {
  const values = points.flatMap((point) => (point.value === null ? [] : [point.value]));
  const most = Math.max(0, ...values);
  const last = points.at(-1)?.value ?? null;
  const x = (at: number): number => Math.max(0, WIDTH * (1 - (now - at) / seconds));
  const y = (value: number): number => HEIGHT - 2 - (most ? (value / most) * (HEIGHT - 8) : 0);
  let path = "";
  let pen = false;
  for (const { at, value } of points) {
    if (value !== null) path += `${pen ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}h0.1`;
    pen = value !== null;
  }
  const said = `${title}: now ${show(last)}, at most ${show(values.length ? most : null)} in the last hour`;
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span> <strong>{show(last)}</strong>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={said}>
        <path class="axis" d={`M0 ${HEIGHT - 1}H${WIDTH}`} />
        <path class="line" d={path} />
      </svg>
      <small>
        <span>{clock(now - seconds)}</span>
        <span>highest {show(values.length ? most : null)}</span>
        <span>{clock(now)}</span>
      </small>
    </figure>
  );
}
