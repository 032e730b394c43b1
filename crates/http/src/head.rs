//! A parsed message head: ranges over bytes that somebody else keeps.
//!
//! One `Head` serves both protocols, so that the proxy decides once. For HTTP/1 the ranges refer to the caller's input
//! buffer; HTTP/2 decodes into `Head::arena`. [`Head::bytes`] picks the right one.

mod known;

pub use known::{Known, known};

/// A range in the head's bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub const EMPTY: Span = Span { start: 0, end: 0 };

    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Span { start: start as u32, end: end as u32 }
    }

    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    #[inline]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// One field line. The value carries no surrounding whitespace.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Span,
    pub value: Span,
    pub known: Known,
    /// Came as an HPACK never-indexed literal and must leave as one (RFC 7541 §7.1.3). Always false for HTTP/1.
    pub sensitive: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Request,
    Response,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Version {
    H10,
    #[default]
    H11,
    H2,
}

/// How the end of the body is found (RFC 9112 §6.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Framing {
    /// No body: the next byte belongs to the next message, or to the tunnel.
    #[default]
    None,
    Length(u64),
    Chunked,
    /// Only a response: the body ends where the connection ends.
    UntilClose,
    /// HTTP/2: the body ends with END_STREAM.
    Stream,
}

/// The four shapes of a request-target (RFC 9112 §3.2).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `host:port`, only with CONNECT
    Authority,
    /// `*`, only with OPTIONS
    Asterisk,
}

/// Re-usable parse result: allocates nothing once warm.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub kind: Kind,
    pub method: Span,
    /// The request-target as received (HTTP/1), or `:path`.
    pub target: Span,
    /// Path and query. Equals `target` in origin-form; what follows the authority in absolute-form, where it may be
    /// empty: the caller then writes `/` (or `*` for OPTIONS, RFC 9112 §3.2.4). Empty in authority-form.
    pub path: Span,
    pub target_form: TargetForm,
    /// `:authority`; for HTTP/1 the authority of an absolute- or authority-form target, else the Host value. For HTTP/2
    /// without `:authority` the Host value. Empty if there is none.
    pub authority: Span,
    /// `:scheme`, or the scheme of an absolute-form target.
    pub scheme: Span,
    /// `:protocol` of an extended CONNECT (RFC 8441).
    pub protocol: Span,
    pub status: u16,
    pub version: Version,
    /// Regular fields in the order received, never pseudo-header fields. Host stays in the list.
    pub fields: Vec<Field>,
    /// HTTP/2 decodes into this, as `name: value\r\n` lines, so that a run of fields can be copied to HTTP/1 in one
    /// piece. Stays empty for HTTP/1.
    pub arena: Vec<u8>,
    pub framing: Framing,
    /// HTTP/1: this message lets the connection persist.
    pub keep_alive: bool,
    /// `Connection: upgrade` and an Upgrade field are both present (HTTP/1.1 only).
    pub upgrade: bool,
    /// `Expect: 100-continue` (a request of HTTP/1.1 or later).
    pub expect_continue: bool,
    /// Connection nominates fields other than the well-known hop-by-hop ones: they must be found with
    /// [`Head::is_nominated`] and removed before forwarding (RFC 9110 §7.6.1).
    pub nominates: bool,
    /// Why the HPACK-decoded field list is not a message; the block itself was sound.
    pub(crate) fault: Option<crate::h2::Fault>,
    /// Field list size as HTTP/2 counts it (RFC 9113 §6.5.2), while decoding.
    pub(crate) list_size: u32,
    /// Which pseudo-header fields were seen.
    pub(crate) pseudo: u8,
}

impl Head {
    /// Forgets the message and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        let Head { fields, arena, kind, method, target, path, target_form, authority, scheme, protocol, .. } = self;
        fields.clear();
        arena.clear();
        *kind = Kind::Request;
        *target_form = TargetForm::Origin;
        (*method, *target, *path) = (Span::EMPTY, Span::EMPTY, Span::EMPTY);
        (*authority, *scheme, *protocol) = (Span::EMPTY, Span::EMPTY, Span::EMPTY);
        let Head { status, version, framing, keep_alive, upgrade, expect_continue, nominates, .. } = self;
        (*status, *version, *framing) = (0, Version::H11, Framing::None);
        (*keep_alive, *upgrade, *expect_continue, *nominates) = (false, false, false, false);
        (self.fault, self.list_size, self.pseudo) = (None, 0, 0);
    }

    /// The buffer that the spans refer to.
    #[inline]
    pub fn bytes<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        if self.arena.is_empty() { input } else { &self.arena }
    }

    /// Value of the first field of this name; `bytes` is what [`Head::bytes`] returns.
    pub fn get<'a>(&self, bytes: &'a [u8], name_lowercase: &[u8]) -> Option<&'a [u8]> {
        let same = |field: &&Field| {
            field.name.len() == name_lowercase.len() && field.name.of(bytes).eq_ignore_ascii_case(name_lowercase)
        };
        self.fields.iter().find(same).map(|field| field.value.of(bytes))
    }

    /// Value of the first field that was recognised as `k`.
    #[inline]
    pub fn known<'a>(&self, bytes: &'a [u8], k: Known) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.known == k).map(|field| field.value.of(bytes))
    }

    /// Does a Connection field of this message name `name`? Ask only when [`Head::nominates`] is set.
    pub fn is_nominated(&self, bytes: &[u8], name: &[u8]) -> bool {
        let connection = self.fields.iter().filter(|field| field.known == Known::Connection);
        connection
            .flat_map(|field| crate::h1::list(field.value.of(bytes)))
            .any(|option| option.eq_ignore_ascii_case(name))
    }
}

/// What a peer may make us hold for one message head.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head: request line and field lines including line ends (HTTP/1); the field list as RFC 9113 §6.5.2
    /// counts it, 32 bytes more per field (HTTP/2, where it is announced as SETTINGS_MAX_HEADER_LIST_SIZE).
    pub head_bytes: u32,
    /// Field lines in a head.
    pub fields: u16,
    /// Bytes of a trailer section.
    pub trailer_bytes: u32,
}

impl Limits {
    /// Envoy takes 60 KiB, nginx 32 KiB in 4 buffers, Node.js 16 KiB: large SSO cookies fit, and a thousand connections
    /// that each stall just below the limit hold 64 MiB.
    pub const HEAD_BYTES: u32 = 64 * 1024;
    /// Envoy and Apache take 100, Go's net/http bounds bytes only. Beyond this nobody sends fields in good faith.
    pub const FIELDS: u16 = 128;
    /// Trailers carry checksums and a gRPC status; the longest seen is a percent-encoded `grpc-status-details-bin`,
    /// which gRPC implementations cut at 8 KiB.
    pub const TRAILER_BYTES: u32 = 16 * 1024;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { head_bytes: Self::HEAD_BYTES, fields: Self::FIELDS, trailer_bytes: Self::TRAILER_BYTES }
    }
}

#[cfg(test)]
mod tests;
