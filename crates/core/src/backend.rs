//! Table `balance`, and half of `connect`: how to choose among a backend's endpoints and how to talk to them.
use crate::{Refused, budget::Budget, outlier};
use std::sync::Arc;
use weft_proto::v1;

#[derive(Clone, Debug)]
pub struct Backend {
    pub name: Arc<str>,
    pub origin: Arc<str>,
    pub protocol: v1::AppProtocol,
    pub balancer: Balancer,
    pub outlier: outlier::Policy,
    pub budget: crate::budget::Policy,
    pub connect_timeout_ms: u64,
    pub idle_timeout_ms: u64,
    pub port: u16,
    /// "<namespace>/<service>"
    pub service: Arc<str>,
    pub subset: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Balancer {
    PeakEwma { decay_us: u64, default_rtt_us: u64 },
    RoundRobin,
    Random,
    LeastRequest,
}

impl Backend {
    pub fn compile(_backend: &v1::Backend) -> Result<Backend, Refused> {
        todo!()
    }
}

/// What all loops of a process share about one backend: the policy means the process.
pub struct Shared {
    pub backend: Backend,
    pub outlier: outlier::Ejections,
    pub budget: Budget,
}

impl Shared {
    pub fn new(_backend: Backend) -> Shared {
        todo!()
    }
}
