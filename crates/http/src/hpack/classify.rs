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
