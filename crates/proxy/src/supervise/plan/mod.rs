//! What the supervisor does next: events in, actions out, time an argument. No process, no socket, no clock.
//!
//! ```text
//!             proxy ready            SIGTERM, or the app ended        drained, ended,
//!                                    for good                         or out of time
//!   Starting ─────────────► Up ───────────────────────────► Draining ─────────────────► Ending ──────────► Closing ──► exit
//!   (proxy)                 (app starts; both are            (proxy: GOAWAY; the app    (app: SIGTERM,     (proxies:
//!                           started again when they die)      still serves)             then SIGKILL)      stop)
//! ```
//!
//! The proxy is told to stop only after the app has ended: an app may need its outbound side to finish its work.
//! `app` is the part about the app, `proxies` the part about the proxy and, during an upgrade, proxies.

mod app;
mod backoff;
mod proxies;

use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::ending::{Ending, of_signal};
use app::App;
use proxies::{Gone, Proxies};

/// Since the supervisor's start.
pub type Time = Duration;
pub type ProxyId = u32;

/// After the app has ended there is nothing more that could be answered; what is left is to flush and say goodbye.
const AFTER_APP: Time = Time::from_secs(5);
/// From the word to stop until SIGKILL, for a proxy whose drain is over already.
const STOP: Time = Time::from_secs(2);
/// The proxy keeps the drain's time itself; this much later it is not believed any more.
const SLACK: Time = Time::from_millis(500);
/// When to say what is being waited for.
const NOTICE: Time = Time::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    Never,
    OnFailure,
    Always,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub app: Option<AppSettings>,
    pub drain: Time,
}

#[derive(Clone, Debug)]
pub struct AppSettings {
    pub restart: Restart,
    /// Where it is expected to listen; `None`: it has no port.
    pub listens: Option<std::net::SocketAddr>,
    pub start_timeout: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Signal(i32),
    Proxy(ProxyId, Said),
    ProxyEnded(ProxyId, Ending),
    AppListens,
    /// The app's first process; `others` of its process group are left.
    AppEnded {
        ending: Ending,
        others: bool,
    },
    /// The last process of the app's group.
    GroupEnded,
    Tick,
}

/// What a proxy child says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Ready,
    /// Nothing is in flight; it goes on serving the app's own requests until it is told to stop.
    Drained,
    /// R9: start a new proxy from the program's file, then let this one drain.
    Replace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    StartProxy(ProxyId),
    /// From the file as it is now, not the running program.
    StartNewProxy(ProxyId),
    Drain(ProxyId),
    Stop(ProxyId),
    Kill(ProxyId),
    StartApp,
    /// A signal for the app's first process only: it decides what its children get.
    TellApp(i32),
    TellGroup(i32),
    Say(String),
    /// The same of the app; the mesh is to know it, too.
    Restarting(String),
    /// For who asks for details.
    Detail(String),
    /// In place of "weft: …": the last word of a start that failed, with a hint.
    Fail(String, String),
    Exit(u8),
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Starting { notice: Option<Time> },
    Up,
    Draining { until: Time },
    Ending,
    Closing { until: Time },
    Over,
}

#[derive(Debug)]
pub struct Plan {
    phase: Phase,
    proxies: Proxies,
    app: Option<App>,
    drain: Time,
    /// Of the supervisor, while no app's own replaces it.
    code: u8,
    out: Vec<Action>,
}

impl Plan {
    pub fn new(settings: Settings) -> Plan {
        Plan {
            phase: Phase::Starting { notice: Some(NOTICE) },
            proxies: Proxies::new(settings.drain + SLACK),
            app: settings.app.map(App::new),
            drain: settings.drain,
            code: 0,
            out: Vec::new(),
        }
    }

