//! Where a body ends. The decoder points at payload and never copies it.

use std::ops::Range;

use super::Malformed;
use super::reader::{Step, Stop};
use crate::bytes::is_hex;
use crate::{Framing, Limits};

/// Finds the payload and the end of one message body.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Body {
    state: State,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Done,
    Length(u64),
    UntilClose,
    /// Before a chunk-size line.
    Size,
    /// Inside chunk data: so many bytes are left.
    Data(u64),
    /// Before the CRLF that ends chunk data.
    DataEnd,
    /// Behind the last chunk's line.
    Trailers,
}

/// One step of [`Body::decode`]. Nothing consumed, no data and not done: the body needs more input.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Decoded {
    pub consumed: usize,
    /// Payload inside `input[..consumed]`.
    pub data: Range<usize>,
    pub done: bool,
    /// A whole trailer section, final CRLF included, inside `input[..consumed]`, for `parse_trailers`.
    pub trailers: Option<Range<usize>>,
}

/// u64 holds exactly 16 hexadecimal digits. Longer sizes, even of zeros, are how parsers are made to overflow.
const CHUNK_SIZE_DIGITS: usize = 16;

impl Body {
    pub fn new(framing: Framing) -> Body {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => State::Size,
            // HTTP/2 frames its bodies itself; here such a body is whatever comes.
            Framing::UntilClose | Framing::Stream => State::UntilClose,
        };
        Body { state }
    }

    #[inline]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Consumes input and says what of it is payload: at most one range per call.
    #[inline]
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, Malformed> {
        match self.state {
            State::Done => Ok(Decoded { done: true, ..Decoded::default() }),
            State::UntilClose => Ok(Decoded { consumed: input.len(), data: 0..input.len(), ..Decoded::default() }),
            State::Length(left) => {
                let n = left.min(input.len() as u64);
                self.state = if left == n { State::Done } else { State::Length(left - n) };
                Ok(Decoded { consumed: n as usize, data: 0..n as usize, done: self.is_done(), trailers: None })
            }
            _ => self.decode_chunked(input, limits),
        }
    }

    fn decode_chunked(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, Malformed> {
        let mut decoded = Decoded::default();
        while self.state != State::Done {
            match self.chunk_step(input, limits, &mut decoded) {
                Ok(true) => {}
                Ok(false) | Err(Stop::More) => return Ok(decoded),
                // What was good is handed out first; the next call meets the same bytes and reports.
                Err(Stop::Malformed(_)) if decoded.consumed > 0 => return Ok(decoded),
                Err(Stop::Malformed(reason)) => return Err(reason),
            }
        }
        decoded.done = true;
        Ok(decoded)
    }

    /// Ok(false): this call has its range.
    #[inline]
    fn chunk_step(&mut self, input: &[u8], limits: &Limits, decoded: &mut Decoded) -> Step<bool> {
        let rest = &input[decoded.consumed..];
        match self.state {
            State::Size => {
                let (size, line) = read_size(rest)?;
                if size > 0 && !decoded.data.is_empty() {
                    return Ok(false);
                }
                decoded.consumed += line;
                self.state = if size == 0 { State::Trailers } else { State::Data(size) };
            }
            State::Data(left) => {
                let n = left.min(rest.len() as u64);
                decoded.data = decoded.consumed..decoded.consumed + n as usize;
                decoded.consumed = decoded.data.end;
                self.state = if left == n { State::DataEnd } else { State::Data(left - n) };
                return Ok(left == n);
            }
            State::DataEnd => {
                decoded.consumed += read_crlf(rest, Malformed::BadChunkEnd)?;
                self.state = State::Size;
            }
            State::Trailers => {
                let n = read_trailers(rest, limits)?;
                decoded.trailers = (n > 2).then_some(decoded.consumed..decoded.consumed + n);
                decoded.consumed += n;
                self.state = State::Done;
            }
            State::Done | State::Length(_) | State::UntilClose => return Ok(false),
        }
        Ok(true)
    }

    /// The connection ended: is the message whole?
    pub fn eof(&self) -> Result<(), Malformed> {
        match self.state {
            State::Done | State::UntilClose => Ok(()),
            _ => Err(Malformed::Truncated),
        }
    }
}

/// The size and the length of its line.
#[inline]
fn read_size(rest: &[u8]) -> Step<(u64, usize)> {
    let digits = rest.iter().take(CHUNK_SIZE_DIGITS).take_while(|byte| is_hex(**byte)).count();
    let size = rest[..digits].iter().fold(0, |size, digit| size << 4 | hex_value(*digit));
    match rest.get(digits).ok_or(Stop::More)? {
        _ if digits == 0 => Err(Malformed::BadChunkSize.into()),
        b';' | b' ' | b'\t' => Err(Malformed::ChunkExtension.into()),
        _ => Ok((size, digits + read_crlf(&rest[digits..], Malformed::BadChunkSize)?)),
    }
}

#[inline]
fn hex_value(digit: u8) -> u64 {
    u64::from(if digit.is_ascii_digit() { digit - b'0' } else { (digit | 0x20) - b'a' + 10 })
}

#[inline]
fn read_crlf(rest: &[u8], other: Malformed) -> Step<usize> {
    match (rest.first(), rest.get(1)) {
        (None, _) | (Some(b'\r'), None) => Err(Stop::More),
        (Some(b'\r'), Some(b'\n')) => Ok(2),
        (Some(b'\r'), Some(_)) => Err(Malformed::BareCr.into()),
        (Some(b'\n'), _) => Err(Malformed::BareLf.into()),
        _ => Err(other.into()),
    }
}

/// Length of the trailer section including the empty line that ends it.
fn read_trailers(rest: &[u8], limits: &Limits) -> Step<usize> {
    if matches!(rest.first(), None | Some(b'\r' | b'\n')) {
        return read_crlf(rest, Malformed::BadName);
    }
    let bound = limits.trailer_bytes as usize;
    let section = &rest[..rest.len().min(bound)];
    match memchr::memmem::find(section, b"\r\n\r\n") {
        Some(end) => Ok(end + 4),
        None if rest.len() >= bound => Err(Malformed::TooLarge.into()),
        None => Err(Stop::More),
    }
}

#[cfg(test)]
mod tests;
