//! What decisions cost, in nanoseconds: `cargo run --release -p weft-core --example cost`.
//!
//! Each figure is the fastest of many runs over varied input: on a shared machine everything else is noise on top.
#![allow(clippy::disallowed_methods)] // It measures.
#[path = "../tests/common/mod.rs"]
mod common;

use common::{Shape, client, frontend, group, inbound, request};
use std::{hint::black_box, time::Instant};
use weft_core::{
    Rng,
    access::Subject,
    budget::{Budget, Policy},
    outlier::Outcome,
    path,
    retry::{self, Failure, Tried},
    timeouts::{Limits, Timeouts},
};
use weft_proto::v1::{self, balancer::Kind};

const RUNS: usize = 200;
const PER_RUN: usize = 1_000;

fn time(what: &str, mut decision: impl FnMut(usize)) {
    (0..PER_RUN).for_each(&mut decision);
    let fastest = (0..RUNS).map(|run| {
        let begun = Instant::now();
        (run * PER_RUN..(run + 1) * PER_RUN).for_each(&mut decision);
        begun.elapsed().as_nanos() as f64 / PER_RUN as f64
    });
    println!("{what:44}{:8.1} ns", fastest.fold(f64::INFINITY, f64::min));
}

fn main() {
    routes();
    picks();
    accesses();
    small_ones();
}

fn routes() {
    let mut rng = Rng::new(1);
    let kinds = [
        ("prefixes", Shape::Prefixes, &[10, 100, 1_000, 10_000][..]),
        ("prefix, method, header, query", Shape::Rich, &[10, 100, 1_000, 10_000]),
        ("tenants by header", Shape::Tenants, &[10, 100, 1_000, 10_000]),
        ("regexes", Shape::Regexes, &[10, 100]),
    ];
    for (name, shape, sizes) in kinds {
        for &rules in sizes {
            let table = frontend(&shape, rules);
            let random = |rng: &mut Rng| format!("/api/v1/service-{}/items/42", rng.below(rules as u64));
            let paths: Vec<String> = (0..1_024).map(|_| random(&mut rng)).collect();
            time(&format!("route, {rules} {name}"), |i| {
                black_box(table.route(&request("GET", &paths[i % paths.len()])));
            });
        }
    }
}

fn picks() {
    let mut rng = Rng::new(1);
    let kinds = [
        ("peak ewma", Kind::PeakEwma(v1::PeakEwma::default())),
        ("least request", Kind::LeastRequest(true)),
        ("round robin", Kind::RoundRobin(true)),
        ("random", Kind::Random(true)),
    ];
    for (name, kind) in kinds {
        for n in [2, 100, 10_000] {
            let mut group = group(kind, n);
            time(&format!("pick, start, end: {name} of {n}"), |i| {
                let now = i as u64 * 50;
                let ix = group.pick(now, &mut rng, &[]).unwrap().endpoint;
                group.on_start(ix, now);
                black_box(group.on_end(ix, 900, Outcome::Success, now + 900, &mut rng));
            });
        }
    }
}

fn accesses() {
    for rules in [10, 100, 1_000] {
        let inbound = inbound(rules);
        let callers: Vec<_> = (0..rules).map(client).collect();
        let port = inbound.port(80).unwrap();
        time(&format!("authorise, {rules} rules by caller and path"), |i| {
            let principal = Some(&callers[i * 7 % rules]);
            let source_ip = std::net::IpAddr::from([192, 0, 2, 1]);
            let subject = Subject { principal, trust_domain: "mesh", source_ip, port: 80 };
            black_box(port.authorise(&subject, Some(&request("GET", "/api/v1/items/42"))));
        });
    }
}

fn small_ones() {
    let mut rng = Rng::new(1);
    let (policy, budget) = (retry::Policy::default(), Budget::new(Policy::DEFAULT));
    let tried = Tried {
        attempt: 1,
        method: b"GET",
        failure: Failure::ConnectFailed,
        body_replayable: true,
        retry_after_ms: None,
    };
    time("retry decision", |_| {
        black_box(retry::decide(&policy, black_box(&tried), &mut rng));
    });
    time("budget: deposit", |i| budget.deposit(i as u64 * 50));
    time("budget: withdraw", |i| {
        black_box(budget.try_withdraw(i as u64 * 50));
    });
    time("ambiguous path (24 bytes)", |_| {
        black_box(path::ambiguous(black_box(b"/api/v1/service-77/items")));
    });
    time("limits", |i| {
        let timeouts = Timeouts { request_ms: 1_000, backend_request_ms: 300, stream_idle_ms: 0 };
        black_box(Limits::of(black_box(&timeouts), 100, Some(500_000)).first(i as u64, i as u64));
    });
}
