//! Heads: start line, field lines, and what the fields mean for this message and this connection.
//!
//! One pass over the bytes. The parser remembers nothing between calls and decides about a byte as soon as it sees it,
//! so a head that arrives in pieces gets the same answer as one that arrives whole.

use super::authority::{self, Authority};
use super::fields::{Notes, read_fields};
use super::reader::{Reader, Step, Stop};
use super::{Malformed, target};
use crate::bytes::{control_at, is_token, target_end, token_end};
use crate::{Framing, Head, Kind, Limits, Span, TargetForm, Version};

/// What the parser of a response must know of the request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Head,
    Connect,
    /// It asked for another protocol.
    Upgrade,
    Other,
}

/// `Ok(Some(n))`: a whole head in `input[..n]`. `Ok(None)`: call again with more bytes; `head` then holds nothing of use.
pub fn parse_request(input: &[u8], limits: &Limits, head: &mut Head) -> Result<Option<usize>, Malformed> {
    head.clear();
    let mut reader = Reader::new(input, limits);
    let result = request(&mut reader, head);
    reader.conclude(result)
}

fn request(reader: &mut Reader, head: &mut Head) -> Step<()> {
    head.kind = Kind::Request;
    reader.skip_empty_line()?;
    request_line(reader, head)?;
    let mut notes = Notes::default();
    read_fields(reader, head, &mut notes)?;
    settle_authority(reader.input, head, &notes)?;
    settle_request(reader.input, head, &notes)
}

fn request_line(reader: &mut Reader, head: &mut Head) -> Step<()> {
    let start = reader.at;
    let end = token_end(reader.input, start);
    match reader.byte(end)? {
        b' ' if end > start => {}
        b' ' | b'\r' => return Err(Malformed::BadRequestLine.into()),
        b'\n' => return Err(Malformed::BareLf.into()),
        _ => return Err(Malformed::BadMethod.into()),
    }
    head.method = Span::new(start, end);
    let start = end + 1;
    let end = target_end(reader.input, start);
    match reader.byte(end)? {
        b' ' if end > start => {}
        b' ' | b'\r' => return Err(Malformed::BadRequestLine.into()),
        b'\n' => return Err(Malformed::BareLf.into()),
        _ => return Err(Malformed::BadTarget.into()),
    }
    head.target = Span::new(start, end);
    target::classify(reader.input, head)?;
    reader.at = end + 1;
    head.version = reader.version(Malformed::BadRequestLine)?;
    reader.line_end(Malformed::BadRequestLine)
}

/// RFC 9112 §3.2: exactly one Host in HTTP/1.1. The authority of the target wins (§3.2.2), but one that names another
/// host than Host does comes from no honest client.
fn settle_authority(input: &[u8], head: &mut Head, notes: &Notes) -> Step<()> {
    let Some(host) = notes.host else {
        return if head.version == Version::H10 { Ok(()) } else { Err(Malformed::MissingHost.into()) };
    };
    let in_host: Authority = authority::parse(host.of(input)).ok_or(Malformed::BadHost)?;
    match head.target_form {
        TargetForm::Origin | TargetForm::Asterisk => head.authority = host,
        TargetForm::Absolute | TargetForm::Authority => {
            let in_target = authority::parse(head.authority.of(input)).ok_or(Malformed::BadTarget)?;
            if !in_target.agrees_with(&in_host) {
                return Err(Malformed::HostMismatch.into());
            }
        }
    }
    Ok(())
}

fn settle_request(input: &[u8], head: &mut Head, notes: &Notes) -> Step<()> {
    head.keep_alive = notes.persists(head.version);
    head.upgrade = notes.upgrade(head.version);
    head.expect_continue = notes.expect_continue && head.version != Version::H10;
    head.nominates = notes.nominates;
    head.framing = notes.framing()?.unwrap_or(Framing::None);
    // RFC 9110 §9.3.6: a CONNECT has no content, and what follows its head belongs to the tunnel.
    if head.framing != Framing::None && head.method.of(input) == b"CONNECT" {
        return Err(Malformed::UnexpectedBody.into());
    }
    Ok(())
}

/// As [`parse_request`]. A 1xx head is returned like any other, with `Framing::None`: parse again for the final one.
pub fn parse_response(
    input: &[u8],
    request: RequestKind,
    limits: &Limits,
    head: &mut Head,
) -> Result<Option<usize>, Malformed> {
    head.clear();
    let mut reader = Reader::new(input, limits);
    let result = response(&mut reader, request, head);
    reader.conclude(result)
}

