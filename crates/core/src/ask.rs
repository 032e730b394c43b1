//! Questions as people and tools put them, with whole answers: behind `weft explain`, the Python face and the vectors.
//!
//! The decisions are those of `frontend`; here they are only carried out on paper (headers, path, location) instead of
//! on a connection, so this may allocate.
use crate::{
    Reason, Refused, Request, Rng,
    action::{Action, Target},
    backend::{Backend, Shared},
    balance::Group,
    budget::{self, Budget},
    edit::{HeaderEdit, Redirect, Seen},
    endpoints::Endpoint,
    frontend::{Frontend, Matched, Route},
    health::{Checker, State},
    pending::{self, Missing, Pending},
    resolve::{Names, Resolved},
    retry::Failure,
    split::{Split, Weighted},
    sticky::Caller,
    timeouts::{self, Limits, Timeouts},
};
use std::{collections::BTreeMap, sync::Arc};
use weft_proto::v1;

type Pairs = Vec<(String, String)>;

/// A request in text; `path` with its query.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub host: String,
    pub headers: Pairs,
}

impl Asked {
    pub fn request(&self) -> Request<'_> {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        Request {
            method: self.method.as_bytes(),
            path: path.as_bytes(),
            query: query.as_bytes(),
            host: self.host.as_bytes(),
            fields: &self.headers,
        }
    }
}

/// What happens to a message's fields, in the order in which it happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub set: Pairs,
    pub add: Pairs,
    pub remove: Vec<String>,
}

/// What happens to a request. What does not apply is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// "forward", "redirect", "fixed", "no-route", "no-port", "invalid-backend".
    pub kind: &'static str,
    pub rule_id: Option<String>,
    pub backend: Option<String>,
    pub status: Option<u16>,
    pub reason: Option<&'static str>,
    pub location: Option<String>,
    pub body: Option<String>,
    /// As forwarded.
    pub host: Option<String>,
    pub path: Option<String>,
    pub request_headers: Edit,
    pub response_headers: Edit,
    /// What keeps each caller on its side of the split: "header x-user", "cookie canary".
    pub sticky: Option<String>,
    /// The request has it, so that all requests of this caller go this way.
    pub held: bool,
    /// The cookie that the response brings to who has none.
    pub set_cookie: Option<String>,
    pub request_timeout_ms: Option<u64>,
    pub backend_request_timeout_ms: Option<u64>,
    pub attempts: Option<u32>,
}

pub fn route(frontend: &Frontend, asked: &Asked, scheme: &str, seed: u64) -> Answer {
    answer(frontend, &frontend.route(&asked.request()), asked, scheme, seed)
}

pub fn route_opaque(frontend: &Frontend, seed: u64) -> Answer {
    answer(frontend, &frontend.route_opaque(), &Asked::default(), "", seed)
}

fn answer(frontend: &Frontend, route: &Route<'_>, asked: &Asked, scheme: &str, seed: u64) -> Answer {
    let matched = match route {
        Route::NoRoute => return refusal("no-route", Reason::NoRoute),
        Route::NoPort => return refusal("no-port", Reason::NoPort),
        Route::Forward(matched) => matched,
    };
    let decided = match &matched.action.target {
        Target::Redirect(to) => redirected(to, matched, asked, scheme, frontend.port),
        Target::Fixed(fixed) => Answer {
            kind: "fixed",
            status: Some(fixed.status),
            reason: fixed.reason.map(Reason::code),
            body: Some(text(&fixed.body)),
            ..edited(matched.action, None)
        },
        Target::Split(split) => {
            let mut rng = Rng::new(seed);
            let caller = split.caller(&asked.headers, &mut rng);
            let decided = match split.pick(caller.point(), &mut rng) {
                Ok(backend) => forwarded(matched, backend, asked),
                Err(reason) => refusal("invalid-backend", reason),
            };
            stuck(decided, split, caller)
        }
    };
    Answer { rule_id: Some(matched.rule_id.to_string()), ..decided }
}

