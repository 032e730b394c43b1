//! What a name is and whether a value fits it: asked once per literal, remembered with the table entry.

use super::Pseudo;
use crate::bytes::{is_lower_token, is_token, is_value, target_end};
use crate::fault::Fault;
use crate::h1::{authority, target};
use crate::{Known, known};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Regular(Known),
    Pseudo(Pseudo),
    Status,
    /// No message may hold it.
    Refused(Fault),
}

/// What is known of a field besides its text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub name: Name,
    pub fault: Option<Fault>,
}

pub fn name(text: &[u8]) -> Name {
    if text.first() == Some(&b':') {
        return pseudo(text);
    }
    if !is_lower_token(text) {
        return Name::Refused(Fault::BadName);
    }
    match known(text) {
        // RFC 9113 §8.2.2. TE is judged by its value.
        Known::Connection | Known::KeepAlive | Known::ProxyConnection | Known::TransferEncoding | Known::Upgrade => {
            Name::Refused(Fault::ConnectionField)
        }
        other => Name::Regular(other),
    }
}

fn pseudo(text: &[u8]) -> Name {
    match text {
        b":method" => Name::Pseudo(Pseudo::Method),
        b":path" => Name::Pseudo(Pseudo::Path),
        b":authority" => Name::Pseudo(Pseudo::Authority),
        b":scheme" => Name::Pseudo(Pseudo::Scheme),
        b":protocol" => Name::Pseudo(Pseudo::Protocol),
        b":status" => Name::Status,
        _ => Name::Refused(Fault::UnknownPseudo),
    }
}

pub fn meta(name: Name, value: &[u8]) -> Meta {
    let check = |sound: bool, fault: Fault| (!sound).then_some(fault);
    let fault = match name {
        Name::Refused(fault) => Some(fault),
        Name::Regular(Known::Te) => check(value.eq_ignore_ascii_case(b"trailers"), Fault::ConnectionField),
        Name::Regular(_) => check(is_value(value) && !has_outer_space(value), Fault::BadValue),
        Name::Status => check(status(value).is_some(), Fault::BadStatus),
        Name::Pseudo(Pseudo::Method) => check(is_token(value), Fault::BadMethod),
        Name::Pseudo(Pseudo::Path) => check(is_path(value), Fault::BadPath),
        Name::Pseudo(Pseudo::Authority) => check(authority::parse(value).is_some(), Fault::BadAuthority),
        Name::Pseudo(Pseudo::Scheme) => check(target::is_scheme(value), Fault::BadScheme),
        Name::Pseudo(Pseudo::Protocol) => check(is_token(value), Fault::BadProtocol),
    };
    Meta { name, fault }
}

/// RFC 9113 §8.2.1.
#[inline]
fn has_outer_space(value: &[u8]) -> bool {
    matches!(value.first(), Some(b' ' | b'\t')) || matches!(value.last(), Some(b' ' | b'\t'))
}

#[inline]
fn is_path(value: &[u8]) -> bool {
    (value.first() == Some(&b'/') || value == b"*") && target_end(value, 0) == value.len()
}

#[inline]
pub fn status(value: &[u8]) -> Option<u16> {
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else { return None };
    Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_regular_pseudo_or_refused() {
        let table = [
            ("x-a", Name::Regular(Known::Other)),
            ("host", Name::Regular(Known::Host)),
            ("te", Name::Regular(Known::Te)),
            (":path", Name::Pseudo(Pseudo::Path)),
            (":protocol", Name::Pseudo(Pseudo::Protocol)),
            (":status", Name::Status),
            (":Path", Name::Refused(Fault::UnknownPseudo)),
            (":", Name::Refused(Fault::UnknownPseudo)),
            ("", Name::Refused(Fault::BadName)),
            ("Host", Name::Refused(Fault::BadName)),
            ("x a", Name::Refused(Fault::BadName)),
            ("connection", Name::Refused(Fault::ConnectionField)),
            ("keep-alive", Name::Refused(Fault::ConnectionField)),
            ("proxy-connection", Name::Refused(Fault::ConnectionField)),
            ("transfer-encoding", Name::Refused(Fault::ConnectionField)),
            ("upgrade", Name::Refused(Fault::ConnectionField)),
        ];
        for (text, wanted) in table {
            assert_eq!(name(text.as_bytes()), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_value_is_judged_by_its_name() {
        let table = [
            ("x-a", "", None),
            ("x-a", "a b", None),
            ("x-a", " a", Some(Fault::BadValue)),
            ("x-a", "a\t", Some(Fault::BadValue)),
            ("x-a", "a\r\nb: c", Some(Fault::BadValue)),
            ("x-a", "a\0", Some(Fault::BadValue)),
            ("te", "Trailers", None),
            ("te", "gzip", Some(Fault::ConnectionField)),
            ("upgrade", "", Some(Fault::ConnectionField)),
            (":method", "GET", None),
            (":method", "GE T", Some(Fault::BadMethod)),
            (":path", "/a?b", None),
            (":path", "*", None),
            (":path", "", Some(Fault::BadPath)),
            (":path", "a", Some(Fault::BadPath)),
            (":path", "*a", Some(Fault::BadPath)),
            (":path", "/a b", Some(Fault::BadPath)),
            (":authority", "web:80", None),
            (":authority", "u@web", Some(Fault::BadAuthority)),
            (":scheme", "https", None),
            (":scheme", "1", Some(Fault::BadScheme)),
            (":protocol", "websocket", None),
            (":protocol", "", Some(Fault::BadProtocol)),
            (":status", "200", None),
            (":status", "099", Some(Fault::BadStatus)),
        ];
        for (text, value, fault) in table {
            assert_eq!(meta(name(text.as_bytes()), value.as_bytes()).fault, fault, "{text}: {value:?}");
        }
    }

    #[test]
    fn a_status_is_three_digits_from_100() {
        let table =
            [("100", Some(100)), ("999", Some(999)), ("099", None), ("20", None), ("2000", None), ("2x0", None)];
        for (text, wanted) in table {
            assert_eq!(status(text.as_bytes()), wanted, "{text}");
        }
    }
}
