//! HTTP/1.1 (RFC 9112), both directions, as functions over the caller's buffers.
//!
//! Reading: [`parse_request`] or [`parse_response`], then [`Body`] until it is done, then [`parse_trailers`].
//! Writing: the `write_*` functions append to a `Vec<u8>`.
//!
//! The parser accepts one way to write a message. Everything that two implementations are known to read differently is
//! a [`Malformed`], each reason with its name; the only leniencies are one CRLF before a request line (RFC 9112 §2.2),
//! a status line without the space before an empty reason, and `Content-Length: 0` in a 204 (forbidden by RFC 9110 §8.6,
//! common in the field, and impossible to misread).

pub(crate) mod authority;
mod body;
pub(crate) mod fields;
mod malformed;
mod parse;
mod reader;
pub(crate) mod target;
mod write;

pub use body::{Body, Decoded};
pub use malformed::Malformed;
pub use parse::{RequestKind, is_name, list, parse_request, parse_response, parse_trailers, worth_parsing};
pub use write::{
    end_head, reason, start_trailers, write_chunk, write_chunk_size, write_chunked, write_content_length,
    write_cookies, write_field, write_last_chunk, write_lines, write_request_line, write_status_line,
};
