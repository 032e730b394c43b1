//! What is counted: requests by edge, decisions by rule.

use std::sync::Arc;

use super::failures::retry_on;
use super::kit::{App, Plan, Proxy, ok, status};
use crate::config::Config;
use crate::metrics::Series;
use crate::shared::Command;
use weft_proto::v1;
use weft_proto::v1::route_match::Path;

/// (requests, failures, retries, retries_saved) of all edges.
fn counted(proxy: &Proxy) -> [u64; 4] {
    let all = proxy.shared.metrics.all_series();
    let sum = |read: fn(&Series) -> u64| all.iter().map(|series| read(series)).sum();
    [sum(|s| s.requests.get()), sum(|s| s.failures.get()), sum(|s| s.retries.get()), sum(|s| s.retries_saved.get())]
}

#[test]
fn a_request_is_saved_once_however_many_tries_it_took_and_only_if_it_succeeds() {
    // How often the app fails before it succeeds, then what was counted.
    for (fails, expected) in [(0, [1, 0, 0, 0]), (1, [1, 0, 1, 1]), (2, [1, 0, 2, 1]), (3, [1, 1, 2, 0])] {
        let app = App::start(move |_, n| Some(if n < fails { status(503) } else { ok("x") }));
        let proxy = Plan::new("a").calls("b", &[(app.address, None)]).retry(retry_on(&["5xx"])).start();
        proxy.client().get("/");
        assert_eq!(counted(&proxy), expected, "{fails} failures");
    }
}

fn entry(rule: &str, path: &str) -> v1::RouteEntry {
    let r#match = Some(v1::RouteMatch { path: Some(Path::PathPrefix(path.into())), ..v1::RouteMatch::default() });
    v1::RouteEntry { rule_id: rule.into(), r#match, ..v1::RouteEntry::default() }
}

/// Sends all requests to the one backend, by the entries.
fn routed(plan: Plan, routes: Vec<v1::RouteEntry>) -> Plan {
    plan.frontend(|f| {
        let to = v1::WeightedBackend { backend: f.default_backend.clone(), weight: 1, ..Default::default() };
        let target = v1::route_action::Target::Split(v1::Split { backends: vec![to], sticky: None });
        (f.has_routes, f.routes) = (true, routes);
        f.actions = vec![v1::RouteAction { target: Some(target), ..v1::RouteAction::default() }];
    })
}

/// By rule id; rules that never decided are absent.
fn hits(proxy: &Proxy) -> Vec<(String, u64)> {
    let mut all: Vec<_> = proxy.shared.metrics.all_rules().iter().map(|r| (r.rule.to_string(), r.hits.get())).collect();
    all.sort();
    all
}

fn expected(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(rule, hits)| ((*rule).to_owned(), *hits)).collect()
}

#[test]
fn every_request_counts_for_the_route_rule_that_decided_it() {
    let app = App::says("x");
    // Two matches of one rule, one that nobody hits, and what no rule matches.
    let routes = vec![entry("R/0", "/a"), entry("R/0", "/b"), entry("R/1", "/c"), entry("R/2", "/d")];
    let plan = routed(Plan::new("a").calls("b", &[(app.address, None)]), routes);
    let mut later = plan.clone();
    let proxy = plan.start();
    let mut client = proxy.client();
    for path in ["/a", "/b", "/a/1", "/c", "/nothing"] {
        client.get(path);
    }
    assert_eq!(hits(&proxy), expected(&[("R/0", 3), ("R/1", 1)]));
    // Counts go on when other rules are put in their place.
    later.program.launch = None;
    later.program.frontends[0].routes.remove(0);
    proxy.handle.send(Command::Config(Arc::new(Config::from_program(later.program).unwrap())));
    super::storm::eventually("the other rules are in force", || proxy.client().get("/a").status == 404);
    let before = hits(&proxy)[0].1;
    client.get("/b");
    client.get("/d");
    assert_eq!(hits(&proxy), expected(&[("R/0", before + 1), ("R/1", 1), ("R/2", 1)]));
}

#[test]
fn a_retried_request_hits_its_rule_once_and_a_default_is_no_rule() {
    let app = App::start(|_, n| Some(if n % 2 == 0 { status(503) } else { ok("x") }));
    let plan = routed(Plan::new("a").calls("b", &[(app.address, None)]), vec![entry("R/0", "/")]);
    let proxy = plan.frontend(|f| f.actions[0].retry = Some(retry_on(&["5xx"]))).start();
    assert_eq!(proxy.client().get("/").status, 200);
    assert_eq!(hits(&proxy), expected(&[("R/0", 1)]));
    let without = Plan::new("a").calls("b", &[(app.address, None)]).start();
    without.client().get("/");
    assert_eq!(hits(&without), []);
}

#[test]
fn an_opaque_connection_counts_for_its_route_rule() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|mut s| drop(s.write_all(b"hello"))));
    let any = v1::RouteEntry { r#match: Some(v1::RouteMatch::default()), ..entry("TCPRoute/0", "/") };
    let plan = routed(Plan::new("a").calls("b", &[(address, None)]), vec![any]);
    let proxy = plan.frontend(|f| f.protocol = v1::AppProtocol::Tcp as i32).start();
    for _ in 0..2 {
        let mut word = String::new();
        proxy.client().writer.read_to_string(&mut word).unwrap();
        assert_eq!(word, "hello");
    }
    assert_eq!(hits(&proxy), expected(&[("TCPRoute/0", 2)]));
}
