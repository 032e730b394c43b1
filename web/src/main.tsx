import { type JSX, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { moment } from "./format";
import { LiveContext, usePicture } from "./live";
import { Events } from "./pages/events";
import { Explain } from "./pages/explain";
import { Graph } from "./pages/graph";
import { Resources } from "./pages/resources";
import { ServicePage } from "./pages/service";
import { Services } from "./pages/services";
import { Workloads } from "./pages/workloads";
import type { Picture } from "./picture";
import { BASE, Link, type Place, usePlace } from "./router";
import "./style.css";

const PAGES = ["graph", "services", "workloads", "resources", "explain", "events"] as const;

function App(): JSX.Element {
  const picture = usePicture();
  const place = usePlace();
  const page = place.parts[0] ?? "graph";
  const main = useRef<HTMLElement>(null);
  const where = place.parts.join("/");
  const name = place.parts.slice(1).join("/");
  const first = useRef(true);
  useEffect(() => {
    document.title = `${name || page} · weft`;
    // Who follows a link with the keyboard goes on reading there.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [where]);
  return (
    <LiveContext.Provider value={picture}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header>
        <Link to={`${BASE}graph`} class="brand">
          weft
        </Link>
        <nav aria-label="Pages">
          {PAGES.map((name) => (
            <Link key={name} to={BASE + name} {...(name === page ? { "aria-current": "page" as const } : {})}>
              {name}
            </Link>
          ))}
        </nav>
        <State picture={picture} />
      </header>
      <Gone picture={picture} />
      <main id="main" ref={main} tabIndex={-1}>
        {picture.revisions ? <Page page={page} place={place} /> : <Waiting name={name || page} />}
      </main>
    </LiveContext.Provider>
  );
}

/** Until the first word of the controller: an empty table would say that there is nothing. */
const Waiting = ({ name }: { name: string }): JSX.Element => (
  <>
    <h1 class="title">{name}</h1>
    <p class="empty">Waiting for the controller …</p>
  </>
);

function Page({ page, place }: { page: string; place: Place }): JSX.Element {
  const name = place.parts.slice(1).join("/");
  if (page === "graph") return <Graph around={place.query.get("around") ?? ""} />;
  if (page === "services") return name ? <ServicePage key={name} name={name} /> : <Services />;
  if (page === "workloads") return <Workloads />;
  if (page === "resources") return <Resources query={place.query.get("q") ?? ""} />;
  if (page === "explain") return <Explain query={place.query} />;
  if (page === "events") return <Events query={place.query} />;
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        <Link to={`${BASE}graph`}>To the graph</Link>
      </p>
    </>
  );
}

function State({ picture: { connected, revisions } }: { picture: Picture }): JSX.Element {
  const compiling = revisions !== null && revisions.compiled_revision < revisions.revision;
  const text = !connected ? "not connected" : compiling ? "compiling" : "live";
  return (
    <span class={`state ${connected ? "live" : "gone"}`}>
      {revisions ? `revision ${revisions.revision} · ` : ""}
      {text}
    </span>
  );
}

/** In place: what is shown stays, and says how old it is. */
function Gone({ picture: { connected, goneSince, revisions } }: { picture: Picture }): JSX.Element {
  const gone = !connected && goneSince !== null;
  const starting = connected && revisions !== null && revisions.compiled_revision === 0 && revisions.revision > 0;
  return (
    <div role="status" class={gone || starting ? "gone" : ""}>
      {gone
        ? `The controller is gone since ${moment(goneSince / 1000)}. ` +
          (revisions ? "What you see is from before; proxies go on serving. " : "") +
          "This page comes back by itself."
        : starting
          ? "The controller is starting: what it has not yet compiled and heard of is missing here. Proxies go on serving."
          : ""}
    </div>
  );
}

render(<App />, document.getElementById("app")!);