fn refusal(kind: &'static str, reason: Reason) -> Answer {
    Answer { kind, status: Some(reason.status()), reason: Some(reason.code()), ..Answer::default() }
}

fn redirected(to: &Redirect, matched: &Matched<'_>, asked: &Asked, scheme: &str, port: u16) -> Answer {
    let mut location = Vec::new();
    let seen = Seen {
        scheme,
        host: asked.host.as_bytes(),
        port,
        path_and_query: asked.path.as_bytes(),
        matched_prefix: matched.prefix,
    };
    to.location(&seen, &mut location);
    let location = Some(text(&location));
    Answer { kind: "redirect", status: Some(to.status), location, ..edited(matched.action, None) }
}

fn forwarded(matched: &Matched<'_>, backend: &Weighted, asked: &Asked) -> Answer {
    let rewrite = matched.action.rewrite.clone().unwrap_or_default();
    let mut path = Vec::new();
    rewrite.rewritten_path(matched.prefix, asked.path.as_bytes(), &mut path);
    Answer {
        kind: "forward",
        backend: backend.backend.as_deref().map(str::to_owned),
        host: Some(rewrite.host.as_deref().map_or_else(|| asked.host.clone(), text)),
        path: Some(text(&path)),
        request_timeout_ms: matched.action.timeouts.map(|t| t.request_ms),
        backend_request_timeout_ms: matched.action.timeouts.map(|t| t.backend_request_ms),
        attempts: Some(matched.action.retry.attempts),
        ..edited(matched.action, Some(backend))
    }
}

fn stuck(answer: Answer, split: &Split, caller: Caller) -> Answer {
    let Some(sticky) = &split.sticky else { return answer };
    let mut cookie = Vec::new();
    if let Caller::New(token) = caller {
        sticky.write_cookie(token, &mut cookie);
    }
    Answer {
        sticky: Some(sticky.by()),
        held: matches!(caller, Caller::Known(_)),
        // What weft answers itself brings no cookie.
        set_cookie: (answer.kind == "forward" && !cookie.is_empty()).then(|| text(&cookie)),
        ..answer
    }
}

/// The rule's edits, then those of the backend that was picked.
fn edited(action: &Action, backend: Option<&Weighted>) -> Answer {
    let request = [Some(&action.request_headers), backend.map(|b| &b.request_headers)];
    let response = [Some(&action.response_headers), backend.map(|b| &b.response_headers)];
    Answer { request_headers: edit(request), response_headers: edit(response), ..Answer::default() }
}

fn edit(edits: [Option<&HeaderEdit>; 2]) -> Edit {
    let mut all = Edit::default();
    for edit in edits.into_iter().flatten() {
        all.set.extend(edit.set.iter().map(|h| (text(&h.name), text(&h.value))));
        all.add.extend(edit.add.iter().map(|h| (text(&h.name), text(&h.value))));
        all.remove.extend(edit.remove.iter().map(|name| text(name)));
    }
    all
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What becomes of a request whose "frontend" or "inbound" the proxy does not hold: how many milliseconds it waits more,
/// or why it is refused.
pub fn pending(missing: &str, waited_ms: u64, others: usize) -> Option<Result<u64, Reason>> {
    let missing = match missing {
        "frontend" => Missing::Frontend,
        "inbound" => Missing::Inbound,
        _ => return None,
    };
    Some(match pending::decide(missing, waited_ms.saturating_mul(1_000), others, None) {
        Pending::Wait { for_us } => Ok(for_us / 1_000),
        Pending::Refuse(reason) => Err(reason),
    })
}

/// Who may get a request of this backend: positions in the message with their shares, and whether so few are healthy
/// that all are used.
pub fn candidates(backend: &v1::Backend, endpoints: &v1::Endpoints) -> Result<(Vec<(usize, f64)>, bool), Refused> {
    let mut group = Group::new(Arc::new(Shared::new(Backend::compile(backend)?)), "anybody");
    group.apply(endpoints)?;
    let (shares, panic) = group.shares();
    let is = |e: &Endpoint, given: &v1::Endpoint| {
        let place = (given.address.parse(), given.port, given.workload.as_str());
        place == (Ok(e.address), u32::from(e.port), &*e.workload)
    };
    let position = |e: &Endpoint| endpoints.endpoints.iter().position(|given| is(e, given));
    let mut found: Vec<_> = shares.iter().filter_map(|(e, share)| Some((position(e)?, *share))).collect();
    found.sort_unstable_by_key(|&(position, _)| position);
    Ok((found, panic))
}

/// Where an app stands after these results of its health check: "starting", "healthy" or "unhealthy".
pub fn health(check: &v1::HealthCheck, passed: &[bool]) -> &'static str {
    let mut checker = Checker::new(check);
    passed.iter().for_each(|&passed| {
        checker.observe(passed);
    });
    match checker.state() {
        State::Starting => "starting",
        State::Healthy => "healthy",
        State::Unhealthy => "unhealthy",
    }
}

