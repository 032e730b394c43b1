//! What the control side says: configuration, identity, drain; and what was waiting for it goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use weft_core::Reason;
use weft_core::drain::{self, Drain};
use weft_core::resolve::Names;

use super::conn::{ConnId, ExchangeId, Protocol};
use super::counted::Counted;
use super::exchange::{Answer, Phase};
use super::timers::{Kind, Timer};
use super::{Engine, Listener, Step};
use crate::config::Config;
use crate::shared::{Command, EndpointView, Signal};

impl Engine {
    pub(super) fn handle_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Config(config) => self.adopt(config),
                Command::Identity(identity) => {
                    self.identity = Some(identity);
                    self.tell_ready();
                    self.wake(super::stages::IDENTITY);
                    self.accept_held();
                }
                Command::Drain { within_ms } => self.begin_drain(within_ms),
                Command::Resolved { name, addresses } => self.resolved(&name, &addresses),
                Command::DescribeEndpoints(answer) => {
                    let _ = answer.send(self.describe_endpoints());
                }
                Command::Taps(taps) => self.tapping.set(taps),
                Command::Stop => self.stopped = true,
                Command::Refused(why) => self.refused = Some(why),
            }
        }
    }

    // ------------------------------------------------------------------------------------------ configuration

    /// From now on requests are decided by this snapshot; those under way keep theirs.
    pub(super) fn adopt(&mut self, config: Arc<Config>) {
        self.config = config;
        self.rules.clear();
        self.shared.metrics.config_updates.add(1);
        self.adopt_backends();
        self.adopt_frontends();
        self.wake_waiting();
        self.accept_held();
    }

    fn adopt_backends(&mut self) {
        let config = self.config.clone();
        for (key, backend) in &config.backends {
            let index = self.backends.put(key, backend);
            let Some(endpoints) = config.endpoints.get(key) else { continue };
            match self.backends.all[index as usize].apply(endpoints) {
                Ok(changes) => changes.iter().for_each(|c| self.tell_change(index, c)),
                Err(refused) => self.tell("rejected", key, &refused.reason),
            }
        }
    }

    fn adopt_frontends(&mut self) {
        let mut before = std::mem::take(&mut self.frontends);
        let config = self.config.clone();
        for (key, frontend) in &config.frontends {
            let same = before.remove(key).filter(|counted| counted.is_of(frontend));
            let counted = same.unwrap_or_else(|| Arc::new(Counted::new(frontend.clone())));
            self.frontends.insert(key.clone(), counted);
        }
        let suffixes: Vec<Box<str>> = self.config.mesh.suffixes.iter().map(|s| s.as_str().into()).collect();
        let mut names: Names<Arc<Counted>> = Names::new(&suffixes);
        // A short name means a service of our own namespace, whatever else is known; others are named in full.
        let own = format!("{}/", self.setup.namespace);
        for (_, frontend) in self.frontends.iter().filter(|(key, _)| key.starts_with(&own)) {
            names.add(&frontend.hosts, frontend.port, frontend.clone());
        }
        for (_, frontend) in self.frontends.iter().filter(|(key, _)| !key.starts_with(&own)) {
            let full: Vec<_> = frontend.hosts.iter().filter(|host| host.contains('.')).collect();
            names.add(&full, frontend.port, frontend.clone());
        }
        self.names = names;
        let namespace = self.setup.namespace.clone();
        let frontends = &self.frontends;
        for listener in &mut self.listeners {
            if let Listener::Outbound { name: Some(name), frontend, .. } = listener {
                let own = frontends.get(&format!("{name}@{namespace}"));
                *frontend = own.or_else(|| frontends.get(&format!("{name}@*"))).cloned();
            }
        }
    }

    fn wake_waiting(&mut self) {
        let config = self.config.clone();
        let answered = |key: &String| config.frontends.contains_key(key) || config.absent.contains(key);
        let ready: Vec<String> = self.waiting.keys().filter(|k| answered(k)).cloned().collect();
        ready.iter().for_each(|key| self.wake(key));
    }

    fn wake(&mut self, key: &str) {
        for x in self.waiting.remove(key).unwrap_or_default() {
            self.later(x, Step::Decide);
        }
    }

    /// What a request waited for is there: it goes through the stages again.
    pub(super) fn decide_again(&mut self, x: ExchangeId) {
        if self.exchanges[x].phase != Phase::Waiting || self.exchanges[x].awaits.take().is_none() {
            return;
        }
        if let Err(answer) = self.outbound(x) {
            self.exchanges[x].answer = Some(answer);
            self.answer(x);
        }
    }

    // -------------------------------------------------------------------------------------------------- names

    fn resolved(&mut self, name: &str, addresses: &[std::net::SocketAddr]) {
        for x in self.waiting.remove(name).unwrap_or_default() {
            if self.exchanges[x].phase != Phase::Waiting || self.exchanges[x].awaits.take().is_none() {
                continue;
            }
            let outcome = match addresses.first() {
                Some(address) => self.pass_through(x, *address),
                None => Err(Answer::from(Reason::UnknownDestination)),
            };
            if let Err(answer) = outcome {
                self.exchanges[x].answer = Some(answer);
                self.answer(x);
            }
        }
    }

    // -------------------------------------------------------------------------------------------------- drain

    /// Callers are told to go elsewhere.
    pub(super) fn is_draining(&self) -> bool {
        self.told_to_leave
    }

    /// R8: a moment in which callers' proxies hear of it and everything is served as before; then callers are told to
    /// go elsewhere, and what is under way is finished.
    fn begin_drain(&mut self, within_ms: u64) {
        if self.drain.is_some() {
            return;
        }
        let called = self.listeners.iter().any(|listener| matches!(listener, Listener::Inbound { .. }));
        let mut drain = Drain::new(within_ms, called);
        drain.begin(self.now_us);
        self.drain = Some(drain);
        self.shared.draining.store(true, Ordering::Release);
        self.check_drain();
    }

    fn tell_to_leave(&mut self, id: ConnId) {
        let Some(conn) = self.conn(id) else { return };
        match &mut conn.protocol {
            Protocol::H1Server(h1) => {
                h1.keep_alive = false;
                if h1.exchange.is_none() && conn.input.is_empty() {
                    conn.state.closing = true;
                }
            }
            Protocol::H2(h2) if h2.server => {
                h2.codec.go_away(weft_http::h2::ErrorCode::NO_ERROR, &mut conn.out);
                h2.going_away = true;
                conn.state.closing |= h2.codec.is_idle();
            }
            _ => return,
        }
        self.touch(id);
    }

    pub(super) fn check_drain(&mut self) {
        let Some(drain) = self.drain else { return };
        if let Some(at) = drain.wake_us(self.now_us).filter(|at| *at != self.drain_wakes_us) {
            self.drain_wakes_us = at;
            self.wheel.set(at, Timer { kind: Kind::Drain, key: 0, generation: 0 });
        }
        let tunnels = self
            .conns
            .iter()
            .filter(|(_, c)| matches!(c.as_deref().map(|c| &c.protocol), Some(Protocol::Tunnel(_))))
            .count();
        let unfinished = self.exchanges.live() + tunnels / 2;
        if drain.phase(self.now_us, unfinished) == drain::Phase::Leaving {
            return;
        }
        if !self.told_to_leave {
            self.told_to_leave = true;
            let all: Vec<ConnId> = self.conns.iter().map(|(id, _)| id as ConnId).collect();
            all.into_iter().for_each(|id| self.tell_to_leave(id));
        }
        // What is not written yet is not over.
        let phase = drain.phase(self.now_us, unfinished + self.dirty.len());
        if phase != drain::Phase::Draining && !self.drained {
            self.drained = true;
            let _ = self.shared.signals.send(Signal::Drained { unfinished });
        }
    }

    // ------------------------------------------------------------------------------------------------- people

    fn describe_endpoints(&self) -> Vec<EndpointView> {
        let mut views = Vec::new();
        for state in &self.backends.all {
            for (ix, endpoint) in state.group.set().iter() {
                let why = state.ejected.get(endpoint.outlier.name()).map(|change| change.why.to_string());
                let due = endpoint.outlier.probe_due_us();
                let pool = state.target(ix).map(|t| &self.pools[t.pool as usize]);
                views.push(EndpointView {
                    backend: state.key.clone(),
                    workload: endpoint.workload.to_string(),
                    address: std::net::SocketAddr::new(endpoint.address, endpoint.port),
                    health: endpoint.health.as_str_name(),
                    state: state_name(endpoint.outlier.state()),
                    ejected_because: why.unwrap_or_default(),
                    ejected_for_ms: due.map_or(0, |due| due.saturating_sub(self.now_us) / 1000),
                    pending: state.group.pending(ix),
                    ewma_us: state.group.ewma_us(ix),
                    connections: pool.map_or(0, |p| p.open),
                });
            }
        }
        views
    }
}

/// Breaker states are named by effect: "open" means the opposite to an electrician.
fn state_name(state: weft_core::outlier::State) -> &'static str {
    use weft_core::outlier::State;
    match state {
        State::Passing => "passing",
        State::Rejecting => "rejecting",
        State::Probing => "probing",
    }
}
