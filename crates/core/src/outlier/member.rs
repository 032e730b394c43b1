//! One endpoint's share of the state: what it did lately, and whether it is out.
use super::{Change, Outcome, Policy, State, Why};
use crate::ring::{Ring, SLOTS};
use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
};

pub(super) const PASSING: u8 = 0;
pub(super) const REJECTING: u8 = 1;
pub(super) const PROBING: u8 = 2;
/// Not in the group any more: what still ends there changes nothing.
pub(super) const GONE: u8 = 3;

/// One endpoint's share.
pub struct Member {
    name: Arc<str>,
    pub(super) status: AtomicU8,
    /// Rejecting: when a probe is due. Probing: when the probe is thought lost.
    pub(super) until_us: AtomicU64,
    /// Passing: since when. Otherwise: since when it is out.
    pub(super) since_us: AtomicU64,
    /// How often in a row it was ejected before; 0 again after it has passed for long enough.
    pub(super) times: AtomicU32,
    in_a_row: AtomicU32,
    last_failure_us: AtomicU64,
    successes: Ring,
    failures: Ring,
}

impl Member {
    pub fn new(name: Arc<str>) -> Member {
        Member {
            name,
            status: AtomicU8::new(PASSING),
            until_us: AtomicU64::new(0),
            since_us: AtomicU64::new(0),
            times: AtomicU32::new(0),
            in_a_row: AtomicU32::new(0),
            last_failure_us: AtomicU64::new(0),
            successes: Ring::default(),
            failures: Ring::default(),
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub fn state(&self) -> State {
        match self.status.load(Relaxed) {
            REJECTING => State::Rejecting,
            PROBING => State::Probing,
            _ => State::Passing,
        }
    }

    /// When the next probe may be sent; None while it passes.
    pub fn probe_due_us(&self) -> Option<u64> {
        (self.state() != State::Passing).then(|| self.until_us.load(Relaxed))
    }

    pub(super) fn swap(&self, from: u8, to: u8) -> bool {
        self.status.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
    }

    pub(super) fn forget(&self) {
        self.in_a_row.store(0, Relaxed);
        self.successes.clear();
        self.failures.clear();
    }

    pub(super) fn count(&self, policy: &Policy, outcome: Outcome, now_us: u64) {
        if outcome == Outcome::Success {
            self.in_a_row.store(0, Relaxed);
            self.successes.add(policy.slot(now_us));
        } else {
            self.in_a_row.fetch_add(1, Relaxed);
            self.last_failure_us.store(now_us.max(1), Relaxed);
            self.failures.add(policy.slot(now_us));
        }
    }

    /// Why it should be out, if it should.
    pub(super) fn verdict(&self, policy: &Policy, now_us: u64) -> Option<Why> {
        let last_failure = self.last_failure_us.load(Relaxed);
        if last_failure == 0 || now_us.saturating_sub(last_failure) > policy.window_us {
            return None;
        }
        let failures = self.in_a_row.load(Relaxed);
        if failures >= policy.consecutive_failures {
            return Some(Why::Consecutive { failures });
        }
        let slot = policy.slot(now_us);
        let (good, bad) = (self.successes.sum(slot, SLOTS), self.failures.sum(slot, SLOTS));
        let requests = good + bad;
        let low = requests >= u64::from(policy.min_requests) && good * 100 < u64::from(policy.success_rate) * requests;
        low.then(|| Why::SuccessRate { percent: (good * 100 / requests) as u32, requests: requests as u32 })
    }

    pub(super) fn change(&self, to: State, why: Why, for_us: u64) -> Change {
        Change { endpoint: self.name.clone(), to, why, for_ms: for_us / 1_000 }
    }
}
