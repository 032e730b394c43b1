//! Table `resolve`: from the name or address that a client used to a frontend.
//!
//! Built anew, and cheaply, whenever the set of frontends changes. A name that is not known may be *asked for* only when
//! it has the form `<service>.<namespace>.<suffix>`: a random Host subscribes to nothing.
use crate::hash::ByBytes;
use std::{collections::HashMap, net::SocketAddr};

/// RFC 1035 §2.3.4.
const MAX_NAME_BYTES: usize = 255;
const MAX_LABEL_BYTES: usize = 63;
/// Of a URL without one (RFC 9110 §4.2.1).
const DEFAULT_PORT: u16 = 80;

/// `T` is the caller's handle of a frontend.
pub struct Names<T> {
    handles: Vec<T>,
    hosts: ByBytes<Ports>,
    addresses: HashMap<SocketAddr, usize>,
    suffixes: Vec<Box<str>>,
}

/// Ports of one name, and their positions in `handles`.
#[derive(Default)]
struct Ports(Vec<(u16, usize)>);

#[derive(Debug, PartialEq, Eq)]
pub enum Resolved<'a, T> {
    Known(&'a T),
    /// The service is known and has no such port.
    NoPort,
    /// Not known, but its form says that it may be asked for (`key_to_ask`).
    Ask,
    /// Not ours: passed through or refused.
    Unknown,
}

impl<T> Names<T> {
    /// Suffixes in lower case, without dots around: "mesh".
    pub fn new(suffixes: &[Box<str>]) -> Names<T> {
        Names { handles: Vec::new(), hosts: ByBytes::default(), addresses: HashMap::new(), suffixes: suffixes.to_vec() }
    }

    /// A frontend's names and port. Of two frontends with the same name and port, the first stays.
    pub fn add<S: AsRef<str>>(&mut self, hosts: &[S], port: u16, handle: T) {
        let position = self.push(handle);
        for host in hosts {
            let name = host.as_ref().to_ascii_lowercase().into_bytes().into_boxed_slice();
            let ports = &mut self.hosts.entry(name).or_default().0;
            if ports.iter().all(|&(p, _)| p != port) {
                ports.push((port, position));
            }
        }
    }

    /// An address of its own, loopback or virtual.
    pub fn add_address(&mut self, address: SocketAddr, handle: T) {
        let position = self.push(handle);
        self.addresses.entry(address).or_insert(position);
    }

    fn push(&mut self, handle: T) -> usize {
        self.handles.push(handle);
        self.handles.len() - 1
    }

    /// `authority`: Host or :authority, any case, with or without port. Without one it means port 80, or the only one
    /// that the service has.
    pub fn host(&self, authority: &[u8]) -> Resolved<'_, T> {
        let mut buffer = [0; MAX_NAME_BYTES];
        let Some((name, port)) = parse(authority, &mut buffer) else { return Resolved::Unknown };
        let ports = self.hosts.get(name);
        match ports.and_then(|ports| ports.of(port)) {
            Some(position) => Resolved::Known(&self.handles[position]),
            None if self.service_of(name).is_some() => Resolved::Ask,
            None if ports.is_some() => Resolved::NoPort,
            None => Resolved::Unknown,
        }
    }

    pub fn address(&self, address: SocketAddr) -> Resolved<'_, T> {
        match self.addresses.get(&address) {
            Some(&position) => Resolved::Known(&self.handles[position]),
            None => Resolved::Unknown,
        }
    }

    /// The key of the frontend to ask for, without "@…": "<namespace>/<service>:<port>". Allocates: it is asked once per
    /// new destination.
    pub fn key_to_ask(&self, authority: &[u8]) -> Option<String> {
        let mut buffer = [0; MAX_NAME_BYTES];
        let (name, port) = parse(authority, &mut buffer)?;
        let (service, namespace) = self.service_of(name)?;
        Some(format!("{namespace}/{service}:{}", port.unwrap_or(DEFAULT_PORT)))
    }

    /// Service and namespace, when the name is under one of the suffixes.
    fn service_of<'n>(&self, name: &'n [u8]) -> Option<(&'n str, &'n str)> {
        let name = std::str::from_utf8(name).ok()?;
        self.suffixes.iter().find_map(|suffix| {
            let labels = name.strip_suffix(&**suffix)?.strip_suffix('.')?;
            let (service, namespace) = labels.split_once('.')?;
            (is_label(service) && is_label(namespace)).then_some((service, namespace))
        })
    }
}

