//! A controller of a few lines against the state machine; time is a number.

use super::time::{DOOMED_MS, LOOSE_MS, WAIT_MS};
use super::*;

const F: &str = "d/web:80@d";
const B: &str = "d/web:80";

fn delivery(declared: &[&str]) -> Delivery {
    let declared: Vec<String> = declared.iter().map(|s| s.to_string()).collect();
    Delivery::new(v1::Node { id: "d/w".into(), ..Default::default() }, vec!["d/w".into()], &declared)
}

/// Routes everything to these backends.
fn frontend(backends: &[&str]) -> v1::Frontend {
    let weighted = |b: &&str| v1::WeightedBackend { backend: b.to_string(), weight: 1, ..Default::default() };
    let split = v1::Split { backends: backends.iter().map(weighted).collect(), ..Default::default() };
    let action = v1::RouteAction {
        rule_id: "HTTPRoute/d/r/0".into(),
        target: Some(v1::route_action::Target::Split(split)),
        ..Default::default()
    };
    let path = Some(v1::route_match::Path::PathPrefix("/".into()));
    let entry = v1::RouteEntry {
        rule_id: "HTTPRoute/d/r/0".into(),
        r#match: Some(v1::RouteMatch { path, ..Default::default() }),
        action: 0,
        requires: vec![],
    };
    v1::Frontend {
        name: "d/web:80@*".into(),
        port: 80,
        has_routes: true,
        routes: vec![entry],
        actions: vec![action],
        ..Default::default()
    }
}

fn backend(name: &str) -> v1::Backend {
    v1::Backend { name: name.into(), service: "d/web".into(), port: 80, ..Default::default() }
}

fn endpoints(name: &str) -> v1::Endpoints {
    v1::Endpoints { name: name.into(), endpoints: vec![] }
}

fn response(kind: Kind, resources: Vec<v1::Resource>, removed: &[&str]) -> v1::DeltaDiscoveryResponse {
    v1::DeltaDiscoveryResponse {
        type_url: kind.url().into(),
        nonce: "n1".into(),
        resources,
        removed_resources: removed.iter().map(|s| s.to_string()).collect(),
        ..Default::default()
    }
}

fn send_frontend(d: &mut Delivery, version: &str, backends: &[&str], now: u64) -> Handled {
    d.handle(response(Kind::Frontend, vec![Kind::Frontend.resource(F, version, &frontend(backends))], &[]), now)
}

/// Endpoints, then the Backend, as the controller sends them.
fn send_backend(d: &mut Delivery, name: &str, now: u64) {
    d.handle(response(Kind::Endpoints, vec![Kind::Endpoints.resource(name, "1", &endpoints(name))], &[]), now);
    d.handle(response(Kind::Backend, vec![Kind::Backend.resource(name, "1", &backend(name))], &[]), now);
}

fn in_force(d: &Delivery) -> Option<&str> {
    d.config.sources.frontends.get(F).map(|s| &*s.version)
}

#[test]
fn a_new_stream_asks_for_what_is_declared_and_says_who_asks() {
    let requests = delivery(&[F]).open();
    let names = |r: &v1::DeltaDiscoveryRequest| (Kind::of(&r.type_url).unwrap(), r.resource_names_subscribe.clone());
    let asked: Vec<_> = requests.iter().map(names).collect();
    let one = |name: &str| vec![name.to_owned()];
    assert_eq!(asked, [(Kind::Mesh, one("mesh")), (Kind::Inbound, one("d/w")), (Kind::Frontend, one(F))]);
    assert_eq!(requests[0].node.as_ref().unwrap().id, "d/w");
    assert!(requests[1].node.is_none());
}

#[test]
fn a_frontend_comes_into_force_when_all_that_it_names_is_there() {
    let mut d = delivery(&[F]);
    assert!(!send_frontend(&mut d, "1", &[B], 0).changed);
    assert_eq!(in_force(&d), None);
    d.handle(response(Kind::Backend, vec![Kind::Backend.resource(B, "1", &backend(B))], &[]), 1);
    assert_eq!(in_force(&d), None);
    let last = d.handle(response(Kind::Endpoints, vec![Kind::Endpoints.resource(B, "1", &endpoints(B))], &[]), 2);
    assert!(last.changed && last.reply.error_detail.is_none());
    assert_eq!(last.reply.response_nonce, "n1");
    assert_eq!(in_force(&d), Some("1"));
}

#[test]
fn absent_is_an_answer_too() {
    let mut d = delivery(&[F]);
    send_frontend(&mut d, "1", &[B], 0);
    d.handle(response(Kind::Backend, vec![], &[B]), 1);
    assert_eq!(in_force(&d), None);
    d.handle(response(Kind::Endpoints, vec![], &[B]), 1);
    assert_eq!(in_force(&d), Some("1"));
}

