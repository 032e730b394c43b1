//! Edits of what passes: header fields, path, host; and the responses that weft makes because a rule says so.
//!
//! Semantics are those of the Gateway API's filters: HTTPHeaderFilter (set, add, remove), HTTPURLRewriteFilter and
//! HTTPRequestRedirectFilter, HTTPPathModifier with its table of trailing slashes.
use crate::{Reason, Refused};
use weft_proto::v1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As the user wrote it: HTTP/1 gets it so.
    pub name: Box<[u8]>,
    pub lower: Box<[u8]>,
    pub value: Box<[u8]>,
}

/// What to do with the fields of a message: first drop those that `drops` names, then append `appended`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdit {
    pub set: Vec<Header>,
    pub add: Vec<Header>,
    /// Lower case.
    pub remove: Vec<Box<[u8]>>,
}

/// Fields that frame the message, belong to the connection, or are weft's own: an edit of them would smuggle or forge.
/// The host has its own action (`Rewrite`).
const UNTOUCHABLE: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const OUR_PREFIX: &str = "weft-";

impl HeaderEdit {
    pub fn compile(edit: Option<&v1::HeaderEdit>) -> Result<HeaderEdit, Refused> {
        let Some(edit) = edit else { return Ok(HeaderEdit::default()) };
        let headers = |list: &[v1::HeaderValue]| list.iter().map(header).collect::<Result<Vec<_>, _>>();
        Ok(HeaderEdit {
            set: headers(&edit.set)?,
            add: headers(&edit.add)?,
            remove: edit.remove.iter().map(|n| lower_name(n)).collect::<Result<_, _>>()?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }

    /// Does a field of this name (any case) go?
    pub fn drops(&self, name: &[u8]) -> bool {
        self.remove.iter().any(|n| n.eq_ignore_ascii_case(name))
            || self.set.iter().any(|h| h.lower.eq_ignore_ascii_case(name))
    }

    /// What is appended, in order.
    pub fn appended(&self) -> impl Iterator<Item = &Header> {
        self.set.iter().chain(&self.add)
    }
}

fn header(given: &v1::HeaderValue) -> Result<Header, Refused> {
    let lower = lower_name(&given.name)?;
    let value = given.value.as_bytes();
    // RFC 9110 §5.5: no CR, LF, NUL; other control bytes buy nothing but trouble.
    if value.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return Err(Refused::because(format!("header {}: its value holds a control byte", given.name)));
    }
    Ok(Header { name: given.name.as_bytes().into(), lower, value: value.trim_ascii().into() })
}

fn lower_name(name: &str) -> Result<Box<[u8]>, Refused> {
    let lower = name.to_ascii_lowercase();
    if !is_token(lower.as_bytes()) {
        return Err(Refused::because(format!("header {name:?} is not a field name")));
    }
    if UNTOUCHABLE.contains(&lower.as_str()) || lower.starts_with(OUR_PREFIX) {
        return Err(Refused::because(format!("header {name} may not be edited: it is the connection's or weft's own")));
    }
    Ok(lower.into_bytes().into())
}

/// RFC 9110 §5.6.2.
pub(crate) fn is_token(name: &[u8]) -> bool {
    let tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !name.is_empty() && name.iter().all(tchar)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEdit {
    Full(Box<[u8]>),
    /// Replaces the matched prefix.
    Prefix(Box<[u8]>),
}

impl PathEdit {
    /// Appends the new path and the old query.
    fn apply(&self, matched_prefix: &[u8], path_and_query: &[u8], out: &mut Vec<u8>) {
        let path_end = path_and_query.iter().position(|&b| b == b'?').unwrap_or(path_and_query.len());
        let (path, query) = path_and_query.split_at(path_end);
        match self {
            PathEdit::Full(full) => out.extend_from_slice(full),
            PathEdit::Prefix(new) => replace_prefix(new, matched_prefix, path, out),
        }
        out.extend_from_slice(query);
    }

    fn check(self) -> Result<PathEdit, Refused> {
        let (PathEdit::Full(path) | PathEdit::Prefix(path)) = &self;
        let printable = path.iter().all(|&b| b.is_ascii_graphic() && b != b'?' && b != b'#');
        let rooted = path.first() == Some(&b'/') || (path.is_empty() && matches!(self, PathEdit::Prefix(_)));
        if printable && rooted {
            return Ok(self);
        }
        let path = String::from_utf8_lossy(path);
        Err(Refused::because(format!("path {path:?} cannot replace one: it must begin with / and be percent-encoded")))
    }
}

/// The table of HTTPPathModifier.replacePrefixMatch: by whole segments, one slash at the seam, never an empty path.
fn replace_prefix(new: &[u8], matched: &[u8], path: &[u8], out: &mut Vec<u8>) {
    let begun = out.len();
    let matched = matched.strip_suffix(b"/").unwrap_or(matched);
    let rest = path.strip_prefix(matched).unwrap_or(path);
    let new = match new.strip_suffix(b"/") {
        Some(trimmed) if rest.first() == Some(&b'/') => trimmed,
        _ => new,
    };
    out.extend_from_slice(new);
    out.extend_from_slice(rest);
    if out.len() == begun {
        out.push(b'/');
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    pub host: Option<Box<[u8]>>,
    pub path: Option<PathEdit>,
}

impl Rewrite {
    pub fn compile(rewrite: &v1::Rewrite) -> Result<Rewrite, Refused> {
        use v1::rewrite::Path;
        let path = rewrite.path.as_ref().map(|path| match path {
            Path::Full(full) => PathEdit::Full(full.as_bytes().into()),
            Path::Prefix(prefix) => PathEdit::Prefix(prefix.as_bytes().into()),
        });
        Ok(Rewrite { host: host(&rewrite.host)?, path: path.map(PathEdit::check).transpose()? })
    }

    pub fn rewrites_path(&self) -> bool {
        self.path.is_some()
    }

    /// Appends the new path and query to `out`; the old ones when the path is not rewritten.
    pub fn rewritten_path(&self, matched_prefix: &[u8], path_and_query: &[u8], out: &mut Vec<u8>) {
        match &self.path {
            Some(edit) => edit.apply(matched_prefix, path_and_query, out),
            None => out.extend_from_slice(path_and_query),
        }
    }
}

/// An authority: no spaces, no control bytes, no delimiters of a URL's other parts.
fn host(given: &str) -> Result<Option<Box<[u8]>>, Refused> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]~".contains(&b);
    if !given.bytes().all(allowed) {
        return Err(Refused::because(format!("host {given:?} is not a host name")));
    }
    Ok((!given.is_empty()).then(|| given.as_bytes().into()))
}

/// What a redirect keeps of the request unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// "http" or "https".
    pub scheme: &'a str,
    /// Without port.
    pub host: &'a [u8],
    /// The port that the client meant (the frontend's).
    pub port: u16,
    pub path_and_query: &'a [u8],
    pub matched_prefix: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub status: u16,
    pub scheme: Option<Box<str>>,
    pub host: Option<Box<[u8]>>,
    pub port: Option<u16>,
    pub path: Option<PathEdit>,
}

