/** Edges of the last minute, as the graph shows them: between services, and in the words of a label. */

import { errors, ms, percent, rate } from "./format";
import type { Edge, End } from "./types";

export const UNMESHED = "(unmeshed)";

/** What stands in the graph for one end: its service, or the workload that serves nothing. */
export const nodeOf = (end: End): string => end.service || end.workload || UNMESHED;

export interface Sum {
  from: string;
  to: string;
  perSecond: number;
  requests: number;
  failures: number;
  /** Answered by weft itself: access denied, no endpoint, timeout. */
  answered: number;
  /** TCP: nobody sees requests there. */
  connections: number;
  p99_ms: number | null;
  secure: boolean;
}

/** Of all versions and ports between two nodes. Its p99 is that of the worst: percentiles do not add up. */
export function sums(edges: Edge[]): Map<string, Sum> {
  const found = new Map<string, Sum>();
  for (const edge of edges) {
    const [from, to] = [nodeOf(edge.source), nodeOf(edge.destination)];
    const id = linkId(from, to);
    let sum = found.get(id);
    if (!sum) {
      sum = { from, to, perSecond: 0, requests: 0, failures: 0, answered: 0, connections: 0, p99_ms: null, secure: true };
      found.set(id, sum);
    }
    sum.perSecond += edge.requests_per_second;
    sum.requests += edge.requests;
    sum.failures += edge.failures;
    sum.answered += Object.values(edge.reasons).reduce((a, b) => a + b, 0);
    sum.connections += edge.connections;
    if (edge.p99_ms !== null) sum.p99_ms = Math.max(sum.p99_ms ?? 0, edge.p99_ms);
    sum.secure &&= edge.tls === "mtls";
  }
  return found;
}

export const linkId = (from: string, to: string): string => `${from}\0${to}`;

// What edges are of, python/weft/controller/rest_stream.py.
const EDGES_S = 60;

export const ofConnections = (connections: number): string => `${rate(connections / EDGES_S)} conn.`;

// Shares of failures: people notice the first; below the second a graph that blinks is no help.
const BAD = 0.05;
const WORTH_A_LOOK = 0.001;

export function toneOf(sum: Sum | undefined): "silent" | "good" | "warn" | "bad" {
  if (!sum || !(sum.requests || sum.connections)) return "silent";
  const failed = sum.requests ? sum.failures / sum.requests : 0;
  if (failed > BAD) return "bad";
  return failed > WORTH_A_LOOK || sum.answered ? "warn" : "good";
}

/** Two lines: how much, and how well. */
export function said(sum: Sum): [string, string] {
  if (!sum.requests && sum.connections) return ["TCP", ofConnections(sum.connections)];
  if (!sum.requests) return [rate(0), "silent"];
  if (sum.answered > sum.failures) return [rate(sum.perSecond), `${percent(sum.answered / sum.requests)} refused`];
  return [rate(sum.perSecond), `${errors(sum)} err · ${ms(sum.p99_ms)}`];
}

/** "v1 80 % · v2 20 %": which version gets how much of what a service is asked. */
export function shares(edges: Edge[]): Map<string, string> {
  const found = new Map<string, Map<string, number>>();
  for (const { destination: end, requests_per_second: perSecond } of edges) {
    if (!end.service || !end.version) continue;
    const versions = found.get(end.service) ?? new Map<string, number>();
    found.set(end.service, versions.set(end.version, (versions.get(end.version) ?? 0) + perSecond));
  }
  return new Map([...found].map(([service, versions]) => [service, ofAll([...versions].sort())]));
}

function ofAll(versions: [string, number][]): string {
  const all = versions.reduce((sum, [, perSecond]) => sum + perSecond, 0);
  return versions.map(([name, perSecond]) => name + (all ? ` ${Math.round((100 * perSecond) / all)} %` : "")).join(" · ");
}
