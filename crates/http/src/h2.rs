//! HTTP/2 (RFC 9113): one [`Connection`] for both roles, bytes in, events and bytes out.
//!
//! The caller feeds what it has read to [`Connection::receive`], one event at a time, and writes out what has gathered
//! in `out`; frames of several streams leave in one write. A message is written with [`HeadWriter`] and
//! [`Connection::send_data`]. Received payload is never stored: the caller passes it on and says so with
//! [`Connection::release`], which is what opens the peer's windows again.
//!
//! Files: `frame` and `settings` are the wire; `streams` the table of live streams; `core` the state of a connection,
//! with `receive` (`data`, `heads`) and `send` as its two halves; `message` tells requests and responses from mere field lists; `guard`
//! is what a peer may cost us; `connection` is the public face, generic over the caller's token.
//!
//! A violation costs as little as RFC 9113 allows: a stream where one stream is concerned (`Event::Reset`), else the
//! connection ([`ConnectionError`]).

mod connection;
mod core;
mod data;
mod frame;
mod guard;
mod heads;
mod message;
mod receive;
mod send;
mod settings;
mod streams;
mod writer;

use std::fmt;

pub use crate::fault::Fault;
use crate::{Limits, hpack};
pub use connection::Connection;
pub use frame::PREFACE;
pub use writer::HeadWriter;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

#[derive(Clone, Debug)]
pub struct Config {
    pub role: Role,
    /// A server announces it and refuses what goes beyond.
    pub max_concurrent_streams: u32,
    pub initial_stream_window: u32,
    /// Not less than 65,535, which the protocol grants without asking.
    pub connection_window: u32,
    pub max_frame_size: u32,
    /// For both directions: what we announce, and the most that our encoder uses of what the peer announces.
    pub header_table_size: u32,
    pub limits: Limits,
    /// Accept extended CONNECT (RFC 8441).
    pub enable_connect_protocol: bool,
    /// weft's own HELLO, sent right after SETTINGS in a frame type that others must ignore (RFC 9113 §5.5). Without it
    /// a peer's HELLO is ignored too: an app must not pass for a proxy.
    pub hello: Option<Vec<u8>>,
}

impl Config {
    /// Envoy and nghttp2 take 100 from strangers, Envoy 1,000 and more between proxies, which is where one connection
    /// carries what a hundred clients send.
    pub const MAX_CONCURRENT_STREAMS: u32 = 1000;
    /// Bandwidth times delay of 1 Gbit/s at 2 ms, and the most that one stalled stream makes a proxy hold.
    pub const STREAM_WINDOW: u32 = 256 * 1024;
    /// Four streams at full speed; the most that a peer makes us hold per connection.
    pub const CONNECTION_WINDOW: u32 = 1024 * 1024;
    /// The protocol's smallest, so that no stream holds up the others for long.
    pub const MAX_FRAME_SIZE: u32 = 16_384;
    /// The protocol's default: some fifty entries, and the most that two idle tables cost.
    pub const HEADER_TABLE_SIZE: u32 = hpack::DEFAULT_TABLE as u32;

    pub fn new(role: Role) -> Config {
        Config {
            role,
            max_concurrent_streams: Self::MAX_CONCURRENT_STREAMS,
            initial_stream_window: Self::STREAM_WINDOW,
            connection_window: Self::CONNECTION_WINDOW,
            max_frame_size: Self::MAX_FRAME_SIZE,
            header_table_size: Self::HEADER_TABLE_SIZE,
            limits: Limits::default(),
            enable_connect_protocol: false,
            hello: None,
        }
    }
}

/// RFC 9113 §7. Unknown codes are kept as they came.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

macro_rules! error_codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        impl ErrorCode {
            $(pub const $name: ErrorCode = ErrorCode($code);)*
        }

        impl fmt::Display for ErrorCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(ErrorCode::$name => f.write_str(stringify!($name)),)*
                    ErrorCode(code) => write!(f, "error code {code:#x}"),
                }
            }
        }
    };
}

error_codes! {
    NO_ERROR = 0,
    PROTOCOL_ERROR = 1,
    INTERNAL_ERROR = 2,
    FLOW_CONTROL_ERROR = 3,
    SETTINGS_TIMEOUT = 4,
    STREAM_CLOSED = 5,
    FRAME_SIZE_ERROR = 6,
    REFUSED_STREAM = 7,
    CANCEL = 8,
    COMPRESSION_ERROR = 9,
    CONNECT_ERROR = 10,
    ENHANCE_YOUR_CALM = 11,
    INADEQUATE_SECURITY = 12,
    HTTP_1_1_REQUIRED = 13,
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The connection is lost: `go_away(error.code)`, write out, close.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ConnectionError {
    pub code: ErrorCode,
    /// What the peer did, for the log.
    pub reason: &'static str,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

impl std::error::Error for ConnectionError {}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Event<'a, T> {
    /// A head is in `head`. `token` is None for a new request on a server: `bind` it before the next `receive`, or
    /// its frames are dropped.
    Head {
        stream: StreamId,
        token: Option<T>,
        end: bool,
        informational: bool,
    },
    /// The trailers are in `head`; the peer has ended the stream.
    Trailers {
        stream: StreamId,
        token: T,
    },
    /// `flow` bytes are to be given to `release` once `data` has been passed on or dropped, even if the stream has
    /// ended or was reset since.
    Data {
        stream: StreamId,
        token: T,
        data: &'a [u8],
        flow: u32,
        end: bool,
    },
    /// The stream is gone, by the peer's RST_STREAM or by a violation that this side answered with RST_STREAM.
    Reset {
        stream: StreamId,
        token: T,
        code: ErrorCode,
    },
    /// A stream on which `send_data` had accepted less than offered can send again.
    Writable {
        stream: StreamId,
        token: T,
    },
    SettingsReceived,
    /// The payload of the peer's HELLO. Never before SETTINGS, never after the first head, at most once.
    Hello(&'a [u8]),
    /// Streams of ours above `last` were not processed: one `Reset` with REFUSED_STREAM follows for each.
    GoAway {
        last: StreamId,
        code: ErrorCode,
    },
    PingAck([u8; 8]),
}

#[cfg(test)]
mod tests;
