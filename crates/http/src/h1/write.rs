//! Writing messages: every function appends to the caller's buffer and formats nothing that a table can hold.

use std::ops::Range;

use crate::{Head, Known};

#[inline]
pub fn write_request_line(out: &mut Vec<u8>, method: &[u8], target: &[u8]) {
    out.reserve(method.len() + target.len() + 12);
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// With the standard reason phrase (RFC 9110 §15), or an empty one.
#[inline]
pub fn write_status_line(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    write_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[inline]
pub fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Copies a run of consecutive field lines as they are, in one piece. `bytes` is what [`Head::bytes`] returns.
#[inline]
pub fn write_lines(out: &mut Vec<u8>, head: &Head, bytes: &[u8], fields: Range<usize>) {
    let [first, .., last] = &head.fields[fields.clone()] else {
        if let [only] = &head.fields[fields] {
            write_field(out, only.name.of(bytes), only.value.of(bytes));
        }
        return;
    };
    let value_end = last.value.end as usize;
    // Whitespace may stand between value and line end.
    let end = value_end + bytes[value_end..].iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    out.extend_from_slice(&bytes[first.name.start as usize..end]);
}

/// One line for all Cookie fields: HTTP/2 may split them for compression, HTTP/1 must not (RFC 9113 §8.2.3). Nothing if
/// there are none.
pub fn write_cookies(out: &mut Vec<u8>, head: &Head, bytes: &[u8]) {
    let mut before: &[u8] = b"cookie: ";
    for field in head.fields.iter().filter(|field| field.known == Known::Cookie) {
        out.extend_from_slice(before);
        out.extend_from_slice(field.value.of(bytes));
        before = b"; ";
    }
    if before == b"; " {
        out.extend_from_slice(b"\r\n");
    }
}

#[inline]
pub fn write_content_length(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(b"content-length: ");
    write_decimal(out, n);
    out.extend_from_slice(b"\r\n");
}

#[inline]
pub fn write_chunked(out: &mut Vec<u8>) {
    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
}

/// The empty line behind a head or a trailer section.
#[inline]
pub fn end_head(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Nothing for empty data: a chunk of size zero would end the body.
#[inline]
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        write_chunk_size(out, data.len());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// The line before chunk data that the caller writes itself, followed by CRLF ([`end_head`]).
#[inline]
pub fn write_chunk_size(out: &mut Vec<u8>, size: usize) {
    let mut text = [0; 18];
    let mut at = 16;
    let mut left = size;
    loop {
        at -= 1;
        text[at] = b"0123456789abcdef"[left & 15];
        left >>= 4;
        if left == 0 {
            break;
        }
    }
    text[16..].copy_from_slice(b"\r\n");
    out.extend_from_slice(&text[at..]);
}

#[inline]
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// The last chunk, open for trailer fields ([`write_field`]), to be closed by [`end_head`].
#[inline]
pub fn start_trailers(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
}

#[inline]
pub(crate) fn write_decimal(out: &mut Vec<u8>, n: u64) {
    let mut text = [0; 20];
    let at = decimal_digits(n, &mut text);
    out.extend_from_slice(&text[at..]);
}

/// Writes the digits to the end of `text` and returns where they start.
#[inline]
fn decimal_digits(n: u64, text: &mut [u8; 20]) -> usize {
    let mut at = text.len();
    let mut left = n;
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            return at;
        }
    }
}

/// The standard phrase for a status, empty for one that no RFC names.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
