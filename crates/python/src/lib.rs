//! `weft._core`: the functions that decide in the proxy, asked from Python.
//!
//! Glue without logic: serialised messages of the contract and small values come in, plain values go out (dictionaries
//! as described in `python/weft/_core.pyi`). What may take long releases the GIL. A resource that the core refuses
//! raises `CoreRefused`.
use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use weft_core::{Reason, Refused, capability, check as core_check, path, table};

mod inbound;
mod outbound;
mod simulation;

create_exception!(_core, CoreRefused, PyValueError, "The core does not take this resource: `reason`, `missing`.");

/// The exception for a refusal, with its parts as attributes.
fn refused(py: Python<'_>, refused: Refused) -> PyErr {
    let error = CoreRefused::new_err(refused.reason.clone());
    let value = error.value(py);
    let set = value.setattr("reason", refused.reason).and_then(|()| value.setattr("missing", refused.missing));
    set.err().unwrap_or(error)
}

/// What this build understands.
#[pyfunction]
fn capabilities() -> Vec<&'static str> {
    capability::ALL.to_vec()
}

/// The pipeline's declarations, as JSON.
#[pyfunction]
fn tables() -> String {
    table::to_json()
}

/// Code, status, flag and advice of every reason.
#[pyfunction]
fn reasons() -> Vec<(&'static str, u16, &'static str, &'static str)> {
    Reason::ALL.iter().map(|r| (r.code(), r.status(), r.flag(), r.advice())).collect()
}

/// Why the core would not take this resource; None: it takes it.
#[pyfunction]
#[pyo3(signature = (kind, content, /))]
fn check(py: Python<'_>, kind: &str, content: &[u8]) -> Option<String> {
    py.detach(|| core_check::check(kind, content)).err().map(|refused| refused.reason)
}

/// Raises `CoreRefused` when the core would not take this resource.
#[pyfunction]
#[pyo3(signature = (kind, content, /))]
fn require(py: Python<'_>, kind: &str, content: &[u8]) -> PyResult<()> {
    py.detach(|| core_check::check(kind, content)).map_err(|r| refused(py, r))
}

/// Could app and policy read this path differently?
#[pyfunction]
#[pyo3(signature = (path, /))]
fn ambiguous_path(path: &[u8]) -> bool {
    path::ambiguous(path)
}

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::{
        CoreRefused, ambiguous_path, capabilities, check,
        inbound::{authorise, explain_access, health, tls_verdict},
        outbound::{
            candidates, explain_route, first_limit, pending, resolve, retry, retry_budget, route, route_opaque, split,
        },
        reasons, require,
        simulation::simulate_balance,
        tables,
    };
}
