/** Addresses of the page: /ui/PAGE/…?query. Links are links; only a plain click on one stays in the page. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Place {
  parts: string[];
  query: URLSearchParams;
}

export const BASE = "/ui/";

export function placeOf(url: URL): Place {
  const path = url.pathname.startsWith(BASE) ? url.pathname.slice(BASE.length) : "";
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: url.searchParams };
}

export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event("weft:place"));
}

/** The same page with another query: no new entry for each letter that is typed. */
export function replaceQuery(query: Record<string, string>): void {
  const said = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(said).toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  dispatchEvent(new Event("weft:place"));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(new URL(location.href)));
  useEffect(() => {
    const read = (): void => setPlace(placeOf(new URL(location.href)));
    addEventListener("popstate", read);
    addEventListener("weft:place", read);
    return () => {
      removeEventListener("popstate", read);
      removeEventListener("weft:place", read);
    };
  }, []);
  return place;
}

type LinkProps = Omit<JSX.AnchorHTMLAttributes<HTMLAnchorElement>, "href"> & {
  to: string;
  children?: ComponentChildren;
};

export function Link({ to, children, ...more }: LinkProps): JSX.Element {
  const click = (event: MouseEvent): void => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
    window.scrollTo(0, 0);
  };
  return (
    <a {...more} href={to} onClick={click}>
      {children}
    </a>
  );
}

export const serviceAt = (name: string): string => `${BASE}services/${name.split("/").map(encodeURIComponent).join("/")}`;
