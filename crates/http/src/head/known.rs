//! Names that the proxy must recognise, found once while parsing so that nobody compares strings again.

use crate::bytes::eq_lower;

#[repr(u8)]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Known {
    #[default]
    Other,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    Upgrade,
    Te,
    Trailer,
    Expect,
    Http2Settings,
    ProxyAuthorization,
    XRequestId,
    XForwardedFor,
    XForwardedProto,
    Forwarded,
    Traceparent,
    GrpcTimeout,
    GrpcStatus,
    ContentType,
    Date,
    Server,
    UserAgent,
    Accept,
    RetryAfter,
    Cookie,
    /// Any name that begins with `weft-`, or with `weft_`: CGI and WSGI give both to an app under one name.
    Weft,
    /// Not in the proxy's list: HPACK keeps short credentials out of its tables (RFC 7541 §7.1.3).
    Authorization,
}

impl Known {
    /// Speaks about one connection only and is never forwarded as received (RFC 9110 §7.6.1, RFC 9113 §8.2.2). `TE` is
    /// among them; towards gRPC servers the caller writes `te: trailers` anew.
    #[inline]
    pub fn is_hop_by_hop(self) -> bool {
        use Known::*;
        matches!(self, Connection | KeepAlive | ProxyConnection | TransferEncoding | Upgrade | Te | Http2Settings)
    }
}

/// Recognises a field name in any case. `name` must be a token: other bytes are not told apart.
#[inline]
pub fn known(name: &[u8]) -> Known {
    use Known::*;
    // The length alone rules out most names; what remains is one comparison, of two words mostly.
    let (candidate, text): (Known, &[u8]) = match name.len() {
        2 => (Te, b"te"),
        4 if name[0] | 0x20 == b'd' => (Date, b"date"),
        4 => (Host, b"host"),
        6 => match name[0] | 0x20 {
            b'a' => (Accept, b"accept"),
            b'c' => (Cookie, b"cookie"),
            b'e' => (Expect, b"expect"),
            _ => (Server, b"server"),
        },
        7 if name[0] | 0x20 == b't' => (Trailer, b"trailer"),
        7 => (Upgrade, b"upgrade"),
        9 => (Forwarded, b"forwarded"),
        10 if name[0] | 0x20 == b'c' => (Connection, b"connection"),
        10 if name[0] | 0x20 == b'u' => (UserAgent, b"user-agent"),
        10 => (KeepAlive, b"keep-alive"),
        11 if name[0] | 0x20 == b't' => (Traceparent, b"traceparent"),
        11 if name[0] | 0x20 == b'r' => (RetryAfter, b"retry-after"),
        11 => (GrpcStatus, b"grpc-status"),
        12 if name[0] | 0x20 == b'c' => (ContentType, b"content-type"),
        12 if name[0] | 0x20 == b'x' => (XRequestId, b"x-request-id"),
        12 => (GrpcTimeout, b"grpc-timeout"),
        13 => (Authorization, b"authorization"),
        14 if name[0] | 0x20 == b'h' => (Http2Settings, b"http2-settings"),
        14 => (ContentLength, b"content-length"),
        15 => (XForwardedFor, b"x-forwarded-for"),
        16 => (ProxyConnection, b"proxy-connection"),
        17 if name[0] | 0x20 == b't' => (TransferEncoding, b"transfer-encoding"),
        17 => (XForwardedProto, b"x-forwarded-proto"),
        19 => (ProxyAuthorization, b"proxy-authorization"),
        _ => return weft_or_other(name),
    };
    if eq_lower(name, text) { candidate } else { weft_or_other(name) }
}

#[inline]
fn weft_or_other(name: &[u8]) -> Known {
    match name.get(..5) {
        Some([start @ .., b'-' | b'_']) if eq_lower(start, b"weft") => Known::Weft,
        _ => Known::Other,
    }
}
