//! Users' regular expressions: RE2's syntax, whole value, linear time.
//!
//! RE2's `\d`, `\w`, `\s` and `.` are over bytes as used for paths and header values, so patterns compile without
//! Unicode first; one that names Unicode classes compiles with it.
use crate::Refused;
use regex::bytes::{Regex, RegexBuilder};

/// Of one compiled pattern. RE2 in Envoy refuses by "program size" for the same reason: `(a{1000}){1000}`.
const MAX_COMPILED_BYTES: usize = 256 * 1024;
/// Gateway API limits a path to 1,024 characters and a header's value to 4,096.
const MAX_SOURCE_BYTES: usize = 4096;

#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Every match begins with this: most patterns of a long list are passed by with one comparison.
    literal: Box<[u8]>,
    source: Box<str>,
}

impl Pattern {
    pub fn compile(source: &str) -> Result<Pattern, Refused> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(Refused::because("regular expression: longer than 4096 bytes"));
        }
        // On its own first: "a)(b" must not become valid by our own brackets.
        build(source)?;
        let regex = build(&format!(r"\A(?:{source})\z"))?;
        Ok(Pattern { regex, literal: literal_prefix(source).into(), source: source.into() })
    }

    pub fn matches(&self, value: &[u8]) -> bool {
        value.starts_with(&self.literal) && self.regex.is_match(value)
    }

    pub fn source(&self) -> &str {
        &self.source
    }
}

fn build(source: &str) -> Result<Regex, Refused> {
    let with = |unicode| RegexBuilder::new(source).unicode(unicode).size_limit(MAX_COMPILED_BYTES).build();
    with(false).or_else(|_| with(true)).map_err(|e| {
        let last = e.to_string().lines().last().unwrap_or_default().to_owned();
        Refused::because(format!("regular expression {source:?}: {last}"))
    })
}

/// The characters that every match of the pattern begins with; errs on the short side.
fn literal_prefix(source: &str) -> Vec<u8> {
    let mut literal = Vec::new();
    if source.contains('|') {
        return literal;
    }
    let mut rest = source.strip_prefix('^').unwrap_or(source).bytes().peekable();
    while let Some(b) = rest.next() {
        let byte = match b {
            b'*' | b'?' | b'{' => {
                literal.pop();
                break;
            }
            // Repeated again, what came at least once need not come at all: "a+*".
            b'+' => {
                if matches!(rest.peek(), Some(b'*' | b'?' | b'{' | b'+')) {
                    literal.pop();
                }
                break;
            }
            b'\\' => match rest.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => escaped,
                _ => break,
            },
            b'.' | b'[' | b']' | b'(' | b')' | b'}' | b'^' | b'$' | 0x80.. => break,
            plain => plain,
        };
        literal.push(byte);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_the_whole_value() {
        for (pattern, value, matches) in [
            ("/a/[0-9]+", "/a/12", true),
            ("/a/[0-9]+", "/a/12/", false),
            ("/a/[0-9]+", "x/a/12", false),
            ("a|bc", "bc", true),
            ("a|bc", "abc", false),
            ("^/x$", "/x", true),
            (r"\d", "٣", false),
            (r"\pN", "٣", true),
            ("(?i)abc", "ABC", true),
            ("", "", true),
            ("/a+*", "/", true),
        ] {
            assert_eq!(Pattern::compile(pattern).unwrap().matches(value.as_bytes()), matches, "{pattern} {value}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_pattern_or_grows_without_limit() {
        for pattern in ["(", "a)(b", "[z-a]", r"(?=x)", r"(a)\1", "(a{1000}){1000}"] {
            let refused = Pattern::compile(pattern).unwrap_err();
            assert!(refused.reason.starts_with("regular expression"), "{refused}");
        }
        assert!(Pattern::compile(&"a".repeat(5000)).is_err());
    }

    #[test]
    fn literal_prefixes_err_on_the_short_side() {
        for (pattern, literal) in [
            ("/a/b", "/a/b"),
            ("/user/[0-9]+", "/user/"),
            ("/users?/x", "/user"),
            ("/a*", "/"),
            ("/a+b", "/a"),
            ("/a{0,1}", "/"),
            ("/a+*", "/"),
            ("/a++*", "/"),
            ("/a+{0}b", "/"),
            (r"/a\.b", "/a.b"),
            (r"/a\d", "/a"),
            (r"/a\.?b", "/a"),
            ("(?i)/a", ""),
            ("/a|/b", ""),
            ("^/a", "/a"),
            ("/ä*", "/"),
        ] {
            assert_eq!(String::from_utf8(literal_prefix(pattern)).unwrap(), literal, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn the_literal_changes_no_answer(pattern in r"[/ab.*+?{}()1|\\^-]{0,8}", value in "[/ab.1-]{0,6}") {
            if let Ok(pattern) = Pattern::compile(&pattern) {
                prop_assert_eq!(pattern.matches(value.as_bytes()), pattern.regex.is_match(value.as_bytes()));
            }
        }
    }
}
