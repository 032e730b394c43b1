//! The index gives the answer of a plain walk over the list, on random tables and requests.
//!
//! The walk here is written against the contract's messages, from the words of `program.proto` alone.
use proptest::prelude::*;
use weft_core::{
    Request,
    frontend::{Frontend, Route},
};
use weft_proto::v1::{self, field_match::Value, route_match::Path};

type Headers = Vec<(String, String)>;

fn walk<'a>(frontend: &'a v1::Frontend, method: &str, path: &str, query: &str, headers: &Headers) -> Option<&'a str> {
    let entry = frontend.routes.iter().find(|e| {
        let m = e.r#match.as_ref().unwrap();
        path_matches(m.path.as_ref(), path)
            && (m.method.is_empty() || m.method == method)
            && m.headers.iter().all(|h| field_matches(h, header_value(headers, &h.name).as_deref()))
            && m.query.iter().all(|q| field_matches(q, query_value(query, &q.name).as_deref()))
    });
    entry.map(|e| e.rule_id.as_str())
}

fn path_matches(rule: Option<&Path>, path: &str) -> bool {
    match rule {
        None => true,
        Some(Path::PathExact(p)) => path == p,
        Some(Path::PathPrefix(p)) if p == "/" => true,
        Some(Path::PathPrefix(p)) => path == p || path.starts_with(&format!("{p}/")),
        Some(Path::PathRegex(p)) => regex::Regex::new(&format!("^(?:{p})$")).unwrap().is_match(path),
    }
}

fn header_value(headers: &Headers, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.iter().filter(|(n, _)| n.to_lowercase() == name).map(|(_, v)| v.as_str()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn query_value(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
}

fn field_matches(rule: &v1::FieldMatch, value: Option<&str>) -> bool {
    let plain = match (rule.value.as_ref().unwrap(), value) {
        (Value::Present(wanted), value) => *wanted == value.is_some(),
        (_, None) => false,
        (Value::Exact(text), Some(value)) => text == value,
        (Value::Regex(p), Some(value)) => regex::Regex::new(&format!("^(?:{p})$")).unwrap().is_match(value),
        (Value::Prefix(text), Some(value)) => value.starts_with(text.as_str()),
        (Value::Suffix(text), Some(value)) => value.ends_with(text.as_str()),
    };
    plain != rule.invert
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", ""]), 1..4)
        .prop_map(|s| format!("/{}", s.join("/")))
}

fn path_rule() -> impl Strategy<Value = Option<Path>> {
    prop_oneof![
        1 => Just(None),
        4 => path().prop_map(|p| Some(Path::PathExact(p))),
        4 => path().prop_map(|p| match p.trim_end_matches('/') {
            "" => Some(Path::PathPrefix("/".into())),
            p => Some(Path::PathPrefix(p.into())),
        }),
        2 => prop::sample::select(vec!["/a/.*", "/[ab]+", "/a?b?", "/(a|b)/.+", "(?i)/AB.*"])
            .prop_map(|p| Some(Path::PathRegex(p.into()))),
    ]
}

fn field(names: &'static [&'static str]) -> impl Strategy<Value = v1::FieldMatch> {
    let text = || prop::sample::select(vec!["", "1", "2", "12", "1, 2"]).prop_map(str::to_owned);
    let value = prop_oneof![
        6 => text().prop_map(Value::Exact),
        1 => prop::sample::select(vec!["1.*", "[12]", ".+"]).prop_map(|p| Value::Regex(p.into())),
        1 => any::<bool>().prop_map(Value::Present),
        1 => text().prop_map(Value::Prefix),
        1 => text().prop_map(Value::Suffix),
    ];
    (prop::sample::select(names), value, prop::bool::weighted(0.2)).prop_map(|(name, value, invert)| v1::FieldMatch {
        name: name.into(),
        value: Some(value),
        invert,
    })
}

fn route_match() -> impl Strategy<Value = v1::RouteMatch> {
    (
        path_rule(),
        prop::sample::select(vec!["", "", "", "GET", "POST"]),
        prop::collection::vec(field(&["x-a", "x-b"]), 0..3),
        prop::collection::vec(field(&["v", "w"]), 0..2),
    )
        .prop_map(|(path, method, headers, query)| v1::RouteMatch { path, method: method.into(), headers, query })
}

fn frontend() -> impl Strategy<Value = v1::Frontend> {
    prop::collection::vec(route_match(), 0..60).prop_map(|matches| v1::Frontend {
        name: "default/web:80@*".into(),
        port: 80,
        has_routes: true,
        routes: matches
            .into_iter()
            .enumerate()
            .map(|(i, m)| v1::RouteEntry { rule_id: i.to_string(), r#match: Some(m), ..Default::default() })
            .collect(),
        actions: vec![v1::RouteAction {
            target: Some(v1::route_action::Target::Split(v1::Split::default())),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn request() -> impl Strategy<Value = (String, String, String, Headers)> {
    let header =
        (prop::sample::select(vec!["x-a", "X-A", "x-b", "x-c"]), prop::sample::select(vec!["", "1", "2", "12"]));
    (
        prop::sample::select(vec!["GET", "POST", "PUT"]).prop_map(str::to_owned),
        path(),
        prop::sample::select(vec!["", "v=1", "w=2&v=12", "v", "v=2&v=1"]).prop_map(str::to_owned),
        prop::collection::vec(header.prop_map(|(n, v)| (n.to_owned(), v.to_owned())), 0..4),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_a_walk_does(table in frontend(), requests in prop::collection::vec(request(), 20)) {
        let compiled = Frontend::compile(&table).unwrap();
        for (method, path, query, headers) in &requests {
            let expected = walk(&table, method, path, query, headers);
            let request = Request {
                method: method.as_bytes(),
                path: path.as_bytes(),
                query: query.as_bytes(),
                host: b"web",
                fields: headers,
            };
            let found = match compiled.route(&request) {
                Route::Forward(matched) => Some(&**matched.rule_id),
                _ => None,
            };
            prop_assert_eq!(found, expected, "{} {}?{} {:?}", method, path, query, headers);
            let tried = compiled.explain(&request);
            let explained = tried.last().filter(|t| t.matched).map(|t| &*t.rule_id);
            prop_assert_eq!(explained, expected);
        }
    }
}
