//! One message head as the proxy keeps it: bytes and ranges that are its own, so that a request can be sent again.

use weft_core::{Fields, Request};
use weft_http::{Field, Head, Known, Span, Version};

/// A head that outlives the buffer it was parsed from. Reused: allocates nothing once warm.
#[derive(Default, Debug)]
pub struct Message {
    bytes: Vec<u8>,
    pub method: Span,
    /// Path and query.
    pub path: Span,
    /// Host, with port if there was one.
    pub authority: Span,
    pub protocol: Span,
    pub fields: Vec<Field>,
}

impl Message {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.method = Span::EMPTY;
        self.path = Span::EMPTY;
        self.authority = Span::EMPTY;
        self.protocol = Span::EMPTY;
    }

    /// Takes the parts of `head` that travel end to end; what speaks about one connection stays behind
    /// (RFC 9110 §7.6.1).
    pub fn take_request(&mut self, head: &Head, source: &[u8]) {
        self.clear();
        self.method = self.store(head.method.of(source));
        let path = head.path.of(source);
        self.path = self.store(if path.is_empty() { b"/" } else { path });
        self.authority = self.store(head.authority.of(source));
        self.protocol = self.store(head.protocol.of(source));
        for field in &head.fields {
            let name = field.name.of(source);
            let dropped = field.known.is_hop_by_hop()
                || matches!(field.known, Known::Host | Known::ProxyAuthorization | Known::ContentLength)
                || (head.nominates && head.is_nominated(source, name));
            if !dropped {
                let (known, sensitive) = (field.known, field.sensitive);
                if known == Known::Cookie && head.version == Version::H2 && self.join_cookie(field.value.of(source)) {
                    continue;
                }
                let name = self.store(name);
                let value = self.store(field.value.of(source));
                self.fields.push(Field { name, value, known, sensitive });
            }
        }
    }

    /// HTTP/2 may send a cookie in pieces, everything else has one (RFC 9113 §8.2.3). False: it is the first piece.
    fn join_cookie(&mut self, piece: &[u8]) -> bool {
        let Some(at) = self.fields.iter().position(|f| f.known == Known::Cookie) else { return false };
        let before = self.fields[at].value;
        let start = self.bytes.len();
        self.bytes.extend_from_within(before.start as usize..before.end as usize);
        self.bytes.extend_from_slice(b"; ");
        self.bytes.extend_from_slice(piece);
        self.fields[at].value = Span { start: start as u32, end: self.bytes.len() as u32 };
        true
    }

    #[inline]
    pub fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Span { start, end: self.bytes.len() as u32 }
    }

    #[inline]
    pub fn text(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }

    pub fn add(&mut self, name: &[u8], value: &[u8], known: Known) {
        let name = self.store(name);
        let value = self.store(value);
        self.fields.push(Field { name, value, known, sensitive: false });
    }

    pub fn known(&self, known: Known) -> Option<&[u8]> {
        self.fields.iter().find(|f| f.known == known).map(|f| f.value.of(&self.bytes))
    }

    pub fn get(&self, name_lowercase: &[u8]) -> Option<&[u8]> {
        let found = self.fields.iter().find(|f| f.name.of(&self.bytes).eq_ignore_ascii_case(name_lowercase));
        found.map(|f| f.value.of(&self.bytes))
    }

    pub fn remove_known(&mut self, known: Known) {
        self.fields.retain(|f| f.known != known);
    }

    pub fn remove(&mut self, name_lowercase: &[u8]) {
        let bytes = &self.bytes;
        self.fields.retain(|f| !f.name.of(bytes).eq_ignore_ascii_case(name_lowercase));
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let bytes = &self.bytes;
        self.fields.retain(|f| keep(f.name.of(bytes)));
    }

    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value, weft_http::known(name));
    }

    /// What rules look at.
    pub fn as_request(&self) -> Request<'_> {
        let (path, query) = self.path_and_query();
        Request { method: self.text(self.method), path, query, host: self.host(), fields: self }
    }

    /// Path and query, apart.
    pub fn path_and_query(&self) -> (&[u8], &[u8]) {
        split_query(self.text(self.path))
    }

    /// Host without port.
    pub fn host(&self) -> &[u8] {
        without_port(self.text(self.authority))
    }
}

pub fn split_query(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().position(|b| *b == b'?') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (path, b""),
    }
}

pub fn without_port(authority: &[u8]) -> &[u8] {
    let end = match authority.iter().rposition(|b| *b == b':') {
        // "[::1]" has colons inside of its brackets only.
        Some(at) if authority[at + 1..].iter().all(u8::is_ascii_digit) => at,
        _ => authority.len(),
    };
    &authority[..end]
}

pub fn port_of(authority: &[u8]) -> Option<u16> {
    let host = without_port(authority);
    let digits = authority.get(host.len() + 1..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Fields for Message {
    fn each<'a>(&'a self, name_lowercase: &[u8], f: &mut dyn FnMut(&'a [u8]) -> bool) {
        for field in &self.fields {
            let name = field.name.of(&self.bytes);
            if name.eq_ignore_ascii_case(name_lowercase) && f(field.value.of(&self.bytes)) {
                return;
            }
        }
    }
}
