//! Questions to the tables `resolve` and `route`.
use crate::refused;
use pyo3::{exceptions::PyValueError, prelude::*};
use std::collections::BTreeMap;
use weft_core::{
    Refused, Rng,
    ask::{self, Answer, Asked, Deadline},
    budget,
    check::decode,
    frontend::Frontend,
    retry::{self as core_retry, Decision, Tried},
    timeouts::Timeouts,
};
use weft_proto::v1;

type Headers = Vec<(String, String)>;

#[derive(IntoPyObject)]
pub struct HeaderEdit {
    set: Headers,
    add: Headers,
    remove: Vec<String>,
}

#[derive(IntoPyObject)]
pub struct Routed {
    kind: &'static str,
    rule_id: Option<String>,
    backend: Option<String>,
    status: Option<u16>,
    reason: Option<&'static str>,
    location: Option<String>,
    body: Option<String>,
    host: Option<String>,
    path: Option<String>,
    request_headers: HeaderEdit,
    response_headers: HeaderEdit,
    sticky: Option<String>,
    held: bool,
    set_cookie: Option<String>,
    request_timeout_ms: Option<u64>,
    backend_request_timeout_ms: Option<u64>,
    attempts: Option<u32>,
}

#[derive(IntoPyObject)]
pub struct TriedRoute {
    rule_id: String,
    matched: bool,
    why: String,
}

impl From<ask::Edit> for HeaderEdit {
    fn from(edit: ask::Edit) -> HeaderEdit {
        HeaderEdit { set: edit.set, add: edit.add, remove: edit.remove }
    }
}

impl From<Answer> for Routed {
    fn from(answer: Answer) -> Routed {
        Routed {
            kind: answer.kind,
            rule_id: answer.rule_id,
            backend: answer.backend,
            status: answer.status,
            reason: answer.reason,
            location: answer.location,
            body: answer.body,
            host: answer.host,
            path: answer.path,
            request_headers: answer.request_headers.into(),
            response_headers: answer.response_headers.into(),
            sticky: answer.sticky,
            held: answer.held,
            set_cookie: answer.set_cookie,
            request_timeout_ms: answer.request_timeout_ms,
            backend_request_timeout_ms: answer.backend_request_timeout_ms,
            attempts: answer.attempts,
        }
    }
}

fn compile(content: &[u8]) -> Result<Frontend, Refused> {
    Frontend::compile(&decode::<v1::Frontend>("Frontend", content)?)
}

/// Where this request goes.
#[pyfunction]
#[pyo3(signature = (frontend, method, path, host="", headers=Vec::new(), *, seed=0, scheme="http"))]
#[allow(clippy::too_many_arguments)] // They are Python's keyword arguments.
pub fn route(
    py: Python<'_>,
    frontend: &[u8],
    method: &str,
    path: &str,
    host: &str,
    headers: Headers,
    seed: u64,
    scheme: &str,
) -> PyResult<Routed> {
    let asked = Asked { method: method.into(), path: path.into(), host: host.into(), headers };
    let answer = py.detach(|| Ok(ask::route(&compile(frontend)?, &asked, scheme, seed)));
    answer.map(Routed::from).map_err(|r| refused(py, r))
}

/// Where a connection that is not HTTP goes.
#[pyfunction]
#[pyo3(signature = (frontend, *, seed=0))]
pub fn route_opaque(py: Python<'_>, frontend: &[u8], seed: u64) -> PyResult<Routed> {
    let answer = py.detach(|| Ok(ask::route_opaque(&compile(frontend)?, seed)));
    answer.map(Routed::from).map_err(|r| refused(py, r))
}

/// Every rule in order until the one that matches, and why the others did not.
#[pyfunction]
#[pyo3(signature = (frontend, method, path, host="", headers=Vec::new()))]
pub fn explain_route(
    py: Python<'_>,
    frontend: &[u8],
    method: &str,
    path: &str,
    host: &str,
    headers: Headers,
) -> PyResult<Vec<TriedRoute>> {
    let asked = Asked { method: method.into(), path: path.into(), host: host.into(), headers };
    let tried = py.detach(|| Ok(compile(frontend)?.explain(&asked.request()))).map_err(|r| refused(py, r))?;
    let plain =
        |t: weft_core::frontend::Tried| TriedRoute { rule_id: t.rule_id.to_string(), matched: t.matched, why: t.why };
    Ok(tried.into_iter().map(plain).collect())
}

/// How `n` requests that a rule matched are divided; "" is the share that is answered 500.
#[pyfunction]
#[pyo3(signature = (frontend, rule_id, n, *, seed=0))]
pub fn split(py: Python<'_>, frontend: &[u8], rule_id: &str, n: u64, seed: u64) -> PyResult<BTreeMap<String, u64>> {
    let counts = py.detach(|| Ok(ask::split(&compile(frontend)?, rule_id, n, seed))).map_err(|r| refused(py, r))?;
    counts.ok_or_else(|| PyValueError::new_err(format!("no rule {rule_id:?} that forwards")))
}

