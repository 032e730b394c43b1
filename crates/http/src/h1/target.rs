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

#[cfg(test)]
mod tests {
    use super::*;

    /// Form, scheme, authority, path.
    type Parts<'a> = (TargetForm, &'a str, &'a str, &'a str);

    fn parts<'a>(input: &'a str, method: &str) -> Result<Parts<'a>, Malformed> {
        let start = method.len() + 1;
        let mut head =
            Head { method: Span::new(0, method.len()), target: Span::new(start, input.len()), ..Head::default() };
        classify(input.as_bytes(), &mut head)?;
        let text = |span: Span| std::str::from_utf8(span.of(input.as_bytes())).unwrap();
        Ok((head.target_form, text(head.scheme), text(head.authority), text(head.path)))
    }

    #[test]
    fn each_form_is_taken_apart() {
        let table = [
            ("GET", "/a?b", (TargetForm::Origin, "", "", "/a?b")),
            ("GET", "//a", (TargetForm::Origin, "", "", "//a")),
            ("OPTIONS", "*", (TargetForm::Asterisk, "", "", "*")),
            ("CONNECT", "web:80", (TargetForm::Authority, "", "web:80", "")),
            ("GET", "http://web:80/a?b", (TargetForm::Absolute, "http", "web:80", "/a?b")),
            ("GET", "HTTP://web", (TargetForm::Absolute, "HTTP", "web", "")),
            ("GET", "x+y-1.z://[::1]/", (TargetForm::Absolute, "x+y-1.z", "[::1]", "/")),
        ];
        for (method, target, wanted) in table {
            assert_eq!(parts(&format!("{method} {target}"), method), Ok(wanted), "{method} {target}");
        }
    }

    #[test]
    fn what_is_none_of_the_forms_is_refused() {
        let table = [
            ("GET", "*"),
            ("GET", "web:80"),
            ("GET", "a/b"),
            ("GET", "?a"),
            ("GET", "http:/web/"),
            ("GET", "http:///a"),
            ("GET", "://web/"),
            ("GET", "1http://web/"),
            ("GET", "http://user@web/"),
            ("GET", "http://web?b"),
            ("OPTIONS", "**"),
            ("CONNECT", "web"),
            ("CONNECT", "/"),
            ("CONNECT", "http://web:80/"),
            ("CONNECT", ":80"),
        ];
        for (method, target) in table {
            let input = format!("{method} {target}");
            assert_eq!(parts(&input, method), Err(Malformed::BadTarget), "{input}");
        }
    }
}
