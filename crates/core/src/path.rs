//! Paths that app and policy could read differently, and percent-encoding as far as that question needs it.
//!
//! What was matched is what is forwarded: weft never normalises a path, so where a rule looks at it, a spelling that
//! servers disagree about gets 400 `ambiguous-path`. The list is the one of the known bypasses: merged slashes (nginx,
//! Envoy `merge_slashes`), dot segments (RFC 3986 §5.2.4), encoded slashes and backslashes (Envoy
//! `path_with_escaped_slashes_action`, IIS), NUL (C strings), path parameters behind `;` (Tomcat, Jetty), fragments (cut
//! off by some). What is left can be decoded in one way only, and access rules compare what the app will see: `/%61dmin`
//! is `/admin` (RFC 3986 §2.3).
use crate::scratch::Scratch;

/// Does the path (without query) have a spelling that some server normalises and another does not?
pub fn ambiguous(path: &[u8]) -> bool {
    let mut at = 0;
    while at < path.len() {
        if SUSPECT[path[at] as usize] && suspect_at(path, at) {
            return true;
        }
        at += 1;
    }
    false
}

/// Bytes at which something ambiguous can begin; all others are passed by with one look.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table[0x7f] = true;
    table[b'/' as usize] = true;
    table[b'%' as usize] = true;
    table[b';' as usize] = true;
    table[b'#' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

fn suspect_at(path: &[u8], at: usize) -> bool {
    match path[at] {
        b'/' => slash_or_dots(&path[at + 1..]),
        b'%' => matches!(decoded(&path[at..]), Some(b'/' | b'\\' | 0)),
        // `;`, `#`, `\` and control bytes.
        _ => true,
    }
}

/// After a slash: another one, or a segment that is one or two dots in any spelling.
fn slash_or_dots(rest: &[u8]) -> bool {
    if rest.first() == Some(&b'/') {
        return true;
    }
    let mut rest = rest;
    for _ in 0..2 {
        let Some(after) = after_dot(rest) else { return false };
        if matches!(after.first(), None | Some(b'/')) {
            return true;
        }
        rest = after;
    }
    false
}

fn after_dot(rest: &[u8]) -> Option<&[u8]> {
    match rest.first()? {
        b'.' => Some(&rest[1..]),
        b'%' if decoded(rest) == Some(b'.') => Some(&rest[3..]),
        _ => None,
    }
}

/// As an app sees it: percent-decoded once. None: there is nothing to decode.
pub(crate) fn decode(path: &[u8]) -> Option<Scratch> {
    let mut rest = &path[path.iter().position(|&b| b == b'%')?..];
    let mut all = Scratch::new();
    all.push(&path[..path.len() - rest.len()]);
    while let Some(&first) = rest.first() {
        let (byte, taken) = decoded(rest).map_or((first, 1), |byte| (byte, 3));
        all.push(&[byte]);
        rest = &rest[taken..];
    }
    Some(all)
}

/// The byte that `%xx` at the beginning stands for.
fn decoded(rest: &[u8]) -> Option<u8> {
    let hex = |b: u8| (b as char).to_digit(16);
    match rest {
        [b'%', high, low, ..] => Some((hex(*high)? * 16 + hex(*low)?) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_spellings() {
        for path in [
            "//",
            "/a//b",
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/..",
            "/a/.",
            "/%2e",
            "/%2E%2e/a",
            "/a/.%2e",
            "/a/%2e./b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/a%00",
            "/a;b",
            "/a;",
            "/a\\b",
            "/a\0",
            "/a\x7f",
            "/a\tb",
        ] {
            assert!(ambiguous(path.as_bytes()), "{path:?}");
        }
    }

    #[test]
    fn ordinary_spellings() {
        for path in [
            "",
            "/",
            "*",
            "/a/",
            "/a/b.c",
            "/.well-known/x",
            "/..a",
            "/a/...",
            "/a..b/c",
            "/%2efoo",
            "/a%20b",
            "/a%2",
            "/a%",
            "/%zz",
            "/a%252f",
            "/ä",
            "/a/b:c@d,e",
            "/a.%2e",
            "a/b",
        ] {
            assert!(!ambiguous(path.as_bytes()), "{path:?}");
        }
    }

    #[test]
    fn decoding_is_done_once() {
        for (path, seen) in [
            ("/admin", None),
            ("/%61dmin", Some("/admin")),
            ("/a%20b%", Some("/a b%")),
            ("/%zz%2", Some("/%zz%2")),
            ("/%2561", Some("/%61")),
        ] {
            let decoded = decode(path.as_bytes()).map(|all| String::from_utf8_lossy(all.bytes()).into_owned());
            assert_eq!(decoded.as_deref(), seen, "{path}");
        }
    }
}
