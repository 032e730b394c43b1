//! Tables `accept` and `authorise` of one workload: who may call (S1, S5, S6).
use crate::{Reason, Refused, Request, spiffe::SpiffeId, timeouts::Timeouts};
use std::{net::IpAddr, sync::Arc};
use weft_proto::v1;

pub struct Inbound {
    pub name: Arc<str>,
    pub service: Arc<str>,
}

pub struct Port {
    pub port: u16,
    pub protocol: v1::AppProtocol,
    pub tls: v1::TlsMode,
    pub tls_origin: Arc<str>,
    /// None: the mesh's.
    pub timeouts: Option<Timeouts>,
    /// Ambiguous paths are refused.
    pub path_safety: bool,
    pub health: Option<v1::HealthCheck>,
}

/// Who calls, as far as the connection shows.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// As proved by the peer's SVID; None: unmeshed.
    pub principal: Option<&'a SpiffeId>,
    /// The mesh's own trust domain: `namespaces` and `services` of a rule mean names within it.
    pub trust_domain: &'a str,
    pub source_ip: IpAddr,
    /// The service port called.
    pub port: u16,
}

pub struct Verdict<'a> {
    pub allow: bool,
    /// The rule that decided, or the default's origin.
    pub rule: &'a Arc<str>,
    pub audited: Audited<'a>,
}

/// What audit rules would have done; at most 8 are kept.
pub struct Audited<'a> {
    pub rules: [Option<Audit<'a>>; 8],
}

#[derive(Clone, Copy)]
pub struct Audit<'a> {
    pub rule: &'a Arc<str>,
    pub would: Would,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Would {
    Deny,
    Allow,
    /// An audit-only ALLOW rule did not match and nothing else allowed it: enforced, the rest would be denied.
    DenyUnlisted,
}

impl<'a> Audited<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &Audit<'a>> {
        self.rules.iter().flatten()
    }
}

impl Inbound {
    pub fn compile(_inbound: &v1::Inbound) -> Result<Inbound, Refused> {
        todo!()
    }
    /// None: closed.
    pub fn port(&self, _port: u16) -> Option<&Port> {
        todo!()
    }
    pub fn ports(&self) -> &[Port] {
        todo!()
    }
}

impl Port {
    /// `request` is None on an opaque connection: then a rule that looks at L7 fields matches when it denies and does
    /// not when it allows.
    pub fn authorise(&self, _subject: &Subject<'_>, _request: Option<&Request<'_>>) -> Verdict<'_> {
        todo!()
    }
    /// Does any rule look at L7 fields? If not, one verdict per connection is enough.
    pub fn per_request(&self) -> bool {
        todo!()
    }
    /// S1.
    pub fn tls_verdict(&self, is_tls: bool) -> Result<(), Reason> {
        tls_verdict(self.tls, is_tls)
    }
}

/// S1. `is_tls`: the peer proved an SVID. An unknown mode is strict.
pub fn tls_verdict(_mode: v1::TlsMode, _is_tls: bool) -> Result<(), Reason> {
    todo!()
}
