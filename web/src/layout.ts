/**
 * Where nodes stand. It depends on names only, never on numbers, so that nothing moves while traffic does; the order
 * of equals is the order of their names.
 */

export interface Box {
  id: string;
  x: number;
  y: number;
}

export interface Route {
  from: string;
  to: string;
  path: string;
  /** Middle of its label. */
  label: { x: number; y: number };
}

export interface Layout {
  boxes: Box[];
  routes: Route[];
  width: number;
  height: number;
}

export interface Sizes {
  width: number;
  height: number;
  /** Between layers: room for a label. */
  across: number;
  /** Between neighbours in a layer. */
  between: number;
  margin: number;
}

interface Point {
  x: number;
  y: number;
}

type Link = readonly [from: string, to: string];
interface Slot {
  id: string;
  node: boolean;
}

// Sweeps after which small graphs no longer change; more cost time on large ones.
const SWEEPS = 8;

export function arrange(names: readonly string[], links: readonly Link[], sizes: Sizes): Layout {
  const { ids, known, forward, layers } = layered(names, links);
  const { columns, chains } = withBends(ids, forward, layers);
  untangle(columns, chains);
  return placed(columns, chains, known, sizes);
}

/** All of them, callers before what they call. */
export function byLayer(names: readonly string[], links: readonly Link[]): string[] {
  const { ids, layers } = layered(names, links);
  return ids.sort((a, b) => layers.get(a)! - layers.get(b)! || (a < b ? -1 : 1));
}

function layered(
  names: readonly string[],
  links: readonly Link[],
): { ids: string[]; known: Link[]; forward: Link[]; layers: Map<string, number> } {
  const there = new Set(names);
  const ids = [...there].sort();
  const known = links.filter(([a, b]) => a !== b && there.has(a) && there.has(b)).sort(byNames);
  const forward = withoutCycles(ids, known);
  return { ids, known, forward, layers: layersOf(ids, forward) };
}

const byNames = (a: Link, b: Link): number => (a.join("\0") < b.join("\0") ? -1 : 1);
const key = (a: string, b: string): string => `${a}\0${b}`;

/** Links that lead back are turned round for the arrangement. */
function withoutCycles(ids: string[], links: Link[]): Link[] {
  const next = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const [a, b] of links) next.get(a)!.push(b);
  const state = new Map<string, "open" | "done">();
  const found = new Map<string, Link>();
  const visit = (id: string): void => {
    state.set(id, "open");
    for (const to of next.get(id)!) {
      const link: Link = state.get(to) === "open" ? [to, id] : [id, to];
      found.set(key(...link), link);
      if (!state.has(to)) visit(to);
    }
    state.set(id, "done");
  };
  const called = new Set(links.map(([, to]) => to));
  // Those that nobody calls begin: they are where requests come from.
  for (const id of [...ids.filter((each) => !called.has(each)), ...ids]) if (!state.has(id)) visit(id);
  return [...found.values()].sort(byNames);
}

function layersOf(ids: string[], links: Link[]): Map<string, number> {
  const layers = new Map(ids.map((id) => [id, 0]));
  for (let round = 0, moved = true; moved && round <= ids.length; round++) {
    moved = false;
    for (const [a, b] of links) {
      if (layers.get(b)! <= layers.get(a)!) {
        layers.set(b, layers.get(a)! + 1);
        moved = true;
      }
    }
  }
  // A caller stands right before the first that it calls.
  for (const id of ids) {
    const callees = links.filter(([a]) => a === id).map(([, b]) => layers.get(b)!);
    if (callees.length && !links.some(([, b]) => b === id)) layers.set(id, Math.min(...callees) - 1);
  }
  return layers;
}

/** A link over several columns gets a bend in each between: a slot that no node takes, and that its label can have. */
function withBends(ids: string[], links: Link[], layers: Map<string, number>): { columns: Slot[][]; chains: string[][] } {
  const columns: Slot[][] = Array.from({ length: Math.max(0, ...layers.values()) + 1 }, () => []);
  for (const id of ids) columns[layers.get(id)!]!.push({ id, node: true });
  const chains = links.map(([a, b]) => {
    const chain = [a];
    for (let layer = layers.get(a)! + 1; layer < layers.get(b)!; layer++) {
      const id = `${key(a, b)}\0${layer}`;
      columns[layer]!.push({ id, node: false });
      chain.push(id);
    }
    return [...chain, b];
  });
  return { columns, chains };
}

