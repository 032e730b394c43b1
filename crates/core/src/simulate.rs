//! What would happen: a group of endpoints with given behaviour under a steady stream of requests, in virtual time.
//!
//! It drives the same `Group` as the proxy does, so that a policy can be tried before it is applied.
use crate::{
    Refused, Rng,
    backend::{Backend, Shared},
    balance::{Group, Pick},
    outlier::{Change, Outcome},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
};
use weft_proto::v1;

/// How an endpoint answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    pub latency_us: u64,
    pub failure_percent: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub requests: u64,
    /// From one request to the next.
    pub every_us: u64,
    pub seed: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests by workload.
    pub picks: BTreeMap<String, u64>,
    pub failures: u64,
    /// Picks made in a panic, and picks for which there was no endpoint.
    pub panics: u64,
    pub none: u64,
    /// When (microseconds from the beginning) and what.
    pub changes: Vec<(u64, Change)>,
}

/// The beginning, so that the first requests have a past.
const BEGIN_US: u64 = 1_000_000_000;

pub fn run(
    backend: &v1::Backend,
    endpoints: &v1::Endpoints,
    behaviour: &BTreeMap<String, Behaviour>,
    load: Load,
) -> Result<Report, Refused> {
    let mut group = Group::new(Arc::new(Shared::new(Backend::compile(backend)?)), "simulated");
    group.apply(endpoints)?;
    let mut run = Run { group, rng: Rng::new(load.seed), open: BinaryHeap::new(), report: Report::default() };
    for n in 0..load.requests {
        let now = BEGIN_US.saturating_add(n.saturating_mul(load.every_us));
        run.finish_until(now);
        run.begin(now, behaviour);
    }
    run.finish_until(u64::MAX);
    Ok(run.report)
}

struct Run {
    group: Group,
    rng: Rng,
    /// By their end; equal ends come in an order that depends on nothing but what was pushed.
    open: BinaryHeap<Reverse<Open>>,
    report: Report,
}

struct Open {
    ends_us: u64,
    latency_us: u64,
    failed: bool,
    pick: Pick,
}

impl PartialEq for Open {
    fn eq(&self, other: &Open) -> bool {
        self.ends_us == other.ends_us
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Open) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Open) -> std::cmp::Ordering {
        self.ends_us.cmp(&other.ends_us)
    }
}

impl Run {
    fn begin(&mut self, now: u64, behaviour: &BTreeMap<String, Behaviour>) {
        let Some(pick) = self.group.pick(now, &mut self.rng, &[]) else {
            self.report.none += 1;
            return;
        };
        let workload = self.group.endpoint(pick.endpoint).map(|e| e.workload.to_string()).unwrap_or_default();
        let Behaviour { latency_us, failure_percent } = behaviour.get(&workload).copied().unwrap_or_default();
        let failed = self.rng.below(100) < u64::from(failure_percent);
        self.group.on_start(pick.endpoint, now);
        self.report.panics += u64::from(pick.panic);
        self.report.failures += u64::from(failed);
        *self.report.picks.entry(workload).or_default() += 1;
        self.open.push(Reverse(Open { ends_us: now.saturating_add(latency_us), latency_us, failed, pick }));
    }

    fn finish_until(&mut self, now: u64) {
        while self.open.peek().is_some_and(|Reverse(open)| open.ends_us <= now) {
            let Some(Reverse(open)) = self.open.pop() else { return };
            let outcome = if open.failed { Outcome::Failure } else { Outcome::Success };
            let (ix, ends) = (open.pick.endpoint, open.ends_us);
            let change = self.group.on_end(ix, open.latency_us, outcome, ends, &mut self.rng);
            self.report.changes.extend(change.map(|change| (ends - BEGIN_US, change)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlier::State;

    fn world(workloads: usize) -> (v1::Backend, v1::Endpoints) {
        let endpoint = |n: usize| v1::Endpoint {
            address: format!("2001:db8::{n:x}"),
            port: 80,
            workload: format!("w{n}"),
            ..Default::default()
        };
        let backend = v1::Backend { port: 80, ..Default::default() };
        (backend, v1::Endpoints { endpoints: (0..workloads).map(endpoint).collect(), ..Default::default() })
    }

    const LOAD: Load = Load { requests: 5_000, every_us: 2_000, seed: 1 };

    #[test]
    fn a_broken_endpoint_is_out_almost_at_once() {
        let (backend, endpoints) = world(3);
        let all = |n: usize| (format!("w{n}"), Behaviour { latency_us: 1_000, failure_percent: [100, 0, 0][n] });
        let report = run(&backend, &endpoints, &(0..3).map(all).collect(), LOAD).unwrap();
        // Five to eject it, one probe in the ten seconds of the run.
        assert_eq!(report.failures, 6, "{report:?}");
        assert_eq!(report.changes.iter().filter(|(_, c)| c.to == State::Rejecting).count(), 2);
        assert_eq!((report.panics, report.none), (0, 0));
    }

    #[test]
    fn the_same_seed_gives_the_same_report() {
        let (backend, endpoints) = world(20);
        let behaviour =
            (0..20).map(|n| (format!("w{n}"), Behaviour { latency_us: 500 * n, failure_percent: n as u32 })).collect();
        let once = run(&backend, &endpoints, &behaviour, LOAD).unwrap();
        let twice = run(&backend, &endpoints, &behaviour, LOAD).unwrap();
        assert_eq!((once.picks, once.changes), (twice.picks, twice.changes));
    }

    #[test]
    fn without_endpoints_nothing_is_picked() {
        let (backend, endpoints) = world(0);
        assert_eq!(run(&backend, &endpoints, &BTreeMap::new(), LOAD).unwrap().none, 5_000);
    }
}
