//! A position in the input that can run out of it.

use super::Malformed;
use crate::bytes::word;
use crate::{Limits, Version};

/// Why parsing cannot go on.
pub enum Stop {
    /// The input ends here.
    More,
    Malformed(Malformed),
}

pub type Step<T> = Result<T, Stop>;

pub struct Reader<'a> {
    /// At most as many bytes as a head may have.
    pub input: &'a [u8],
    pub at: usize,
    pub max_fields: usize,
    full: bool,
}

impl<'a> Reader<'a> {
    pub fn new(input: &'a [u8], limits: &Limits) -> Reader<'a> {
        let bound = limits.head_bytes as usize;
        let full = input.len() >= bound;
        let input = if full { &input[..bound] } else { input };
        Reader { input, at: 0, max_fields: limits.fields as usize, full }
    }

    #[inline]
    pub fn byte(&self, at: usize) -> Step<u8> {
        self.input.get(at).copied().ok_or(Stop::More)
    }

    pub fn conclude(&self, result: Step<()>) -> Result<Option<usize>, Malformed> {
        match result {
            Ok(()) => Ok(Some(self.at)),
            Err(Stop::More) if self.full => Err(Malformed::TooLarge),
            Err(Stop::More) => Ok(None),
            Err(Stop::Malformed(reason)) => Err(reason),
        }
    }

    /// At most one: some clients end a request body with a CRLF too many (RFC 9112 §2.2), nobody with two.
    #[inline]
    pub fn skip_empty_line(&mut self) -> Step<()> {
        match self.byte(self.at)? {
            b'\r' | b'\n' => self.line_end(Malformed::BadRequestLine),
            _ => Ok(()),
        }
    }

    /// CRLF and nothing else; `other` is what any other byte means.
    #[inline]
    pub fn line_end(&mut self, other: Malformed) -> Step<()> {
        match self.byte(self.at)? {
            b'\r' => {}
            b'\n' => return Err(Malformed::BareLf.into()),
            _ => return Err(other.into()),
        }
        match self.byte(self.at + 1)? {
            b'\n' => self.at += 2,
            _ => return Err(Malformed::BareCr.into()),
        }
        Ok(())
    }

    #[inline]
    pub fn version(&mut self, other: Malformed) -> Step<Version> {
        if self.input.len() >= self.at + 8 && word(self.input, self.at) == u64::from_le_bytes(*b"HTTP/1.1") {
            self.at += 8;
            return Ok(Version::H11);
        }
        self.unusual_version(other)
    }

    #[cold]
    fn unusual_version(&mut self, other: Malformed) -> Step<Version> {
        for (place, expected) in b"HTTP/0.0".iter().enumerate() {
            let byte = self.byte(self.at + place)?;
            let fits = if *expected == b'0' { byte.is_ascii_digit() } else { byte == *expected };
            if !fits {
                return Err(other.into());
            }
        }
        let (major, minor) = (self.input[self.at + 5], self.input[self.at + 7]);
        self.at += 8;
        match (major, minor) {
            (b'1', b'0') => Ok(Version::H10),
            (b'1', b'1') => Ok(Version::H11),
            _ => Err(Malformed::BadVersion.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &str) -> Reader<'_> {
        Reader::new(text.as_bytes(), &Limits { head_bytes: 16, fields: 1, trailer_bytes: 0 })
    }

    /// As `conclude` sees it, with how far it came.
    fn outcome<T>(text: &str, step: impl FnOnce(&mut Reader) -> Step<T>) -> Result<Option<usize>, Malformed> {
        let mut reader = reader(text);
        let result = step(&mut reader).map(drop);
        reader.conclude(result)
    }

    #[test]
    fn only_crlf_ends_a_line() {
        let table = [
            ("\r\nx", Ok(Some(2))),
            ("", Ok(None)),
            ("\r", Ok(None)),
            ("\n", Err(Malformed::BareLf)),
            ("\rx", Err(Malformed::BareCr)),
            ("\r\r\n", Err(Malformed::BareCr)),
            ("x\r\n", Err(Malformed::BadValue)),
        ];
        for (text, wanted) in table {
            assert_eq!(outcome(text, |r| r.line_end(Malformed::BadValue)), wanted, "{text:?}");
        }
    }

    #[test]
    fn one_empty_line_is_skipped_and_no_second() {
        let table = [
            ("GET", Ok(Some(0))),
            ("\r\nGET", Ok(Some(2))),
            ("\r\n\r\nGET", Ok(Some(2))),
            ("\nGET", Err(Malformed::BareLf)),
            ("\r", Ok(None)),
        ];
        for (text, wanted) in table {
            assert_eq!(outcome(text, |r| r.skip_empty_line()), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_version_is_known_refused_or_none_at_all() {
        let other = Malformed::BadRequestLine;
        let version = |text: &str| {
            let mut reader = reader(text);
            let result = reader.version(other);
            (result, reader.at)
        };
        for (text, wanted) in [("HTTP/1.1", Version::H11), ("HTTP/1.1\r\n", Version::H11), ("HTTP/1.0\r", Version::H10)]
        {
            let (result, at) = version(text);
            assert!(matches!(result, Ok(v) if v == wanted) && at == 8, "{text:?}");
        }
        let table = [
            ("HTTP/2.0", Err(Malformed::BadVersion)),
            ("HTTP/1.2", Err(Malformed::BadVersion)),
            ("http/1.1", Err(other)),
            ("HTTP/1,1", Err(other)),
            ("HTTP/x.1", Err(other)),
            ("HTTQ", Err(other)),
            ("HTTP/1.", Ok(None)),
        ];
        for (text, wanted) in table {
            assert_eq!(outcome(text, |r| r.version(other)), wanted, "{text:?}");
        }
    }

    #[test]
    fn running_out_of_input_is_too_large_only_at_the_limit() {
        for (length, wanted) in [(15, Ok(None)), (16, Err(Malformed::TooLarge)), (17, Err(Malformed::TooLarge))] {
            let text = "x".repeat(length);
            assert_eq!(outcome(&text, |r| r.byte(16)), wanted, "{length} bytes");
        }
    }
}
