//! HTTP/1.1, HTTP/2 and HPACK as pure functions and state machines: bytes in, ranges and events out.
//!
//! Nothing here reads a socket, asks the time or owns a buffer of payload. The caller keeps the bytes; a parsed message
//! is a [`Head`]: a list of ranges over them. The one abstraction to know is therefore `Head` (read `head.rs` first),
//! filled by [`h1::parse_request`], [`h1::parse_response`] or, from HPACK, by [`h2::Connection::receive`], and written
//! again by [`h1`]'s `write_*` functions or [`h2::HeadWriter`].
//!
//! ```
//! use weft_http::{Framing, Head, Limits, h1};
//!
//! let input = b"POST /pay HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody and more";
//! let (limits, mut head, mut out) = (Limits::default(), Head::default(), Vec::new());
//! let n = h1::parse_request(input, &limits, &mut head)?.expect("all of the head is there");
//! let body = h1::Body::new(head.framing).decode(&input[n..], &limits)?;
//! assert_eq!(&input[n..][body.data], b"body");
//!
//! h1::write_request_line(&mut out, head.method.of(input), head.path.of(input));
//! h1::write_lines(&mut out, &head, input, 0..head.fields.len());
//! h1::end_head(&mut out);
//! assert_eq!(out, input[..n]);
//! # Ok::<(), h1::Malformed>(())
//! ```
//!
//! Two rules hold everywhere. What two parsers could understand differently is refused, never repaired (RFC 9112 §11.2:
//! request smuggling lives on repairs). Whatever a peer can make grow has a limit, and the limit is a named constant
//! with its reason.
//!
//! What a caller could overlook:
//!
//! - [`Head::nominates`] says that Connection names more fields to remove ([`Head::is_nominated`]). Hop-by-hop fields
//!   ([`Known::is_hop_by_hop`]), Host and Content-Length stay in the list; whoever forwards leaves them out and writes
//!   them anew from `framing` and `authority`.
//! - From HTTP/2 to HTTP/1, Cookie fields are joined ([`h1::write_cookies`]); to gRPC, `te: trailers` is written anew.
//! - [`h1::worth_parsing`] keeps a sender of single bytes from making the parser start over and over.
//! - [`h2::Connection::receive`] may return an event without consuming anything, and after a GOAWAY one `Reset` for
//!   each stream that the peer will not process. Every byte of `Data` is released exactly once, also after a reset.
//! - A request above the limits is answered with 431 by [`h2::Connection`] itself; the caller never sees it.
//! - Stricter than the RFCs: no chunk extensions, no sub-delims or percent-encoding in a host, no `#` or non-ASCII byte
//!   in a target, no `http://host?query` without a path. More lenient: see [`h1`].

#![forbid(unsafe_code)]

pub mod h1;
pub mod h2;
pub mod head;
pub mod hpack;
pub mod huffman;

mod bytes;
mod fault;

pub use head::{Field, Framing, Head, Kind, Known, Limits, Span, TargetForm, Version, known};
