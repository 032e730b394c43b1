//! Conditions on header fields and query parameters, shared by routes and access rules.
//!
//! A field that came several times is matched as its values joined by ", " (RFC 9110 §5.3, and so the Gateway API). Of a
//! repeated query parameter the first counts (Gateway API), as received: as in Envoy, nothing is percent-decoded.
//! `invert` is a plain "not": an absent field is not equal to anything.
use crate::{Fields, Refused, edit::is_token, pattern::Pattern, scratch::Scratch};
use std::{cell::Cell, fmt};
use weft_proto::v1;

#[derive(Clone, Debug)]
pub(crate) struct FieldMatch {
    pub name: Box<[u8]>,
    pub value: Value,
    pub invert: bool,
    /// Position among the table's field names, for `Lookup`.
    pub slot: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Exact(Box<[u8]>),
    Regex(Box<Pattern>),
    Present(bool),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
}

impl FieldMatch {
    pub fn header(given: &v1::FieldMatch, names: &mut Names) -> Result<FieldMatch, Refused> {
        let name = given.name.to_ascii_lowercase();
        if !is_token(name.as_bytes()) {
            return Err(Refused::because(format!("{:?} is not a field name", given.name)));
        }
        Self::compile(given, name, names)
    }

    /// Names of query parameters keep their case.
    pub fn query(given: &v1::FieldMatch, names: &mut Names) -> Result<FieldMatch, Refused> {
        Self::compile(given, given.name.clone(), names)
    }

    fn compile(given: &v1::FieldMatch, name: String, names: &mut Names) -> Result<FieldMatch, Refused> {
        use v1::field_match::Value as V;
        let value = match given.value.as_ref() {
            Some(V::Exact(text)) => Value::Exact(text.as_bytes().into()),
            Some(V::Regex(source)) => Value::Regex(Pattern::compile(source)?.into()),
            Some(V::Present(wanted)) => Value::Present(*wanted),
            Some(V::Prefix(text)) => Value::Prefix(text.as_bytes().into()),
            Some(V::Suffix(text)) => Value::Suffix(text.as_bytes().into()),
            // A kind of condition that this build does not know: without it the rule would be wider.
            None => return Err(Refused::because(format!("field {name}: no condition that this build knows"))),
        };
        let slot = names.slot(name.as_bytes());
        Ok(FieldMatch { name: name.into_bytes().into(), value, invert: given.invert, slot })
    }

    pub fn matches(&self, value: Option<&[u8]>) -> bool {
        self.holds(value) != self.invert
    }

    /// Without the inversion.
    fn holds(&self, value: Option<&[u8]>) -> bool {
        match (&self.value, value) {
            (Value::Present(wanted), value) => value.is_some() == *wanted,
            (_, None) => false,
            (Value::Exact(text), Some(value)) => **text == *value,
            (Value::Regex(pattern), Some(value)) => pattern.matches(value),
            (Value::Prefix(text), Some(value)) => value.starts_with(text),
            (Value::Suffix(text), Some(value)) => value.ends_with(text),
        }
    }

    /// The value that a request must have, when this is a plain comparison.
    pub fn exact(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Exact(text) if !self.invert => Some(text),
            _ => None,
        }
    }
}

/// For people: `x-user is "a"`.
impl fmt::Display for FieldMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(&self.name);
        let not = if self.invert { "not " } else { "" };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match &self.value {
            Value::Exact(value) => write!(f, "{name} {not}equal to {:?}", text(value)),
            Value::Regex(pattern) => write!(f, "{name} {not}matching {:?}", pattern.source()),
            Value::Present(wanted) if *wanted != self.invert => write!(f, "{name} present"),
            Value::Present(_) => write!(f, "{name} absent"),
            Value::Prefix(value) => write!(f, "{name} {not}beginning with {:?}", text(value)),
            Value::Suffix(value) => write!(f, "{name} {not}ending with {:?}", text(value)),
        }
    }
}

/// The distinct names that a table looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Vec<Box<[u8]>>);

impl Names {
    fn slot(&mut self, name: &[u8]) -> usize {
        self.0.iter().position(|n| **n == *name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        })
    }
}

/// A request's fields as one decision sees them: each name is looked up once, however many rules ask for it.
pub(crate) struct Lookup<'a> {
    fields: &'a dyn Fields,
    found: [Cell<Found<'a>>; CACHED],
}

/// Names remembered per decision; tables look at one or two, and what is beyond is looked up each time.
const CACHED: usize = 8;

#[derive(Clone, Copy)]
enum Found<'a> {
    NotAsked,
    Absent,
    One(&'a [u8]),
    Several,
}