impl Redirect {
    pub fn compile(redirect: &v1::Redirect) -> Result<Redirect, Refused> {
        use v1::redirect::Path;
        if !matches!(redirect.status, 301 | 302 | 303 | 307 | 308) {
            return Err(Refused::because(format!("{} is not a redirect's status", redirect.status)));
        }
        if !matches!(redirect.scheme.as_str(), "" | "http" | "https") {
            return Err(Refused::because(format!("scheme {:?} is neither http nor https", redirect.scheme)));
        }
        let port =
            u16::try_from(redirect.port).map_err(|_| Refused::because(format!("{} is not a port", redirect.port)))?;
        let path = redirect.path.as_ref().map(|path| match path {
            Path::Full(full) => PathEdit::Full(full.as_bytes().into()),
            Path::Prefix(prefix) => PathEdit::Prefix(prefix.as_bytes().into()),
        });
        Ok(Redirect {
            status: redirect.status as u16,
            scheme: (!redirect.scheme.is_empty()).then(|| redirect.scheme.as_str().into()),
            host: host(&redirect.host)?,
            port: (port != 0).then_some(port),
            path: path.map(PathEdit::check).transpose()?,
        })
    }

    /// Appends the value of `Location` to `out`.
    pub fn location(&self, seen: &Seen<'_>, out: &mut Vec<u8>) {
        let scheme = self.scheme.as_deref().unwrap_or(seen.scheme);
        out.extend_from_slice(scheme.as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(self.host.as_deref().unwrap_or(seen.host));
        let port = self.location_port(seen);
        if Some(port) != well_known_port(scheme) {
            out.push(b':');
            out.extend_from_slice(port.to_string().as_bytes());
        }
        match &self.path {
            Some(edit) => edit.apply(seen.matched_prefix, seen.path_and_query, out),
            None => out.extend_from_slice(seen.path_and_query),
        }
    }

    /// HTTPRequestRedirectFilter.port: the given one; else the new scheme's own; else the one that the client used.
    fn location_port(&self, seen: &Seen<'_>) -> u16 {
        let by_scheme = || self.scheme.as_deref().and_then(well_known_port);
        self.port.or_else(by_scheme).unwrap_or(seen.port)
    }
}

/// A port that a Location leaves out.
fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// A response that weft makes itself because a rule says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub status: u16,
    pub body: Box<[u8]>,
    pub content_type: Box<str>,
    pub reason: Option<Reason>,
}