/** Each slot to the middle of its neighbours, back and forth. */
function untangle(columns: Slot[][], chains: string[][]): void {
  const near = new Map<string, string[]>();
  for (const chain of chains) {
    for (let i = 1; i < chain.length; i++) {
      near.set(chain[i - 1]!, [...(near.get(chain[i - 1]!) ?? []), chain[i]!]);
      near.set(chain[i]!, [...(near.get(chain[i]!) ?? []), chain[i - 1]!]);
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const order = sweep % 2 ? [...columns.keys()].reverse() : [...columns.keys()];
    const at = new Map(columns.flatMap((column) => column.map((slot, i) => [slot.id, i - column.length / 2] as const)));
    for (const index of order) {
      const column = columns[index]!;
      const middle = (slot: Slot): number => {
        const places = (near.get(slot.id) ?? []).map((id) => at.get(id)!);
        return places.length ? places.reduce((a, b) => a + b, 0) / places.length : at.get(slot.id)!;
      };
      const wanted = new Map(column.map((slot) => [slot.id, middle(slot)]));
      column.sort((a, b) => wanted.get(a.id)! - wanted.get(b.id)! || (a.id < b.id ? -1 : 1));
      column.forEach((slot, i) => at.set(slot.id, i - column.length / 2));
    }
  }
}

function placed(columns: Slot[][], chains: string[][], links: Link[], sizes: Sizes): Layout {
  const { width, height, across, between, margin } = sizes;
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const high = 2 * margin + rows * height + (rows - 1) * between;
  const centre = new Map<string, Point>();
  columns.forEach((column, layer) =>
    column.forEach((slot, row) => {
      centre.set(slot.id, {
        x: margin + layer * (width + across) + width / 2,
        y: high / 2 + (row - (column.length - 1) / 2) * (height + between),
      });
    }),
  );
  const forward = new Map(chains.map((chain) => [key(chain[0]!, chain.at(-1)!), chain]));
  const twins = new Set(links.map((link) => key(...link)));
  const boxes = columns.flatMap((column) => column.filter((slot) => slot.node));
  return {
    boxes: boxes.map(({ id }) => ({ id, x: centre.get(id)!.x - width / 2, y: centre.get(id)!.y - height / 2 })),
    routes: links.map((link) => routed(link, forward, twins, centre, beside(chains, centre), width)),
    width: 2 * margin + columns.length * width + (columns.length - 1) * across,
    height: high,
  };
}

// Of links that begin or end at the same box: so much apart, and all of them not more than a label is high, behind which
// their middles stay.
const APART_AT_BOX = 14;
const ALL_AT_BOX = 40;

/** How far from the middle of its boxes a link begins and ends: those that go up above those that go down. */
function beside(chains: string[][], centre: Map<string, Point>): Map<string, { begin: number; end: number }> {
  const found = new Map(chains.map((chain) => [key(chain[0]!, chain.at(-1)!), { begin: 0, end: 0 }]));
  for (const side of ["begin", "end"] as const) {
    const [own, next] = side === "begin" ? [0, 1] : [-1, -2];
    const boxes = new Map<string, string[][]>();
    for (const chain of chains) boxes.set(chain.at(own)!, [...(boxes.get(chain.at(own)!) ?? []), chain]);
    for (const there of boxes.values()) {
      there.sort((a, b) => centre.get(a.at(next)!)!.y - centre.get(b.at(next)!)!.y);
      const step = Math.min(APART_AT_BOX, ALL_AT_BOX / Math.max(1, there.length - 1));
      there.forEach((chain, i) => {
        found.get(key(chain[0]!, chain.at(-1)!))![side] = (i - (there.length - 1) / 2) * step;
      });
    }
  }
  return found;
}

// Of a link that leads back: so much beside the one that leads forward.
const BESIDE = 18;

function routed(
  [from, to]: Link,
  forward: Map<string, string[]>,
  twins: Set<string>,
  centre: Map<string, Point>,
  ends: Map<string, { begin: number; end: number }>,
  width: number,
): Route {
  const chain = forward.get(key(from, to));
  const shift = chain ? 0 : BESIDE;
  const points = (chain ?? forward.get(key(to, from))!).map((id) => centre.get(id)!);
  const through = points.flatMap(({ x, y }, i) => [
    ...(i > 0 ? [{ x: x - width / 2, y: y + shift }] : []),
    ...(i < points.length - 1 ? [{ x: x + width / 2, y: y + shift }] : []),
  ]);
  const { begin, end } = ends.get(chain ? key(from, to) : key(to, from))!;
  through[0]!.y += begin;
  through.at(-1)!.y += end;
  if (!chain) through.reverse();
  let path = `M${through[0]!.x} ${through[0]!.y}`;
  for (let i = 1; i < through.length; i++) {
    const [a, b] = [through[i - 1]!, through[i]!];
    const middle = (a.x + b.x) / 2;
    path += ` C${middle} ${a.y} ${middle} ${b.y} ${b.x} ${b.y}`;
  }
  const [first, second] = [points[0]!, points[1]!];
  const at = points.length > 2 ? second : { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  // The two labels of nodes that call each other, one above the other.
  const below = !chain && twins.has(key(to, from)) ? APART : 0;
  return { from, to, path, label: { x: at.x, y: at.y + below } };
}

// A label is 40 high.
const APART = 44;
