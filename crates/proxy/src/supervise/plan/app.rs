//! The app: its start, its restarts, its end. It is over when no process of its group is left.

use signal_hook::consts::{SIGKILL, SIGTERM};

use super::backoff::{Backoff, WELL};
use super::{Action, AppSettings, Ending, NOTICE, Restart, Time};

/// From SIGTERM to SIGKILL: what `docker stop` gives.
const GRACE: Time = Time::from_secs(10);
/// After SIGKILL a process ends at once, or hangs in the kernel and cannot be waited for.
const AFTER_KILL: Time = Time::from_secs(1);
/// Deaths in a row, each within ten seconds of its start: the sixth would be no different.
const GIVE_UP: u32 = 5;

#[derive(Debug)]
pub struct App {
    settings: AppSettings,
    state: State,
    backoff: Backoff,
    since: Time,
    last: Option<Ending>,
    /// It did not listen in time: an exit code of 0 does not make that a success.
    start_failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Running {
        listens: bool,
        noticed: bool,
        kill_at: Option<Time>,
        killed: bool,
    },
    /// The first process has ended; the rest of its group was told to.
    Leaderless {
        kill_at: Time,
        killed: bool,
    },
    /// All of it has ended; `decide` says what follows.
    Ended,
    Waiting {
        at: Time,
    },
    Over,
}

impl App {
    pub fn new(settings: AppSettings) -> App {
        let (state, backoff) = (State::Idle, Backoff::default());
        App { settings, state, backoff, since: Time::ZERO, last: None, start_failed: false }
    }

    pub fn start(&mut self, now: Time, out: &mut Vec<Action>) {
        self.since = now;
        self.start_failed = false;
        let listens = self.settings.listens.is_none();
        self.state = State::Running { listens, noticed: false, kill_at: None, killed: false };
        out.push(Action::StartApp);
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// `None`: it was never started.
    pub fn code(&self) -> Option<u8> {
        let code = self.last.as_ref()?.code();
        Some(if self.start_failed { 1 } else { code })
    }

    pub fn awaits_listener(&self) -> Option<std::net::SocketAddr> {
        match self.state {
            State::Running { listens: false, kill_at: None, .. } => self.settings.listens,
            _ => None,
        }
    }

    pub fn awaits_group(&self) -> bool {
        matches!(self.state, State::Leaderless { .. })
    }

    pub fn listens(&mut self, now: Time, out: &mut Vec<Action>) {
        if let (State::Running { listens, .. }, Some(address)) = (&mut self.state, self.settings.listens) {
            *listens = true;
            let after = (now - self.since).as_secs_f64();
            out.push(Action::Detail(format!("the app listens on {address} after {after:.1} s")));
        }
    }

    pub fn tell(&self, signal: i32, out: &mut Vec<Action>) {
        if matches!(self.state, State::Running { .. }) {
            out.push(Action::TellApp(signal));
        }
    }

    pub fn ended(&mut self, now: Time, ending: Ending, others: bool, out: &mut Vec<Action>) {
        let State::Running { kill_at, killed, .. } = self.state else { return };
        self.last = Some(ending);
        if !others {
            self.state = State::Ended;
            return;
        }
        // A shell that dies of SIGTERM leaves the program that it ran: that one gets its chance too.
        out.push(Action::TellGroup(SIGTERM));
        self.state = State::Leaderless { kill_at: kill_at.unwrap_or(now + GRACE), killed };
    }

    pub fn group_ended(&mut self) {
        if self.awaits_group() {
            self.state = State::Ended;
        }
    }

    /// Asks it to end.
    pub fn end(&mut self, now: Time, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Running { kill_at: kill_at @ None, .. } => {
                *kill_at = Some(now + GRACE);
                out.push(Action::TellApp(SIGTERM));
            }
            State::Idle | State::Waiting { .. } => self.state = State::Over,
            _ => {}
        }
    }

    pub fn kill(&mut self, now: Time, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Running { kill_at, killed, .. } => (*kill_at, *killed) = (Some(now + AFTER_KILL), true),
            State::Leaderless { kill_at, killed } => (*kill_at, *killed) = (now + AFTER_KILL, true),
            _ => return,
        }
        out.push(Action::TellGroup(SIGKILL));
    }

    /// After an end: once more, or never.
    pub fn decide(&mut self, now: Time, going_on: bool, out: &mut Vec<Action>) {
        let (State::Ended, Some(last)) = (self.state, &self.last) else { return };
        self.state = State::Over;
        if !going_on {
            return;
        }
        let failed = last.failed() || self.start_failed;
        let restarts = match self.settings.restart {
            Restart::Never => false,
            Restart::OnFailure => failed,
            Restart::Always => true,
        };
        let what = format!("the app {last} after {:.1} s", (now - self.since).as_secs_f64());
        if !restarts {
            out.extend(failed.then_some(Action::Say(what)));
            return;
        }
        let wait = self.backoff.died_after(now - self.since);
        if self.backoff.quick_deaths() >= GIVE_UP {
            let within = WELL.as_secs();
            let giving_up =
                format!("{what}; that was {GIVE_UP} times in a row within {within} s of its start: giving up");
            return out.push(Action::Say(giving_up));
        }
        self.state = State::Waiting { at: now + wait };
        out.push(Action::Restarting(format!("{what}; starting it again in {} ms", wait.as_millis())));
    }

    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Running { kill_at: Some(at), .. } | State::Leaderless { kill_at: at, .. } => Some(at),
            State::Running { listens: false, noticed, .. } => {
                let notice = (!noticed).then_some(self.since + NOTICE);
                notice.into_iter().chain(self.settings.start_timeout.map(|t| self.since + t)).min()
            }
            State::Waiting { at } => Some(at),
            _ => None,
        }
    }

    pub fn on_time(&mut self, now: Time, out: &mut Vec<Action>) {
        match self.state {
            State::Running { kill_at: Some(at), killed, .. } if now >= at => {
                let late = format!("the app did not end within {} s of SIGTERM", GRACE.as_secs());
                out.extend((!killed).then_some(Action::Say(late)));
                self.kill(now, out);
            }
            State::Running { listens: false, kill_at: None, noticed, .. } => self.on_silence(now, noticed, out),
            State::Leaderless { kill_at, killed: false } if now >= kill_at => self.kill(now, out),
            State::Leaderless { kill_at, killed: true } if now >= kill_at => self.state = State::Ended,
            State::Waiting { at } if now >= at => self.start(now, out),
            _ => {}
        }
    }

    /// It runs, and does not listen where it was told to.
    fn on_silence(&mut self, now: Time, noticed: bool, out: &mut Vec<Action>) {
        let Some(address) = self.settings.listens else { return };
        let waited = now - self.since;
        let told = "its port is in the environment variable PORT";
        if self.settings.start_timeout.is_some_and(|timeout| waited >= timeout) {
            out.push(Action::Say(format!(
                "the app does not listen on {address} after {:.1} s; {told}",
                waited.as_secs_f64()
            )));
            self.start_failed = true;
            self.end(now, out);
        } else if !noticed && waited >= NOTICE {
            out.push(Action::Say(format!("the app does not listen on {address} yet; {told}")));
            self.state = State::Running { listens: false, noticed: true, kill_at: None, killed: false };
        }
    }
}