#[test]
fn the_old_frontend_serves_until_the_new_one_can() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    send_frontend(&mut d, "2", &["d/new:80"], 1);
    assert_eq!(in_force(&d), Some("1"));
    send_backend(&mut d, "d/new:80", 2);
    assert_eq!(in_force(&d), Some("2"));
}

#[test]
fn a_removed_backend_stays_while_the_frontend_in_force_names_it() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    d.handle(response(Kind::Endpoints, vec![], &[B]), 10);
    d.handle(response(Kind::Backend, vec![], &[B]), 10);
    assert!(d.config.backends.contains_key(B) && d.config.endpoints.contains_key(B));
    send_frontend(&mut d, "2", &[], 20);
    d.tick(30);
    assert!(!d.config.backends.contains_key(B) && !d.config.endpoints.contains_key(B));
}

#[test]
fn a_removed_backend_goes_in_the_end_whoever_names_it() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    d.handle(response(Kind::Endpoints, vec![], &[B]), 10);
    assert!(!d.tick(10 + DOOMED_MS - 1).1);
    assert!(d.tick(10 + DOOMED_MS).1);
    assert!(!d.config.endpoints.contains_key(B));
}

#[test]
fn what_is_missing_is_asked_for_by_name_until_it_comes() {
    let mut d = delivery(&[F]);
    send_frontend(&mut d, "1", &[B], 0);
    assert!(d.tick(WAIT_MS - 1).0.is_empty());
    for round in 1..3 {
        let (requests, _) = d.tick(round * WAIT_MS);
        let asked: Vec<_> = requests.iter().map(|r| (&*r.type_url, r.resource_names_subscribe.clone())).collect();
        let names = vec![B.to_owned()];
        assert_eq!(asked, [(Kind::Endpoints.url(), names.clone()), (Kind::Backend.url(), names)]);
    }
    send_backend(&mut d, B, 2000);
    assert!(d.tick(3000).0.is_empty());
}

#[test]
fn a_bad_resource_is_refused_by_name_and_the_rest_is_taken() {
    let mut d = delivery(&[F, "d/bad:80@d"]);
    send_backend(&mut d, B, 0);
    let mut bad = frontend(&[B]);
    bad.routes[0].requires = vec!["route.telepathy".into()];
    let junk = v1::Resource {
        name: "junk".into(),
        version: "7".into(),
        resource: Some(Any { type_url: Kind::Frontend.url().into(), value: vec![0xff] }),
    };
    d.subscriptions.declare("junk");
    let good = Kind::Frontend.resource(F, "1", &frontend(&[B]));
    let resources = vec![Kind::Frontend.resource("d/bad:80@d", "5", &bad), junk, good];
    let handled = d.handle(response(Kind::Frontend, resources, &[]), 0);
    assert_eq!(in_force(&d), Some("1"));
    let status = handled.reply.error_detail.unwrap();
    assert_eq!(status.message, "refused d/bad:80@d, junk");
    let rejected: Vec<_> =
        status.details.iter().map(|any| v1::Rejected::decode(any.value.as_slice()).unwrap()).collect();
    assert_eq!((rejected[0].name.as_str(), rejected[0].version.as_str()), ("d/bad:80@d", "5"));
    assert_eq!(rejected[0].missing, ["route.telepathy"]);
    assert!(rejected[1].reason.starts_with("it cannot be decoded"), "{}", rejected[1].reason);
}

#[test]
fn a_refused_version_leaves_the_last_good_one_in_force_and_held() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    let mut bad = frontend(&[B]);
    bad.routes[0].requires = vec!["x".into()];
    let handled = d.handle(response(Kind::Frontend, vec![Kind::Frontend.resource(F, "2", &bad)], &[]), 1);
    assert!(!handled.changed);
    assert_eq!(in_force(&d), Some("1"));
    let requests = d.open();
    let versions = |kind: Kind| {
        let found = requests.iter().find(|r| r.type_url == kind.url());
        found.map(|r| r.initial_resource_versions.clone()).unwrap_or_default()
    };
    assert_eq!(versions(Kind::Frontend).get(F).map(String::as_str), Some("1"));
    assert_eq!(versions(Kind::Backend).get(B).map(String::as_str), Some("1"));
    assert_eq!(versions(Kind::Endpoints).len(), 1);
}

#[test]
fn held_backends_are_told_and_not_subscribed() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    for request in d.open() {
        if [Kind::Backend.url(), Kind::Endpoints.url()].contains(&&*request.type_url) {
            assert!(request.resource_names_subscribe.is_empty() && request.initial_resource_versions.len() == 1);
        }
    }
}

