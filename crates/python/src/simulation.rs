//! What would happen, in virtual time.
use crate::refused;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use weft_core::{
    check::decode,
    outlier::State,
    simulate::{self, Behaviour, Load},
};
use weft_proto::v1;

#[derive(IntoPyObject)]
pub struct Simulated {
    picks: BTreeMap<String, u64>,
    failures: u64,
    panics: u64,
    none: u64,
    changes: Vec<Changed>,
}

#[derive(IntoPyObject)]
pub struct Changed {
    at_us: u64,
    endpoint: String,
    to: &'static str,
    why: String,
    for_ms: u64,
}

/// Where a steady stream of requests goes when endpoints answer as told: workload to (latency in µs, percent of failures).
#[pyfunction]
#[pyo3(signature = (backend, endpoints, behaviour, requests, *, every_us=1_000, seed=0))]
pub fn simulate_balance(
    py: Python<'_>,
    backend: &[u8],
    endpoints: &[u8],
    behaviour: BTreeMap<String, (u64, u32)>,
    requests: u64,
    every_us: u64,
    seed: u64,
) -> PyResult<Simulated> {
    let told = |(name, (latency_us, failure_percent))| (name, Behaviour { latency_us, failure_percent });
    let behaviour = behaviour.into_iter().map(told).collect();
    let run = || {
        let backend = decode::<v1::Backend>("Backend", backend)?;
        let endpoints = decode::<v1::Endpoints>("Endpoints", endpoints)?;
        simulate::run(&backend, &endpoints, &behaviour, Load { requests, every_us, seed })
    };
    let report = py.detach(run).map_err(|r| refused(py, r))?;
    let changes = report.changes.into_iter().map(|(at_us, change)| Changed {
        at_us,
        endpoint: change.endpoint.to_string(),
        to: named(change.to),
        why: format!("{:?}", change.why),
        for_ms: change.for_ms,
    });
    let (picks, failures, panics, none) = (report.picks, report.failures, report.panics, report.none);
    Ok(Simulated { picks, failures, panics, none, changes: changes.collect() })
}

fn named(state: State) -> &'static str {
    match state {
        State::Passing => "passing",
        State::Rejecting => "rejecting",
        State::Probing => "probing",
    }
}
