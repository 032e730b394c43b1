//! HTTP/1.1, HTTP/2 and HPACK as pure functions and state machines: bytes in, ranges and events out.
//!
//! Nothing here reads a socket, asks the time or owns a buffer of payload. The caller keeps the bytes; a parsed message
//! is a [`Head`]: a list of ranges over them. The one abstraction to know is therefore `Head` (read `head.rs` first),
//! filled by [`h1::parse_request`], [`h1::parse_response`] or, from HPACK, by [`h2::Connection::receive`], and written
//! again by [`h1`]'s `write_*` functions or [`h2::HeadWriter`].
//!
//! Two rules hold everywhere. What two parsers could understand differently is refused, never repaired (RFC 9112 §11.2:
//! request smuggling lives on repairs). Whatever a peer can make grow has a limit, and the limit is a named constant
//! with its reason.

pub mod h1;
pub mod h2;
pub mod head;
pub mod hpack;
pub mod huffman;

mod bytes;
mod fault;

pub use head::{Field, Framing, Head, Kind, Known, Limits, Span, TargetForm, Version, known};