impl Ports {
    fn of(&self, port: Option<u16>) -> Option<usize> {
        let find = |wanted: u16| self.0.iter().find(|&&(p, _)| p == wanted);
        let found = match (port, self.0.as_slice()) {
            (Some(port), _) => find(port),
            (None, [only]) => Some(only),
            (None, _) => find(DEFAULT_PORT),
        };
        found.map(|&(_, position)| position)
    }
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The name in lower case, without the root's dot, and the port.
fn parse<'b>(authority: &[u8], buffer: &'b mut [u8; MAX_NAME_BYTES]) -> Option<(&'b [u8], Option<u16>)> {
    let (host, port) = split_authority(authority)?;
    let host = host.strip_suffix(b".").unwrap_or(host);
    let name = buffer.get_mut(..host.len())?;
    name.copy_from_slice(host);
    name.make_ascii_lowercase();
    Some((name, port))
}

/// Host and port of an authority; the host without the brackets of IPv6. None when malformed.
pub fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, rest) = match authority.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|&b| b == b']')?;
            (&inner[..end], &inner[end + 1..])
        }
        None => {
            let end = authority.iter().position(|&b| b == b':').unwrap_or(authority.len());
            authority.split_at(end)
        }
    };
    // `[` after a user, a second colon, spaces: not a host.
    if host.is_empty() || host.iter().any(|b| b"@[]/ ?#".contains(b)) {
        return None;
    }
    match rest {
        // RFC 3986 §3.2.3: an empty port is none.
        [] | [b':'] => Some((host, None)),
        [b':', digits @ ..] => Some((host, Some(parse_port(digits)?))),
        _ => None,
    }
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let port = digits.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
    u16::try_from(port).ok().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names<&'static str> {
        let mut names = Names::new(&["mesh".into(), "svc.cluster.local".into()]);
        names.add(&["reviews", "reviews.default.mesh"], 9080, "reviews:9080");
        names.add(&["shop", "shop.default.mesh"], 80, "shop:80");
        names.add(&["shop", "shop.default.mesh"], 8443, "shop:8443");
        names.add(&["two"], 1, "two:1");
        names.add(&["two"], 2, "two:2");
        names.add_address("127.3.0.1:9080".parse().unwrap(), "reviews:9080");
        names
    }

    #[test]
    fn names_are_found_in_any_case_with_and_without_port() {
        let names = names();
        for (authority, expected) in [
            ("reviews:9080", Resolved::Known(&"reviews:9080")),
            ("Reviews", Resolved::Known(&"reviews:9080")),
            ("REVIEWS.default.MESH.:9080", Resolved::Known(&"reviews:9080")),
            ("shop", Resolved::Known(&"shop:80")),
            ("shop:", Resolved::Known(&"shop:80")),
            ("shop:8443", Resolved::Known(&"shop:8443")),
            ("two", Resolved::NoPort),
            ("reviews:81", Resolved::NoPort),
            ("reviews.default.mesh:81", Resolved::Ask),
            ("new.prod.mesh", Resolved::Ask),
            ("New.prod.svc.cluster.local:80", Resolved::Ask),
            ("a.b.c.mesh", Resolved::Unknown),
            ("mesh", Resolved::Unknown),
            (".mesh", Resolved::Unknown),
            ("a.mesh", Resolved::Unknown),
            ("-a.b.mesh", Resolved::Unknown),
            ("a.b.notmesh", Resolved::Unknown),
            ("example.com", Resolved::Unknown),
            ("", Resolved::Unknown),
            ("shop:99999", Resolved::Unknown),
        ] {
            assert_eq!(names.host(authority.as_bytes()), expected, "{authority}");
        }
        assert_eq!(names.host(&[b'a'; 300]), Resolved::Unknown);
    }

    #[test]
    fn addresses_are_found() {
        let names = names();
        assert_eq!(names.address("127.3.0.1:9080".parse().unwrap()), Resolved::Known(&"reviews:9080"));
        assert_eq!(names.address("127.3.0.1:80".parse().unwrap()), Resolved::Unknown);
    }

    #[test]
    fn keys_to_ask_for() {
        let names = names();
        for (authority, key) in
            [("New.Prod.mesh:81", Some("prod/new:81")), ("new.prod.mesh", Some("prod/new:80")), ("example.com", None)]
        {
            assert_eq!(names.key_to_ask(authority.as_bytes()).as_deref(), key);
        }
    }

    #[test]
    fn authorities_are_split() {
        for (authority, expected) in [
            ("a", Some(("a", None))),
            ("a:1", Some(("a", Some(1)))),
            ("[::1]:80", Some(("::1", Some(80)))),
            ("[::1]", Some(("::1", None))),
            ("::1", None),
            ("[::1", None),
            ("a:0", None),
            ("a:x", None),
            ("a:+1", None),
            ("a:1:2", None),
            ("u@a", None),
            ("[a]b", None),
            (":80", None),
        ] {
            let expected = expected.map(|(host, port): (&str, _)| (host.as_bytes(), port));
            assert_eq!(split_authority(authority.as_bytes()), expected, "{authority}");
        }
    }
}
