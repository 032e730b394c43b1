//! Outlier detection (R1): an endpoint that fails is left alone for a while, and comes back by one probe.
//!
//! ```text
//!            5 failures in a row, or success rate < 80 % over 10 s with 5 requests or more
//!          ┌───────────────────────────────────────────────────────────────────────┐
//! Passing ─┘                                                                       └► Rejecting ◄─┐
//!    ▲                                                                       time is up │         │ probe failed
//!    └──────────────────────────── probe succeeded ─────────────────────── Probing ◄────┘ ────────┘
//! ```
//! Both conditions are Finagle's hybrid (and Linkerd's since 2.20): the first sees a dead endpoint at once, the second a
//! sick one that answers now and then. The policy means the process, so this state is shared by its loops as atomics.
mod member;
mod policy;
#[cfg(test)]
mod tests;

use crate::Rng;
use member::{GONE, PASSING, PROBING, REJECTING};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

pub use member::Member;
pub use policy::Policy;

/// A probe that has not ended by then is thought lost, and another request may probe.
const PROBE_LEASE_US: u64 = 30_000_000;

/// How a request to an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// 5xx, connect failure, timeout, reset.
    Failure,
    /// Says nothing about the endpoint: the caller hung up, or weft refused.
    Neutral,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Passing,
    Rejecting,
    Probing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Consecutive {
        failures: u32,
    },
    SuccessRate {
        percent: u32,
        requests: u32,
    },
    ProbeFailed,
    ProbeSucceeded,
    /// The group shrank, and no more than its share may be out.
    GroupShrank,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::Consecutive { failures } => write!(f, "{failures} failures in a row"),
            Why::SuccessRate { percent, requests } => write!(f, "{percent} % of {requests} requests succeeded"),
            Why::ProbeFailed => f.write_str("its probe failed"),
            Why::ProbeSucceeded => f.write_str("its probe succeeded"),
            Why::GroupShrank => f.write_str("the group shrank, and no more than its share may be out"),
        }
    }
}

/// An event, to log and to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// "<workload> <address>:<port>"
    pub endpoint: Arc<str>,
    pub to: State,
    pub why: Why,
    /// How long it stays out at least; 0 when it is back.
    pub for_ms: u64,
}

/// The group's share of the state.
#[derive(Clone)]
pub struct Ejections {
    pub policy: Policy,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    members: AtomicU32,
    ejected: AtomicU32,
    /// Grows with every change, so that loops see that there was one.
    version: AtomicU32,
}

impl Ejections {
    pub fn new(policy: Policy) -> Ejections {
        Ejections { policy, counts: Arc::default() }
    }

    /// Another policy for the same endpoints.
    pub fn with_policy(&self, policy: Policy) -> Ejections {
        Ejections { policy, counts: self.counts.clone() }
    }

    pub fn version(&self) -> u32 {
        self.counts.version.load(Relaxed)
    }

    pub fn ejected(&self) -> u32 {
        self.counts.ejected.load(Relaxed)
    }

    pub fn members(&self) -> u32 {
        self.counts.members.load(Relaxed)
    }

    /// A request that was no probe ended.
    pub fn record(&self, member: &Member, outcome: Outcome, now_us: u64, rng: &mut Rng) -> Option<Change> {
        if self.policy.disabled || outcome == Outcome::Neutral || member.status.load(Relaxed) != PASSING {
            return None;
        }
        member.count(&self.policy, outcome, now_us);
        let why = member.verdict(&self.policy, now_us)?;
        self.eject(member, why, now_us, rng)
    }

    /// May this request be the probe? If so it must end in `record_probe`.
    pub fn try_probe(&self, member: &Member, now_us: u64) -> bool {
        let due = member.until_us.load(Relaxed);
        if now_us < due || member.state() == State::Passing {
            return false;
        }
        // Whoever moves the time has the probe, be it the first or one after a lost one.
        let lease = now_us.saturating_add(PROBE_LEASE_US);
        let mine = member.until_us.compare_exchange(due, lease, Relaxed, Relaxed).is_ok();
        if mine && member.swap(REJECTING, PROBING) {
            self.changed();
        }
        mine
    }

