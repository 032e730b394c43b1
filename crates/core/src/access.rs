//! Tables `accept` and `authorise` of one workload: who may call (S1, S5, S6).
//!
//! Deny before allow before the port's default, whatever the order of the list; within a group the first rule that
//! matches is the one that is named. Audit rules are asked beside that and decide nothing. Everything missing closes:
//! no port, no mode, no default, no action.
use crate::{
    Reason, Refused, Request, path,
    rules::{Question, Rules},
    timeouts::Timeouts,
};
use std::sync::Arc;
use weft_proto::v1;

pub use crate::source::Subject;

pub struct Inbound {
    /// "<namespace>/<workload>"
    pub name: Arc<str>,
    /// "<namespace>/<service>"
    pub service: Arc<str>,
    ports: Vec<Port>,
}

pub struct Port {
    /// The service port, as clients know it.
    pub port: u16,
    pub protocol: v1::AppProtocol,
    /// Never unspecified.
    pub tls: v1::TlsMode,
    pub tls_origin: Arc<str>,
    /// None: the mesh's.
    pub timeouts: Option<Timeouts>,
    /// Ambiguous paths are refused; `authorise` does it.
    pub path_safety: bool,
    pub health: Option<v1::HealthCheck>,
    rules: Rules,
    otherwise_allow: bool,
    otherwise_origin: Arc<str>,
}

pub struct Verdict<'a> {
    /// None: allowed. `AccessDenied` or `AmbiguousPath`.
    pub refused: Option<Reason>,
    /// The rule that decided, or the default's origin.
    pub rule: &'a Arc<str>,
    pub audited: Audited<'a>,
}

impl Verdict<'_> {
    pub fn allow(&self) -> bool {
        self.refused.is_none()
    }
}

/// More audit rules than that on one request are a mistake; the first ones are kept.
pub const MAX_AUDITED: usize = 8;

/// What audit rules would have done.
#[derive(Clone, Copy, Default)]
pub struct Audited<'a> {
    rules: [Option<Audit<'a>>; MAX_AUDITED],
}

#[derive(Clone, Copy)]
pub struct Audit<'a> {
    pub rule: &'a Arc<str>,
    pub would: Would,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Would {
    Deny,
    Allow,
    /// An audit-only ALLOW rule did not match, and only the default let the request in: with the rule in force, what no
    /// rule allows would be denied.
    DenyUnlisted,
}

impl<'a> Audited<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &Audit<'a>> {
        self.rules.iter().flatten()
    }

    pub fn is_empty(&self) -> bool {
        self.rules[0].is_none()
    }

    fn push(&mut self, rule: &'a Arc<str>, would: Would) {
        if let Some(free) = self.rules.iter_mut().find(|r| r.is_none()) {
            *free = Some(Audit { rule, would });
        }
    }
}

/// One line of `weft explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub rule_id: Arc<str>,
    pub denies: bool,
    pub audit: bool,
    pub matched: bool,
    /// "the caller is none of its sources"; empty when it matched.
    pub why: &'static str,
}

impl Inbound {
    pub fn compile(inbound: &v1::Inbound) -> Result<Inbound, Refused> {
        let within = |refused: Refused| refused.within(&format!("Inbound {}", inbound.name));
        let ports = inbound.ports.iter().map(Port::compile).collect::<Result<Vec<_>, _>>().map_err(within)?;
        for (at, port) in ports.iter().enumerate() {
            if ports[..at].iter().any(|p| p.port == port.port) {
                return Err(within(Refused::because(format!("port {} is there twice", port.port))));
            }
        }
        Ok(Inbound { name: inbound.name.as_str().into(), service: inbound.service.as_str().into(), ports })
    }

    /// None: closed.
    pub fn port(&self, port: u16) -> Option<&Port> {
        self.ports.iter().find(|p| p.port == port)
    }

    pub fn ports(&self) -> &[Port] {
        &self.ports
    }
}

