//! One entry of table `route`, compiled: its conditions, and why they do not hold.
use crate::{
    Refused, Request, capability,
    field::{FieldMatch, Lookup, Names, query_value},
    pattern::Pattern,
};
use std::sync::Arc;
use weft_proto::v1;

pub(crate) struct Entry {
    pub rule_id: Arc<str>,
    pub action: usize,
    pub path: PathRule,
    pub method: Option<Box<[u8]>>,
    pub headers: Box<[FieldMatch]>,
    pub query: Box<[FieldMatch]>,
}

pub(crate) enum PathRule {
    Any,
    Exact(Box<[u8]>),
    /// Longer than "/", without a trailing slash.
    Prefix(Box<[u8]>),
    Regex(Pattern),
}

impl Entry {
    pub fn compile(entry: &v1::RouteEntry, names: &mut Names) -> Result<Entry, Refused> {
        let within = |refused: Refused| refused.within(&format!("rule {}", entry.rule_id));
        capability::require(&format!("rule {}", entry.rule_id), &entry.requires)?;
        // No match at all would be a wider rule than one with a match that says "any".
        let given = entry.r#match.as_ref().ok_or_else(|| within(Refused::because("has no match")))?;
        let headers = given.headers.iter().map(|h| FieldMatch::header(h, names));
        let headers = headers.collect::<Result<_, _>>().map_err(within)?;
        let mut of_query = Names::default();
        let query = given.query.iter().map(|q| FieldMatch::query(q, &mut of_query));
        Ok(Entry {
            rule_id: entry.rule_id.as_str().into(),
            action: entry.action as usize,
            path: PathRule::compile(given.path.as_ref()).map_err(within)?,
            method: (!given.method.is_empty()).then(|| given.method.as_bytes().into()),
            headers,
            query: query.collect::<Result<_, _>>().map_err(within)?,
        })
    }

    /// Holds for every request of its path.
    pub fn only_path(&self) -> bool {
        self.method.is_none() && self.headers.is_empty() && self.query.is_empty()
    }

    /// Everything but the path.
    pub fn rest_matches(&self, request: &Request<'_>, lookup: &Lookup<'_>) -> bool {
        self.method.as_deref().is_none_or(|method| method == request.method)
            && self.headers.iter().all(|header| lookup.matches(header))
            && self.query.iter().all(|q| q.matches(query_value(request.query, &q.name)))
    }

    pub fn matches(&self, request: &Request<'_>, lookup: &Lookup<'_>) -> bool {
        self.path.matches(request.path) && self.rest_matches(request, lookup)
    }

    /// The prefix that a rewrite replaces.
    pub fn prefix(&self) -> &[u8] {
        match &self.path {
            PathRule::Prefix(prefix) => prefix,
            _ => b"/",
        }
    }

    /// The first condition that does not hold, for people; None when all do.
    pub fn why_not(&self, request: &Request<'_>, lookup: &Lookup<'_>) -> Option<String> {
        let text = String::from_utf8_lossy;
        if !self.path.matches(request.path) {
            return Some(format!("path {} {}", text(request.path), self.path.why_not()));
        }
        if let Some(method) = self.method.as_deref().filter(|m| *m != request.method) {
            return Some(format!("method is {}, not {}", text(request.method), text(method)));
        }
        if let Some(header) = self.headers.iter().find(|h| !lookup.matches(h)) {
            let has = lookup.with(&header.name, header.slot, shown);
            return Some(format!("header {header} is wanted; it is {has}"));
        }
        let value = |q: &FieldMatch| query_value(request.query, &q.name);
        let query = self.query.iter().find(|q| !q.matches(value(q)))?;
        Some(format!("query parameter {query} is wanted; it is {}", shown(value(query))))
    }
}

fn shown(value: Option<&[u8]>) -> String {
    value.map_or("absent".to_owned(), |v| format!("{:?}", String::from_utf8_lossy(v)))
}

impl PathRule {
    fn compile(path: Option<&v1::route_match::Path>) -> Result<PathRule, Refused> {
        use v1::route_match::Path;
        let rooted = |path: &str| match path.starts_with('/') {
            true => Ok(()),
            false => Err(Refused::because(format!("path {path:?} does not begin with /"))),
        };
        Ok(match path {
            None => PathRule::Any,
            Some(Path::PathExact(path)) => {
                rooted(path)?;
                PathRule::Exact(path.as_bytes().into())
            }
            Some(Path::PathPrefix(path)) => {
                rooted(path)?;
                match path.trim_end_matches('/') {
                    "" => PathRule::Any,
                    prefix => PathRule::Prefix(prefix.as_bytes().into()),
                }
            }
            Some(Path::PathRegex(source)) => PathRule::Regex(Pattern::compile(source)?),
        })
    }

    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            PathRule::Any => true,
            PathRule::Exact(exact) => **exact == *path,
            PathRule::Prefix(prefix) => is_under(path, prefix),
            PathRule::Regex(pattern) => pattern.matches(path),
        }
    }

    fn why_not(&self) -> String {
        let text = String::from_utf8_lossy;
        match self {
            PathRule::Any => "is any".to_owned(),
            PathRule::Exact(exact) => format!("is not {}", text(exact)),
            PathRule::Prefix(prefix) => format!("is not under {}", text(prefix)),
            PathRule::Regex(pattern) => format!("does not match {}", pattern.source()),
        }
    }
}

/// By whole segments: "/a" covers "/a" and "/a/b", not "/ab".
pub(crate) fn is_under(path: &[u8], prefix: &[u8]) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::route_match::Path;

    #[test]
    fn paths_match_by_their_kind() {
        for (rule, path, matches) in [
            (Path::PathExact("/a".into()), "/a", true),
            (Path::PathExact("/a".into()), "/a/", false),
            (Path::PathExact("/".into()), "/", true),
            (Path::PathExact("/".into()), "/a", false),
            (Path::PathPrefix("/a".into()), "/a", true),
            (Path::PathPrefix("/a".into()), "/a/", true),
            (Path::PathPrefix("/a".into()), "/a/b", true),
            (Path::PathPrefix("/a".into()), "/ab", false),
            (Path::PathPrefix("/a".into()), "/A", false),
            (Path::PathPrefix("/a/".into()), "/a", true),
            (Path::PathPrefix("/".into()), "/anything", true),
            (Path::PathPrefix("/".into()), "*", true),
            (Path::PathRegex("/a/[0-9]+".into()), "/a/1", true),
            (Path::PathRegex("/a/[0-9]+".into()), "/a/1/b", false),
        ] {
            let compiled = PathRule::compile(Some(&rule)).unwrap();
            assert_eq!(compiled.matches(path.as_bytes()), matches, "{rule:?} {path}");
        }
        assert!(PathRule::compile(None).unwrap().matches(b"*"));
    }

    #[test]
    fn entries_that_would_be_wider_than_meant_are_refused() {
        let with = |path: Path| v1::RouteEntry {
            r#match: Some(v1::RouteMatch { path: Some(path), ..Default::default() }),
            ..Default::default()
        };
        for entry in [
            v1::RouteEntry::default(),
            with(Path::PathExact("a".into())),
            with(Path::PathPrefix("".into())),
            with(Path::PathRegex("(".into())),
            v1::RouteEntry { requires: vec!["route.moon".into()], ..with(Path::PathExact("/".into())) },
        ] {
            assert!(Entry::compile(&entry, &mut Names::default()).is_err(), "{entry:?}");
        }
    }
}
