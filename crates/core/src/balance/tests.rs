use super::*;
use crate::{Rng, backend::Backend, outlier::State};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const MS: u64 = 1_000;
const S: u64 = 1_000 * MS;
const T: u64 = 1_000 * S;

fn backend(kind: v1::balancer::Kind) -> Backend {
    let balancer = Some(v1::Balancer { kind: Some(kind) });
    Backend::compile(&v1::Backend { name: "default/web:80".into(), port: 80, balancer, ..Default::default() }).unwrap()
}

fn ewma() -> v1::balancer::Kind {
    v1::balancer::Kind::PeakEwma(v1::PeakEwma::default())
}

fn endpoint(n: usize) -> v1::Endpoint {
    v1::Endpoint {
        address: format!("2001:db8::{n:x}"),
        port: 8080,
        workload: format!("default/web-{n}"),
        health: v1::Health::Healthy as i32,
        ..Default::default()
    }
}

fn endpoints(list: Vec<v1::Endpoint>) -> v1::Endpoints {
    v1::Endpoints { name: "default/web:80".into(), endpoints: list }
}

fn group_of(kind: v1::balancer::Kind, list: Vec<v1::Endpoint>) -> Group {
    let mut group = Group::new(Arc::new(Shared::new(backend(kind))), "default/client-0");
    group.apply(&endpoints(list)).unwrap();
    group
}

fn group(n: usize) -> Group {
    group_of(ewma(), (0..n).map(endpoint).collect())
}

fn name(group: &Group, ix: EndpointIx) -> String {
    group.endpoint(ix).unwrap().workload.to_string()
}

