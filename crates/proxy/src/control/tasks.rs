//! The control side's tasks: started together, and started again together when one of them has a bug.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::hub::Hub;
use super::join::Joiner;
use super::{ads, health, identity, log, persist, registration, tap, telemetry};
use crate::admin;
use crate::shared::{Command, Signal};

/// A bug that strikes at once shall not burn a core.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Names resolved at the same time.
const MAX_LOOKUPS: usize = 64;
/// The system's resolver tries two servers twice within this.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Tasks {
    hub: Arc<Hub>,
    admin: Option<std::net::TcpListener>,
    pub set: JoinSet<()>,
    /// None: there is no controller that could be asked.
    asks: Option<mpsc::UnboundedSender<ads::Ask>>,
    lookups: Arc<Semaphore>,
    telemetry: Option<AbortHandle>,
}

impl Tasks {
    pub fn new(hub: Arc<Hub>, admin: Option<std::net::TcpListener>) -> Tasks {
        Tasks {
            hub,
            admin,
            set: JoinSet::new(),
            asks: None,
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            telemetry: None,
        }
    }

    pub fn spawn(&mut self) {
        let hub = &self.hub;
        self.set.spawn(health::run(hub.clone(), seed(hub, 1)));
        self.set.spawn(persist::run(hub.clone()));
        if let Some(listener) = self.admin.as_ref().and_then(|l| l.try_clone().ok()) {
            self.set.spawn(admin::serve(listener, hub.clone()));
        }
        match self.joiner() {
            Some(joiner) => self.spawn_for_controller(joiner),
            None if !self.hub.launch.key_file.is_empty() => {
                self.set.spawn(identity::follow_files(self.hub.clone(), None));
            }
            None => {}
        }
    }

    /// None: there is no controller, or nobody can tell which.
    fn joiner(&self) -> Option<Joiner> {
        self.hub.launch.controller.as_ref()?;
        let joiner = Joiner::new(&self.hub.launch);
        joiner.inspect_err(|why| self.hub.event("controller", &self.hub.workload_key(), why)).ok()
    }

    fn spawn_for_controller(&mut self, joiner: Joiner) {
        let hub = &self.hub;
        let (sender, asks) = mpsc::unbounded_channel();
        self.asks = Some(sender);
        hub.redial(&joiner);
        match hub.launch.key_file.is_empty() {
            true => self.set.spawn(identity::run(hub.clone(), joiner, seed(hub, 2))),
            false => self.set.spawn(identity::follow_files(hub.clone(), Some(joiner))),
        };
        self.set.spawn(ads::run(hub.clone(), asks, seed(hub, 3)));
        self.set.spawn(registration::run(hub.clone(), seed(hub, 4)));
        self.set.spawn(tap::run(hub.clone(), seed(hub, 6)));
        self.telemetry = Some(self.set.spawn(telemetry::run(hub.clone(), seed(hub, 5))));
    }

    /// Traffic does not notice: the engine keeps what it has.
    pub async fn restart(&mut self, why: &JoinError) {
        if why.is_cancelled() {
            return;
        }
        self.hub.shared.metrics.panics.add(1);
        self.hub.event("bug", &self.hub.workload_key(), &format!("the control side starts again: {why}"));
        self.set.shutdown().await;
        tokio::time::sleep(RESTART_PAUSE).await;
        self.spawn();
    }

    pub fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Want(name) => self.ask(ads::Ask::Want(name)),
            Signal::Used(names) => self.ask(ads::Ask::Used(names)),
            Signal::Lookup(name) => self.look_up(name),
            Signal::Event(event) => {
                log::info(&format!("{} {}: {}", event.kind, event.subject, event.text));
                self.hub.keep(event);
            }
            Signal::Ready => drop(self.hub.engine_ready.send_replace(true)),
            Signal::Drained { unfinished: 0 } => log::info("drained"),
            Signal::Drained { unfinished } => log::warn(&format!("drained, {unfinished} exchanges were cut off")),
        }
    }

    /// Until the controller has taken the last report; the caller has no patience without end.
    pub async fn finish(&mut self) {
        self.hub.ending.send_replace(true);
        while self.telemetry.as_ref().is_some_and(|task| !task.is_finished()) {
            self.set.join_next().await;
        }
    }

    fn ask(&self, ask: ads::Ask) {
        if let Some(asks) = &self.asks {
            let _ = asks.send(ask);
        }
    }

    /// Too many at once, or no answer: no addresses, which the engine tells the caller.
    fn look_up(&self, name: String) {
        let engine = self.hub.engine.clone();
        let Ok(permit) = self.lookups.clone().try_acquire_owned() else {
            engine.send(Command::Resolved { name, addresses: Vec::new() });
            return;
        };
        tokio::spawn(async move {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host(&name)).await;
            let addresses: Vec<SocketAddr> = found.ok().and_then(Result::ok).map(Iterator::collect).unwrap_or_default();
            engine.send(Command::Resolved { name, addresses });
            drop(permit);
        });
    }
}