impl Fixed {
    pub fn compile(fixed: &v1::FixedResponse) -> Result<Fixed, Refused> {
        // 1xx is not an answer, and 101 would end the protocol.
        if !(200..600).contains(&fixed.status) {
            return Err(Refused::because(format!("{} is not a final status", fixed.status)));
        }
        let reason = match fixed.reason.as_str() {
            "" => None,
            code => Some(Reason::from_code(code).ok_or_else(|| Refused::because(format!("no reason {code:?}")))?),
        };
        if fixed.content_type.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(Refused::because("content type: holds a control byte"));
        }
        Ok(Fixed {
            status: fixed.status as u16,
            body: fixed.body.as_bytes().into(),
            content_type: fixed.content_type.as_str().into(),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hv(name: &str, value: &str) -> v1::HeaderValue {
        v1::HeaderValue { name: name.into(), value: value.into() }
    }

    #[test]
    fn header_edits_drop_and_append() {
        let edit = HeaderEdit::compile(Some(&v1::HeaderEdit {
            set: vec![hv("X-Env", " prod ")],
            add: vec![hv("x-more", "1")],
            remove: vec!["X-Secret".into()],
        }))
        .unwrap();
        for (name, drops) in [("x-env", true), ("X-ENV", true), ("x-secret", true), ("x-more", false)] {
            assert_eq!(edit.drops(name.as_bytes()), drops, "{name}");
        }
        let appended: Vec<_> = edit.appended().map(|h| (&*h.name, &*h.value)).collect();
        assert_eq!(appended, [(&b"X-Env"[..], &b"prod"[..]), (b"x-more", b"1")]);
        assert!(HeaderEdit::compile(None).unwrap().is_empty());
    }

    #[test]
    fn edits_that_smuggle_or_forge_are_refused() {
        for name in ["Host", "Content-Length", "transfer-encoding", "weft-principal", ":path", "a b", "", "connection"]
        {
            let edit = v1::HeaderEdit { set: vec![hv(name, "1")], ..Default::default() };
            assert!(HeaderEdit::compile(Some(&edit)).is_err(), "{name}");
        }
        for value in ["a\r\nb: c", "a\0", "\x7f"] {
            let edit = v1::HeaderEdit { add: vec![hv("x", value)], ..Default::default() };
            assert!(HeaderEdit::compile(Some(&edit)).is_err(), "{value:?}");
        }
    }

    /// The table in the Gateway API's HTTPPathModifier, and what its text adds.
    #[test]
    fn prefixes_are_replaced_as_the_specification_says() {
        for (path, prefix, new, result) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/foo?a=/foo", "/foo", "/x", "/x?a=/foo"),
            ("/bar", "/", "/x", "/x/bar"),
            ("/", "/", "/x", "/x/"),
        ] {
            let rewrite = Rewrite { host: None, path: Some(PathEdit::Prefix(new.as_bytes().into())) };
            let mut out = Vec::new();
            rewrite.rewritten_path(prefix.as_bytes(), path.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), result, "{path} {prefix} {new}");
        }
    }

