//! The "what" of an access rule: host, port, method, path, headers.
//!
//! On a connection that is not HTTP the L7 fields cannot be seen: a rule that denies then matches, one that allows does
//! not. Where apps are known to be lax (letter case of methods, repeated fields) the comparison is the one that lets less
//! through; paths are compared as the app sees them, percent-decoded.
use crate::{
    Refused, Request,
    entry::is_under,
    field::{FieldMatch, Lookup, Names},
    path,
    scratch::Scratch,
};
use weft_proto::v1;

pub(crate) struct Operation {
    ports: Vec<u16>,
    not_ports: Vec<u16>,
    hosts: Vec<Host>,
    not_hosts: Vec<Host>,
    methods: Vec<Method>,
    not_methods: Vec<Method>,
    paths: Vec<Path>,
    not_paths: Vec<Path>,
    headers: Vec<FieldMatch>,
}

type Method = Box<[u8]>;

/// A request, as operations see it.
pub(crate) struct Seen<'q> {
    pub request: &'q Request<'q>,
    pub lookup: Lookup<'q>,
    /// Decoded, where it differs from the request's.
    path: Option<Scratch>,
}

impl<'q> Seen<'q> {
    pub fn new(request: &'q Request<'q>) -> Seen<'q> {
        Seen { request, lookup: Lookup::new(request.fields), path: path::decode(request.path) }
    }
}

/// Lower case, without port.
enum Host {
    Any,
    Exact(Box<[u8]>),
    /// "*.example": with its dot.
    Suffix(Box<[u8]>),
}

enum Path {
    Exact(Box<[u8]>),
    /// By segment, as in routes.
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Template {
        segments: Vec<Segment>,
        open: bool,
    },
}

enum Segment {
    Literal(Box<[u8]>),
    /// "{*}"
    One,
}

impl Operation {
    pub fn compile(given: &v1::Operation, names: &mut Names) -> Result<Operation, Refused> {
        let bytes = |list: &[String]| list.iter().map(|s| s.as_bytes().into()).collect();
        let ports = |list: &[u32]| list.iter().map(|&p| crate::frontend::port(p)).collect::<Result<Vec<_>, _>>();
        let hosts = |list: &[String]| list.iter().map(|h| Host::compile(h)).collect::<Result<Vec<_>, _>>();
        let paths = |list: &[v1::PathMatch]| list.iter().map(Path::compile).collect::<Result<Vec<_>, _>>();
        let headers = given.headers.iter().map(|h| FieldMatch::header(h, names));
        let operation = Operation {
            ports: ports(&given.ports)?,
            not_ports: ports(&given.not_ports)?,
            hosts: hosts(&given.hosts)?,
            not_hosts: hosts(&given.not_hosts)?,
            methods: bytes(&given.methods),
            not_methods: bytes(&given.not_methods),
            paths: paths(&given.paths)?,
            not_paths: paths(&given.not_paths)?,
            headers: headers.collect::<Result<_, _>>()?,
        };
        if !operation.is_l7() && operation.ports.is_empty() && operation.not_ports.is_empty() {
            return Err(Refused::because("an operation without any condition that this build knows"));
        }
        Ok(operation)
    }

    /// Does it look at anything that only HTTP has?
    pub fn is_l7(&self) -> bool {
        let names = !self.hosts.is_empty() || !self.not_hosts.is_empty() || !self.headers.is_empty();
        names || !self.methods.is_empty() || !self.not_methods.is_empty() || self.looks_at_paths()
    }

    pub fn looks_at_paths(&self) -> bool {
        !self.paths.is_empty() || !self.not_paths.is_empty()
    }

    pub fn matches(&self, port: u16, seen: Option<&Seen<'_>>, denies: bool) -> bool {
        if !holds(&self.ports, &self.not_ports, |p, _| *p == port) {
            return false;
        }
        let Some(Seen { request, lookup, path }) = seen else { return denies || !self.is_l7() };
        let path = path.as_ref().map_or(request.path, Scratch::bytes);
        let method = |m: &Method, positive: bool| {
            let lax = positive == denies;
            **m == *request.method || (lax && m.eq_ignore_ascii_case(request.method))
        };
        holds(&self.methods, &self.not_methods, method)
            && holds(&self.hosts, &self.not_hosts, |h, _| h.matches(request.host))
            && holds(&self.paths, &self.not_paths, |p, _| p.matches(path))
            && self.headers.iter().all(|h| lookup.matches_access(h, denies))
    }
}