impl Port {
    fn compile(given: &v1::InboundPort) -> Result<Port, Refused> {
        let within = |refused: Refused| refused.within(&format!("port {}", given.port));
        let rules = Rules::compile(&given.access).map_err(within)?;
        if given.health.as_ref().is_some_and(|health| health.kind.is_none()) {
            return Err(within(Refused::because("no kind of health check that this build knows")));
        }
        Ok(Port {
            port: crate::frontend::port(given.port)?,
            protocol: crate::frontend::protocol(given.protocol).map_err(within)?,
            tls: match v1::TlsMode::try_from(given.tls) {
                Ok(v1::TlsMode::Unspecified) | Err(_) => v1::TlsMode::Strict,
                Ok(mode) => mode,
            },
            tls_origin: given.tls_origin.as_str().into(),
            timeouts: given.timeouts.as_ref().map(Timeouts::compile),
            path_safety: given.path_safety || rules.look_at_paths(),
            health: given.health.clone(),
            rules,
            otherwise_allow: given.otherwise == v1::AccessDefault::Allow as i32,
            otherwise_origin: given.otherwise_origin.as_str().into(),
        })
    }

    /// `request` is None on an opaque connection: then a rule that looks at L7 fields matches when it denies and does
    /// not when it allows.
    pub fn authorise(&self, subject: &Subject<'_>, request: Option<&Request<'_>>) -> Verdict<'_> {
        let audited = Audited::default();
        if self.path_safety && request.is_some_and(|r| path::ambiguous(r.path)) {
            return Verdict { refused: Some(Reason::AmbiguousPath), rule: &self.otherwise_origin, audited };
        }
        let question = Question::new(subject, request);
        let denied_by = self.rules.denied_by(&question);
        let allowed_by = if denied_by.is_none() { self.rules.allowed_by(&question) } else { None };
        let (allow, rule) = match (denied_by, allowed_by) {
            (Some(rule), _) => (false, &rule.id),
            (None, Some(rule)) => (true, &rule.id),
            (None, None) => (self.otherwise_allow, &self.otherwise_origin),
        };
        let refused = (!allow).then_some(Reason::AccessDenied);
        let mut verdict = Verdict { refused, rule, audited };
        self.audit(&mut verdict, !allow || allowed_by.is_some(), &question);
        verdict
    }

    /// `listed`: refused, or let in by more than the default.
    fn audit<'a>(&'a self, verdict: &mut Verdict<'a>, mut listed: bool, question: &Question<'_>) {
        for rule in self.rules.audit() {
            if question.matches(rule) {
                listed |= !rule.denies;
                verdict.audited.push(&rule.id, if rule.denies { Would::Deny } else { Would::Allow });
            }
        }
        let allowing = self.rules.audit().iter().find(|rule| !rule.denies);
        if let (false, Some(rule)) = (listed, allowing) {
            verdict.audited.push(&rule.id, Would::DenyUnlisted);
        }
    }

    /// Every rule in the order of evaluation until the one that decides, then all audit rules.
    pub fn explain(&self, subject: &Subject<'_>, request: Option<&Request<'_>>) -> Vec<Tried> {
        self.rules.explain(&Question::new(subject, request))
    }

    /// Does any rule look at L7 fields? If not, one verdict per connection is enough.
    pub fn per_request(&self) -> bool {
        self.path_safety || self.rules.look_at_l7()
    }

    /// S1.
    pub fn tls_verdict(&self, is_mtls: bool) -> Result<(), Reason> {
        tls_verdict(self.tls, is_mtls)
    }
}

