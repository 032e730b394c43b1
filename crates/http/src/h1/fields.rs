//! Field lines, and what the few that frame a message or steer a connection say.

use super::reader::{Reader, Step};
use super::{Malformed, list};
use crate::bytes::{control_at, eq_lower, token_end};
use crate::{Field, Framing, Head, Known, Span, Version, known};

/// What the fields said that matters beyond their own line.
#[derive(Default)]
pub struct Notes {
    pub host: Option<Span>,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade_option: bool,
    upgrade_field: bool,
    pub expect_continue: bool,
    pub nominates: bool,
    in_trailers: bool,
}

/// Reads field lines up to and including the empty line.
pub fn read_fields(reader: &mut Reader, head: &mut Head, notes: &mut Notes) -> Step<()> {
    loop {
        let start = reader.at;
        let colon = token_end(reader.input, start);
        let stop = reader.byte(colon)?;
        if stop != b':' || colon == start {
            return if colon == start && stop == b'\r' {
                reader.line_end(Malformed::BadName)
            } else {
                Err(not_a_field(stop, colon == start, head.fields.is_empty()).into())
            };
        }
        let value = read_value(reader, colon + 1)?;
        if head.fields.len() == reader.max_fields {
            return Err(Malformed::TooManyFields.into());
        }
        let name = Span::new(start, colon);
        let known = known(name.of(reader.input));
        head.fields.push(Field { name, value, known, sensitive: false });
        notes.take(reader.input, known, name, value, head)?;
    }
}

#[cold]
fn not_a_field(stop: u8, at_start: bool, first: bool) -> Malformed {
    match stop {
        b'\n' => Malformed::BareLf,
        b' ' | b'\t' if !at_start => Malformed::SpaceBeforeColon,
        b' ' | b'\t' if first => Malformed::SpaceBeforeField,
        b' ' | b'\t' => Malformed::ObsFold,
        b':' => Malformed::EmptyName,
        _ => Malformed::BadName,
    }
}

