/** The live picture: one stream for the whole page, and whether the controller is there at all. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Edge, MeshEvent, Revisions, Service, Workload } from "./types";

export interface Picture {
  edges: Edge[];
  services: Service[];
  workloads: Workload[];
  revisions: Revisions | null;
  /** Oldest first. */
  events: MeshEvent[];
  lost: number;
  /** null: not yet connected for the first time. */
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
export const MAX_EVENTS = 1000;
// EventSource gives up for good after some answers (a proxy's 502, a 503): then we begin again.
const AGAIN_MS = 2000;

export const LiveContext = createContext<Picture>(NOTHING);
export const useLive = (): Picture => useContext(LiveContext);

export function merged(known: MeshEvent[], more: MeshEvent[]): MeshEvent[] {
  const last = known.at(-1)?.id ?? 0;
  // Numbers that began anew are those of a new controller.
  const fresh = more.length > 0 && more[0]!.id <= last && more.at(-1)!.id < last ? more : null;
  return fresh ?? [...known, ...more.filter((event) => event.id > last)].slice(-MAX_EVENTS);
}

export function usePicture(): Picture {
  const [picture, setPicture] = useState(NOTHING);
  useEffect(() => {
    let source: EventSource | null = null;
    let timer = 0;
    const change = (more: Partial<Picture>): void => setPicture((last) => ({ ...last, ...more }));
    const open = (): void => {
      source = new EventSource("/v1/stream");
      source.onopen = () => change({ connected: true, goneSince: null });
      source.onerror = () => {
        setPicture((last) => ({ ...last, connected: false, goneSince: last.goneSince ?? Date.now() }));
        if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, AGAIN_MS);
      };
      for (const name of ["edges", "services", "workloads"] as const) {
        source.addEventListener(name, (event) => change({ [name]: JSON.parse(event.data as string) }));
      }
      source.addEventListener("revisions", (event) => {
        const revisions = JSON.parse(event.data as string) as Revisions;
        setPicture((last) => {
          const restarted = last.revisions !== null && last.revisions.started_at !== revisions.started_at;
          return { ...last, revisions, ...(restarted ? { lost: 0 } : {}) };
        });
      });
      source.addEventListener("events", (event) => {
        const { events, lost } = JSON.parse(event.data as string) as { events: MeshEvent[]; lost: number };
        setPicture((last) => ({ ...last, events: merged(last.events, events), lost: last.lost + lost }));
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, []);
  return picture;
}