/// Where `n` requests go when each ends at once after `rtt_us`.
fn spread(group: &mut Group, n: usize, rtt_us: impl Fn(&str) -> u64) -> HashMap<String, usize> {
    let mut rng = Rng::new(7);
    let mut counts = HashMap::new();
    for i in 0..n as u64 {
        let now = T + i * MS;
        let ix = group.pick(now, &mut rng, &[]).unwrap().endpoint;
        let name = name(group, ix);
        group.on_start(ix, now);
        group.on_end(ix, rtt_us(&name), Outcome::Success, now + rtt_us(&name), &mut rng);
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn fail(group: &mut Group, ix: EndpointIx, times: usize, now: u64) -> Vec<Change> {
    let mut rng = Rng::new(9);
    (0..times)
        .filter_map(|_| {
            group.on_start(ix, now);
            group.on_end(ix, MS, Outcome::Failure, now, &mut rng)
        })
        .collect()
}

#[test]
fn no_endpoint_is_none() {
    let draining = v1::Endpoint { health: v1::Health::Draining as i32, ..endpoint(0) };
    for mut group in [group(0), group_of(ewma(), vec![draining])] {
        assert_eq!(group.pick(T, &mut Rng::new(1), &[]), None);
    }
}

#[test]
fn the_faster_endpoint_gets_more() {
    let counts = spread(&mut group(2), 1_000, |name| if name.ends_with("-0") { MS } else { 100 * MS });
    assert!(counts["default/web-0"] > 900, "{counts:?}");
    // And the slow one is tried again as its estimate fades.
    assert!(counts["default/web-1"] > 0, "{counts:?}");
}

#[test]
fn equal_endpoints_get_equal_shares() {
    let counts = spread(&mut group(4), 8_000, |_| 5 * MS);
    assert!(counts.values().all(|n| (1_700..2_300).contains(n)), "{counts:?}");
}

#[test]
fn round_robin_takes_turns_and_random_does_not() {
    let list = || (0..4).map(endpoint).collect();
    let counts = spread(&mut group_of(v1::balancer::Kind::RoundRobin(true), list()), 400, |_| MS);
    assert!(counts.values().all(|&n| n == 100), "{counts:?}");
    let counts = spread(&mut group_of(v1::balancer::Kind::Random(true), list()), 400, |_| MS);
    assert!(counts.values().all(|n| (60..140).contains(n)), "{counts:?}");
}

#[test]
fn least_request_goes_where_less_is_in_flight() {
    let mut group = group_of(v1::balancer::Kind::LeastRequest(true), (0..8).map(endpoint).collect());
    let mut rng = Rng::new(1);
    let mut pending: HashMap<String, usize> = HashMap::new();
    for _ in 0..800 {
        let ix = group.pick(T, &mut rng, &[]).unwrap().endpoint;
        group.on_start(ix, T);
        *pending.entry(name(&group, ix)).or_default() += 1;
    }
    assert!(pending.values().all(|n| (97..=103).contains(n)), "{pending:?}");
}

#[test]
fn weights_are_respected() {
    for kind in [v1::balancer::Kind::RoundRobin(true), v1::balancer::Kind::Random(true)] {
        let heavy = v1::Endpoint { weight: 3, ..endpoint(0) };
        let counts = spread(&mut group_of(kind, vec![heavy, endpoint(1)]), 4_000, |_| MS);
        assert!((2_850..3_150).contains(&counts["default/web-0"]), "{kind:?} {counts:?}");
    }
}

#[test]
fn draining_and_unhealthy_endpoints_are_not_picked() {
    let with = |n, health: v1::Health| v1::Endpoint { health: health as i32, ..endpoint(n) };
    let list = vec![endpoint(0), endpoint(1), with(2, v1::Health::Draining), with(3, v1::Health::Unhealthy)];
    let counts = spread(&mut group_of(ewma(), list), 200, |_| MS);
    assert_eq!(counts.keys().collect::<HashSet<_>>().len(), 2, "{counts:?}");
}

#[test]
fn below_half_healthy_all_are_used_and_it_says_so() {
    for (healthy, all, panic) in [(2, 4, false), (1, 4, true), (0, 4, true), (1, 1, false), (1, 2, false)] {
        let health = |n| if n < healthy { v1::Health::Healthy } else { v1::Health::Unhealthy };
        let list = (0..all).map(|n| v1::Endpoint { health: health(n) as i32, ..endpoint(n) }).collect();
        let mut group = group_of(ewma(), list);
        let mut rng = Rng::new(3);
        let picks: Vec<Pick> = (0..200).map(|_| group.pick(T, &mut rng, &[]).unwrap()).collect();
        assert!(picks.iter().all(|p| p.panic == panic), "{healthy}/{all}");
        let used: HashSet<u32> = picks.iter().map(|p| p.endpoint.slot).collect();
        assert_eq!(used.len(), if panic { all } else { healthy }, "{healthy}/{all}");
    }
}

#[test]
fn a_lower_priority_takes_what_the_higher_cannot_carry() {
    // 10 near ones of which half are healthy: 70 % near, 30 % far.
    let near = (0..10).map(|n| {
        let health = if n < 5 { v1::Health::Healthy } else { v1::Health::Unhealthy };
        v1::Endpoint { health: health as i32, ..endpoint(n) }
    });
    let far = (10..20).map(|n| v1::Endpoint { priority: 1, ..endpoint(n) });
    let counts = spread(&mut group_of(v1::balancer::Kind::Random(true), near.chain(far).collect()), 10_000, |_| MS);
    let far: usize = (10..20).map(|n| counts[&format!("default/web-{n}")]).sum();
    assert!((2_800..3_200).contains(&far), "{far}");
}

#[test]
fn when_the_near_ones_are_gone_the_far_ones_are_no_panic() {
    let near = (0..8).map(|n| v1::Endpoint { health: v1::Health::Unhealthy as i32, ..endpoint(n) });
    let far = (8..10).map(|n| v1::Endpoint { priority: 1, ..endpoint(n) });
    let mut group = group_of(ewma(), near.chain(far).collect());
    let mut rng = Rng::new(1);
    for _ in 0..100 {
        let pick = group.pick(T, &mut rng, &[]).unwrap();
        assert!(!pick.panic && pick.endpoint.slot >= 8);
    }
}

#[test]
fn a_proxy_uses_twelve_of_a_thousand_and_always_the_same() {
    let names = |client: &str| -> HashSet<String> {
        let mut group = Group::new(Arc::new(Shared::new(backend(ewma()))), client);
        group.apply(&endpoints((0..1_000).map(endpoint).collect())).unwrap();
        spread(&mut group, 500, |_| MS).into_keys().collect()
    };
    assert_eq!(names("default/a").len(), 12);
    assert_eq!(names("default/a"), names("default/a"));
    assert_ne!(names("default/a"), names("default/b"));
    let covered: HashSet<String> = (0..1_000).flat_map(|n| names(&format!("default/c-{n}"))).collect();
    assert_eq!(covered.len(), 1_000);
}

#[test]
fn one_endpoint_less_moves_one_endpoint_of_the_aperture() {
    let mut group = group(100);
    let before: HashSet<String> = spread(&mut group, 500, |_| MS).into_keys().collect();
    let gone = before.iter().next().unwrap();
    let rest = (0..100).map(endpoint).filter(|e| e.workload != *gone).collect();
    group.apply(&endpoints(rest)).unwrap();
    let after: HashSet<String> = spread(&mut group, 500, |_| MS).into_keys().collect();
    assert_eq!(before.intersection(&after).count(), 11);
}

#[test]
fn what_was_learned_of_those_that_stay_is_kept() {
    let mut group = group(2);
    let mut rng = Rng::new(1);
    let slow = group.set().iter().map(|(ix, _)| ix).next().unwrap();
    group.on_start(slow, T);
    group.on_end(slow, 900 * MS, Outcome::Success, T, &mut rng);
    group.on_start(slow, T);
    group.apply(&endpoints(vec![endpoint(0), endpoint(1), endpoint(2)])).unwrap();
    assert_eq!(group.pending(slow), 1);
    assert!((0..50).all(|_| group.pick(T, &mut rng, &[]).unwrap().endpoint != slow));
}

#[test]
fn what_ends_on_an_endpoint_that_left_changes_nothing() {
    let mut group = group(2);
    let mut rng = Rng::new(1);
    let old = group.set().iter().map(|(ix, _)| ix).next().unwrap();
    group.on_start(old, T);
    group.apply(&endpoints(vec![endpoint(1)])).unwrap();
    assert!(group.endpoint(old).is_none());
    group.apply(&endpoints(vec![endpoint(1), endpoint(9)])).unwrap();
    assert_eq!(group.on_end(old, MS, Outcome::Failure, T, &mut rng), None);
    assert_eq!(group.in_flight, 0);
    let new = group.set().iter().find(|(_, e)| &*e.workload == "default/web-9").unwrap().0;
    assert_eq!((new.slot, group.pending(new)), (old.slot, 0));
    assert_ne!(new, old);
}

#[test]
fn an_endpoint_that_fails_is_left_alone_and_comes_back_by_one_probe() {
    let mut group = group_of(v1::balancer::Kind::Random(true), (0..3).map(endpoint).collect());
    let mut rng = Rng::new(1);
    let bad = group.pick(T, &mut rng, &[]).unwrap().endpoint;
    let changes = fail(&mut group, bad, 5, T);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to, State::Rejecting);
    let picks = |group: &mut Group, rng: &mut Rng, at| -> Vec<Pick> {
        (0..100).map(|_| group.pick(at, rng, &[]).unwrap()).filter(|p| p.endpoint == bad).collect()
    };
    assert!(picks(&mut group, &mut rng, T + 4 * S).is_empty());
    let probes = picks(&mut group, &mut rng, T + 7 * S);
    assert!(matches!(probes.as_slice(), [Pick { probe: true, panic: false, .. }]), "{probes:?}");
    // What was in flight before the ejection does not count as the probe.
    assert_eq!(group.on_end(bad, MS, Outcome::Success, T + 7 * S, &mut rng), None);
    assert!(picks(&mut group, &mut rng, T + 7 * S).is_empty());
    group.on_start(probes[0].endpoint, T + 7 * S);
    let back = group.on_end(probes[0].endpoint, MS, Outcome::Success, T + 7 * S, &mut rng).unwrap();
    assert_eq!(back.to, State::Passing);
    assert!(picks(&mut group, &mut rng, T + 7 * S).len() > 5);
}

#[test]
fn a_probe_is_not_sent_where_the_request_has_just_failed() {
    let mut group = group(3);
    let mut rng = Rng::new(1);
    let bad = group.pick(T, &mut rng, &[]).unwrap().endpoint;
    fail(&mut group, bad, 5, T);
    assert_ne!(group.pick(T + 7 * S, &mut rng, &[bad]).unwrap().endpoint, bad);
    assert!(group.pick(T + 7 * S, &mut rng, &[]).unwrap().probe);
}

#[test]
fn a_single_endpoint_is_never_ejected() {
    let mut group = group(1);
    let only = group.pick(T, &mut Rng::new(1), &[]).unwrap().endpoint;
    assert!(fail(&mut group, only, 100, T).is_empty());
    assert_eq!(group.pick(T, &mut Rng::new(1), &[only]).unwrap().endpoint, only);
}

#[test]
fn a_group_that_shrinks_gets_its_endpoint_back() {
    let mut group = group(2);
    let bad = group.pick(T, &mut Rng::new(1), &[]).unwrap().endpoint;
    let kept = (0..2).map(endpoint).find(|e| e.workload == name(&group, bad)).unwrap();
    fail(&mut group, bad, 5, T);
    let changes = group.apply(&endpoints(vec![kept])).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to, State::Passing);
    let pick = group.pick(T, &mut Rng::new(1), &[]).unwrap();
    assert!(pick.endpoint == bad && !pick.panic && !pick.probe);
}