/// S1. `is_mtls`: the peer proved an SVID. A mode that is not known is strict.
pub fn tls_verdict(mode: v1::TlsMode, is_mtls: bool) -> Result<(), Reason> {
    match mode {
        v1::TlsMode::Permissive | v1::TlsMode::Off => Ok(()),
        v1::TlsMode::Strict | v1::TlsMode::Unspecified if is_mtls => Ok(()),
        v1::TlsMode::Strict | v1::TlsMode::Unspecified => Err(Reason::MtlsRequired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{request::NO_FIELDS, spiffe::SpiffeId};

    fn rule(id: &str, action: v1::AccessAction, namespaces: &[&str], methods: &[&str]) -> v1::AccessRule {
        let list = |all: &[&str]| all.iter().map(|s| s.to_string()).collect();
        let source = v1::Source { namespaces: list(namespaces), ..Default::default() };
        let operation = v1::Operation { methods: list(methods), ..Default::default() };
        v1::AccessRule {
            rule_id: id.into(),
            action: action as i32,
            sources: if namespaces.is_empty() { vec![] } else { vec![source] },
            operations: if methods.is_empty() { vec![] } else { vec![operation] },
            ..Default::default()
        }
    }

    use v1::AccessAction::{Allow, Deny, Unspecified};

    fn port(access: Vec<v1::AccessRule>, otherwise: v1::AccessDefault) -> Port {
        let inbound = v1::Inbound {
            name: "default/web-0".into(),
            ports: vec![v1::InboundPort {
                port: 80,
                access,
                otherwise: otherwise as i32,
                otherwise_origin: "Mesh/default".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        Inbound::compile(&inbound).unwrap().ports.remove(0)
    }

    fn id(namespace: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://mesh/ns/{namespace}/sa/x")).unwrap()
    }

    fn subject(principal: Option<&SpiffeId>) -> Subject<'_> {
        Subject { principal, trust_domain: "mesh", source_ip: "192.0.2.1".parse().unwrap(), port: 80 }
    }

    fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
        Request { method: method.as_bytes(), path: path.as_bytes(), query: b"", host: b"web", fields: NO_FIELDS }
    }

    fn ask(port: &Port, namespace: &str, method: &str) -> (bool, String) {
        let id = id(namespace);
        let verdict = port.authorise(&subject(Some(&id)), Some(&request(method, "/")));
        (verdict.allow(), verdict.rule.to_string())
    }

    #[test]
    fn deny_before_allow_before_the_default_whatever_the_order() {
        let rules = vec![
            rule("allow-shop", Allow, &["shop"], &[]),
            rule("deny-post", Deny, &["shop", "prod"], &["POST"]),
            rule("allow-shop-too", Allow, &["shop"], &[]),
        ];
        let port = port(rules, v1::AccessDefault::Deny);
        assert_eq!(ask(&port, "shop", "GET"), (true, "allow-shop".into()));
        assert_eq!(ask(&port, "shop", "POST"), (false, "deny-post".into()));
        assert_eq!(ask(&port, "prod", "GET"), (false, "Mesh/default".into()));
    }

    #[test]
    fn what_is_missing_closes() {
        let none = rule("unspecified", Unspecified, &["shop"], &[]);
        let unknown = v1::AccessRule { action: 77, ..rule("unknown", Allow, &["prod"], &[]) };
        let port = port(vec![none, unknown], v1::AccessDefault::Unspecified);
        assert_eq!(ask(&port, "shop", "GET"), (false, "unspecified".into()));
        assert_eq!(ask(&port, "prod", "GET"), (false, "unknown".into()));
        assert_eq!(ask(&port, "other", "GET"), (false, "Mesh/default".into()));
        assert_eq!(port.tls, v1::TlsMode::Strict);
    }

    #[test]
    fn an_opaque_connection_is_denied_by_http_rules_and_not_allowed_by_them() {
        let by_method = |action| vec![rule("http", action, &[], &["GET"])];
        for (rules, otherwise, allowed) in [
            (by_method(Deny), v1::AccessDefault::Allow, false),
            (by_method(Allow), v1::AccessDefault::Deny, false),
            (vec![rule("tcp", Allow, &["shop"], &[])], v1::AccessDefault::Deny, true),
        ] {
            let port = port(rules, otherwise);
            assert_eq!(port.authorise(&subject(Some(&id("shop"))), None).allow(), allowed);
        }
    }

    #[test]
    fn ambiguous_paths_are_refused_where_a_rule_looks_at_paths() {
        let mut by_path = rule("path", Deny, &[], &[]);
        let prefix = v1::path_match::Path::Prefix("/admin".into());
        by_path.operations =
            vec![v1::Operation { paths: vec![v1::PathMatch { path: Some(prefix) }], ..Default::default() }];
        let audit = v1::AccessRule { audit: true, ..by_path.clone() };
        for (rules, refused) in [
            (vec![by_path], Some(Reason::AmbiguousPath)),
            (vec![audit], None),
            (vec![rule("method", Deny, &[], &["POST"])], None),
        ] {
            let port = port(rules, v1::AccessDefault::Allow);
            let verdict = port.authorise(&subject(None), Some(&request("GET", "//admin")));
            assert_eq!(verdict.refused, refused);
        }
    }

    fn audited(rules: Vec<v1::AccessRule>, otherwise: v1::AccessDefault) -> (bool, Vec<(String, Would)>) {
        let port = port(rules, otherwise);
        let verdict = port.authorise(&subject(Some(&id("shop"))), Some(&request("GET", "/")));
        (verdict.allow(), verdict.audited.iter().map(|a| (a.rule.to_string(), a.would)).collect())
    }

    #[test]
    fn audit_rules_decide_nothing_and_say_what_they_would_have_done() {
        let audit =
            |id: &str, action, namespace: &str| v1::AccessRule { audit: true, ..rule(id, action, &[namespace], &[]) };
        let (allow, deny) = (v1::AccessDefault::Allow, v1::AccessDefault::Deny);
        let one = |id: &str, would| vec![(id.to_owned(), would)];
        for (rules, otherwise, expected) in [
            (vec![audit("d", Deny, "shop")], allow, (true, one("d", Would::Deny))),
            (vec![audit("d", Deny, "prod")], allow, (true, vec![])),
            (vec![audit("a", Allow, "shop")], deny, (false, one("a", Would::Allow))),
            (vec![audit("a", Allow, "prod")], allow, (true, one("a", Would::DenyUnlisted))),
            (vec![audit("a", Allow, "prod")], deny, (false, vec![])),
            (vec![audit("a", Allow, "prod"), rule("b", Allow, &["shop"], &[])], deny, (true, vec![])),
            (vec![audit("a", Allow, "prod"), audit("b", Allow, "shop")], allow, (true, one("b", Would::Allow))),
        ] {
            assert_eq!(audited(rules, otherwise), expected);
        }
        let many = (0..20).map(|i| audit(&i.to_string(), Deny, "shop")).collect();
        assert_eq!(audited(many, allow).1.len(), MAX_AUDITED);
    }

    #[test]
    fn strict_takes_only_mtls() {
        for (mode, mtls, plain) in [
            (v1::TlsMode::Strict, true, false),
            (v1::TlsMode::Unspecified, true, false),
            (v1::TlsMode::Permissive, true, true),
            (v1::TlsMode::Off, true, true),
        ] {
            assert_eq!(tls_verdict(mode, true).is_ok(), mtls, "{mode:?}");
            assert_eq!(tls_verdict(mode, false).is_ok(), plain, "{mode:?}");
        }
    }

    #[test]
    fn inbounds_that_cannot_be_run_are_refused_by_name() {
        let with = |ports| v1::Inbound { name: "a/b".into(), ports, ..Default::default() };
        let at = |port| v1::InboundPort { port, ..Default::default() };
        let access =
            v1::AccessRule { sources: vec![v1::Source::default()], ..rule("AccessPolicy/a/b/0", Deny, &[], &[]) };
        let requires = v1::AccessRule { requires: vec!["access.mood".into()], ..rule("r", Deny, &[], &[]) };
        for (inbound, why) in [
            (with(vec![at(80), at(80)]), "port 80 is there twice"),
            (with(vec![at(0)]), "0 is not a port"),
            (with(vec![v1::InboundPort { access: vec![access], ..at(80) }]), "rule AccessPolicy/a/b/0: a source"),
            (with(vec![v1::InboundPort { access: vec![requires], ..at(80) }]), "access.mood"),
            (with(vec![v1::InboundPort { health: Some(v1::HealthCheck::default()), ..at(80) }]), "health check"),
            (with(vec![v1::InboundPort { protocol: 42, ..at(80) }]), "protocol 42"),
        ] {
            let refused = Inbound::compile(&inbound).err().unwrap();
            assert!(refused.reason.starts_with("Inbound a/b: ") && refused.reason.contains(why), "{refused}");
        }
    }
}
