//! Table `route` for one port of one service: what happens to a request.
//!
//! The list of entries is in precedence order (the compiler sorts it by T2); the first that matches decides. A frontend
//! with routes answers what matches none with 404; one without sends everything to its default backend.
use crate::{
    Refused, Request,
    action::{Action, Backends},
    entry::Entry,
    field::{Lookup, Names},
    index::Index,
};
use std::sync::Arc;
use weft_proto::v1;

pub use crate::action::Target;

pub struct Frontend {
    pub name: Arc<str>,
    /// Lower case, without port.
    pub hosts: Vec<Box<str>>,
    pub port: u16,
    pub protocol: v1::AppProtocol,
    pub origin: Arc<str>,
    has_routes: bool,
    entries: Vec<Entry>,
    actions: Vec<Arc<Action>>,
    default: Option<Arc<Action>>,
    index: Index,
    backends: Vec<Arc<str>>,
    path_safety: bool,
}

#[derive(Clone, Copy)]
pub enum Route<'a> {
    Forward(Matched<'a>),
    /// 404 `no-route`.
    NoRoute,
    /// 502 `no-port`: the service has no such port.
    NoPort,
}

/// What decided, and what is to be done.
#[derive(Clone, Copy)]
pub struct Matched<'a> {
    /// Shared, so that a request in flight keeps it whatever replaces the frontend.
    pub action: &'a Arc<Action>,
    /// Of the entry that matched; the action's own for the default.
    pub rule_id: &'a Arc<str>,
    /// The entry's prefix, for rewrites; "/" where the entry has none.
    pub prefix: &'a [u8],
    /// Of the entry, below `Frontend::entry_count`; None: the default.
    pub number: Option<usize>,
}

/// One line of `weft explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub rule_id: Arc<str>,
    pub matched: bool,
    /// "path /a/b is not under /c"; empty when it matched.
    pub why: String,
}

impl Frontend {
    pub fn compile(frontend: &v1::Frontend) -> Result<Frontend, Refused> {
        Self::compile_inner(frontend).map_err(|refused| refused.within(&format!("Frontend {}", frontend.name)))
    }

    fn compile_inner(frontend: &v1::Frontend) -> Result<Frontend, Refused> {
        let mut names = Names::default();
        let mut backends = Backends::default();
        let entries = frontend.routes.iter().map(|e| Entry::compile(e, &mut names));
        let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
        let actions = frontend.actions.iter().map(|a| Action::compile(a, &mut backends).map(Arc::new));
        let actions: Vec<Arc<Action>> = actions.collect::<Result<_, _>>()?;
        entries.iter().try_for_each(|entry| fits(entry, &actions))?;
        Ok(Frontend {
            name: frontend.name.as_str().into(),
            hosts: frontend.hosts.iter().map(|h| h.to_ascii_lowercase().into()).collect(),
            port: port(frontend.port)?,
            protocol: protocol(frontend.protocol)?,
            origin: frontend.origin.as_str().into(),
            // An entry without the flag must not fall through to the default backend.
            has_routes: frontend.has_routes || !entries.is_empty(),
            default: default_action(frontend, &mut backends)?,
            index: Index::new(&entries),
            path_safety: entries.iter().any(|e| !matches!(e.path, crate::entry::PathRule::Any)),
            backends: backends.into_keys(),
            entries,
            actions,
        })
    }

    pub fn route(&self, request: &Request<'_>) -> Route<'_> {
        if !self.has_routes {
            return self.default_route();
        }
        match self.index.first(&self.entries, request) {
            Some(number) => Route::Forward(self.matched(number)),
            None => Route::NoRoute,
        }
    }

    /// For a connection that is not HTTP: the first entry without any condition, if it forwards. What an entry would ask
    /// cannot be known, so an entry with conditions decides nothing here.
    pub fn route_opaque(&self) -> Route<'_> {
        if !self.has_routes {
            return self.default_route();
        }
        let unconditional = |e: &Entry| matches!(e.path, crate::entry::PathRule::Any) && e.only_path();
        let found = self.entries.iter().position(unconditional).map(|number| self.matched(number));
        match found {
            Some(matched) if matches!(matched.action.target, Target::Split(_)) => Route::Forward(matched),
            _ => Route::NoRoute,
        }
    }

    /// Every rule in order until the one that matches: a plain walk, slower than `route` and with the same answer.
    pub fn explain(&self, request: &Request<'_>) -> Vec<Tried> {
        let lookup = Lookup::new(request.fields);
        let mut tried = Vec::new();
        for entry in &self.entries {
            let why_not = entry.why_not(request, &lookup);
            let matched = why_not.is_none();
            tried.push(Tried { rule_id: entry.rule_id.clone(), matched, why: why_not.unwrap_or_default() });
            if matched {
                break;
            }
        }
        tried
    }

    /// Declared to carry bytes that nobody looks into.
    pub fn is_opaque(&self) -> bool {
        matches!(self.protocol, v1::AppProtocol::Tcp | v1::AppProtocol::Tls)
    }

