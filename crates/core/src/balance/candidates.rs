//! Who may be picked: the candidate lists of a group, rebuilt when the set, somebody's state or the aperture changes.
use super::{
    Group,
    levels::{Level, shares},
};
use crate::{endpoints::Endpoint, outlier::State};

/// Groups up to this are rebuilt at once; larger ones at most every 10 ms, so that a mass failure among 10,000
/// endpoints costs a few rebuilds and not one per ejection.
const SMALL_GROUP: usize = 256;
const REBUILD_INTERVAL_US: u64 = 10_000;

impl Group {
    pub(super) fn refresh(&mut self, now_us: u64) {
        let version = self.shared.outlier.version();
        if !self.stale && version == self.version {
            return;
        }
        let wait = self.order.len() > SMALL_GROUP && now_us < self.built_us.saturating_add(REBUILD_INTERVAL_US);
        if wait && !self.levels.is_empty() {
            return;
        }
        (self.version, self.built_us, self.stale) = (version, now_us, false);
        self.collect_out();
        self.build_levels();
    }

    pub(super) fn endpoint_in(&self, slot: u32) -> Option<&Endpoint> {
        self.locals[slot as usize].endpoint.as_deref()
    }

    /// Healthy as far as the registry knows, and not out.
    pub(super) fn usable(&self, slot: u32) -> bool {
        self.endpoint_in(slot).is_some_and(|e| e.healthy() && !self.is_out(e))
    }

    /// With detection switched off nobody is.
    fn is_out(&self, endpoint: &Endpoint) -> bool {
        !self.shared.outlier.policy.disabled && endpoint.outlier.state() != State::Passing
    }

    /// Only what the registry calls healthy is probed with somebody's request.
    fn collect_out(&mut self) {
        let out = |slot: &u32| self.endpoint_in(*slot).is_some_and(|e| e.healthy() && self.is_out(e));
        self.out = self.order.iter().copied().filter(out).collect();
        self.next_probe_us = self.earliest_probe();
    }

    pub(super) fn earliest_probe(&self) -> u64 {
        let due = |&slot: &u32| self.endpoint_in(slot)?.outlier.probe_due_us();
        self.out.iter().filter_map(due).min().unwrap_or(u64::MAX)
    }

    fn build_levels(&mut self) {
        let (lists, panic) = self.candidates();
        self.panic = panic;
        self.levels = lists.into_iter().map(|(slots, up_to)| self.level(slots, up_to)).collect();
    }

    /// Slots by priority with the percent of the load up to and including each; and whether it is a panic.
    pub(super) fn candidates(&self) -> (Vec<(Vec<u32>, u64)>, bool) {
        let member = |slot: &u32| self.endpoint_in(*slot).is_some_and(|e| !e.draining());
        let priority = |slot: u32| self.endpoint_in(slot).map(|e| e.priority);
        let members: Vec<u32> = self.order.iter().copied().filter(member).collect();
        let by_priority: Vec<&[u32]> = members.chunk_by(|a, b| priority(*a) == priority(*b)).collect();
        let usable = |slots: &&[u32]| slots.iter().copied().filter(|&s| self.usable(s)).collect();
        let healthy: Vec<Vec<u32>> = by_priority.iter().map(usable).collect();
        let sizes = healthy.iter().zip(&by_priority).map(|(h, all)| (h.len() as u64, all.len() as u64));
        let sizes: Vec<(u64, u64)> = sizes.collect();
        let (shares, enough) = shares(&sizes);
        let panic = self.is_panic(&sizes, enough);
        (if panic { vec![(members, 100)] } else { cumulated(healthy, &shares) }, panic)
    }

    /// R1: below the threshold, balance over all. Where a lower priority can carry everything, it does.
    fn is_panic(&self, sizes: &[(u64, u64)], enough: bool) -> bool {
        let (healthy, all) = sizes.iter().fold((0, 0), |(h, a), (healthy, all)| (h + healthy, a + all));
        let threshold = u64::from(self.shared.outlier.policy.panic_threshold);
        all > 0 && healthy * 100 < all * threshold && !(enough && sizes.len() > 1)
    }

    fn level(&self, mut slots: Vec<u32>, up_to: u64) -> Level {
        slots.truncate(self.aperture.of(self.shared.backend.balancer, slots.len()));
        Level::new(slots, |slot| self.endpoint_in(slot).map_or(1, |e| e.weight), up_to)
    }
}

fn cumulated(healthy: Vec<Vec<u32>>, shares: &[u64]) -> Vec<(Vec<u32>, u64)> {
    let mut up_to = 0;
    let running = healthy.into_iter().zip(shares).map(|(slots, share)| {
        up_to += share;
        (slots, up_to)
    });
    running.filter(|(slots, _)| !slots.is_empty()).collect()
}