    pub fn record_probe(&self, member: &Member, outcome: Outcome, now_us: u64, rng: &mut Rng) -> Option<Change> {
        match outcome {
            Outcome::Success => {
                self.readmit(member, now_us).then(|| member.change(State::Passing, Why::ProbeSucceeded, 0))
            }
            Outcome::Failure => {
                let times = member.times.fetch_add(1, Relaxed).saturating_add(1);
                let for_us = self.policy.ejection_us(times, rng);
                self.reject_again(member, now_us, for_us)
                    .then(|| member.change(State::Rejecting, Why::ProbeFailed, for_us))
            }
            // It has said nothing, so the next request may ask.
            Outcome::Neutral => {
                self.reject_again(member, now_us, 0);
                None
            }
        }
    }

    fn eject(&self, member: &Member, why: Why, now_us: u64, rng: &mut Rng) -> Option<Change> {
        if !self.reserve() {
            return None;
        }
        let again = self.soon_again(member, now_us);
        let times = if again { member.times.load(Relaxed).saturating_add(1) } else { 0 };
        let for_us = self.policy.ejection_us(times, rng);
        member.until_us.store(now_us.saturating_add(for_us), Relaxed);
        if !member.swap(PASSING, REJECTING) {
            // Another loop was first, or it left.
            self.counts.ejected.fetch_sub(1, Relaxed);
            return None;
        }
        member.times.store(times, Relaxed);
        member.since_us.store(now_us, Relaxed);
        member.forget();
        self.changed();
        Some(member.change(State::Rejecting, why, for_us))
    }

    /// Ejected again before it has passed for as long as it was out (or for a window): a flapping endpoint goes on where
    /// it left off.
    fn soon_again(&self, member: &Member, now_us: u64) -> bool {
        let readmitted = member.since_us.load(Relaxed);
        let was_out = self.policy.base_us.saturating_mul(1 << member.times.load(Relaxed).min(32));
        let passed = now_us.saturating_sub(readmitted);
        readmitted > 0 && passed <= was_out.min(self.policy.max_us).max(self.policy.window_us)
    }

    /// Takes one of the places of those that may be out.
    fn reserve(&self) -> bool {
        let limit = self.policy.may_be_out(self.members());
        let next = |out: u32| (out < limit).then_some(out + 1);
        self.counts.ejected.fetch_update(Relaxed, Relaxed, next).is_ok()
    }

    fn readmit(&self, member: &Member, now_us: u64) -> bool {
        if !member.swap(PROBING, PASSING) && !member.swap(REJECTING, PASSING) {
            return false;
        }
        member.forget();
        member.since_us.store(now_us.max(1), Relaxed);
        self.counts.ejected.fetch_sub(1, Relaxed);
        self.changed();
        true
    }

    fn reject_again(&self, member: &Member, now_us: u64, for_us: u64) -> bool {
        member.until_us.store(now_us.saturating_add(for_us), Relaxed);
        let changed = member.swap(PROBING, REJECTING);
        if changed {
            self.changed();
        }
        changed
    }

    /// The endpoint has left the group.
    pub(crate) fn leave(&self, member: &Member) {
        if matches!(member.status.swap(GONE, Relaxed), REJECTING | PROBING) {
            self.counts.ejected.fetch_sub(1, Relaxed);
        }
        self.changed();
    }

    /// The group has so many members now; brings back whoever is out beyond the share, the one that is due first, first.
    pub(crate) fn resize<'a>(&self, size: u32, members: impl Iterator<Item = &'a Arc<Member>>) -> Vec<Change> {
        self.counts.members.store(size, Relaxed);
        self.changed();
        let limit = self.policy.may_be_out(size);
        if self.ejected() <= limit {
            return Vec::new();
        }
        let mut out: Vec<_> = members.filter(|m| m.state() != State::Passing).collect();
        out.sort_by_key(|m| m.until_us.load(Relaxed));
        let mut changes = Vec::new();
        for member in out {
            let since = member.since_us.load(Relaxed);
            if self.ejected() > limit && self.readmit(member, since) {
                changes.push(member.change(State::Passing, Why::GroupShrank, 0));
            }
        }
        changes
    }

    fn changed(&self) {
        self.counts.version.fetch_add(1, Relaxed);
    }
}