#[test]
fn an_absent_frontend_is_known_as_absent_and_said_so_on_the_next_stream() {
    let mut d = delivery(&[]);
    let (request, _) = d.want(F, 5);
    assert_eq!(request.unwrap().resource_names_subscribe, [F]);
    assert_eq!(d.want(F, 6).0, None);
    assert!(d.handle(response(Kind::Frontend, vec![], &[F]), 7).changed);
    assert!(d.config.absent.contains(F));
    let last = d.open().pop().unwrap();
    assert_eq!(last.initial_resource_versions.get(F).map(String::as_str), Some(""));
    send_frontend(&mut d, "1", &[], 8);
    assert!(!d.config.absent.contains(F) && in_force(&d) == Some("1"));
}

#[test]
fn what_was_not_asked_for_is_not_taken() {
    let mut d = delivery(&[]);
    assert!(!send_frontend(&mut d, "1", &[], 0).changed);
    let inbound = v1::Inbound { name: "d/other".into(), ..Default::default() };
    let handled = d.handle(response(Kind::Inbound, vec![Kind::Inbound.resource("d/other", "1", &inbound)], &[]), 0);
    assert!(!handled.changed && d.config.inbounds.is_empty());
    let mut response = response(Kind::Mesh, vec![], &[]);
    response.type_url = "type.googleapis.com/other".into();
    let status = d.handle(response, 0).reply.error_detail.unwrap();
    assert!(status.message.contains("knows no resources of type"), "{}", status.message);
}

#[test]
fn an_inbound_is_never_taken_back() {
    let mut d = delivery(&[]);
    let inbound = v1::Inbound { name: "d/w".into(), ..Default::default() };
    d.handle(response(Kind::Inbound, vec![Kind::Inbound.resource("d/w", "1", &inbound)], &[]), 0);
    assert!(!d.handle(response(Kind::Inbound, vec![], &["d/w"]), 1).changed);
    assert!(d.config.inbounds.contains_key("d/w"));
}

#[test]
fn backends_that_nobody_names_leave_after_a_minute() {
    let mut d = delivery(&[F]);
    send_backend(&mut d, B, 0);
    send_backend(&mut d, "d/loose:80", 0);
    send_frontend(&mut d, "1", &[B], 0);
    assert!(d.tick(1).0.is_empty());
    let (requests, changed) = d.tick(1 + LOOSE_MS);
    let dropped: Vec<_> = requests.iter().map(|r| r.resource_names_unsubscribe.clone()).collect();
    assert!(changed);
    assert_eq!(dropped, [["d/loose:80"], ["d/loose:80"]]);
    assert!(d.config.backends.contains_key(B) && !d.config.backends.contains_key("d/loose:80"));
    assert!(!d.open().iter().any(|r| r.initial_resource_versions.contains_key("d/loose:80")));
}

#[test]
fn an_idle_frontend_leaves_with_its_backends() {
    let mut d = delivery(&[]);
    d.want(F, 0);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    let idle = crate::control::subscriptions::IDLE_MS;
    d.subscriptions.used(&[], 0);
    let (requests, changed) = d.tick(idle + 1);
    assert!(changed && in_force(&d).is_none() && !d.config.absent.contains(F));
    assert_eq!(requests[0].resource_names_unsubscribe, [F]);
    d.tick(idle + 2 + LOOSE_MS);
    assert!(d.config.backends.is_empty());
}

#[test]
fn the_mesh_is_asked_anew_and_the_same_again_changes_nothing() {
    let mut d = delivery(&[F]);
    let mesh = || response(Kind::Mesh, vec![Kind::Mesh.resource("mesh", "1", &v1::Mesh::default())], &[]);
    assert!(d.handle(mesh(), 0).changed);
    let asked = d.open().remove(0);
    assert_eq!(
        (asked.resource_names_subscribe.as_slice(), asked.initial_resource_versions.len()),
        (&["mesh".into()][..], 0)
    );
    assert!(!d.handle(mesh(), 1).changed);
    send_backend(&mut d, B, 2);
    send_frontend(&mut d, "1", &[B], 3);
    assert!(!send_frontend(&mut d, "1", &[B], 4).changed);
    assert_eq!(in_force(&d), Some("1"));
}

#[test]
fn what_is_saved_is_taken_up_again_in_any_order() {
    let mut d = delivery(&[]);
    d.want(F, 0);
    d.handle(response(Kind::Mesh, vec![Kind::Mesh.resource("mesh", "1", &v1::Mesh::default())], &[]), 0);
    send_backend(&mut d, B, 0);
    send_frontend(&mut d, "1", &[B], 0);
    let mut saved = Delivery::saved(&d.config);
    saved.reverse();
    let mut next = delivery(&[]);
    assert_eq!(next.restore(saved, 9), []);
    assert_eq!(in_force(&next), Some("1"));
    assert_eq!(next.subscriptions.names(), [F]);
    assert_eq!(Delivery::saved(&next.config).len(), 4);
}
