//! The four forms of a request-target (RFC 9112 §3.2).

use super::{Malformed, authority};
use crate::{Head, Span, TargetForm};

/// Fills `target_form`, `path`, and for two of the forms `authority` and `scheme`.
#[inline]
pub fn classify(input: &[u8], head: &mut Head) -> Result<(), Malformed> {
    let connect = head.method.of(input) == b"CONNECT";
    if input[head.target.start as usize] == b'/' && !connect {
        head.target_form = TargetForm::Origin;
        head.path = head.target;
        return Ok(());
    }
    unusual(input, head, connect)
}

fn unusual(input: &[u8], head: &mut Head, connect: bool) -> Result<(), Malformed> {
    let text = head.target.of(input);
    if connect {
        let authority = authority::parse(text).ok_or(Malformed::BadTarget)?;
        if !authority.has_port() {
            return Err(Malformed::BadTarget);
        }
        head.target_form = TargetForm::Authority;
        head.authority = head.target;
        return Ok(());
    }
    if text == b"*" && head.method.of(input) == b"OPTIONS" {
        head.target_form = TargetForm::Asterisk;
        head.path = head.target;
        return Ok(());
    }
    absolute(text, head)
}

fn absolute(text: &[u8], head: &mut Head) -> Result<(), Malformed> {
    let colon = text.iter().position(|byte| *byte == b':').ok_or(Malformed::BadTarget)?;
    let after = colon + 3;
    if !is_scheme(&text[..colon]) || text.get(colon..after) != Some(b"://") {
        return Err(Malformed::BadTarget);
    }
    let rest = &text[after..];
    let slash = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    // `http://host?query` has an empty path before a query; no client sends it and a caller would have to mend it.
    if rest.get(slash) == Some(&b'?') {
        return Err(Malformed::BadTarget);
    }
    let authority = authority::parse(&rest[..slash]).ok_or(Malformed::BadTarget)?;
    if !authority.has_host() {
        return Err(Malformed::BadTarget);
    }
    let start = head.target.start as usize;
    head.target_form = TargetForm::Absolute;
    head.scheme = Span::new(start, start + colon);
    head.authority = Span::new(start + after, start + after + slash);
    head.path = Span { start: head.authority.end, end: head.target.end };
    Ok(())
}

/// RFC 3986 §3.1.
pub fn is_scheme(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}