impl<'a> Lookup<'a> {
    pub fn new(fields: &'a dyn Fields) -> Lookup<'a> {
        Lookup { fields, found: [const { Cell::new(Found::NotAsked) }; CACHED] }
    }

    pub fn matches(&self, wanted: &FieldMatch) -> bool {
        self.with(&wanted.name, wanted.slot, |value| wanted.matches(value))
    }

    /// For an access rule. Sending a field twice must not help: what denies by a value does so when any of several is it,
    /// and what allows unless there is a value does not when any of several is it.
    pub fn matches_access(&self, wanted: &FieldMatch, denies: bool) -> bool {
        let matches = self.matches(wanted);
        if denies == wanted.invert || !matches!(self.found(&wanted.name, wanted.slot), Found::Several) {
            return matches;
        }
        let mut any = false;
        self.fields.each(&wanted.name, &mut |value| {
            any = wanted.holds(Some(value));
            any
        });
        (any || matches != wanted.invert) != wanted.invert
    }

    /// The field's value, its several ones joined.
    pub fn with<R>(&self, name: &[u8], slot: usize, then: impl FnOnce(Option<&[u8]>) -> R) -> R {
        match self.found(name, slot) {
            Found::One(value) => then(Some(value)),
            Found::Several => then(Some(joined(self.fields, name).bytes())),
            Found::Absent | Found::NotAsked => then(None),
        }
    }

    fn found(&self, name: &[u8], slot: usize) -> Found<'a> {
        match self.found.get(slot).map(Cell::get) {
            None | Some(Found::NotAsked) => {}
            Some(found) => return found,
        }
        let mut found = Found::Absent;
        self.fields.each(name, &mut |value| {
            let first = matches!(found, Found::Absent);
            found = if first { Found::One(value) } else { Found::Several };
            !first
        });
        if let Some(cell) = self.found.get(slot) {
            cell.set(found);
        }
        found
    }
}

/// Several values as one.
fn joined(fields: &dyn Fields, name: &[u8]) -> Scratch {
    let mut all = Scratch::new();
    let mut first = true;
    fields.each(name, &mut |value| {
        if !std::mem::take(&mut first) {
            all.push(b", ");
        }
        all.push(value);
        false
    });
    all
}

/// The first value of a query parameter; "a" and "a=" have an empty one.
pub(crate) fn query_value<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.split(|&b| b == b'&').find_map(|pair| match pair.strip_prefix(name)? {
        [] => Some(&pair[pair.len()..]),
        [b'=', value @ ..] => Some(value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::field_match::Value as V;

    fn header(value: V, invert: bool) -> FieldMatch {
        let given = v1::FieldMatch { name: "X-User".into(), value: Some(value), invert };
        FieldMatch::header(&given, &mut Names::default()).unwrap()
    }

    #[test]
    fn each_kind_and_its_inversion() {
        for (value, given, matches) in [
            (V::Exact("a".into()), Some("a"), true),
            (V::Exact("a".into()), Some("A"), false),
            (V::Exact("a".into()), None, false),
            (V::Regex("a+".into()), Some("aa"), true),
            (V::Regex("a+".into()), Some("ab"), false),
            (V::Prefix("a".into()), Some("ab"), true),
            (V::Prefix("a".into()), None, false),
            (V::Suffix("b".into()), Some("ab"), true),
            (V::Suffix("b".into()), Some("ba"), false),
            (V::Present(true), Some(""), true),
            (V::Present(true), None, false),
            (V::Present(false), None, true),
            (V::Present(false), Some("x"), false),
        ] {
            let given = given.map(str::as_bytes);
            assert_eq!(header(value.clone(), false).matches(given), matches, "{value:?}");
            assert_eq!(header(value.clone(), true).matches(given), !matches, "not {value:?}");
        }
    }

    #[test]
    fn a_condition_that_is_not_known_is_refused() {
        let none = v1::FieldMatch { name: "x".into(), value: None, invert: false };
        assert!(FieldMatch::header(&none, &mut Names::default()).is_err());
        let bad = v1::FieldMatch { name: "x y".into(), value: Some(V::Present(true)), invert: false };
        assert!(FieldMatch::header(&bad, &mut Names::default()).is_err());
    }

    #[test]
    fn several_values_are_joined() {
        let long = "l".repeat(600);
        for (values, joined) in [
            (vec!["a"], "a".to_owned()),
            (vec!["a", "b"], "a, b".to_owned()),
            (vec!["", ""], ", ".to_owned()),
            (vec!["a", &long, "c"], format!("a, {long}, c")),
        ] {
            let fields: Vec<(String, String)> = values.iter().map(|v| ("x-User".to_owned(), (*v).to_owned())).collect();
            let lookup = Lookup::new(&fields);
            for _ in 0..2 {
                assert!(lookup.matches(&header(V::Exact(joined.clone()), false)), "{joined}");
            }
        }
    }

    #[test]
    fn sending_a_field_twice_helps_nobody() {
        let fields: [(&[u8], &[u8]); 2] = [(b"x-user", b"guest"), (b"x-user", b"guest")];
        for (invert, denies, matches) in
            [(false, true, true), (false, false, false), (true, true, true), (true, false, false)]
        {
            let wanted = header(V::Exact("guest".into()), invert);
            assert_eq!(Lookup::new(&fields).matches_access(&wanted, denies), matches, "{invert} {denies}");
        }
    }

    #[test]
    fn query_parameters_are_found_as_received() {
        for (query, value) in [
            ("", None),
            ("v=1", Some("1")),
            ("a=2&v=1&v=3", Some("1")),
            ("v", Some("")),
            ("v=", Some("")),
            ("vv=1", None),
            ("V=1", None),
            ("v=a=b", Some("a=b")),
            ("v=%20", Some("%20")),
        ] {
            assert_eq!(query_value(query.as_bytes(), b"v"), value.map(str::as_bytes), "{query}");
        }
    }
}
