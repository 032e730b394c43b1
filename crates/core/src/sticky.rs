//! Sticky splits (T4): the same caller, the same side.
//!
//! What tells callers apart is the value of a header or a cookie. Its hash is a point on the split's line, on which the
//! backends lie one after the other as they are written, each as long as its share: when a share grows, callers move
//! into it from its neighbours and nobody else moves.
//!
//! Every proxy has to come to the same side, those of the next version too: the hash is pinned by a test. It has no
//! salt: a caller is on one side under all rules, and in one service's canary if in the other's.
use crate::{Fields, Refused, Rng, edit::is_token, hash};
use std::io::Write;
use weft_proto::v1;

#[derive(Clone, Debug)]
pub struct Sticky(By);

#[derive(Clone, Debug)]
enum By {
    /// Lower case.
    Header(Box<[u8]>),
    Cookie {
        name: Box<[u8]>,
        /// 0: only the app makes it.
        ttl_ms: u64,
    },
}

/// A place on the line of any split, as a fraction of 2⁶⁴.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(pub(crate) u64);

/// The value of a cookie that weft makes. It tells callers apart and protects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u128);

/// What a request says of its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Nothing: its side is chance.
    #[default]
    Unknown,
    Known(Point),
    /// Nothing yet: the response sets a cookie, which is what its side is chosen by already.
    New(Token),
}

impl Sticky {
    pub fn compile(given: &v1::Sticky) -> Result<Sticky, Refused> {
        use v1::sticky::By as B;
        let by = match given.by.as_ref() {
            Some(B::Header(name)) => By::Header(checked(&name.to_ascii_lowercase())?),
            Some(B::Cookie(cookie)) => By::Cookie { name: checked(&cookie.name)?, ttl_ms: cookie.ttl_ms },
            None => return Err(Refused::because("sticky by nothing that this build knows")),
        };
        Ok(Sticky(by))
    }

    /// As the request came in: before any rule edits it.
    pub fn caller(&self, fields: &dyn Fields, rng: &mut Rng) -> Caller {
        let value = match &self.0 {
            By::Header(name) => first(fields, name, |value| Some(value)),
            By::Cookie { name, .. } => first(fields, b"cookie", |value| cookie(value, name)),
        };
        match (value, &self.0) {
            (Some(value), _) => Caller::Known(Point::of(value)),
            (None, By::Cookie { ttl_ms: 1.., .. }) => {
                Caller::New(Token(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())))
            }
            (None, _) => Caller::Unknown,
        }
    }

    /// The value of `set-cookie` that gives a caller its token.
    pub fn write_cookie(&self, token: Token, out: &mut Vec<u8>) {
        let By::Cookie { name, ttl_ms } = &self.0 else { return };
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(&token.text());
        // For all paths, because the side is. Lax and not Strict: a visitor who follows a link is the same caller.
        let age_s = ttl_ms.div_ceil(1_000);
        let _ = write!(out, "; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax");
    }

    /// For people: "header x-user".
    pub fn by(&self) -> String {
        let (kind, name) = match &self.0 {
            By::Header(name) => ("header", name),
            By::Cookie { name, .. } => ("cookie", name),
        };
        format!("{kind} {}", String::from_utf8_lossy(name))
    }
}

impl Token {
    fn text(self) -> [u8; 32] {
        let mut text = [0; 32];
        let _ = write!(&mut text[..], "{:032x}", self.0);
        text
    }
}

impl Point {
    pub fn of(value: &[u8]) -> Point {
        Point(hash::bytes(value))
    }
}

impl Caller {
    pub fn point(self) -> Option<Point> {
        match self {
            Caller::Unknown => None,
            Caller::Known(point) => Some(point),
            Caller::New(token) => Some(Point::of(&token.text())),
        }
    }
}

fn checked(name: &str) -> Result<Box<[u8]>, Refused> {
    if !is_token(name.as_bytes()) {
        return Err(Refused::because(format!("sticky by {name:?}, which is no name of a header or cookie")));
    }
    Ok(name.as_bytes().into())
}

/// The first value that is not empty: an empty one tells nobody apart.
fn first<'a>(
    fields: &'a dyn Fields,
    name: &[u8],
    part: impl for<'v> Fn(&'v [u8]) -> Option<&'v [u8]>,
) -> Option<&'a [u8]> {
    let mut found = None;
    fields.each(name, &mut |value| {
        found = part(value).filter(|value| !value.is_empty());
        found.is_some()
    });
    found
}