/// What a Host means to a proxy that has these frontends: its key, "ask <key>", "no-port", "unknown" or
/// "unknown-destination".
#[pyfunction]
#[pyo3(signature = (frontends, suffixes, authority, *, refuse_unknown=false))]
pub fn resolve(
    py: Python<'_>,
    frontends: Vec<Vec<u8>>,
    suffixes: Vec<String>,
    authority: &str,
    refuse_unknown: bool,
) -> PyResult<String> {
    let suffixes: Vec<Box<str>> = suffixes.into_iter().map(String::into_boxed_str).collect();
    let compiled = frontends.iter().map(|f| compile(f)).collect::<Result<Vec<_>, _>>();
    Ok(ask::resolve(&compiled.map_err(|r| refused(py, r))?, &suffixes, refuse_unknown, authority))
}

/// What becomes of a request whose "frontend" or "inbound" the proxy does not hold: how many milliseconds it waits more,
/// and the reason for which it is refused.
#[pyfunction]
#[pyo3(signature = (missing, *, waited_ms=0, others=0))]
pub fn pending(missing: &str, waited_ms: u64, others: usize) -> PyResult<(Option<u64>, Option<&'static str>)> {
    match ask::pending(missing, waited_ms, others) {
        Some(Ok(for_ms)) => Ok((Some(for_ms), None)),
        Some(Err(reason)) => Ok((None, Some(reason.code()))),
        None => Err(PyValueError::new_err(format!("neither a frontend nor an inbound: {missing:?}"))),
    }
}

/// After how many milliseconds to try again; None: not at all. `policy`: a RetryPolicy; None: the default.
#[pyfunction]
#[pyo3(signature = (policy, failure, *, attempt=1, method="GET", code=0, response_started=false, body_replayable=true, retry_after_ms=None, seed=0))]
#[allow(clippy::too_many_arguments)] // They are Python's keyword arguments.
pub fn retry(
    py: Python<'_>,
    policy: Option<&[u8]>,
    failure: &str,
    attempt: u32,
    method: &str,
    code: u32,
    response_started: bool,
    body_replayable: bool,
    retry_after_ms: Option<u64>,
    seed: u64,
) -> PyResult<Option<u64>> {
    let policy = policy.map(|content| decode::<v1::RetryPolicy>("RetryPolicy", content)).transpose();
    let compiled = policy.and_then(|p| core_retry::Policy::compile(p.as_ref())).map_err(|r| refused(py, r))?;
    let named = ask::failure(failure, code, response_started);
    let failure = named.ok_or_else(|| PyValueError::new_err(format!("no failure {failure:?}")))?;
    let tried = Tried { attempt, method: method.as_bytes(), failure, body_replayable, retry_after_ms };
    Ok(match core_retry::decide(&compiled, &tried, &mut Rng::new(seed)) {
        Decision::Retry { after_ms } => Some(after_ms),
        Decision::Give => None,
    })
}

/// When a try must be over, in milliseconds from the request's beginning, and the reason if it is not; None: no limit.
/// `timeouts`: a Timeouts; None: the mesh's default.
#[pyfunction]
#[pyo3(signature = (timeouts=None, *, per_try_ms=0, deadline_ms=None, grpc_timeout=None, try_at_ms=0))]
pub fn first_limit(
    py: Python<'_>,
    timeouts: Option<&[u8]>,
    per_try_ms: u64,
    deadline_ms: Option<&str>,
    grpc_timeout: Option<&str>,
    try_at_ms: u64,
) -> PyResult<Option<(u64, &'static str)>> {
    let given = timeouts.map(|content| decode::<v1::Timeouts>("Timeouts", content)).transpose();
    let given = given.map_err(|r| refused(py, r))?.as_ref().map(Timeouts::compile);
    let deadline = deadline_ms.map(Deadline::Weft).or(grpc_timeout.map(Deadline::Grpc));
    Ok(ask::first_limit(given, per_try_ms, deadline, try_at_ms))
}

/// Which of these retries a fresh budget grants. An event: milliseconds from the beginning, and whether it is a retry.
/// `policy`: a RetryBudget; None: the default.
#[pyfunction]
#[pyo3(signature = (policy, events))]
pub fn retry_budget(py: Python<'_>, policy: Option<&[u8]>, events: Vec<(u64, bool)>) -> PyResult<Vec<bool>> {
    let given = policy.map(|content| decode::<v1::RetryBudget>("RetryBudget", content)).transpose();
    let policy = budget::Policy::compile(given.map_err(|r| refused(py, r))?.as_ref());
    Ok(py.detach(|| ask::granted(policy, &events)))
}

/// Who may get a request of this backend: positions among the endpoints with their shares, and whether so few are
/// healthy that all are used.
#[pyfunction]
#[pyo3(signature = (backend, endpoints))]
pub fn candidates(py: Python<'_>, backend: &[u8], endpoints: &[u8]) -> PyResult<(Vec<(usize, f64)>, bool)> {
    let asked = || ask::candidates(&decode("Backend", backend)?, &decode("Endpoints", endpoints)?);
    py.detach(asked).map_err(|r| refused(py, r))
}
