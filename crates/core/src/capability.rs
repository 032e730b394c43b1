//! What this build understands, as a closed list of names. A rule lists what it `requires`; a name that is not here
//! refuses the resource, because a condition that vanished would be a wider rule. The proxy sends the list when it
//! connects, so that the controller does not place what would be refused.
use crate::Refused;

/// Sorted. A name is never removed or given another meaning; what each is for stands in `table`.
pub const ALL: &[&str] = &[
    "accept.tls.off",
    "accept.tls.permissive",
    "accept.tls.strict",
    "access.allow",
    "access.audit",
    "access.deny",
    "access.header",
    "access.host",
    "access.ip-block",
    "access.method",
    "access.namespace",
    "access.not-operation",
    "access.not-source",
    "access.path.exact",
    "access.path.prefix",
    "access.path.suffix",
    "access.path.template",
    "access.port",
    "access.principal",
    "access.principal.prefix",
    "access.service",
    "balance.least-request",
    "balance.outlier",
    "balance.peak-ewma",
    "balance.priority",
    "balance.random",
    "balance.retry-budget",
    "balance.round-robin",
    "balance.weight",
    "connect.idle-timeout",
    "connect.mtls",
    "connect.plaintext",
    "connect.timeout",
    "deliver.timeouts",
    "health.grpc",
    "health.http",
    "health.tcp",
    "mesh.refuse-unknown",
    "route.fixed",
    "route.header.exact",
    "route.header.invert",
    "route.header.prefix",
    "route.header.present",
    "route.header.regex",
    "route.header.suffix",
    "route.method",
    "route.path.exact",
    "route.path.prefix",
    "route.path.regex",
    "route.query.exact",
    "route.query.invert",
    "route.query.prefix",
    "route.query.present",
    "route.query.regex",
    "route.query.suffix",
    "route.redirect",
    "route.request-headers",
    "route.response-headers",
    "route.retry",
    "route.rewrite.host",
    "route.rewrite.path",
    "route.split",
    "route.split.headers",
    "route.split.sticky.cookie",
    "route.split.sticky.header",
    "route.timeouts",
];

/// Those of `requires` that this build lacks.
pub fn missing(requires: &[String]) -> Vec<String> {
    let lacks = |name: &&String| ALL.binary_search(&name.as_str()).is_err();
    requires.iter().filter(lacks).cloned().collect()
}

pub(crate) fn require(who: &str, requires: &[String]) -> Result<(), Refused> {
    match missing(requires) {
        none if none.is_empty() => Ok(()),
        missing => Err(Refused::missing(who, missing)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn the_list_is_sorted_and_is_what_the_tables_declare() {
        let mut declared: Vec<_> = table::capabilities().collect();
        declared.sort_unstable();
        assert_eq!(ALL, declared);
    }

    #[test]
    fn what_is_lacking_is_named() {
        let requires = ["route.method".to_owned(), "route.telepathy".to_owned()];
        assert_eq!(missing(&requires), ["route.telepathy"]);
        let refused = require("rule R/a/b/0", &requires).unwrap_err();
        assert_eq!(refused.missing, ["route.telepathy"]);
        assert!(require("rule R/a/b/0", &requires[..1]).is_ok());
    }
}