/// One of `given` (or there is none) and none of `not`. `is` also hears whether it is asked for the positive list.
fn holds<T>(given: &[T], not: &[T], is: impl Fn(&T, bool) -> bool) -> bool {
    (given.is_empty() || given.iter().any(|x| is(x, true))) && !not.iter().any(|x| is(x, false))
}

impl Host {
    fn compile(text: &str) -> Result<Host, Refused> {
        let lower = text.trim_end_matches('.').to_ascii_lowercase();
        match lower.strip_prefix('*') {
            Some("") => Ok(Host::Any),
            Some(suffix) if suffix.starts_with('.') && !suffix.contains('*') => {
                Ok(Host::Suffix(suffix.as_bytes().into()))
            }
            None if !lower.is_empty() && !lower.contains(['*', ':']) => Ok(Host::Exact(lower.into_bytes().into())),
            _ => Err(Refused::because(format!("host {text:?} is neither a name nor *.<suffix>"))),
        }
    }

    fn matches(&self, host: &[u8]) -> bool {
        let host = host.strip_suffix(b".").unwrap_or(host);
        match self {
            Host::Any => true,
            Host::Exact(exact) => exact.eq_ignore_ascii_case(host),
            Host::Suffix(suffix) => {
                let tail = host.len().checked_sub(suffix.len()).filter(|&at| at > 0);
                tail.is_some_and(|at| host[at..].eq_ignore_ascii_case(suffix))
            }
        }
    }
}

impl Path {
    fn compile(given: &v1::PathMatch) -> Result<Path, Refused> {
        use v1::path_match::Path as P;
        let rooted = |path: &str| match path.starts_with('/') {
            true => Ok(()),
            false => Err(Refused::because(format!("path {path:?} does not begin with /"))),
        };
        Ok(match given.path.as_ref() {
            Some(P::Exact(path)) => {
                rooted(path)?;
                Path::Exact(plain(path))
            }
            Some(P::Prefix(path)) => {
                rooted(path)?;
                Path::Prefix(plain(path.trim_end_matches('/')))
            }
            Some(P::Suffix(path)) if !path.is_empty() => Path::Suffix(plain(path)),
            Some(P::Template(path)) => {
                rooted(path)?;
                template(path)?
            }
            _ => return Err(Refused::because("a path without any condition that this build knows")),
        })
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Path::Exact(exact) => **exact == *path,
            Path::Prefix(prefix) => is_under(path, prefix),
            Path::Suffix(suffix) => path.ends_with(suffix),
            Path::Template { segments, open } => template_matches(segments, *open, path),
        }
    }
}

/// A rule's path may be written encoded or not.
fn plain(path: &str) -> Box<[u8]> {
    let decoded = path::decode(path.as_bytes());
    decoded.as_ref().map_or(path.as_bytes(), Scratch::bytes).into()
}

fn template(text: &str) -> Result<Path, Refused> {
    let refuse = |why: &str| Err(Refused::because(format!("path template {text:?}: {why}")));
    let body = text.trim_start_matches('/');
    let (body, open) = match body.strip_suffix("{**}") {
        Some(before) if before.is_empty() || before.ends_with('/') => (before.trim_end_matches('/'), true),
        Some(_) => return refuse("{**} must be a whole segment"),
        None => (body, false),
    };
    let mut segments = Vec::new();
    for part in body.split('/').take_while(|_| !body.is_empty()) {
        match part {
            "{*}" => segments.push(Segment::One),
            "{**}" => return refuse("{**} may only be the last segment"),
            other if other.contains(['{', '}', '*']) => return refuse("only {*} and {**} are known"),
            literal => segments.push(Segment::Literal(plain(literal))),
        }
    }
    Ok(Path::Template { segments, open })
}