/// From behind the colon to behind the line end.
#[inline]
fn read_value(reader: &mut Reader, from: usize) -> Step<Span> {
    let mut start = from;
    while let b' ' | b'\t' = reader.byte(start)? {
        start += 1;
    }
    let mut end = control_at(reader.input, start);
    while reader.byte(end)? == b'\t' {
        end = control_at(reader.input, end + 1);
    }
    reader.at = end;
    reader.line_end(Malformed::BadValue)?;
    while end > start && matches!(reader.input[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    Ok(Span::new(start, end))
}

impl Notes {
    pub fn trailers() -> Notes {
        Notes { in_trailers: true, ..Notes::default() }
    }

    #[inline]
    fn take(&mut self, input: &[u8], known: Known, name: Span, value: Span, head: &Head) -> Step<()> {
        if self.in_trailers {
            return if forbidden_in_trailers(known, name.of(input)) {
                Err(Malformed::ForbiddenTrailer.into())
            } else {
                Ok(())
            };
        }
        match known {
            Known::Host => self.take_host(value)?,
            Known::ContentLength => self.take_length(value.of(input))?,
            Known::TransferEncoding => self.take_coding(value.of(input), head.version)?,
            Known::Connection => self.take_connection(value.of(input)),
            Known::Upgrade => self.upgrade_field = true,
            Known::Expect => self.expect_continue |= eq_lower(value.of(input), b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    fn take_host(&mut self, value: Span) -> Step<()> {
        if self.host.replace(value).is_some() {
            return Err(Malformed::DuplicateHost.into());
        }
        Ok(())
    }

    /// RFC 9110 §8.6 allows a recipient to repair equal duplicates; refusing is the other choice and the safe one.
    fn take_length(&mut self, value: &[u8]) -> Step<()> {
        let n = decimal(value).ok_or(Malformed::BadContentLength)?;
        if self.length.replace(n).is_some() {
            return Err(Malformed::DuplicateContentLength.into());
        }
        Ok(())
    }

    fn take_coding(&mut self, value: &[u8], version: Version) -> Step<()> {
        if version == Version::H10 {
            // RFC 9112 §6.1: a sender of 1.0 cannot know it, so some relay before us did not understand it either.
            return Err(Malformed::TransferEncodingInHttp10.into());
        }
        if self.chunked {
            return Err(Malformed::DuplicateTransferEncoding.into());
        }
        self.chunked = value.eq_ignore_ascii_case(b"chunked");
        if self.chunked { Ok(()) } else { Err(Malformed::BadTransferEncoding.into()) }
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in list(value) {
            match known(option) {
                Known::KeepAlive => self.keep_alive = true,
                Known::Upgrade => self.upgrade_option = true,
                other if other.is_hop_by_hop() => {}
                _ if option.eq_ignore_ascii_case(b"close") => self.close = true,
                _ => self.nominates = true,
            }
        }
    }

    /// RFC 9112 §9.3.
    pub fn persists(&self, version: Version) -> bool {
        !self.close && (version != Version::H10 || self.keep_alive)
    }

    /// RFC 9110 §7.8: Upgrade counts only if Connection names it, and never in HTTP/1.0.
    pub fn upgrade(&self, version: Version) -> bool {
        self.upgrade_option && self.upgrade_field && version != Version::H10
    }

    pub fn framing(&self) -> Step<Option<Framing>> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Malformed::ConflictingLength.into()),
            (Some(n), false) => Ok(Some(Framing::Length(n))),
            (None, true) => Ok(Some(Framing::Chunked)),
            (None, false) => Ok(None),
        }
    }
}

/// Digits and nothing else: no sign, no space, no list, no overflow.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// What frames, routes, authenticates or marks a message must stand in its head, where it was looked at (RFC 9110
/// §6.5.1). The rules are the same for HTTP/2.
pub fn forbidden_in_trailers(known: Known, name: &[u8]) -> bool {
    use Known::*;
    const OTHERS: [&[u8]; 6] = [
        b"set-cookie",
        b"www-authenticate",
        b"proxy-authenticate",
        b"content-encoding",
        b"content-range",
        b"max-forwards",
    ];
    match known {
        Other => OTHERS.iter().any(|other| eq_lower(name, other)),
        Host | ContentLength | TransferEncoding | Connection | KeepAlive | ProxyConnection | Upgrade | Te | Trailer
        | Expect | Http2Settings => true,
        ProxyAuthorization | Authorization | Cookie => true,
        XRequestId | XForwardedFor | XForwardedProto | Forwarded | Traceparent | Weft => true,
        GrpcTimeout | GrpcStatus | ContentType | Date | Server | UserAgent | Accept | RetryAfter => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::Stop;
    use super::*;
    use crate::Limits;

    fn read(text: &str, version: Version, mut notes: Notes) -> Result<(Head, Notes), Option<Malformed>> {
        let mut reader = Reader::new(text.as_bytes(), &Limits { fields: 4, ..Limits::default() });
        let mut head = Head { version, ..Head::default() };
        match read_fields(&mut reader, &mut head, &mut notes) {
            Ok(()) => Ok((head, notes)),
            Err(Stop::More) => Err(None),
            Err(Stop::Malformed(reason)) => Err(Some(reason)),
        }
    }

    fn refusal(text: &str) -> Option<Malformed> {
        read(text, Version::H11, Notes::default()).err().unwrap_or_else(|| panic!("{text:?} is taken"))
    }

    #[test]
    fn a_value_loses_its_outer_whitespace_and_nothing_else() {
        let text = "a:\t x \ty\t \r\nb:\r\nC: :\r\n\r\nbody";
        let (head, _) = read(text, Version::H11, Notes::default()).unwrap_or_else(|e| panic!("{e:?}"));
        let pairs: Vec<_> =
            head.fields.iter().map(|f| (f.name.of(text.as_bytes()), f.value.of(text.as_bytes()))).collect();
        assert_eq!(pairs, [(&b"a"[..], &b"x \ty"[..]), (b"b", b""), (b"C", b":")]);
    }

    #[test]
    fn each_bad_line_has_its_own_reason() {
        use Malformed::*;
        let table = [
            ("\n", BareLf),
            ("a\n\r\n", BareLf),
            ("a: b\n\r\n", BareLf),
            ("a: b\rc\r\n", BareCr),
            ("a : b\r\n\r\n", SpaceBeforeColon),
            (" a: b\r\n\r\n", SpaceBeforeField),
            ("a: b\r\n c\r\n\r\n", ObsFold),
            (": b\r\n\r\n", EmptyName),
            ("a\r\n\r\n", BadName),
            ("a(: b\r\n\r\n", BadName),
            ("a: b\0\r\n\r\n", BadValue),
            ("a:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", TooManyFields),
            ("Host: a\r\nhost: a\r\n\r\n", DuplicateHost),
            ("Content-Length: 1\r\nContent-Length: 1\r\n\r\n", DuplicateContentLength),
            ("Content-Length: 1, 1\r\n\r\n", BadContentLength),
            ("Transfer-Encoding: gzip, chunked\r\n\r\n", BadTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", DuplicateTransferEncoding),
        ];
        for (text, wanted) in table {
            assert_eq!(refusal(text), Some(wanted), "{text:?}");
        }
        let coded = read("Transfer-Encoding: chunked\r\n\r\n", Version::H10, Notes::default());
        assert_eq!(coded.err(), Some(Some(TransferEncodingInHttp10)));
    }

    #[test]
    fn fields_that_end_too_early_want_more() {
        let whole = "Host: a\r\nb: c\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(refusal(&whole[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn framing_follows_from_length_and_coding() {
        let table = [
            ("\r\n", Ok(None)),
            ("Content-Length: 7\r\n\r\n", Ok(Some(Framing::Length(7)))),
            ("Transfer-Encoding: Chunked\r\n\r\n", Ok(Some(Framing::Chunked))),
            ("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Malformed::ConflictingLength)),
        ];
        for (text, wanted) in table {
            let (_, notes) = read(text, Version::H11, Notes::default()).unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
            let framing = notes.framing().map_err(|stop| match stop {
                Stop::Malformed(reason) => reason,
                Stop::More => panic!("{text:?} wants more"),
            });
            assert_eq!(framing, wanted, "{text:?}");
        }
    }

    #[test]
    fn connection_options_say_what_becomes_of_the_connection() {
        // Persists as 1.1, as 1.0, upgrades as 1.1, nominates.
        let table = [
            ("a: b", [true, false, false, false]),
            ("Connection: close", [false, false, false, false]),
            ("Connection: Keep-Alive", [true, true, false, false]),
            ("Connection: keep-alive, CLOSE", [false, false, false, false]),
            ("Connection: upgrade", [true, false, false, false]),
            ("Upgrade: websocket", [true, false, false, false]),
            ("Upgrade: websocket\r\nConnection: x, Upgrade", [true, false, true, true]),
        ];
        for (text, wanted) in table {
            let (_, notes) = read(&format!("{text}\r\n\r\n"), Version::H11, Notes::default())
                .unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
            let said = [
                notes.persists(Version::H11),
                notes.persists(Version::H10),
                notes.upgrade(Version::H11),
                notes.nominates,
            ];
            assert_eq!(said, wanted, "{text}");
            assert!(!notes.upgrade(Version::H10), "{text}");
        }
    }

    #[test]
    fn trailers_may_carry_results_but_not_frame_route_or_authenticate() {
        let table = [
            ("grpc-status: 0", true),
            ("x-checksum: 1", true),
            ("Content-Length: 1", false),
            ("Host: a", false),
            ("Authorization: x", false),
            ("Set-Cookie: a=b", false),
            ("Content-Range: x", false),
            ("x-forwarded-for: 1.2.3.4", false),
        ];
        for (line, taken) in table {
            let result = read(&format!("{line}\r\n\r\n"), Version::H11, Notes::trailers());
            let wanted = (!taken).then_some(Some(Malformed::ForbiddenTrailer));
            assert_eq!(result.err(), wanted, "{line}");
        }
    }

    #[test]
    fn a_decimal_is_digits_that_fit() {
        let table = [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("0x1", None),
        ];
        for (text, wanted) in table {
            assert_eq!(decimal(text.as_bytes()), wanted, "{text:?}");
        }
    }
}
