//! What the control side's tasks have in common: what was told to the engine, and what happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};
use tonic::transport::Channel;
use weft_proto::v1;

use super::channel::Address;
use super::join::Joiner;
use super::log;
use super::state::StateDir;
use crate::config::Config;
use crate::shared::{Command, EngineHandle, Shared};
use crate::timestamp;
use crate::tls::Identity;

/// Events that no controller has taken yet. Older ones are dropped: a thousand say enough about an outage.
const MAX_EVENTS: usize = 1_000;
/// There are about a dozen.
const MAX_EVENT_KINDS: usize = 64;

/// The app's health, as far as its own proxy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppHealth {
    pub health: v1::Health,
    pub reason: String,
}

/// R10: how old what is in force may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The controller would tell us of any change.
    pub connected: bool,
    /// Unix milliseconds: when that was last so; 0: never.
    pub last_ms: i64,
}

impl Contact {
    pub fn stale_ms(&self, now_ms: i64) -> i64 {
        match (self.connected, self.last_ms) {
            (true, _) | (_, 0) => 0,
            (false, last) => (now_ms - last).max(0),
        }
    }
}

pub struct Hub {
    pub launch: v1::Launch,
    /// Addresses of the inbound listeners as they are bound, in the launch's order.
    pub listening: Vec<std::net::SocketAddr>,
    /// The admin listener's, once it is open.
    pub admin: watch::Sender<Option<std::net::SocketAddr>>,
    pub shared: Arc<Shared>,
    pub engine: EngineHandle,
    pub config: watch::Sender<Arc<Config>>,
    pub identity: watch::Sender<Option<Arc<Identity>>>,
    /// To the controller; None: there is none, or no identity to show it yet.
    pub channel: watch::Sender<Option<Channel>>,
    pub health: watch::Sender<AppHealth>,
    /// True once the engine said that it listens, and what runs here may get traffic.
    pub engine_ready: watch::Sender<bool>,
    pub draining: watch::Sender<bool>,
    /// True once the engine has ended: what is not told now never will be.
    pub ending: watch::Sender<bool>,
    pub contact: watch::Sender<Contact>,
    pub renew_now: Notify,
    pub state: Option<StateDir>,
    events: Mutex<VecDeque<v1::EventRecord>>,
    /// How many there were of each kind since the start.
    event_counts: Mutex<BTreeMap<String, u64>>,
}

impl Hub {
    pub fn new(start: super::Start, state: Option<StateDir>) -> Hub {
        let starting = AppHealth { health: v1::Health::Unhealthy, reason: "not checked yet".into() };
        Hub {
            launch: start.launch,
            listening: start.listening,
            admin: watch::Sender::new(None),
            shared: start.shared,
            engine: start.engine,
            config: watch::Sender::new(start.config),
            identity: watch::Sender::new(None),
            channel: watch::Sender::new(None),
            health: watch::Sender::new(starting),
            engine_ready: watch::Sender::new(false),
            draining: watch::Sender::new(false),
            ending: watch::Sender::new(false),
            contact: watch::Sender::new(Contact::default()),
            renew_now: Notify::new(),
            state,
            events: Mutex::default(),
            event_counts: Mutex::default(),
        }
    }

    pub fn workload(&self) -> v1::Workload {
        self.launch.workload.clone().unwrap_or_default()
    }

    /// "<namespace>/<name>"
    pub fn workload_key(&self) -> String {
        let workload = self.workload();
        format!("{}/{}", workload.namespace, workload.name)
    }

    /// In force from the engine's next batch of events on.
    pub fn push_config(&self, config: Config) {
        let config = Arc::new(config);
        self.config.send_replace(config.clone());
        self.shared.metrics.config_updates.add(1);
        self.engine.send(Command::Config(config));
    }

    pub fn push_identity(&self, identity: Identity) {
        let identity = Arc::new(identity);
        self.shared.metrics.certificate_not_after.set(identity.not_after.max(0) as u64);
        self.identity.send_replace(Some(identity.clone()));
        self.engine.send(Command::Identity(identity));
    }

    /// From now on new streams to the controller show the identity that is in force now; open ones stay.
    pub fn redial(&self, joiner: &Joiner) {
        let svid = self.identity.borrow().clone();
        let channel = joiner.controller().and_then(|address| match (&address, svid) {
            (Address::Unix(_), _) => Ok(Some(address.channel(None))),
            (Address::Tcp(_), None) => Ok(None),
            (Address::Tcp(_), Some(svid)) => {
                let tls = svid.controller_client().map_err(|e| e.to_string())?;
                Ok(Some(address.channel(Some(Arc::new(tls)))))
            }
        });
        match channel {
            Ok(None) => {}
            Ok(channel) => drop(self.channel.send_replace(channel)),
            Err(why) => log::warn(&format!("no way to the controller: {why}")),
        }
    }

