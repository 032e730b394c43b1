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
  /** Callers above callees instead of left of them: for screens that are higher than wide. */
  down: boolean;
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
  const ids = [...new Set(names)].sort();
  const known = links.filter(([a, b]) => a !== b && ids.includes(a) && ids.includes(b)).sort(byNames);
  const forward = withoutCycles(ids, known);
  const layers = layersOf(ids, forward);
  const { columns, chains } = withBends(ids, forward, layers);
  untangle(columns, chains);
  return placed(columns, chains, known, sizes);
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

/** Everything below reckons along the layers (from caller to callee) and aside; only `turned` knows what x and y are. */
interface Spot {
  along: number;
  aside: number;
}

const turned = ({ along, aside }: Spot, down: boolean): Point => (down ? { x: aside, y: along } : { x: along, y: aside });

function placed(columns: Slot[][], chains: string[][], links: Link[], sizes: Sizes): Layout {
  const { width, height, across, between, margin, down } = sizes;
  const [long, broad] = down ? [height, width] : [width, height];
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const aside = 2 * margin + rows * broad + (rows - 1) * between;
  const along = 2 * margin + columns.length * long + (columns.length - 1) * across;
  const centre = new Map<string, Spot>();
  columns.forEach((column, layer) =>
    column.forEach((slot, row) => {
      centre.set(slot.id, {
        along: margin + layer * (long + across) + long / 2,
        aside: aside / 2 + (row - (column.length - 1) / 2) * (broad + between),
      });
    }),
  );
  const forward = new Map(chains.map((chain) => [key(chain[0]!, chain.at(-1)!), chain]));
  const twins = new Set(links.map((link) => key(...link)));
  const boxes = columns.flatMap((column) => column.filter((slot) => slot.node));
  const all = turned({ along, aside }, down);
  return {
    boxes: boxes.map(({ id }) => {
      const { x, y } = turned(centre.get(id)!, down);
      return { id, x: x - width / 2, y: y - height / 2 };
    }),
    routes: links.map((link) => routed(link, forward, twins, centre, sizes)),
    width: all.x,
    height: all.y,
  };
}

// Of a link that leads back: so much beside the one that leads forward.
const BESIDE = 18;

function routed(
  [from, to]: Link,
  forward: Map<string, string[]>,
  twins: Set<string>,
  centre: Map<string, Spot>,
  sizes: Sizes,
): Route {
  const { width, height, down } = sizes;
  const long = down ? height : width;
  const chain = forward.get(key(from, to));
  const shift = chain ? 0 : BESIDE;
  const spots = (chain ?? forward.get(key(to, from))!).map((id) => centre.get(id)!);
  const through = spots.flatMap(({ along, aside }, i) => [
    ...(i > 0 ? [{ along: along - long / 2, aside: aside + shift }] : []),
    ...(i < spots.length - 1 ? [{ along: along + long / 2, aside: aside + shift }] : []),
  ]);
  if (!chain) through.reverse();
  const text = (spot: Spot): string => Object.values(turned(spot, down)).join(" ");
  let path = `M${text(through[0]!)}`;
  for (let i = 1; i < through.length; i++) {
    const [a, b] = [through[i - 1]!, through[i]!];
    const middle = (a.along + b.along) / 2;
    path += ` C${text({ along: middle, aside: a.aside })} ${text({ along: middle, aside: b.aside })} ${text(b)}`;
  }
  const twin = twins.has(key(to, from));
  const alone = spots.length > 2 ? spots[1]! : between(spots[0]!, spots[1]!, twin ? [] : (chain ?? []), forward, sizes);
  const at = twin ? beside(alone, !chain, down) : alone;
  return { from, to, path, label: turned(at, down) };
}

// A label is 40 high.
const APART = 44;

/** The two labels of nodes that call each other, one above the other. */
function beside({ along, aside }: Spot, back: boolean, down: boolean): Spot {
  if (down) return { along: along + (back ? APART : -APART) / 2, aside };
  return { along, aside: aside + (back ? APART : 0) };
}

/** Where callers stand side by side their labels keep to them: in the middle they would cover each other. */
function between(a: Spot, b: Spot, chain: string[], forward: Map<string, string[]>, { height, down }: Sizes): Spot {
  const middle = { along: (a.along + b.along) / 2, aside: (a.aside + b.aside) / 2 };
  const shared = [...forward.values()].filter((other) => other.at(-1) === chain.at(-1)).length > 1;
  const fans = [...forward.values()].filter((other) => other[0] === chain[0]).length > 1;
  if (!down || !chain.length || shared === fans) return middle;
  const away = height / 2 + 26;
  return shared ? { along: a.along + away, aside: a.aside } : { along: b.along - away - 6, aside: b.aside };
}
