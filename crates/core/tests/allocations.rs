//! A decision allocates nothing. One test only: the counter is the process's.
mod common;

use common::{HEADERS, Shape, client, frontend, group, inbound, request};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, hint::black_box};
use weft_core::{
    Rng,
    access::Subject,
    budget::{Budget, Policy},
    frontend::{Route, Target},
    outlier::Outcome,
    retry::{self, Failure, Tried},
    sticky::Sticky,
};
use weft_proto::v1;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocations(what: &str, mut decision: impl FnMut(u64)) {
    // The first rounds may fill caches: the regex engine's, candidate lists, the vectors of an aperture that widens.
    (0..2_000).for_each(&mut decision);
    let region = Region::new(ALLOCATOR);
    (2_000..3_000).for_each(&mut decision);
    assert_eq!(region.change().allocations, 0, "{what}");
}

#[test]
fn decisions_do_not_allocate() {
    assert_eq!(HEADERS.len(), 8);
    let mut rng = Rng::new(1);
    for shape in [Shape::Prefixes, Shape::Rich, Shape::Tenants, Shape::Regexes] {
        let table = frontend(&shape, 100);
        allocations("route and split", |_| {
            let Route::Forward(matched) = table.route(&request("GET", "/api/v1/service-77/x")) else { panic!() };
            let Target::Split(split) = &matched.action.target else { panic!() };
            black_box(split.pick(None, &mut rng).is_ok());
        });
    }
    let cookie = v1::StickyCookie { name: "session".into(), ttl_ms: 0 };
    let sticky = Sticky::compile(&v1::Sticky { by: Some(v1::sticky::By::Cookie(cookie)) }).unwrap();
    allocations("caller of a sticky split", |_| assert!(sticky.caller(HEADERS, &mut rng).point().is_some()));
    for n in [2, 100, 10_000] {
        let mut group = group(v1::balancer::Kind::PeakEwma(v1::PeakEwma::default()), n);
        allocations("pick, start, end", |i| {
            let ix = group.pick(i * 1_000, &mut rng, &[]).unwrap().endpoint;
            group.on_start(ix, i * 1_000);
            black_box(group.on_end(ix, 900, Outcome::Success, i * 1_000 + 900, &mut rng));
        });
    }
    let (inbound, id) = (inbound(100), client(50));
    let source_ip = "192.0.2.1".parse().unwrap();
    let subject = Subject { principal: Some(&id), trust_domain: "mesh", source_ip, port: 80 };
    let port = inbound.port(80).unwrap();
    allocations("authorise", |_| {
        assert!(port.authorise(&subject, Some(&request("GET", "/api/v1/x"))).allow());
    });
    let (policy, budget) = (retry::Policy::default(), Budget::new(Policy::DEFAULT));
    allocations("retry and budget", |i| {
        let tried = Tried {
            attempt: 1,
            method: b"GET",
            failure: Failure::ConnectFailed,
            body_replayable: true,
            retry_after_ms: None,
        };
        budget.deposit(i * 1_000);
        black_box((retry::decide(&policy, &tried, &mut rng), budget.try_withdraw(i * 1_000)));
    });
}