fn response(reader: &mut Reader, request: RequestKind, head: &mut Head) -> Step<()> {
    head.kind = Kind::Response;
    status_line(reader, head)?;
    let mut notes = Notes::default();
    read_fields(reader, head, &mut notes)?;
    settle_response(request, head, &notes)
}

fn status_line(reader: &mut Reader, head: &mut Head) -> Step<()> {
    head.version = reader.version(Malformed::BadStatusLine)?;
    if reader.byte(reader.at)? != b' ' {
        return Err(Malformed::BadStatusLine.into());
    }
    for place in 1..4 {
        let digit = reader.byte(reader.at + place)?;
        if !digit.is_ascii_digit() {
            return Err(Malformed::BadStatusLine.into());
        }
        head.status = head.status * 10 + u16::from(digit - b'0');
    }
    if head.status < 100 {
        return Err(Malformed::BadStatusLine.into());
    }
    reader.at += 4;
    // The space is required even before an empty reason (RFC 9112 §4); many servers forget it, and nothing depends on it.
    match reader.byte(reader.at)? {
        b' ' => reason(reader),
        _ => reader.line_end(Malformed::BadStatusLine),
    }
}

fn reason(reader: &mut Reader) -> Step<()> {
    loop {
        reader.at = control_at(reader.input, reader.at);
        match reader.byte(reader.at)? {
            b'\t' => reader.at += 1,
            _ => return reader.line_end(Malformed::BadStatusLine),
        }
    }
}

/// RFC 9112 §6.3, in its order.
fn settle_response(request: RequestKind, head: &mut Head, notes: &Notes) -> Step<()> {
    let announced = notes.framing()?;
    head.keep_alive = notes.persists(head.version);
    head.upgrade = notes.upgrade(head.version);
    head.nominates = notes.nominates;
    // RFC 9110 §7.8: a server may not switch to what was not asked for. Passed on, what follows would be read as that.
    if head.status == 101 && request != RequestKind::Upgrade {
        return Err(Malformed::UnexpectedSwitch.into());
    }
    head.framing = match head.status {
        200..=299 if request == RequestKind::Connect => Framing::None,
        100..=199 | 204 => match announced {
            None => Framing::None,
            Some(Framing::Length(0)) if head.status == 204 => Framing::None,
            Some(_) => return Err(Malformed::UnexpectedBody.into()),
        },
        304 => Framing::None,
        _ if request == RequestKind::Head => Framing::None,
        _ => announced.unwrap_or(Framing::UntilClose),
    };
    if head.framing == Framing::UntilClose {
        head.keep_alive = false;
    }
    Ok(())
}

/// Parses what [`super::Decoded::trailers`] points at. `input` holds the whole section.
pub fn parse_trailers(input: &[u8], limits: &Limits, head: &mut Head) -> Result<(), Malformed> {
    head.clear();
    let limits = Limits { head_bytes: limits.trailer_bytes, ..*limits };
    let mut reader = Reader::new(input, &limits);
    let result = read_fields(&mut reader, head, &mut Notes::trailers());
    match reader.conclude(result)? {
        Some(n) if n == input.len() => Ok(()),
        _ => Err(Malformed::Truncated),
    }
}

/// Cheap question after `Ok(None)`, so that a peer who sends byte by byte does not make us parse the same bytes again
/// and again: is it worth parsing now? `parsed` is the length of the input at the last attempt.
pub fn worth_parsing(input: &[u8], parsed: usize, limits: &Limits) -> bool {
    let from = parsed.min(input.len()).saturating_sub(3);
    input.len() >= limits.head_bytes as usize || memchr::memmem::find(&input[from..], b"\r\n\r\n").is_some()
}

/// The elements of a comma-separated list (RFC 9110 §5.6.1), trimmed, empty ones left out.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(|element| element.trim_ascii()).filter(|element| !element.is_empty())
}

/// May this be written as a method or field name?
pub fn is_name(name: &[u8]) -> bool {
    is_token(name)
}

impl From<Malformed> for Stop {
    fn from(reason: Malformed) -> Stop {
        Stop::Malformed(reason)
    }
}

#[cfg(test)]
mod tests;