/// For jitter only: another one for each process and task.
fn seed(hub: &Hub, task: u64) -> u64 {
    let process = u64::from(std::process::id());
    hub.shared.epoch ^ process.rotate_left(32) ^ task.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use weft_proto::v1;

    use super::super::testing::{Kit, kit, launch};
    use super::*;

    fn tasks() -> (Tasks, Kit) {
        let kit = kit(launch());
        (Tasks::new(kit.hub.clone(), None), kit)
    }

    #[test]
    fn what_the_engine_says_is_passed_to_who_acts_on_it() {
        let (mut tasks, kit) = tasks();
        // Without a controller nobody can be asked.
        tasks.signal(Signal::Want("d/a:80@n".into()));
        let (sender, mut asks) = mpsc::unbounded_channel();
        tasks.asks = Some(sender);
        tasks.signal(Signal::Want("d/b:80@n".into()));
        tasks.signal(Signal::Used(vec!["d/c:80@n".into()]));
        assert!(matches!(asks.try_recv(), Ok(ads::Ask::Want(name)) if name == "d/b:80@n"));
        assert!(matches!(asks.try_recv(), Ok(ads::Ask::Used(names)) if names == ["d/c:80@n"]));
        assert!(asks.try_recv().is_err());
        tasks.signal(Signal::Ready);
        assert!(*kit.hub.engine_ready.borrow());
        tasks.signal(Signal::Event(v1::EventRecord { kind: "ejected".into(), ..Default::default() }));
        assert_eq!(kit.hub.event_counts()["ejected"], 1);
    }

    #[tokio::test]
    async fn a_lookup_is_answered_with_addresses_and_gives_its_place_back() {
        let (mut tasks, kit) = tasks();
        tasks.signal(Signal::Lookup("127.0.0.1:81".into()));
        let _all = tasks.lookups.acquire_many(MAX_LOOKUPS as u32).await.unwrap();
        let Ok(Command::Resolved { name, addresses }) = kit.engine.commands.try_recv() else { panic!("no answer") };
        assert_eq!((name.as_str(), addresses), ("127.0.0.1:81", vec![SocketAddr::from(([127, 0, 0, 1], 81))]));
    }

    #[tokio::test]
    async fn a_lookup_too_many_is_answered_at_once_with_nothing() {
        let (mut tasks, kit) = tasks();
        let lookups = tasks.lookups.clone();
        let _all = lookups.acquire_many(MAX_LOOKUPS as u32).await.unwrap();
        tasks.signal(Signal::Lookup("127.0.0.1:81".into()));
        let Ok(Command::Resolved { name, addresses }) = kit.engine.commands.try_recv() else { panic!("no answer") };
        assert_eq!((name.as_str(), addresses.len()), ("127.0.0.1:81", 0));
    }

    #[tokio::test]
    async fn an_end_by_order_is_no_bug() {
        let (mut tasks, kit) = tasks();
        tasks.set.spawn(std::future::pending());
        tasks.set.abort_all();
        let ended = tasks.set.join_next().await.unwrap().unwrap_err();
        tasks.restart(&ended).await;
        assert_eq!((tasks.set.len(), kit.hub.shared.metrics.panics.get()), (0, 0));
        assert!(kit.hub.take_events(1).is_empty());
    }

    #[test]
    fn every_task_has_its_own_seed() {
        let (_, kit) = tasks();
        let seeds: std::collections::HashSet<u64> = (1..=6).map(|task| seed(&kit.hub, task)).collect();
        assert_eq!(seeds.len(), 6);
    }
}