#[test]
fn loops_share_ejections_and_not_load() {
    let shared = Arc::new(Shared::new(backend(ewma())));
    let list = endpoints((0..3).map(endpoint).collect());
    let set = Arc::new(EndpointSet::next(&EndpointSet::default(), &list, &shared).unwrap().0);
    let mut loops = [0, 1].map(|_| Group::new(shared.clone(), "default/client-0"));
    loops.iter_mut().for_each(|l| l.adopt(set.clone()));
    let mut rng = Rng::new(1);
    let bad = loops[0].pick(T, &mut rng, &[]).unwrap().endpoint;
    fail(&mut loops[0], bad, 3, T);
    assert_eq!(fail(&mut loops[1], bad, 2, T).len(), 1);
    assert!(loops.iter_mut().all(|l| (0..50).all(|_| l.pick(T, &mut rng, &[]).unwrap().endpoint != bad)));
    let good = loops[0].pick(T, &mut rng, &[]).unwrap().endpoint;
    loops[0].on_start(good, T);
    assert_eq!((loops[0].pending(good), loops[1].pending(good)), (1, 0));
}

#[test]
fn detection_switched_off_brings_everybody_back() {
    let mut group = group_of(v1::balancer::Kind::Random(true), (0..2).map(endpoint).collect());
    let bad = group.pick(T, &mut Rng::new(1), &[]).unwrap().endpoint;
    fail(&mut group, bad, 5, T);
    let mut off = group.shared().backend.clone();
    off.outlier.disabled = true;
    group.reconfigure(Arc::new(group.shared().with_backend(off)));
    let mut rng = Rng::new(1);
    assert!((0..50).any(|_| group.pick(T, &mut rng, &[]).unwrap().endpoint == bad));
}