/// How `n` requests of a rule are divided, none of which says whose it is; "" is the share that is answered 500.
/// None: the rule does not exist or does not forward.
pub fn split(frontend: &Frontend, rule_id: &str, n: u64, seed: u64) -> Option<BTreeMap<String, u64>> {
    let Target::Split(split) = &frontend.action_of(rule_id)?.target else { return None };
    Some(divided(split, n, &mut Rng::new(seed)))
}

fn divided(split: &Split, n: u64, rng: &mut Rng) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for _ in 0..n {
        let backend = split.pick(None, rng).ok().and_then(|b| b.backend.as_deref()).unwrap_or_default();
        *counts.entry(backend.to_owned()).or_default() += 1;
    }
    counts
}

/// What a Host means to a proxy that has these frontends: its key, "ask <key>", "no-port", "unknown" or, where the mesh
/// refuses what it does not know, "unknown-destination".
pub fn resolve(frontends: &[Frontend], suffixes: &[Box<str>], refuse_unknown: bool, authority: &str) -> String {
    let mut names = Names::new(suffixes);
    for frontend in frontends {
        names.add(&frontend.hosts, frontend.port, frontend.name.to_string());
    }
    match names.host(authority.as_bytes()) {
        Resolved::Known(name) => name.clone(),
        Resolved::Ask => format!("ask {}", names.key_to_ask(authority.as_bytes()).unwrap_or_default()),
        Resolved::NoPort => "no-port".to_owned(),
        Resolved::Unknown if refuse_unknown => Reason::UnknownDestination.code().to_owned(),
        Resolved::Unknown => "unknown".to_owned(),
    }
}

/// The deadline that a request carries, and when the try that starts at `try_at_ms` must be over by it and by the
/// timeouts: in milliseconds from the request's beginning, and the reason if it is not.
pub fn first_limit(
    timeouts: Option<Timeouts>,
    per_try_ms: u64,
    deadline: Option<Deadline<'_>>,
    try_at_ms: u64,
) -> Option<(u64, &'static str)> {
    let left_us = deadline.and_then(|deadline| match deadline {
        Deadline::Weft(value) => timeouts::parse_deadline_ms(value.as_bytes()),
        Deadline::Grpc(value) => timeouts::parse_grpc_timeout(value.as_bytes()),
    });
    let limits = Limits::of(&timeouts.unwrap_or(Timeouts::DEFAULT), per_try_ms, left_us);
    let (at_us, limit) = limits.first(0, try_at_ms.saturating_mul(1_000))?;
    Some((at_us / 1_000, limit.reason().code()))
}

