//! `host[:port]`, the only shape of an authority that is accepted: no userinfo, no empty port, no sub-delims or
//! percent-encoding.

use crate::bytes::{host_end, is_hex};

pub struct Authority<'a> {
    host: &'a [u8],
    port: Option<&'a [u8]>,
}

/// None if `text` is not `host[:port]`. The empty text is a host without a name (RFC 9112 §3.2 wants an empty Host when
/// the target has no authority).
#[inline]
pub fn parse(text: &[u8]) -> Option<Authority<'_>> {
    let end = host_end(text);
    let (host, port) = match text.get(end) {
        None => (text, None),
        Some(b':') if end > 0 => (&text[..end], Some(&text[end + 1..])),
        Some(b'[') if end == 0 => literal(text)?,
        Some(_) => return None,
    };
    port.is_none_or(is_port).then_some(Authority { host, port })
}

/// `[` IPv6 address `]`, loosely: hexadecimal digits, colons and dots. Zones mean nothing to another machine.
fn literal(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let end = text.iter().position(|byte| *byte == b']')?;
    let inside = &text[1..end];
    let fits = inside.contains(&b':') && inside.iter().all(|byte| is_hex(*byte) || matches!(byte, b':' | b'.'));
    let port = match text.get(end + 1) {
        None => None,
        Some(b':') => Some(&text[end + 2..]),
        Some(_) => return None,
    };
    fits.then_some((&text[..=end], port))
}

/// One to five digits, at most 65535.
#[inline]
fn is_port(text: &[u8]) -> bool {
    let value = text.iter().take(5).fold(0u32, |n, digit| n * 10 + u32::from(digit.wrapping_sub(b'0')));
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) && value <= u32::from(u16::MAX)
}

impl Authority<'_> {
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }

    pub fn has_host(&self) -> bool {
        !self.host.is_empty()
    }

    /// The same host; and the same port unless one side left it out, as clients do with default ports.
    pub fn agrees_with(&self, other: &Authority) -> bool {
        let ports_agree = match (self.port, other.port) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        ports_agree && self.host.eq_ignore_ascii_case(other.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = Option<(&'static str, Option<&'static str>)>;

    #[test]
    fn only_host_and_port_is_an_authority() {
        let table: [(&str, Parts); 27] = [
            ("", Some(("", None))),
            ("web", Some(("web", None))),
            ("web.a_b-c:80", Some(("web.a_b-c", Some("80")))),
            ("192.0.2.1:65535", Some(("192.0.2.1", Some("65535")))),
            ("web:0", Some(("web", Some("0")))),
            ("[::1]", Some(("[::1]", None))),
            ("[::ffff:1.2.3.4]:8080", Some(("[::ffff:1.2.3.4]", Some("8080")))),
            (":80", None),
            ("web:", None),
            ("web:65536", None),
            ("web:000080", None),
            ("web:+80", None),
            ("web:8 0", None),
            ("web:80:81", None),
            ("%77eb", None),
            ("user@web", None),
            ("user:pw@web", None),
            ("web/x", None),
            ("we b", None),
            ("[]", None),
            ("[1]", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[::1]:", None),
            ("[fe80::1%eth0]", None),
            ("x[::1]", None),
            ("[::g]", None),
        ];
        for (text, wanted) in table {
            let wanted = wanted.map(|(host, port)| (host.as_bytes(), port.map(str::as_bytes)));
            assert_eq!(parse(text.as_bytes()).map(|a| (a.host, a.port)), wanted, "{text}");
        }
    }

    #[test]
    fn authorities_agree_but_for_case_and_a_port_left_out() {
        let table = [
            ("web", "WEB", true),
            ("web:80", "web", true),
            ("web", "web:80", true),
            ("web:80", "Web:80", true),
            ("web:80", "web:81", false),
            ("web:80", "web:080", false),
            ("web", "web.", false),
            ("web", "", false),
        ];
        for (one, two, wanted) in table {
            let (a, b) = (parse(one.as_bytes()).unwrap(), parse(two.as_bytes()).unwrap());
            assert_eq!((a.agrees_with(&b), b.agrees_with(&a)), (wanted, wanted), "{one} and {two}");
        }
    }
}