    pub fn start(&mut self, now: Time) -> Vec<Action> {
        self.proxies.start(now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    pub fn handle(&mut self, now: Time, event: Event) -> Vec<Action> {
        match event {
            Event::Signal(signal) => self.on_signal(now, signal),
            Event::Proxy(id, said) => self.on_said(now, id, said),
            Event::ProxyEnded(id, ending) => self.on_proxy_ended(now, id, &ending),
            Event::AppListens => self.with_app(|app, out| app.listens(now, out)),
            Event::AppEnded { ending, others } => self.with_app(|app, out| app.ended(now, ending, others, out)),
            Event::GroupEnded => self.with_app(|app, _| app.group_ended()),
            Event::Tick => {}
        }
        self.on_time(now);
        self.after_app(now);
        std::mem::take(&mut self.out)
    }

    /// When `handle` wants an `Event::Tick`, at the latest.
    pub fn deadline(&self) -> Option<Time> {
        let own = match self.phase {
            Phase::Starting { notice } => notice,
            Phase::Draining { until } | Phase::Closing { until } => Some(until),
            _ => None,
        };
        [own, self.proxies.deadline(), self.app.as_ref().and_then(App::deadline)].into_iter().flatten().min()
    }

    /// Where the shell has to look whether the app listens.
    pub fn awaits_listener(&self) -> Option<std::net::SocketAddr> {
        self.app.as_ref().and_then(App::awaits_listener)
    }

    /// True while the shell has to look whether the app's process group is empty.
    pub fn awaits_group(&self) -> bool {
        self.app.as_ref().is_some_and(App::awaits_group)
    }

    fn with_app(&mut self, f: impl FnOnce(&mut App, &mut Vec<Action>)) {
        if let Some(app) = &mut self.app {
            f(app, &mut self.out);
        }
    }

    fn say(&mut self, text: String) {
        self.out.push(Action::Say(text));
    }

    fn on_signal(&mut self, now: Time, signal: i32) {
        if signal != SIGINT && signal != SIGTERM {
            return self.with_app(|app, out| app.tell(signal, out));
        }
        match self.phase {
            Phase::Starting { .. } => {
                self.code = of_signal(signal);
                self.close(now);
            }
            Phase::Up => self.begin_drain(now, self.drain),
            Phase::Draining { .. } => self.end_app(now),
            Phase::Ending => self.with_app(|app, out| app.kill(now, out)),
            Phase::Closing { .. } => self.proxies.kill(&mut self.out),
            Phase::Over => {}
        }
    }

    fn begin_drain(&mut self, now: Time, within: Time) {
        if !self.proxies.drain(&mut self.out) {
            return self.end_app(now);
        }
        self.phase = Phase::Draining { until: now + within + SLACK };
        if within > AFTER_APP {
            self.say(format!("draining, at most {} s (the same signal again skips that)", within.as_secs()));
        }
    }

    fn on_said(&mut self, now: Time, id: ProxyId, said: Said) {
        match said {
            Said::Ready if self.proxies.ready(now, id, &mut self.out) => self.come_up(now),
            Said::Ready => {}
            Said::Drained if matches!(self.phase, Phase::Draining { .. }) && self.proxies.is_current(id) => {
                self.end_app(now);
            }
            Said::Drained => {}
            Said::Replace if self.phase == Phase::Up => self.proxies.replace(id, &mut self.out),
            Said::Replace => {}
        }
    }

    fn come_up(&mut self, now: Time) {
        if matches!(self.phase, Phase::Starting { .. }) {
            self.phase = Phase::Up;
            self.with_app(|app, out| app.start(now, out));
        }
    }

    fn on_proxy_ended(&mut self, now: Time, id: ProxyId, ending: &Ending) {
        let going_on = matches!(self.phase, Phase::Starting { .. } | Phase::Up);
        match self.proxies.ended(now, id, ending, going_on, &mut self.out) {
            Gone::Current if matches!(self.phase, Phase::Draining { .. }) => self.end_app(now),
            Gone::NeverReady => {
                self.code = ending.code().max(1);
                let hint = "what it said stands above";
                self.out.push(Action::Fail(format!("the proxy {ending} before it was ready"), hint.to_owned()));
                self.close(now);
            }
            _ => {}
        }
        if matches!(self.phase, Phase::Closing { .. }) && self.proxies.is_empty() {
            self.exit();
        }
    }

    /// Whatever happened to the app, the phase follows once it is over for good.
    fn after_app(&mut self, now: Time) {
        let going_on = matches!(self.phase, Phase::Up);
        self.with_app(|app, out| app.decide(now, going_on, out));
        if !self.app.as_ref().is_some_and(App::is_over) {
            return;
        }
        match self.phase {
            Phase::Up => self.begin_drain(now, self.drain.min(AFTER_APP)),
            Phase::Draining { until } => self.phase = Phase::Draining { until: until.min(now + AFTER_APP + SLACK) },
            Phase::Ending => self.close(now),
            _ => {}
        }
    }

    fn on_time(&mut self, now: Time) {
        match self.phase {
            Phase::Starting { notice: Some(at) } if now >= at => {
                self.say("waiting for the proxy to be ready (for its identity, if it has a controller)".into());
                self.phase = Phase::Starting { notice: None };
            }
            Phase::Draining { until } if now >= until => {
                self.say("the drain is not over in time; going on".into());
                self.end_app(now);
            }
            Phase::Closing { until } if now >= until => {
                self.proxies.kill(&mut self.out);
                self.phase = Phase::Closing { until: now + STOP };
            }
            _ => {}
        }
        self.proxies.on_time(now, &mut self.out);
        self.with_app(|app, out| app.on_time(now, out));
    }

    fn end_app(&mut self, now: Time) {
        self.phase = Phase::Ending;
        match &mut self.app {
            Some(app) if !app.is_over() => app.end(now, &mut self.out),
            _ => self.close(now),
        }
    }

    fn close(&mut self, now: Time) {
        self.phase = Phase::Closing { until: now + STOP };
        self.proxies.stop(&mut self.out);
        if self.proxies.is_empty() {
            self.exit();
        }
    }

    fn exit(&mut self) {
        self.phase = Phase::Over;
        let code = self.app.as_ref().and_then(App::code).unwrap_or(self.code);
        self.out.push(Action::Exit(code));
    }
}

#[cfg(test)]
mod tests;
