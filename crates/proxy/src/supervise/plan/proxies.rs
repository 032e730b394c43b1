//! The proxy child: started again for ever once it was ready, replaced on request, never two that accept for long.

use super::backoff::Backoff;
use super::{Action, Ending, ProxyId, Time};

#[derive(Debug)]
pub struct Proxies {
    current: Current,
    /// Started for an upgrade, not ready yet.
    successor: Option<ProxyId>,
    /// Drain after an upgrade, each until it is killed.
    retired: Vec<(ProxyId, Time)>,
    drain: Time,
    backoff: Backoff,
    next: ProxyId,
    was_ready: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    None,
    Starting { id: ProxyId, since: Time },
    Ready { id: ProxyId, since: Time },
    Waiting { at: Time },
}

impl Current {
    fn id(self) -> Option<ProxyId> {
        match self {
            Current::Starting { id, .. } | Current::Ready { id, .. } => Some(id),
            Current::None | Current::Waiting { .. } => None,
        }
    }
}

/// What the end of a proxy means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    Current,
    /// The very first one: it says why itself, and would say the same again.
    NeverReady,
    /// One of those around an upgrade, or it is started again.
    Other,
}

impl Proxies {
    pub fn new(drain: Time) -> Proxies {
        let (backoff, retired) = (Backoff::default(), Vec::new());
        Proxies { current: Current::None, successor: None, retired, drain, backoff, next: 1, was_ready: false }
    }

    pub fn start(&mut self, now: Time, out: &mut Vec<Action>) {
        let id = self.new_id();
        self.current = Current::Starting { id, since: now };
        out.push(Action::StartProxy(id));
    }

    fn new_id(&mut self) -> ProxyId {
        self.next += 1;
        self.next - 1
    }

    pub fn is_current(&self, id: ProxyId) -> bool {
        self.current.id() == Some(id)
    }

    /// True when traffic is served from now on.
    pub fn ready(&mut self, now: Time, id: ProxyId, out: &mut Vec<Action>) -> bool {
        if self.successor == Some(id) {
            self.successor = None;
            if let Some(old) = self.current.id() {
                self.retired.push((old, now + self.drain));
                out.push(Action::Drain(old));
            }
            self.current = Current::Ready { id, since: now };
            return true;
        }
        let Current::Starting { since, .. } = self.current else { return false };
        if !self.is_current(id) {
            return false;
        }
        if self.was_ready {
            out.push(Action::Say("the proxy is ready again".into()));
        }
        self.was_ready = true;
        self.current = Current::Ready { id, since };
        true
    }

    pub fn replace(&mut self, id: ProxyId, out: &mut Vec<Action>) {
        if matches!(self.current, Current::Ready { .. }) && self.is_current(id) && self.successor.is_none() {
            let id = self.new_id();
            self.successor = Some(id);
            out.push(Action::StartNewProxy(id));
        }
    }

    pub fn ended(&mut self, now: Time, id: ProxyId, ending: &Ending, going_on: bool, out: &mut Vec<Action>) -> Gone {
        self.retired.retain(|(retired, _)| *retired != id);
        if self.successor == Some(id) {
            self.successor = None;
            out.push(Action::Say(format!("the new proxy {ending}; the old one stays")));
            return Gone::Other;
        }
        let (Current::Starting { since, .. } | Current::Ready { since, .. }) = self.current else { return Gone::Other };
        if !self.is_current(id) {
            return Gone::Other;
        }
        self.current = Current::None;
        match (going_on, self.was_ready) {
            (false, _) => Gone::Current,
            (true, false) => Gone::NeverReady,
            (true, true) => self.again(now, since, ending, out),
        }
    }

    fn again(&mut self, now: Time, since: Time, ending: &Ending, out: &mut Vec<Action>) -> Gone {
        // An upgrade was under way: the successor takes over when it is ready, nothing else is to be started.
        if let Some(id) = self.successor.take() {
            self.current = Current::Starting { id, since: now };
            out.push(Action::Say(format!("the proxy {ending}; the new one takes over")));
            return Gone::Other;
        }
        let wait = self.backoff.died_after(now.saturating_sub(since));
        self.current = Current::Waiting { at: now + wait };
        out.push(Action::Say(format!("the proxy {ending}; starting it again in {} ms", wait.as_millis())));
        Gone::Other
    }

    /// False when there is nobody whose drain could be waited for.
    pub fn drain(&mut self, out: &mut Vec<Action>) -> bool {
        out.extend(self.successor.take().map(Action::Kill));
        out.extend(self.current.id().map(Action::Drain));
        if self.current.id().is_none() {
            self.current = Current::None;
        }
        self.current.id().is_some()
    }

    pub fn stop(&mut self, out: &mut Vec<Action>) {
        out.extend(self.all().map(Action::Stop));
        if self.current.id().is_none() {
            self.current = Current::None;
        }
    }

    pub fn kill(&mut self, out: &mut Vec<Action>) {
        out.extend(self.all().map(Action::Kill));
    }

    fn all(&self) -> impl Iterator<Item = ProxyId> + use<'_> {
        self.current.id().into_iter().chain(self.successor).chain(self.retired.iter().map(|(id, _)| *id))
    }

    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    pub fn deadline(&self) -> Option<Time> {
        let waiting = if let Current::Waiting { at } = self.current { Some(at) } else { None };
        self.retired.iter().map(|(_, until)| *until).chain(waiting).min()
    }

    pub fn on_time(&mut self, now: Time, out: &mut Vec<Action>) {
        for (id, until) in &mut self.retired {
            if now >= *until {
                out.push(Action::Kill(*id));
                // Not forgotten before it has ended, and not killed twice a moment.
                *until = now + self.drain;
            }
        }
        if matches!(self.current, Current::Waiting { at } if now >= at) {
            self.start(now, out);
        }
    }
}
