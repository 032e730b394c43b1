//! `host[:port]`, the only shape of an authority that is accepted: no userinfo, no empty port, no sub-delims.

use crate::bytes::{is_hex, is_host};

pub struct Authority<'a> {
    host: &'a [u8],
    port: Option<&'a [u8]>,
}

/// None if `text` is not `host[:port]`. The empty text is a host without a name (RFC 9112 §3.2 wants an empty Host when
/// the target has no authority).
pub fn parse(text: &[u8]) -> Option<Authority<'_>> {
    let (host, port) = match text.first() {
        Some(b'[') => literal(text)?,
        _ => match text.iter().position(|byte| *byte == b':') {
            Some(colon) if colon > 0 => (&text[..colon], Some(&text[colon + 1..])),
            Some(_) => return None,
            None => (text, None),
        },
    };
    let name_fits = text.first() == Some(&b'[') || is_host(host);
    let port_fits = port.is_none_or(is_port);
    (name_fits && port_fits).then_some(Authority { host, port })
}

/// `[` IPv6 address `]`, loosely: hexadecimal digits, colons and dots. Zones mean nothing to another machine.
#[inline]
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

fn is_port(text: &[u8]) -> bool {
    super::fields::decimal(text).is_some_and(|port| port <= u64::from(u16::MAX) && text.len() <= 5)
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
