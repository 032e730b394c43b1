//! Questions to the tables `accept` and `authorise`.
use crate::refused;
use pyo3::{exceptions::PyValueError, prelude::*};
use std::net::IpAddr;
use weft_core::{
    Refused, Request,
    access::{Inbound, Port, Subject, Tried, Verdict, Would},
    ask::{self, Asked},
    check::decode,
    spiffe::SpiffeId,
};
use weft_proto::v1;

type Headers = Vec<(String, String)>;

#[derive(IntoPyObject)]
pub struct AuditedRule {
    rule_id: String,
    would: &'static str,
}

#[derive(IntoPyObject)]
pub struct Authorised {
    allow: bool,
    rule_id: String,
    reason: Option<&'static str>,
    audited: Vec<AuditedRule>,
}

#[derive(IntoPyObject)]
pub struct TriedAccess {
    rule_id: String,
    action: &'static str,
    audit: bool,
    matched: bool,
    why: &'static str,
}

/// A call as Python gives it.
struct Call<'a> {
    inbound: Inbound,
    port: u16,
    principal: Option<SpiffeId>,
    source_ip: IpAddr,
    trust_domain: &'a str,
    /// None: the connection is not HTTP.
    asked: Option<Asked>,
}

impl<'a> Call<'a> {
    fn new(
        py: Python<'_>,
        inbound: &[u8],
        port: u16,
        principal: Option<&str>,
        source_ip: &str,
        trust_domain: &'a str,
        asked: Option<Asked>,
    ) -> PyResult<Call<'a>> {
        let read = || {
            let source_ip = source_ip.parse().map_err(|_| Refused::because("source_ip is not an address"));
            Ok((compile(inbound)?, principal.map(SpiffeId::parse).transpose()?, source_ip?))
        };
        let (inbound, principal, source_ip) = py.detach(read).map_err(|r| refused(py, r))?;
        Ok(Call { inbound, port, principal, source_ip, trust_domain, asked })
    }

    fn ask<R>(&self, question: impl FnOnce(&Port, &Subject<'_>, Option<&Request<'_>>) -> R) -> PyResult<R> {
        let (principal, source_ip, port) = (self.principal.as_ref(), self.source_ip, self.port);
        let subject = Subject { principal, trust_domain: self.trust_domain, source_ip, port };
        let request = self.asked.as_ref().map(Asked::request);
        Ok(question(port_of(&self.inbound, port)?, &subject, request.as_ref()))
    }
}

fn compile(content: &[u8]) -> Result<Inbound, Refused> {
    Inbound::compile(&decode::<v1::Inbound>("Inbound", content)?)
}

fn port_of(inbound: &Inbound, port: u16) -> PyResult<&Port> {
    inbound.port(port).ok_or_else(|| PyValueError::new_err(format!("no port {port}")))
}

fn asked(method: Option<&str>, path: &str, host: &str, headers: Headers) -> Option<Asked> {
    Some(Asked { method: method?.into(), path: path.into(), host: host.into(), headers })
}

/// May this caller do this? Without a method it is a connection that is not HTTP.
#[pyfunction]
#[pyo3(signature = (inbound, port, principal=None, source_ip="127.0.0.1", method=None, path="/", host="", headers=Vec::new(), *, trust_domain=""))]
#[allow(clippy::too_many_arguments)] // They are Python's keyword arguments.
pub fn authorise(
    py: Python<'_>,
    inbound: &[u8],
    port: u16,
    principal: Option<&str>,
    source_ip: &str,
    method: Option<&str>,
    path: &str,
    host: &str,
    headers: Headers,
    trust_domain: &str,
) -> PyResult<Authorised> {
    let asked = asked(method, path, host, headers);
    let call = Call::new(py, inbound, port, principal, source_ip, trust_domain, asked)?;
    call.ask(|port, subject, request| authorised(&port.authorise(subject, request)))
}

fn authorised(verdict: &Verdict<'_>) -> Authorised {
    let audited = verdict.audited.iter().map(|a| AuditedRule { rule_id: a.rule.to_string(), would: would(a.would) });
    Authorised {
        allow: verdict.allow(),
        rule_id: verdict.rule.to_string(),
        reason: verdict.refused.map(|reason| reason.code()),
        audited: audited.collect(),
    }
}

fn would(would: Would) -> &'static str {
    match would {
        Would::Deny => "deny",
        Would::Allow => "allow",
        Would::DenyUnlisted => "deny-unlisted",
    }
}

/// Every rule in the order of evaluation until the one that decides, then all audit rules.
#[pyfunction]
#[pyo3(signature = (inbound, port, principal=None, source_ip="127.0.0.1", method=None, path="/", host="", headers=Vec::new(), *, trust_domain=""))]
#[allow(clippy::too_many_arguments)] // They are Python's keyword arguments.
pub fn explain_access(
    py: Python<'_>,
    inbound: &[u8],
    port: u16,
    principal: Option<&str>,
    source_ip: &str,
    method: Option<&str>,
    path: &str,
    host: &str,
    headers: Headers,
    trust_domain: &str,
) -> PyResult<Vec<TriedAccess>> {
    let asked = asked(method, path, host, headers);
    let call = Call::new(py, inbound, port, principal, source_ip, trust_domain, asked)?;
    let described = |tried: Tried| TriedAccess {
        rule_id: tried.rule_id.to_string(),
        action: if tried.denies { "deny" } else { "allow" },
        audit: tried.audit,
        matched: tried.matched,
        why: tried.why,
    };
    call.ask(|port, subject, request| port.explain(subject, request).into_iter().map(described).collect())
}

/// Why a connection is refused on this port because of its TLS; None: it is not.
#[pyfunction]
#[pyo3(signature = (inbound, port, is_mtls))]
pub fn tls_verdict(py: Python<'_>, inbound: &[u8], port: u16, is_mtls: bool) -> PyResult<Option<&'static str>> {
    let inbound = compile(inbound).map_err(|r| refused(py, r))?;
    Ok(port_of(&inbound, port)?.tls_verdict(is_mtls).err().map(|reason| reason.code()))
}

/// Where an app stands after these results of its health check: "starting", "healthy" or "unhealthy".
#[pyfunction]
#[pyo3(signature = (check, passed))]
pub fn health(py: Python<'_>, check: &[u8], passed: Vec<bool>) -> PyResult<&'static str> {
    let check = decode::<v1::HealthCheck>("HealthCheck", check).map_err(|r| refused(py, r))?;
    Ok(ask::health(&check, &passed))
}