#[test]
fn endpoints_that_cannot_be_read_are_refused_and_the_last_good_ones_stay() {
    let mut group = group(2);
    for bad in [
        v1::Endpoint { address: "web.example".into(), ..endpoint(0) },
        v1::Endpoint { port: 0, ..endpoint(0) },
        v1::Endpoint { identity: "somebody".into(), ..endpoint(0) },
    ] {
        let refused = group.apply(&endpoints(vec![endpoint(5), bad])).unwrap_err();
        assert!(refused.reason.starts_with("Endpoints default/web:80: "), "{refused}");
        assert_eq!(group.set().len(), 2);
    }
    let unknown = v1::Endpoint { health: 77, ..endpoint(0) };
    group.apply(&endpoints(vec![unknown, endpoint(1), endpoint(1)])).unwrap();
    assert_eq!(group.set().len(), 2);
    let health = group.set().iter().find(|(_, e)| &*e.workload == "default/web-0").unwrap().1.health;
    assert_eq!(health, v1::Health::Unhealthy);
}

fn any_kind() -> impl Strategy<Value = v1::balancer::Kind> {
    use v1::balancer::Kind;
    prop::sample::select(vec![ewma(), Kind::RoundRobin(true), Kind::Random(true), Kind::LeastRequest(true)])
}