/// A deadline as it travels.
#[derive(Clone, Copy, Debug)]
pub enum Deadline<'a> {
    /// `weft-deadline-ms`
    Weft(&'a str),
    /// `grpc-timeout`
    Grpc(&'a str),
}

/// Which of these retries a fresh budget grants: each event is a time in milliseconds and whether it is a retry.
pub fn granted(policy: budget::Policy, events: &[(u64, bool)]) -> Vec<bool> {
    // A monotonic clock does not begin at 0.
    const BEGIN_MS: u64 = 1_000_000;
    let budget = Budget::new(policy);
    let mut answers = Vec::new();
    for &(at_ms, is_retry) in events {
        let now_us = (BEGIN_MS + at_ms).saturating_mul(1_000);
        match is_retry {
            true => answers.push(budget.try_withdraw(now_us)),
            false => budget.deposit(now_us),
        }
    }
    answers
}

/// A failure by its name; `code` of a status.
pub fn failure(name: &str, code: u32, response_started: bool) -> Option<Failure> {
    Some(match name {
        "connect-failed" => Failure::ConnectFailed,
        "refused-stream" => Failure::RefusedStream,
        "goaway-unprocessed" => Failure::GoAwayUnprocessed,
        "reused-closed-unacked" => Failure::ReusedClosedUnacked,
        "reset" => Failure::Reset { response_started },
        "timeout" => Failure::Timeout,
        "status" => Failure::Status(u16::try_from(code).ok()?),
        "grpc-status" => Failure::GrpcStatus(code),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::{route_action::Target as T, route_match::Path};

    fn frontend(action: v1::RouteAction) -> Frontend {
        let path = Some(Path::PathPrefix("/a".into()));
        Frontend::compile(&v1::Frontend {
            name: "default/web:80@*".into(),
            hosts: vec!["web".into()],
            port: 80,
            has_routes: true,
            routes: vec![v1::RouteEntry {
                rule_id: "r".into(),
                r#match: Some(v1::RouteMatch { path, ..Default::default() }),
                ..Default::default()
            }],
            actions: vec![action],
            ..Default::default()
        })
        .unwrap()
    }

    fn set(name: &str) -> Option<v1::HeaderEdit> {
        let header = v1::HeaderValue { name: name.into(), value: "1".into() };
        Some(v1::HeaderEdit { set: vec![header], ..Default::default() })
    }

    fn to(backends: &[(&str, u32)]) -> Option<T> {
        let backend = |&(backend, weight): &(&str, u32)| v1::WeightedBackend {
            backend: backend.into(),
            weight,
            request_headers: set("x-backend"),
            ..Default::default()
        };
        Some(T::Split(v1::Split { backends: backends.iter().map(backend).collect(), ..Default::default() }))
    }

    fn get(path: &str) -> Asked {
        Asked { method: "GET".into(), path: path.into(), host: "web".into(), headers: vec![] }
    }

    #[test]
    fn a_forwarded_request_is_described_as_it_leaves() {
        let rewrite = v1::Rewrite { host: "new".into(), path: Some(v1::rewrite::Path::Prefix("/b".into())) };
        let (target, rewrite) = (to(&[("default/v1:80", 1)]), Some(rewrite));
        let frontend =
            frontend(v1::RouteAction { target, rewrite, request_headers: set("x-rule"), ..Default::default() });
        let answer = route(&frontend, &get("/a/c?q=1"), "http", 1);
        assert_eq!((answer.kind, answer.rule_id.as_deref()), ("forward", Some("r")));
        assert_eq!((answer.host.as_deref(), answer.path.as_deref()), (Some("new"), Some("/b/c?q=1")));
        let names: Vec<&str> = answer.request_headers.set.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["x-rule", "x-backend"]);
        assert_eq!(answer.attempts, Some(2));
    }

    #[test]
    fn what_weft_answers_itself_has_status_and_reason() {
        let forwards = |backends: &[(&str, u32)]| v1::RouteAction { target: to(backends), ..Default::default() };
        let redirect = v1::Redirect { status: 301, scheme: "https".into(), ..Default::default() };
        let fixed =
            v1::FixedResponse { status: 503, body: "later".into(), reason: "overloaded".into(), ..Default::default() };
        let with = |target| v1::RouteAction { target: Some(target), ..Default::default() };
        for (action, path, kind, status, reason) in [
            (forwards(&[("default/v1:80", 1)]), "/b", "no-route", 404, Some("no-route")),
            (forwards(&[("", 1)]), "/a", "invalid-backend", 500, Some("invalid-backend")),
            (with(T::Redirect(redirect)), "/a", "redirect", 301, None),
            (with(T::Fixed(fixed)), "/a", "fixed", 503, Some("overloaded")),
        ] {
            let answer = route(&frontend(action), &get(path), "http", 1);
            assert_eq!((answer.kind, answer.status, answer.reason), (kind, Some(status), reason));
        }
    }

    #[test]
    fn splits_are_counted_with_the_share_that_fails() {
        let frontend = frontend(v1::RouteAction { target: to(&[("default/v1:80", 3), ("", 1)]), ..Default::default() });
        let counts = split(&frontend, "r", 4_000, 1).unwrap();
        assert!((2_850..3_150).contains(&counts["default/v1:80"]), "{counts:?}");
        assert_eq!(counts.values().sum::<u64>(), 4_000);
        assert_eq!(split(&frontend, "s", 1, 1), None);
    }

    #[test]
    fn a_sticky_split_says_what_it_goes_by() {
        let sticky = |by| v1::RouteAction {
            target: to(&[("default/v1:80", 9), ("default/v2:80", 1)]).map(|target| match target {
                T::Split(split) => T::Split(v1::Split { sticky: Some(v1::Sticky { by: Some(by) }), ..split }),
                other => other,
            }),
            ..Default::default()
        };
        let header = frontend(sticky(v1::sticky::By::Header("x-user".into())));
        let asked = |headers: &[(&str, &str)]| Asked {
            headers: headers.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
            ..get("/a")
        };
        let known = route(&header, &asked(&[("X-User", "eve")]), "http", 1);
        assert_eq!((known.sticky.as_deref(), known.held, &known.set_cookie), (Some("header x-user"), true, &None));
        assert!(
            (0..50).all(|seed| route(&header, &asked(&[("x-user", "eve")]), "http", seed).backend == known.backend)
        );
        assert!(!route(&header, &asked(&[]), "http", 1).held);
        let made = v1::StickyCookie { name: "side".into(), ttl_ms: 60_000 };
        let cookie = frontend(sticky(v1::sticky::By::Cookie(made)));
        let new = route(&cookie, &asked(&[]), "http", 1);
        assert!(new.set_cookie.as_deref().unwrap().ends_with("; Max-Age=60; HttpOnly; SameSite=Lax"));
        let set = new.set_cookie.as_deref().unwrap().split(';').next().unwrap().to_owned();
        let again = route(&cookie, &asked(&[("cookie", &set)]), "http", 2);
        assert_eq!((again.held, again.set_cookie, again.backend), (true, None, new.backend));
    }

    #[test]
    fn names_are_resolved() {
        let frontends = [frontend(v1::RouteAction { target: to(&[]), ..Default::default() })];
        let suffixes = ["mesh".into()];
        for (authority, expected) in
            [("Web", "default/web:80@*"), ("web:81", "no-port"), ("a.b.mesh", "ask b/a:80"), ("x", "unknown")]
        {
            assert_eq!(resolve(&frontends, &suffixes, false, authority), expected);
        }
        assert_eq!(resolve(&frontends, &suffixes, true, "x"), "unknown-destination");
    }

    #[test]
    fn what_is_not_held_is_waited_for_or_refused() {
        assert_eq!(pending("frontend", 1_500, 0), Some(Ok(500)));
        assert_eq!(pending("frontend", 2_000, 0), Some(Err(Reason::ConfigPending)));
        assert_eq!(pending("inbound", 0, 0), Some(Err(Reason::NoInbound)));
        assert_eq!(pending("mesh", 0, 0), None);
    }

    #[test]
    fn candidates_are_those_of_the_balancer() {
        use v1::Health::{Draining, Healthy, Unhealthy, Unknown};
        let backend = v1::Backend { name: "a/b:80".into(), port: 80, ..Default::default() };
        let endpoint = |(n, &(health, priority, weight)): (usize, &(v1::Health, u32, u32))| v1::Endpoint {
            address: format!("192.0.2.{n}"),
            port: 8080,
            workload: format!("w{n}"),
            health: health as i32,
            priority,
            weight,
            ..Default::default()
        };
        let all = |given: &[(v1::Health, u32, u32)]| {
            let endpoints = given.iter().enumerate().map(endpoint).collect();
            candidates(&backend, &v1::Endpoints { name: "a/b:80".into(), endpoints }).unwrap()
        };
        for (given, expected) in [
            (&[][..], (vec![], false)),
            (&[(Healthy, 0, 3), (Unhealthy, 0, 1), (Unknown, 0, 1)], (vec![(0, 0.75), (2, 0.25)], false)),
            (&[(Unhealthy, 0, 1), (Draining, 0, 1)], (vec![(0, 1.0)], true)),
            (&[(Draining, 0, 1)], (vec![], false)),
            (&[(Unhealthy, 0, 1), (Healthy, 0, 1), (Unhealthy, 0, 2)], (vec![(0, 0.25), (1, 0.25), (2, 0.5)], true)),
            (&[(Healthy, 0, 1), (Unhealthy, 0, 1), (Healthy, 1, 1)], (vec![(0, 0.7), (2, 0.3)], false)),
        ] {
            assert_eq!(all(given), expected, "{given:?}");
        }
    }

    #[test]
    fn health_is_asked_result_by_result() {
        let check = v1::HealthCheck { rise: 1, fall: 2, ..Default::default() };
        let told = |results: &str| health(&check, &results.bytes().map(|b| b == b'+').collect::<Vec<_>>());
        assert_eq!(
            ["", "-", "+", "+-", "+--", "+--+"].map(told),
            ["starting", "starting", "healthy", "healthy", "unhealthy", "healthy"]
        );
    }

    #[test]
    fn failures_have_names() {
        assert_eq!(failure("status", 503, false), Some(Failure::Status(503)));
        assert_eq!(failure("status", 70_000, false), None);
        assert_eq!(failure("boredom", 0, false), None);
    }

    #[test]
    fn the_first_limit_has_its_reason() {
        let timeouts = Some(Timeouts { request_ms: 900, backend_request_ms: 300, stream_idle_ms: 0 });
        for (per_try_ms, deadline, try_at_ms, expected) in [
            (0, None, 0, Some((300, "upstream-timeout"))),
            (0, None, 700, Some((900, "request-timeout"))),
            (0, Some(Deadline::Weft("200")), 0, Some((200, "deadline-exceeded"))),
            (0, Some(Deadline::Grpc("100m")), 0, Some((100, "deadline-exceeded"))),
            (50, Some(Deadline::Weft("soon")), 100, Some((150, "upstream-timeout"))),
        ] {
            assert_eq!(first_limit(timeouts, per_try_ms, deadline, try_at_ms), expected);
        }
        assert_eq!(first_limit(None, 0, None, 0), None);
    }

    #[test]
    fn a_budget_is_asked_event_by_event() {
        let policy = budget::Policy { percent: 50, min_per_second: 0, ..budget::Policy::DEFAULT };
        let events = [(0, true), (0, false), (1, false), (2, true), (3, true), (20_000, true)];
        assert_eq!(granted(policy, &events), [false, true, false, false]);
    }
}