    #[test]
    fn a_full_path_keeps_the_query() {
        let rewrite = Rewrite::compile(&v1::Rewrite {
            host: "other.example".into(),
            path: Some(v1::rewrite::Path::Full("/new".into())),
        })
        .unwrap();
        let mut out = Vec::new();
        rewrite.rewritten_path(b"/", b"/old?x=1", &mut out);
        assert_eq!(out, b"/new?x=1");
        assert_eq!(rewrite.host.as_deref(), Some(&b"other.example"[..]));
    }

    #[test]
    fn paths_that_would_split_the_request_line_are_refused() {
        for path in ["no-slash", "", "/a b", "/a\r\n", "/a?b", "/a#b", "/ä"] {
            let full = v1::Rewrite { path: Some(v1::rewrite::Path::Full(path.into())), ..Default::default() };
            assert!(Rewrite::compile(&full).is_err(), "{path:?}");
        }
    }

    fn location(redirect: v1::Redirect, scheme: &str, port: u16) -> String {
        let seen = Seen { scheme, host: b"shop", port, path_and_query: b"/a/b?q=1", matched_prefix: b"/a" };
        let mut out = Vec::new();
        Redirect::compile(&v1::Redirect { status: 302, ..redirect }).unwrap().location(&seen, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// HTTPRequestRedirectFilter: port by the rule, by the scheme, by the listener; 80 and 443 are left out.
    #[test]
    fn redirects_follow_the_port_rules() {
        let with = |scheme: &str, host: &str, port: u32| v1::Redirect {
            scheme: scheme.into(),
            host: host.into(),
            port,
            ..Default::default()
        };
        for (redirect, scheme, port, expected) in [
            (with("", "", 0), "http", 80, "http://shop/a/b?q=1"),
            (with("", "", 0), "http", 8080, "http://shop:8080/a/b?q=1"),
            (with("https", "", 0), "http", 8080, "https://shop/a/b?q=1"),
            (with("https", "", 8443), "http", 80, "https://shop:8443/a/b?q=1"),
            (with("", "new.example", 0), "https", 443, "https://new.example/a/b?q=1"),
            (with("http", "", 80), "https", 443, "http://shop/a/b?q=1"),
            (with("", "", 80), "http", 8080, "http://shop/a/b?q=1"),
            (with("", "", 443), "http", 80, "http://shop:443/a/b?q=1"),
        ] {
            assert_eq!(location(redirect, scheme, port), expected);
        }
        let path = v1::Redirect { path: Some(v1::redirect::Path::Prefix("/new".into())), ..Default::default() };
        assert_eq!(location(path, "http", 80), "http://shop/new/b?q=1");
    }

    #[test]
    fn redirects_and_fixed_responses_with_other_statuses_are_refused() {
        for status in [0, 200, 300, 304, 400, 65_838] {
            assert!(Redirect::compile(&v1::Redirect { status, ..Default::default() }).is_err());
        }
        for status in [0, 101, 199, 600] {
            assert!(Fixed::compile(&v1::FixedResponse { status, ..Default::default() }).is_err());
        }
        let unknown = v1::FixedResponse { status: 503, reason: "nope".into(), ..Default::default() };
        assert!(Fixed::compile(&unknown).is_err());
    }
}