    /// The keys of all backends that it names, each once: what must be there before it becomes active.
    /// `Weighted::index` is a position in it.
    pub fn backends(&self) -> &[Arc<str>] {
        &self.backends
    }

    /// Of the first entry with this id, or of the default.
    pub fn action_of(&self, rule_id: &str) -> Option<&Arc<Action>> {
        let entry = self.entries.iter().find(|e| *e.rule_id == *rule_id);
        let default = self.default.as_ref().filter(|action| *action.rule_id == *rule_id);
        entry.map(|e| &self.actions[e.action]).or(default)
    }

    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    pub fn has_routes(&self) -> bool {
        self.has_routes
    }

    /// Does any rule look at the path? Then ambiguous paths are refused (400): what was matched is what is forwarded.
    pub fn path_safety(&self) -> bool {
        self.path_safety
    }

    fn default_route(&self) -> Route<'_> {
        match &self.default {
            Some(action) => Route::Forward(Matched { action, rule_id: &action.rule_id, prefix: b"/", number: None }),
            None => Route::NoPort,
        }
    }

    fn matched(&self, number: usize) -> Matched<'_> {
        let entry = &self.entries[number];
        Matched {
            action: &self.actions[entry.action],
            rule_id: &entry.rule_id,
            prefix: entry.prefix(),
            number: Some(number),
        }
    }
}

/// The entry's action exists and can be done with what the entry matches.
fn fits(entry: &Entry, actions: &[Arc<Action>]) -> Result<(), Refused> {
    let refuse = |why: &str| Err(Refused::because(format!("rule {}: {why}", entry.rule_id)));
    let Some(action) = actions.get(entry.action) else { return refuse("its action does not exist") };
    let prefixed = matches!(entry.path, crate::entry::PathRule::Any | crate::entry::PathRule::Prefix(_));
    if action.replaces_prefix() && !prefixed {
        // Gateway API, HTTPPathModifier: only with a PathPrefix match.
        return refuse("replaces a prefix but does not match one");
    }
    Ok(())
}

fn default_action(frontend: &v1::Frontend, backends: &mut Backends) -> Result<Option<Arc<Action>>, Refused> {
    if frontend.default_backend.is_empty() {
        return Ok(None);
    }
    let given = frontend.default_action.clone().unwrap_or_default();
    let split = v1::Split {
        backends: vec![v1::WeightedBackend {
            backend: frontend.default_backend.clone(),
            weight: 1,
            ..Default::default()
        }],
        sticky: None,
    };
    let target = given.target.clone().unwrap_or(v1::route_action::Target::Split(split));
    let rule_id = if given.rule_id.is_empty() { frontend.origin.clone() } else { given.rule_id.clone() };
    Action::compile(&v1::RouteAction { rule_id, target: Some(target), ..given }, backends).map(Arc::new).map(Some)
}

pub(crate) fn port(given: u32) -> Result<u16, Refused> {
    match u16::try_from(given) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Refused::because(format!("{given} is not a port"))),
    }
}

