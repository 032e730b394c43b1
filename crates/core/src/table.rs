//! The pipeline as declarations: which tables there are, what each may look at and do, and where it may go next.
//!
//! The compiler (Python) gets these through `weft._core.tables()` and asserts that it emits nothing else; placement
//! reasons with the layers; the reference docs are generated from them. A field or action that not every build has names
//! the capability that a rule using it must list in `requires`.
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    Outbound,
    Inbound,
}

/// What a proxy must see to decide by a field: the key that placement reasons with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    L3,
    L4,
    Identity,
    L7,
    Claims,
}

/// Steering acts at the caller's proxy, protecting at the callee's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Steer,
    Protect,
}

#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub layer: Layer,
    /// Empty: as old as the table.
    pub capability: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct Action {
    pub name: &'static str,
    pub capability: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub pipeline: Pipeline,
    pub purpose: Purpose,
    /// One sentence.
    pub about: &'static str,
    pub fields: &'static [Field],
    pub actions: &'static [Action],
    pub next: &'static [&'static str],
}

const fn field(name: &'static str, layer: Layer, capability: &'static str) -> Field {
    Field { name, layer, capability }
}

const fn action(name: &'static str, capability: &'static str) -> Action {
    Action { name, capability }
}

use Layer::*;

pub const TABLES: &[Table] = &[
    Table {
        name: "resolve",
        pipeline: Pipeline::Outbound,
        purpose: Purpose::Steer,
        about: "From the address or name that the client used to a frontend",
        fields: &[field("original destination", L4, ""), field("host", L7, "")],
        actions: &[action("frontend", ""), action("passthrough", ""), action("refuse", "mesh.refuse-unknown")],
        next: &["route"],
    },
    Table {
        name: "route",
        pipeline: Pipeline::Outbound,
        purpose: Purpose::Steer,
        about: "What happens to a request; the first entry of the list that matches decides",
        fields: &[
            field("path exact", L7, "route.path.exact"),
            field("path prefix", L7, "route.path.prefix"),
            field("path regex", L7, "route.path.regex"),
            field("method", L7, "route.method"),
            field("header exact", L7, "route.header.exact"),
            field("header regex", L7, "route.header.regex"),
            field("header present", L7, "route.header.present"),
            field("header prefix", L7, "route.header.prefix"),
            field("header suffix", L7, "route.header.suffix"),
            field("header invert", L7, "route.header.invert"),
            field("query exact", L7, "route.query.exact"),
            field("query regex", L7, "route.query.regex"),
            field("query present", L7, "route.query.present"),
            field("query prefix", L7, "route.query.prefix"),
            field("query suffix", L7, "route.query.suffix"),
            field("query invert", L7, "route.query.invert"),
        ],
        actions: &[
            action("request headers", "route.request-headers"),
            action("response headers", "route.response-headers"),
            action("rewrite host", "route.rewrite.host"),
            action("rewrite path", "route.rewrite.path"),
            action("timeouts", "route.timeouts"),
            action("retry", "route.retry"),
            action("redirect", "route.redirect"),
            action("fixed", "route.fixed"),
            action("split", "route.split"),
            action("split headers", "route.split.headers"),
            action("sticky by cookie", "route.split.sticky.cookie"),
            action("sticky by header", "route.split.sticky.header"),
        ],
        next: &["balance"],
    },
    Table {
        name: "balance",
        pipeline: Pipeline::Outbound,
        purpose: Purpose::Steer,
        about: "Which endpoint of the backend gets the request",
        fields: &[field("backend", L4, "")],
        actions: &[
            action("peak ewma", "balance.peak-ewma"),
            action("least request", "balance.least-request"),
            action("round robin", "balance.round-robin"),
            action("random", "balance.random"),
            action("weight", "balance.weight"),
            action("priority", "balance.priority"),
            action("outlier", "balance.outlier"),
            action("retry budget", "balance.retry-budget"),
        ],
        next: &["connect"],
    },
    Table {
        name: "connect",
        pipeline: Pipeline::Outbound,
        purpose: Purpose::Steer,
        about: "How to talk to the endpoint",
        fields: &[field("endpoint", L4, "")],
        actions: &[
            action("plaintext", "connect.plaintext"),
            action("mtls", "connect.mtls"),
            action("connect timeout", "connect.timeout"),
            action("idle timeout", "connect.idle-timeout"),
        ],
        next: &[],
    },
    Table {
        name: "accept",
        pipeline: Pipeline::Inbound,
        purpose: Purpose::Protect,
        about: "Which protocol and TLS mode a port has",
        fields: &[field("local port", L4, "")],
        actions: &[
            action("permissive", "accept.tls.permissive"),
            action("strict", "accept.tls.strict"),
            action("off", "accept.tls.off"),
        ],
        next: &["authenticate"],
    },
    Table {
        name: "authenticate",
        pipeline: Pipeline::Inbound,
        purpose: Purpose::Protect,
        about: "Who the caller is proved to be",
        fields: &[field("peer certificate", Identity, "")],
        actions: &[action("principal", ""), action("refuse", "")],
        next: &["authorise"],
    },
    Table {
        name: "authorise",
        pipeline: Pipeline::Inbound,
        purpose: Purpose::Protect,
        about: "Who may call: deny before allow before the default, audit rules beside them",
        fields: &[
            field("principal", Identity, "access.principal"),
            field("principal prefix", Identity, "access.principal.prefix"),
            field("namespace", Identity, "access.namespace"),
            field("service", Identity, "access.service"),
            field("ip block", L3, "access.ip-block"),
            field("not source", Identity, "access.not-source"),
            field("port", L4, "access.port"),
            field("host", L7, "access.host"),
            field("method", L7, "access.method"),
            field("path exact", L7, "access.path.exact"),
            field("path prefix", L7, "access.path.prefix"),
            field("path suffix", L7, "access.path.suffix"),
            field("path template", L7, "access.path.template"),
            field("header", L7, "access.header"),
            field("not operation", L7, "access.not-operation"),
        ],
        actions: &[action("deny", "access.deny"), action("allow", "access.allow"), action("audit", "access.audit")],
        next: &["deliver"],
    },
    Table {
        name: "deliver",
        pipeline: Pipeline::Inbound,
        purpose: Purpose::Protect,
        about: "To the app, while it is healthy",
        fields: &[],
        actions: &[
            action("timeouts", "deliver.timeouts"),
            action("health http", "health.http"),
            action("health tcp", "health.tcp"),
            action("health grpc", "health.grpc"),
        ],
        next: &[],
    },
];