fn template_matches(segments: &[Segment], open: bool, path: &[u8]) -> bool {
    let Some(body) = path.strip_prefix(b"/") else { return false };
    let mut parts = body.split(|&b| b == b'/');
    if segments.is_empty() {
        return open || body.is_empty();
    }
    let all = segments.iter().all(|segment| match (segment, parts.next()) {
        (Segment::Literal(text), Some(part)) => **text == *part,
        (Segment::One, Some(part)) => !part.is_empty(),
        (_, None) => false,
    });
    all && (open || parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::NO_FIELDS;
    use v1::path_match::Path as P;

    fn path(given: P) -> Result<Path, Refused> {
        Path::compile(&v1::PathMatch { path: Some(given) })
    }

    #[test]
    fn paths_match_by_their_kind() {
        let template = |t: &str| P::Template(t.into());
        for (given, path_text, matches) in [
            (P::Exact("/a".into()), "/a", true),
            (P::Exact("/a".into()), "/a/", false),
            (P::Prefix("/a".into()), "/a/b", true),
            (P::Prefix("/a/".into()), "/a", true),
            (P::Prefix("/a".into()), "/ab", false),
            (P::Prefix("/".into()), "/x", true),
            (P::Suffix(".html".into()), "/a.html", true),
            (P::Suffix(".html".into()), "/a.html/", false),
            (template("/a/{*}/c"), "/a/b/c", true),
            (template("/a/{*}/c"), "/a//c", false),
            (template("/a/{*}/c"), "/a/b/c/d", false),
            (template("/a/{*}"), "/a/", false),
            (template("/a/{*}"), "/a/b", true),
            (template("/a/{**}"), "/a", true),
            (template("/a/{**}"), "/a/", true),
            (template("/a/{**}"), "/a/b/c", true),
            (template("/a/{**}"), "/ab", false),
            (template("/{*}/{**}"), "/", false),
            (template("/{*}/{**}"), "/a", true),
            (template("/{**}"), "/", true),
            (template("/"), "/", true),
            (template("/"), "/a", false),
        ] {
            assert_eq!(path(given.clone()).unwrap().matches(path_text.as_bytes()), matches, "{given:?} {path_text}");
        }
    }

    #[test]
    fn hosts_compare_without_case_port_and_final_dot() {
        for (given, host, matches) in [
            ("shop.example", "Shop.Example", true),
            ("shop.example", "shop.example.", true),
            ("*.example", "shop.EXAMPLE", true),
            ("*.example", "a.b.example", true),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("*", "anything", true),
        ] {
            assert_eq!(Host::compile(given).unwrap().matches(host.as_bytes()), matches, "{given} {host}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for given in [
            P::Exact("a".into()),
            P::Prefix("".into()),
            P::Suffix("".into()),
            P::Template("/a/{**}/b".into()),
            P::Template("/a{*}".into()),
            P::Template("/a/b{**}".into()),
            P::Template("/{name}".into()),
        ] {
            assert!(path(given.clone()).is_err(), "{given:?}");
        }
        for host in ["", "*example", "a.*", "a:80"] {
            assert!(Host::compile(host).is_err(), "{host}");
        }
        assert!(Path::compile(&v1::PathMatch::default()).is_err());
        assert!(Operation::compile(&v1::Operation::default(), &mut Names::default()).is_err());
    }

    #[test]
    fn what_cannot_be_seen_denies_and_does_not_allow() {
        let compile = |o: v1::Operation| Operation::compile(&o, &mut Names::default()).unwrap();
        let http = compile(v1::Operation { methods: vec!["GET".into()], ports: vec![80], ..Default::default() });
        assert!(http.matches(80, None, true) && !http.matches(80, None, false));
        assert!(!http.matches(81, None, true));
        let tcp = compile(v1::Operation { not_ports: vec![81], ..Default::default() });
        assert!(tcp.matches(80, None, true) && tcp.matches(80, None, false));
        assert!(!tcp.matches(81, None, true) && !tcp.matches(81, None, false));
    }

    #[test]
    fn a_method_in_another_case_gets_no_further() {
        let compile = |o: v1::Operation| Operation::compile(&o, &mut Names::default()).unwrap();
        let request = Request { method: b"get", path: b"/", query: b"", host: b"a", fields: NO_FIELDS };
        let seen = Seen::new(&request);
        let get = compile(v1::Operation { methods: vec!["GET".into()], ..Default::default() });
        let not_get = compile(v1::Operation { not_methods: vec!["GET".into()], ..Default::default() });
        for (operation, denies, matches) in
            [(&get, true, true), (&get, false, false), (&not_get, true, true), (&not_get, false, false)]
        {
            assert_eq!(operation.matches(80, Some(&seen), denies), matches);
        }
    }
}