pub(crate) fn protocol(given: i32) -> Result<v1::AppProtocol, Refused> {
    v1::AppProtocol::try_from(given).map_err(|_| Refused::because(format!("protocol {given} is not known")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::NO_FIELDS;
    use v1::{route_action::Target as T, route_match::Path};

    fn entry(rule_id: &str, path: Option<Path>, action: u32) -> v1::RouteEntry {
        let r#match = Some(v1::RouteMatch { path, ..Default::default() });
        v1::RouteEntry { rule_id: rule_id.into(), r#match, action, requires: vec![] }
    }

    fn to(backend: &str) -> v1::RouteAction {
        let backend = v1::WeightedBackend { backend: backend.into(), weight: 1, ..Default::default() };
        v1::RouteAction {
            target: Some(T::Split(v1::Split { backends: vec![backend], ..Default::default() })),
            ..Default::default()
        }
    }

    fn frontend(routes: Vec<v1::RouteEntry>) -> v1::Frontend {
        v1::Frontend {
            name: "default/web:80@*".into(),
            hosts: vec!["Web".into()],
            port: 80,
            has_routes: !routes.is_empty(),
            default_backend: "default/web:80".into(),
            routes,
            actions: vec![to("default/a:80"), to("default/b:80")],
            origin: "Service/default/web".into(),
            ..Default::default()
        }
    }

    fn get(path: &str) -> Request<'_> {
        Request { method: b"GET", path: path.as_bytes(), query: b"", host: b"web", fields: NO_FIELDS }
    }

    fn backend<'a>(route: &Route<'a>) -> Option<&'a str> {
        let Route::Forward(matched) = route else { return None };
        let Target::Split(split) = &matched.action.target else { return None };
        split.backends[0].backend.as_deref()
    }

    #[test]
    fn without_routes_everything_goes_to_the_default_backend() {
        let plain = Frontend::compile(&frontend(vec![])).unwrap();
        let route = plain.route(&get("/x"));
        assert_eq!(backend(&route), Some("default/web:80"));
        let Route::Forward(matched) = route else { panic!() };
        assert_eq!(&**matched.rule_id, "Service/default/web");
        assert_eq!(backend(&plain.route_opaque()), Some("default/web:80"));
        assert!(!plain.path_safety());
    }

    #[test]
    fn with_routes_what_matches_none_is_no_route() {
        let routed = Frontend::compile(&frontend(vec![entry("r", Some(Path::PathPrefix("/a".into())), 1)])).unwrap();
        assert_eq!(backend(&routed.route(&get("/a/b"))), Some("default/b:80"));
        assert!(matches!(routed.route(&get("/b")), Route::NoRoute));
        assert!(matches!(routed.route_opaque(), Route::NoRoute));
        assert!(routed.path_safety());
        let backends: Vec<&str> = routed.backends().iter().map(|b| &**b).collect();
        assert_eq!(backends, ["default/a:80", "default/b:80", "default/web:80"]);
    }

    #[test]
    fn entries_without_the_flag_do_not_fall_through() {
        let given =
            v1::Frontend { has_routes: false, ..frontend(vec![entry("r", Some(Path::PathExact("/a".into())), 0)]) };
        assert!(matches!(Frontend::compile(&given).unwrap().route(&get("/b")), Route::NoRoute));
    }

    #[test]
    fn without_a_default_backend_there_is_no_such_port() {
        let given = v1::Frontend { default_backend: String::new(), ..frontend(vec![]) };
        assert!(matches!(Frontend::compile(&given).unwrap().route(&get("/")), Route::NoPort));
    }

    #[test]
    fn the_matched_prefix_is_what_a_rewrite_replaces() {
        let given = frontend(vec![entry("r", Some(Path::PathPrefix("/a/b/".into())), 0), entry("s", None, 0)]);
        let routed = Frontend::compile(&given).unwrap();
        for (path, prefix) in [("/a/b/c", "/a/b"), ("/x", "/")] {
            let Route::Forward(matched) = routed.route(&get(path)) else { panic!() };
            assert_eq!(matched.prefix, prefix.as_bytes());
        }
    }

    #[test]
    fn opaque_connections_take_the_first_entry_without_conditions() {
        let conditional = entry("r", Some(Path::PathExact("/a".into())), 0);
        let given = frontend(vec![conditional, entry("s", None, 1)]);
        assert_eq!(backend(&Frontend::compile(&given).unwrap().route_opaque()), Some("default/b:80"));
    }

    #[test]
    fn explain_says_why_each_rule_did_not_match() {
        let mut with_header = entry("h", None, 0);
        with_header.r#match.as_mut().unwrap().headers = vec![v1::FieldMatch {
            name: "x-user".into(),
            value: Some(v1::field_match::Value::Exact("jason".into())),
            invert: false,
        }];
        let mut with_method = entry("m", None, 0);
        with_method.r#match.as_mut().unwrap().method = "POST".into();
        let given = frontend(vec![
            entry("p", Some(Path::PathPrefix("/a".into())), 0),
            with_method,
            with_header,
            entry("d", None, 1),
            entry("never", None, 1),
        ]);
        let routed = Frontend::compile(&given).unwrap();
        let tried: Vec<(String, String)> =
            routed.explain(&get("/b")).into_iter().map(|t| (t.rule_id.to_string(), t.why)).collect();
        let expected = [
            ("p", "path /b is not under /a"),
            ("m", "method is GET, not POST"),
            ("h", "header x-user equal to \"jason\" is wanted; it is absent"),
            ("d", ""),
        ];
        assert_eq!(tried, expected.map(|(id, why)| (id.to_owned(), why.to_owned())));
    }

    #[test]
    fn frontends_that_cannot_be_run_are_refused_by_name() {
        let prefix_rewrite = v1::RouteAction {
            rewrite: Some(v1::Rewrite { path: Some(v1::rewrite::Path::Prefix("/x".into())), ..Default::default() }),
            ..to("default/a:80")
        };
        let exact = vec![entry("r", Some(Path::PathExact("/a".into())), 0)];
        for (given, why) in [
            (frontend(vec![entry("r", None, 7)]), "its action does not exist"),
            (v1::Frontend { actions: vec![prefix_rewrite], ..frontend(exact) }, "replaces a prefix"),
            (v1::Frontend { protocol: 99, ..frontend(vec![]) }, "protocol 99"),
            (v1::Frontend { port: 0, ..frontend(vec![]) }, "0 is not a port"),
            (v1::Frontend { actions: vec![v1::RouteAction::default()], ..frontend(vec![]) }, "no target"),
        ] {
            let refused = Frontend::compile(&given).err().unwrap();
            assert!(refused.reason.starts_with("Frontend default/web:80@*: "), "{refused}");
            assert!(refused.reason.contains(why), "{refused}");
        }
    }
}
