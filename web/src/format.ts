/** Numbers for people. A missing value is a dash. */

export const NONE = "–";

export function rate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.1) return `${(perSecond * 60).toFixed(1)}/min`;
  return perSecond < 10 ? `${perSecond.toFixed(1)}/s` : `${Math.round(perSecond).toLocaleString("en")}/s`;
}

export function percent(share: number | null): string {
  if (share === null) return NONE;
  // Rounding must not turn a failure into none.
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return share === 1 ? "100 %" : `${(share * 100).toFixed(1)} %`;
}

export function errors(edge: { requests: number; failures: number }): string {
  if (edge.requests === 0) return NONE;
  const share = edge.failures / edge.requests;
  if (share === 0) return "0 %";
  return share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
}

export function ms(value: number | null): string {
  if (value === null) return NONE;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function span(seconds: number): string {
  const s = Math.abs(seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

export const clock = (at: number): string => new Date(at * 1000).toLocaleTimeString("en-GB");

/** With its day, when that is not today: a page may be open for long. */
export function moment(at: number): string {
  const day = new Date(at * 1000).toLocaleDateString("en-CA");
  return day === new Date().toLocaleDateString("en-CA") ? clock(at) : `${day} ${clock(at)}`;
}

export function short(name: string): string {
  return name.startsWith("default/") ? name.slice("default/".length) : name;
}

/** "<input>" is what no file says, such as what `weft up` adds. */
export function place(origin: { file: string; line: number } | null): string {
  if (!origin || (origin.file.startsWith("<") && !origin.line)) return NONE;
  return `${origin.file}${origin.line ? `:${origin.line}` : ""}`;
}

/** The end of a path: its beginning is the same for all, and fills a column. */
export const ending = (path: string): string => path.replace(/^.*\/(?=[^/]+\/[^/]+$)/, "…/");

export const count = (n: number, what: string, many = `${what}s`): string => `${n.toLocaleString("en")} ${n === 1 ? what : many}`;
