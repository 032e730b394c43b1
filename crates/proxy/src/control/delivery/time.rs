//! What time alone brings: things that never came are asked for, things that nobody names leave.

use std::collections::{BTreeMap, BTreeSet};

use weft_proto::v1;

use super::super::kind::Kind;
use super::{Delivery, Waiting, subscribe, unsubscribe};

/// A frontend that waits so long has lost something on the way: what is missing is asked for by name, and each time
/// again. (Asking for what one already has means: send it again.)
pub(super) const WAIT_MS: u64 = 500;
/// A removed backend that a frontend in force still names stays so long: the frontend's next version is on its way.
pub(super) const DOOMED_MS: u64 = 2_000;
/// Backends that no frontend names: they come before the frontend that does, and stay after it has gone.
pub(super) const LOOSE_MS: u64 = 60_000;
/// Names answered "there is none" that are remembered; forgotten ones are asked for again.
const MAX_ABSENT: usize = 4_096;

impl Delivery {
    /// What time alone brings: call about each second. True: `config` is another one.
    pub fn tick(&mut self, now: u64) -> (Vec<v1::DeltaDiscoveryRequest>, bool) {
        let mut requests = self.ask_for_missing(now);
        let idle = self.subscriptions.sweep(now);
        let mut changed = self.forget(&idle);
        if !idle.is_empty() {
            requests.push(unsubscribe(Kind::Frontend, idle));
        }
        changed |= self.end_doomed(now);
        let loose = self.sweep_loose(now);
        if !loose.is_empty() {
            changed = true;
            requests.push(unsubscribe(Kind::Backend, loose.clone()));
            requests.push(unsubscribe(Kind::Endpoints, loose));
        }
        (requests, changed)
    }

    /// Takes out removed backends that nobody names any more, or whose time is over.
    pub(super) fn end_doomed(&mut self, now: u64) -> bool {
        let named = self.named(false);
        let over: Vec<(Kind, String)> = self
            .doomed
            .iter()
            .filter(|((_, name), since)| !named.contains(name) || now >= **since + DOOMED_MS)
            .map(|(key, _)| key.clone())
            .collect();
        for (kind, name) in &over {
            self.doomed.remove(&(*kind, name.clone()));
            match kind {
                Kind::Backend => self.config.remove_backend(name),
                _ => self.config.remove_endpoints(name),
            }
        }
        !over.is_empty()
    }

    /// Backends that frontends in force name, and with `waiting` also those that wait.
    fn named(&self, waiting: bool) -> BTreeSet<String> {
        let in_force = self.config.frontends.values().flat_map(|f| f.backends().iter().map(|b| b.to_string()));
        let later = self.waiting.values().filter(|_| waiting).flat_map(|w| w.needs.iter().cloned());
        in_force.chain(later).collect()
    }

    fn sweep_loose(&mut self, now: u64) -> Vec<String> {
        let named = self.named(true);
        let present: BTreeSet<String> =
            self.config.backends.keys().chain(self.config.endpoints.keys()).cloned().collect();
        if self.absent.len() > MAX_ABSENT {
            self.absent.retain(|(_, name)| named.contains(name));
        }
        self.loose.retain(|name, _| present.contains(name) && !named.contains(name));
        let mut over = Vec::new();
        for name in present.difference(&named) {
            if now >= *self.loose.entry(name.clone()).or_insert(now) + LOOSE_MS {
                over.push(name.clone());
            }
        }
        for name in &over {
            self.loose.remove(name);
            self.config.remove_backend(name);
            self.config.remove_endpoints(name);
            for kind in [Kind::Backend, Kind::Endpoints] {
                self.held.get_mut(&kind).map(|held| held.remove(name));
            }
        }
        over
    }

    fn ask_for_missing(&mut self, now: u64) -> Vec<v1::DeltaDiscoveryRequest> {
        let late = |w: &Waiting| now >= w.since_ms + WAIT_MS;
        let mut names: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        for waiting in self.waiting.values().filter(|w| late(w)) {
            for (kind, name) in self.missing(waiting) {
                names.entry(kind).or_default().insert(name.clone());
            }
        }
        self.waiting.values_mut().filter(|w| late(w)).for_each(|w| w.since_ms = now);
        names.into_iter().map(|(kind, names)| subscribe(kind, names.into_iter().collect())).collect()
    }
}
