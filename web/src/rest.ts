import { useEffect, useState } from "preact/hooks";

/** What the controller answered when it refused. */
export class RestError extends Error {
  constructor(
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

export async function ask<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const sent: RequestInit =
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, signal ? { ...sent, signal } : sent).catch((error: Error) => {
    // What browsers say then ("Failed to fetch") is nothing that anybody could act on.
    throw error instanceof TypeError ? new RestError("the controller does not answer", "this is asked again by itself") : error;
  });
  const content = (await answer.json()) as T & { error?: string; hint?: string | null };
  if (!answer.ok) throw new RestError(content.error ?? `status ${answer.status}`, content.hint ?? null);
  return content;
}

export interface Asked<T> {
  data: T | null;
  error: Error | null;
}

/** Asks now, then every `everyMs` and whenever `path` or `turn` changes; what was known stays while it asks. */
export function useAsked<T>(path: string, everyMs: number, turn: unknown = 0): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { path: string }>({ data: null, error: null, path });
  useEffect(() => {
    const gone = new AbortController();
    const once = (): void => {
      ask<T>(path, undefined, gone.signal).then(
        (data) => setAsked({ data, error: null, path }),
        (error: Error) => {
          if (!gone.signal.aborted) setAsked((last) => ({ data: last.path === path ? last.data : null, error, path }));
        },
      );
    };
    once();
    // A page in the background asks nothing.
    const timer = setInterval(() => document.hidden || once(), everyMs);
    return () => {
      gone.abort();
      clearInterval(timer);
    };
  }, [path, everyMs, turn]);
  return asked.path === path ? asked : { data: null, error: null };
}
