/** The live picture: one stream for the whole page, and whether the controller is there at all. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { NOTHING, type Picture, withEvents, withRevisions } from "./picture";

// One that restarts is back in seconds; one that stays away for a night is not asked 30,000 times.
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
// The controller says something each five seconds. Three times nothing: the line is dead, as after a laptop's sleep.
const SILENT_MS = 16_000;

export const LiveContext = createContext<Picture>(NOTHING);
export const useLive = (): Picture => useContext(LiveContext);

export function usePicture(): Picture {
  const [picture, setPicture] = useState(NOTHING);
  useEffect(() => follow(setPicture), []);
  return picture;
}

/** Follows the stream for as long as the page is open; gives back what ends that. */
function follow(show: (picture: Picture) => void): () => void {
  let picture = NOTHING;
  let frame = 0;
  let source: EventSource | null = null;
  let timer = 0;
  let pause = FIRST_PAUSE_MS;

  // A round has several parts, and is drawn once; a page that nobody looks at has no frames, and draws nothing.
  const change = (next: Picture): void => {
    picture = next;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      show(picture);
    });
  };

  const open = (): void => {
    const opened = (source = new EventSource("/v1/stream"));
    let anew = true;
    let heard = Date.now();
    const on = (name: string, take: (data: any) => Picture): void =>
      opened.addEventListener(name, (event) => {
        heard = Date.now();
        change(take(JSON.parse(event.data as string)));
      });
    const watch = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(() => (Date.now() - heard > SILENT_MS ? lose(heard) : watch()), SILENT_MS / 4);
    };
    opened.onopen = () => change({ ...picture, connected: true, goneSince: null });
    // A browser would try by itself: each second, for ever, and after some answers (502, 503) never again.
    opened.onerror = () => lose(Date.now());
    on("edges", (edges) => ({ ...picture, edges }));
    on("services", (services) => ({ ...picture, services }));
    on("workloads", (workloads) => ({ ...picture, workloads }));
    on("revisions", (revisions) => {
      pause = FIRST_PAUSE_MS;
      return withRevisions(picture, revisions);
    });
    on("events", (said) => {
      const next = withEvents(picture, said, anew);
      anew = false;
      return next;
    });
    on("here", () => picture);
    watch();
  };

  const lose = (at: number): void => {
    source?.close();
    source = null;
    change({ ...picture, connected: false, goneSince: picture.goneSince ?? at });
    clearTimeout(timer);
    timer = window.setTimeout(open, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  };

  // Somebody looks, or the network is back: no reason to wait any longer.
  const now = (): void => {
    if (source || document.hidden) return;
    clearTimeout(timer);
    open();
  };
  document.addEventListener("visibilitychange", now);
  addEventListener("online", now);
  open();
  return () => {
    document.removeEventListener("visibilitychange", now);
    removeEventListener("online", now);
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    source?.close();
  };
}
