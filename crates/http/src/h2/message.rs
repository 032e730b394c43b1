//! When a field list is a message (RFC 9113 §8.2, §8.3): what can be said about single fields was said while decoding;
//! here is what they must be together.

use crate::fault::Fault;
use crate::h1::authority;
use crate::h1::fields::{decimal, forbidden_in_trailers};
use crate::hpack::{AUTHORITY, METHOD, PATH, PROTOCOL, SCHEME, STATUS};
use crate::{Head, Kind, Known, Span, TargetForm, Version};

/// What the fields announce about the body.
type ContentLength = Option<u64>;

pub fn request(head: &mut Head, connect_protocol: bool) -> Result<ContentLength, Fault> {
    head.kind = Kind::Request;
    head.version = Version::H2;
    if let Some(fault) = head.fault {
        return Err(fault);
    }
    let seen = head.pseudo;
    if seen & STATUS != 0 || (seen & PROTOCOL != 0 && !connect_protocol) {
        return Err(Fault::MisplacedPseudo);
    }
    let connect = head.method.of(&head.arena) == b"CONNECT";
    let required = match (connect, seen & PROTOCOL != 0) {
        (true, false) => METHOD | AUTHORITY,
        (true, true) => METHOD | AUTHORITY | SCHEME | PATH | PROTOCOL,
        (false, true) => return Err(Fault::MisplacedPseudo),
        (false, false) => METHOD | SCHEME | PATH,
    };
    if seen & required != required {
        return Err(Fault::MissingPseudo);
    }
    if connect && seen & !required != 0 {
        return Err(Fault::MisplacedPseudo);
    }
    settle_target(head, connect)?;
    let fields = read_fields(head)?;
    settle_authority(head, fields.host)?;
    Ok(fields.content_length)
}

fn settle_target(head: &mut Head, connect: bool) -> Result<(), Fault> {
    head.path = head.target;
    head.target_form = if head.target.of(&head.arena) == b"*" { TargetForm::Asterisk } else { TargetForm::Origin };
    if head.target_form == TargetForm::Asterisk && head.method.of(&head.arena) != b"OPTIONS" {
        return Err(Fault::BadPath);
    }
    if connect && head.pseudo & PROTOCOL == 0 {
        head.target_form = TargetForm::Authority;
        head.target = head.authority;
        let authority = authority::parse(head.authority.of(&head.arena));
        if !authority.is_some_and(|authority| authority.has_host() && authority.has_port()) {
            return Err(Fault::BadAuthority);
        }
    }
    Ok(())
}

/// RFC 9113 §8.3.1: one of `:authority` and Host, or both if they agree.
#[inline]
fn settle_authority(head: &mut Head, host: Option<Span>) -> Result<(), Fault> {
    let Some(host) = host else {
        return if head.authority.is_empty() { Err(Fault::MissingPseudo) } else { Ok(()) };
    };
    let text = host.of(&head.arena);
    if head.authority.is_empty() {
        authority::parse(text).filter(|authority| authority.has_host()).ok_or(Fault::BadHost)?;
        head.authority = host;
        return Ok(());
    }
    let given = head.authority.of(&head.arena);
    if given == text {
        return Ok(());
    }
    let in_host = authority::parse(text).ok_or(Fault::BadHost)?;
    match authority::parse(given) {
        Some(authority) if authority.agrees_with(&in_host) => Ok(()),
        _ => Err(Fault::HostMismatch),
    }
}

#[derive(Default)]
struct Notes {
    host: Option<Span>,
    content_length: ContentLength,
}

#[inline]
fn read_fields(head: &mut Head) -> Result<Notes, Fault> {
    let mut notes = Notes::default();
    for field in &head.fields {
        match field.known {
            Known::Host if notes.host.replace(field.value).is_some() => return Err(Fault::DuplicateHost),
            Known::ContentLength => {
                let length = decimal(field.value.of(&head.arena)).ok_or(Fault::BadContentLength)?;
                if notes.content_length.replace(length).is_some() {
                    return Err(Fault::DuplicateContentLength);
                }
            }
            Known::Expect => {
                head.expect_continue |= field.value.of(&head.arena).eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }
    Ok(notes)
}

pub fn response(head: &mut Head) -> Result<ContentLength, Fault> {
    head.kind = Kind::Response;
    head.version = Version::H2;
    if let Some(fault) = head.fault {
        return Err(fault);
    }
    if head.pseudo != STATUS {
        return Err(if head.pseudo & STATUS == 0 { Fault::MissingPseudo } else { Fault::MisplacedPseudo });
    }
    // RFC 9113 §8.6: there is no switching of protocols.
    if head.status == 101 {
        return Err(Fault::BadStatus);
    }
    let notes = read_fields(head)?;
    head.expect_continue = false;
    Ok(notes.content_length)
}

pub fn trailers(head: &mut Head, kind: Kind) -> Result<(), Fault> {
    head.kind = kind;
    head.version = Version::H2;
    if let Some(fault) = head.fault {
        return Err(fault);
    }
    if head.pseudo != 0 {
        return Err(Fault::MisplacedPseudo);
    }
    let forbidden = |field: &crate::Field| forbidden_in_trailers(field.known, field.name.of(&head.arena));
    if head.fields.iter().any(forbidden) { Err(Fault::ForbiddenTrailer) } else { Ok(()) }
}
