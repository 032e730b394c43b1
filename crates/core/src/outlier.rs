//! Outlier detection (R1).
use crate::Rng;
use std::sync::Arc;

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

/// An event, to log and to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// "<workload> <address>:<port>"
    pub endpoint: Arc<str>,
    pub to: State,
    pub why: Why,
    /// How long it stays out.
    pub for_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub disabled: bool,
    pub consecutive_failures: u32,
    pub success_rate: u32,
    pub window_us: u64,
    pub min_requests: u32,
    pub base_us: u64,
    pub max_us: u64,
    pub max_ejected: u32,
    pub panic_threshold: u32,
}

/// The group's share of the state: atomics, shared by all loops of the process.
pub struct Ejections {}

/// One endpoint's share.
pub struct Member {}

impl Ejections {
    pub fn new(_policy: Policy) -> Self {
        todo!()
    }
    pub fn record(&self, _member: &Member, _outcome: Outcome, _now_us: u64, _rng: &mut Rng) -> Option<Change> {
        todo!()
    }
}

impl Member {
    pub fn state(&self) -> State {
        todo!()
    }
}