fn any_endpoints() -> impl Strategy<Value = Vec<v1::Endpoint>> {
    prop::collection::vec((0usize..40, 1i32..4, 0u32..4, 0u32..3), 0..30).prop_map(|list| {
        let make = |(n, health, weight, priority)| v1::Endpoint { health, weight, priority, ..endpoint(n) };
        list.into_iter().map(make).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_an_excluded_one_unless_all_are(
        kind in any_kind(), list in any_endpoints(), seed: u64, fails in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut group = group_of(kind, list);
        let mut rng = Rng::new(seed);
        let all: Vec<EndpointIx> = group.set().iter().map(|(ix, _)| ix).collect();
        prop_assume!(!all.is_empty());
        fails.iter().for_each(|n| { fail(&mut group, *n.get(&all), 5, T); });
        let mut exclude = Vec::new();
        // Each pick is excluded from the next: what was not picked at least once is not usable.
        while let Some(pick) = group.pick(T, &mut rng, &exclude) {
            if exclude.contains(&pick.endpoint) {
                break;
            }
            let endpoint = group.endpoint(pick.endpoint).unwrap();
            prop_assert!(!endpoint.draining());
            // One that is out only for a retry, when no other is left.
            let passing_left = all.iter().filter(|ix| !exclude.contains(ix)).any(|ix| {
                let other = group.endpoint(*ix).unwrap();
                other.healthy() && other.outlier.state() == State::Passing
            });
            let passes = endpoint.healthy() && endpoint.outlier.state() == State::Passing;
            let last_resort = !exclude.is_empty() && !passing_left && endpoint.healthy();
            prop_assert!(pick.panic || passes || last_resort);
            exclude.push(pick.endpoint);
        }
        let usable = all.iter().filter(|ix| {
            let endpoint = group.endpoint(**ix).unwrap();
            endpoint.healthy() && endpoint.outlier.state() == State::Passing
        });
        for ix in usable {
            prop_assert!(exclude.contains(ix), "{:?} of {:?}", ix, exclude);
        }
    }

    #[test]
    fn no_more_than_half_is_ever_out(
        steps in prop::collection::vec((0usize..40, 0u8..10, 0u64..3_000), 1..400), sizes in prop::collection::vec(0usize..40, 1..8), seed: u64,
    ) {
        let mut group = group(0);
        let mut rng = Rng::new(seed);
        let mut now = T;
        for (i, (n, outcome, ms)) in steps.iter().enumerate() {
            if i % 50 == 0 {
                let size = sizes[i / 50 % sizes.len()];
                group.apply(&endpoints((0..size).map(endpoint).collect())).unwrap();
            }
            now += ms * MS;
            let pick = group.pick(now, &mut rng, &[]).map(|p| p.endpoint);
            let any = group.set().iter().map(|(ix, _)| ix).nth(*n);
            let outcome = [Outcome::Failure, Outcome::Success, Outcome::Neutral][usize::from(*outcome).saturating_sub(7)];
            for ix in [pick, any].into_iter().flatten() {
                for _ in 0..3 {
                    group.on_start(ix, now);
                    group.on_end(ix, MS, outcome, now, &mut rng);
                }
            }
            let out = group.set().iter().filter(|(_, e)| e.outlier.state() != State::Passing).count();
            prop_assert!(out <= group.set().len() / 2, "{out} of {}", group.set().len());
            prop_assert_eq!(out as u32, group.shared().outlier.ejected());
        }
    }
}
