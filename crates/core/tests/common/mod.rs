//! Resources of many rules, as a mesh would have them; shared by `allocations.rs` and `examples/cost.rs`.
use std::sync::Arc;
use weft_core::{
    Request,
    access::Inbound,
    backend::{Backend, Shared},
    balance::Group,
    frontend::Frontend,
    spiffe::SpiffeId,
};
use weft_proto::v1::{self, field_match::Value, route_action::Target, route_match::Path};

pub const HEADERS: &[(&[u8], &[u8]); 8] = &[
    (b"host", b"web.default.mesh"),
    (b"user-agent", b"curl/8.5.0"),
    (b"accept", b"*/*"),
    (b"x-request-id", b"4bf92f3577b34da6a3ce929d0e0e4736"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    (b"x-tenant", b"tenant-77"),
    (b"cookie", b"session=0123456789abcdef"),
    (b"content-type", b"application/json"),
];

pub fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
    Request { method: method.as_bytes(), path: path.as_bytes(), query: b"page=2&v=1", host: b"web", fields: HEADERS }
}

pub enum Shape {
    /// Every entry its own prefix, as most route tables have it.
    Prefixes,
    /// Prefix, method and a header, as the richest have it.
    Rich,
    /// One path, told apart by a header: a tenant each.
    Tenants,
    Regexes,
}

fn entry(shape: &Shape, n: usize) -> v1::RouteMatch {
    let prefix = Some(Path::PathPrefix(format!("/api/v1/service-{n}")));
    let header = |name: &str, value: Value| v1::FieldMatch { name: name.into(), value: Some(value), invert: false };
    match shape {
        Shape::Prefixes => v1::RouteMatch { path: prefix, ..Default::default() },
        Shape::Rich => v1::RouteMatch {
            path: prefix,
            method: "GET".into(),
            headers: vec![header("x-tenant", Value::Prefix("tenant-".into()))],
            query: vec![header("v", Value::Exact("1".into()))],
        },
        Shape::Tenants => v1::RouteMatch {
            path: Some(Path::PathPrefix("/api".into())),
            headers: vec![header("x-tenant", Value::Exact(format!("tenant-{n}")))],
            ..Default::default()
        },
        Shape::Regexes => {
            v1::RouteMatch { path: Some(Path::PathRegex(format!("/api/v[0-9]+/service-{n}/.*"))), ..Default::default() }
        }
    }
}

pub fn frontend(shape: &Shape, rules: usize) -> Frontend {
    let route = |n: usize| v1::RouteEntry {
        rule_id: format!("HTTPRoute/default/web/{n}"),
        r#match: Some(entry(shape, n)),
        action: (n % 4) as u32,
        requires: vec![],
    };
    let action = |n: usize| {
        let backend = v1::WeightedBackend { backend: format!("default/b{n}:80"), weight: 1, ..Default::default() };
        v1::RouteAction {
            target: Some(Target::Split(v1::Split { backends: vec![backend], ..Default::default() })),
            ..Default::default()
        }
    };
    Frontend::compile(&v1::Frontend {
        name: "default/web:80@*".into(),
        port: 80,
        has_routes: true,
        routes: (0..rules).map(route).collect(),
        actions: (0..4).map(action).collect(),
        ..Default::default()
    })
    .unwrap()
}

pub fn endpoints(n: usize) -> v1::Endpoints {
    let endpoint = |i: usize| v1::Endpoint {
        address: format!("2001:db8::{i:x}"),
        port: 8080,
        workload: format!("default/web-{i}"),
        identity: "spiffe://mesh/ns/default/sa/web".into(),
        ..Default::default()
    };
    v1::Endpoints { name: "default/web:80".into(), endpoints: (0..n).map(endpoint).collect() }
}

pub fn group(kind: v1::balancer::Kind, n: usize) -> Group {
    let balancer = Some(v1::Balancer { kind: Some(kind) });
    let backend = v1::Backend { name: "default/web:80".into(), port: 80, balancer, ..Default::default() };
    let mut group = Group::new(Arc::new(Shared::new(Backend::compile(&backend).unwrap())), "default/client-0");
    group.apply(&endpoints(n)).unwrap();
    group
}

/// ALLOW rules, one per caller and path.
pub fn inbound(rules: usize) -> Inbound {
    let rule = |n: usize| v1::AccessRule {
        rule_id: format!("AccessPolicy/default/web/{n}"),
        action: v1::AccessAction::Allow as i32,
        sources: vec![v1::Source { services: vec![format!("default/client-{n}")], ..Default::default() }],
        operations: vec![v1::Operation {
            methods: vec!["GET".into()],
            paths: vec![v1::PathMatch { path: Some(v1::path_match::Path::Prefix("/api".into())) }],
            ..Default::default()
        }],
        ..Default::default()
    };
    Inbound::compile(&v1::Inbound {
        name: "default/web-0".into(),
        ports: vec![v1::InboundPort { port: 80, access: (0..rules).map(rule).collect(), ..Default::default() }],
        ..Default::default()
    })
    .unwrap()
}

pub fn client(n: usize) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://mesh/ns/default/sa/client-{n}")).unwrap()
}