/// Everything that a rule may list in `requires`, in the tables' order.
pub fn capabilities() -> impl Iterator<Item = &'static str> {
    let of = |table: &'static Table| {
        let fields = table.fields.iter().map(|f| f.capability);
        fields.chain(table.actions.iter().map(|a| a.capability))
    };
    TABLES.iter().flat_map(of).filter(|name| !name.is_empty())
}

/// As JSON, for the compiler and the docs. All strings are ASCII without quotes (a test says so), so Rust's are JSON's.
pub fn to_json() -> String {
    let tables: Vec<String> = TABLES.iter().map(table_json).collect();
    format!("[{}]", tables.join(","))
}

fn table_json(table: &Table) -> String {
    let fields = table.fields.iter().map(|f| {
        let layer = format!("{:?}", f.layer).to_ascii_lowercase();
        format!(r#"{{"name":{:?},"layer":{layer:?},"capability":{:?}}}"#, f.name, f.capability)
    });
    let actions = table.actions.iter().map(|a| format!(r#"{{"name":{:?},"capability":{:?}}}"#, a.name, a.capability));
    let mut out = String::new();
    let (pipeline, purpose) = (format!("{:?}", table.pipeline), format!("{:?}", table.purpose));
    let _ = write!(
        out,
        r#"{{"name":{:?},"pipeline":{:?},"purpose":{:?},"about":{:?},"fields":[{}],"actions":[{}],"next":{:?}}}"#,
        table.name,
        pipeline.to_ascii_lowercase(),
        purpose.to_ascii_lowercase(),
        table.about,
        fields.collect::<Vec<_>>().join(","),
        actions.collect::<Vec<_>>().join(","),
        table.next,
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_next_table_is_a_later_one_of_the_same_pipeline() {
        for (at, table) in TABLES.iter().enumerate() {
            for next in table.next {
                let found = TABLES[at + 1..].iter().find(|t| t.name == *next).unwrap();
                assert_eq!(found.pipeline, table.pipeline, "{} -> {next}", table.name);
            }
        }
    }

    #[test]
    fn outbound_steers_and_inbound_protects() {
        for table in TABLES {
            assert_eq!(table.pipeline == Pipeline::Outbound, table.purpose == Purpose::Steer, "{}", table.name);
        }
    }

    #[test]
    fn capabilities_are_unique() {
        let all: Vec<_> = capabilities().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn json_is_plain() {
        let json = to_json();
        assert!(json.is_ascii() && !json.contains('\\'));
        assert_eq!(json.matches("\"pipeline\"").count(), TABLES.len());
    }
}
