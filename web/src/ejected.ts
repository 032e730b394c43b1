/** Which workloads some caller leaves out now, from what was said about them. */

import type { MeshEvent } from "./types";

const KINDS = new Set(["ejected", "probing", "readmitted"]);

/** Workload to the last event that says so: `ejected`, or `probing`, which is how it comes back. */
export function ejections(events: MeshEvent[]): Map<string, MeshEvent> {
  const found = new Map<string, MeshEvent>();
  for (const event of events) {
    if (!KINDS.has(event.kind)) continue;
    const workload = event.subject.split(" ")[0]!;
    if (event.kind === "readmitted") found.delete(workload);
    else found.set(workload, event);
  }
  return found;
}