/// Of "a=1; b=2" (RFC 6265 §4.2.1); names have case.
fn cookie<'v>(pairs: &'v [u8], name: &[u8]) -> Option<&'v [u8]> {
    let pairs = pairs.split(|&b| b == b';').map(<[u8]>::trim_ascii);
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="));
    values.find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Field = (&'static [u8], &'static [u8]);

    fn header(name: &str) -> v1::Sticky {
        v1::Sticky { by: Some(v1::sticky::By::Header(name.into())) }
    }

    fn cookie(name: &str, ttl_ms: u64) -> v1::Sticky {
        v1::Sticky { by: Some(v1::sticky::By::Cookie(v1::StickyCookie { name: name.into(), ttl_ms })) }
    }

    fn caller(sticky: &v1::Sticky, fields: &[Field; 2]) -> Caller {
        Sticky::compile(sticky).unwrap().caller(fields, &mut Rng::new(1))
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        let points: [(&[u8], u64); 5] = [
            (b"a", 0x489e_983c_3a58_4d86),
            (b"eve", 0xcfa2_d937_30e7_29c9),
            (b"user-1", 0xa985_1a75_09dd_84d0),
            (b"4bf92f3577b34da6a3ce929d0e0e4736", 0x4884_e013_2abb_480a),
            (b"\xff", 0xc424_e69f_566e_d6f1),
        ];
        assert_eq!(points.map(|(value, _)| Point::of(value).0), points.map(|(_, point)| point));
    }

    #[test]
    fn a_header_or_a_cookie_tells_callers_apart() {
        let eve = Caller::Known(Point::of(b"eve"));
        let none: Field = (b"x", b"");
        for (sticky, fields, expected) in [
            (header("X-User"), [(&b"x-user"[..], &b"eve"[..]), none], eve),
            (header("x-user"), [(b"X-USER", b""), (b"X-User", b"eve")], eve),
            (header("x-user"), [(b"x-user", b"eve"), (b"x-user", b"adam")], eve),
            (header("x-user"), [(b"x-user", b""), none], Caller::Unknown),
            (header("x-user"), [none; 2], Caller::Unknown),
            (cookie("side", 0), [(b"cookie", b"a=b; side=eve"), none], eve),
            (cookie("side", 0), [(b"cookie", b"side=;side=eve;side=adam"), none], eve),
            (cookie("side", 0), [(b"cookie", b"a=b"), (b"Cookie", b" side=eve ")], eve),
            (
                cookie("side", 0),
                [(b"cookie", b"Side=eve; aside=eve; side; sides=eve; x=side=eve"), none],
                Caller::Unknown,
            ),
            (cookie("side", 9), [(b"cookie", b"side=eve"), none], eve),
        ] {
            assert_eq!(caller(&sticky, &fields), expected, "{sticky:?} {fields:?}");
        }
    }

    #[test]
    fn a_cookie_with_a_ttl_is_made_and_decides_at_once() {
        let sticky = Sticky::compile(&cookie("side", 3_600_001)).unwrap();
        let mut rng = Rng::new(7);
        let made = sticky.caller(crate::request::NO_FIELDS, &mut rng);
        let Caller::New(token) = made else { panic!("{made:?}") };
        let mut text = Vec::new();
        sticky.write_cookie(token, &mut text);
        let text = String::from_utf8(text).unwrap();
        let (pair, attributes) = text.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=3601; HttpOnly; SameSite=Lax");
        let later: [(&[u8], &[u8]); 1] = [(b"cookie", pair.as_bytes())];
        let known = sticky.caller(&later, &mut rng);
        assert_eq!((matches!(known, Caller::Known(_)), known.point()), (true, made.point()));
        assert_ne!(sticky.caller(crate::request::NO_FIELDS, &mut rng).point(), made.point());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (bad, why) in [
            (v1::Sticky { by: None }, "nothing that this build knows"),
            (header(""), "no name"),
            (header("x user"), "no name"),
            (cookie("a=b", 0), "no name"),
        ] {
            assert!(Sticky::compile(&bad).unwrap_err().reason.contains(why));
        }
        assert_eq!(Sticky::compile(&header("X-User")).unwrap().by(), "header x-user");
        assert_eq!(Sticky::compile(&cookie("Side", 1)).unwrap().by(), "cookie Side");
    }
}
