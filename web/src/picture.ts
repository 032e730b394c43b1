/** What the stream of the controller has told so far. */

import type { Edge, MeshEvent, Revisions, Service, Workload } from "./types";

export interface Picture {
  edges: Edge[];
  services: Service[];
  workloads: Workload[];
  /** null: nothing was heard yet. */
  revisions: Revisions | null;
  /** Oldest first. */
  events: MeshEvent[];
  /** Events that the controller no longer had when they were to be sent. */
  lost: number;
  /** Since when there is no connection; null: there is one, or there was none yet. */
  goneSince: number | null;
  connected: boolean;
}

export const NOTHING: Picture = {
  edges: [],
  services: [],
  workloads: [],
  revisions: null,
  events: [],
  lost: 0,
  goneSince: null,
  connected: false,
};

// As many as the controller keeps: a page that is open for a day must not grow.
const MAX_EVENTS = 1000;

/** Numbers and events of a controller that was started again begin anew. */
export function withRevisions(last: Picture, revisions: Revisions): Picture {
  const restarted = last.revisions !== null && last.revisions.started_at !== revisions.started_at;
  return { ...last, revisions, ...(restarted ? { events: [], lost: 0 } : {}) };
}

/** `anew`: the first of a connection, which has all that the controller keeps. */
export function withEvents(last: Picture, said: { events: MeshEvent[]; lost: number }, anew: boolean): Picture {
  const events = anew ? said.events : [...last.events, ...said.events];
  return { ...last, events: events.slice(-MAX_EVENTS), lost: (anew ? 0 : last.lost) + said.lost };
}