    pub fn drain(&self, within_ms: u64) {
        self.shared.draining.store(true, Relaxed);
        self.draining.send_replace(true);
        self.engine.send(Command::Drain { within_ms });
    }

    /// Bad news, for people (stderr) and the controller.
    pub fn event(&self, kind: &str, subject: &str, text: &str) {
        log::warn(&format!("{kind} {subject}: {text}"));
        self.happened(kind, subject, text);
    }

    /// For the controller; whoever calls has told people.
    pub fn happened(&self, kind: &str, subject: &str, text: &str) {
        self.keep(v1::EventRecord {
            unix_ms: timestamp::now_ms(),
            kind: kind.into(),
            subject: subject.into(),
            text: text.into(),
        });
    }

    pub fn keep(&self, event: v1::EventRecord) {
        let mut counts = self.event_counts.lock().unwrap_or_else(|e| e.into_inner());
        if counts.len() < MAX_EVENT_KINDS || counts.contains_key(&event.kind) {
            *counts.entry(event.kind.clone()).or_default() += 1;
        }
        drop(counts);
        let mut events = self.events.lock().unwrap_or_else(|e| e.into_inner());
        if events.len() == MAX_EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }

    pub fn event_counts(&self) -> BTreeMap<String, u64> {
        self.event_counts.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// The oldest.
    pub fn take_events(&self, most: usize) -> Vec<v1::EventRecord> {
        let mut events = self.events.lock().unwrap_or_else(|e| e.into_inner());
        let count = most.min(events.len());
        events.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, launch};
    use super::*;

    fn event(kind: &str, number: usize) -> v1::EventRecord {
        v1::EventRecord { kind: kind.into(), text: number.to_string(), ..Default::default() }
    }

    #[test]
    fn what_is_in_force_is_stale_since_the_controller_was_lost() {
        let table = [
            ((false, 0), 0),
            ((true, 0), 0),
            ((true, 1_000), 0),
            ((false, 1_000), 4_000),
            ((false, 5_000), 0),
            ((false, 9_000), 0),
        ];
        for ((connected, last_ms), stale) in table {
            assert_eq!(Contact { connected, last_ms }.stale_ms(5_000), stale, "{connected} {last_ms}");
        }
    }

    #[test]
    fn a_full_queue_drops_the_oldest_event_but_counts_it() {
        let hub = kit(launch()).hub;
        (0..MAX_EVENTS + 3).for_each(|number| hub.keep(event("bug", number)));
        assert_eq!(hub.event_counts()["bug"], MAX_EVENTS as u64 + 3);
        let texts = |most| hub.take_events(most).into_iter().map(|e| e.text).collect::<Vec<_>>();
        assert_eq!(texts(2), ["3", "4"]);
        assert_eq!(texts(MAX_EVENTS).len(), MAX_EVENTS - 2);
        assert!(texts(1).is_empty());
    }

    #[test]
    fn kinds_of_events_are_bounded_and_known_ones_still_count() {
        let hub = kit(launch()).hub;
        (0..MAX_EVENT_KINDS + 1).for_each(|number| hub.keep(event(&format!("kind-{number}"), 0)));
        hub.keep(event("kind-0", 1));
        let counts = hub.event_counts();
        assert_eq!((counts.len(), counts["kind-0"]), (MAX_EVENT_KINDS, 2));
        assert!(!counts.contains_key(&format!("kind-{MAX_EVENT_KINDS}")));
    }

    #[test]
    fn a_configuration_reaches_the_engine_and_who_watches() {
        let kit = kit(launch());
        let watching = kit.hub.config.subscribe();
        kit.hub.push_config(Config::default());
        let Ok(Command::Config(told)) = kit.engine.commands.try_recv() else { panic!("the engine was told nothing") };
        assert!(watching.has_changed().unwrap() && Arc::ptr_eq(&told, &watching.borrow()));
        assert_eq!(kit.hub.shared.metrics.config_updates.get(), 1);
    }

    #[test]
    fn draining_is_told_to_the_engine_and_to_who_asks() {
        let kit = kit(launch());
        kit.hub.drain(7);
        assert!(matches!(kit.engine.commands.try_recv(), Ok(Command::Drain { within_ms: 7 })));
        assert!(*kit.hub.draining.borrow() && kit.hub.shared.draining.load(Relaxed));
    }
}
