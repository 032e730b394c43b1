//! Table `balance`, and half of `connect`: how to choose among a backend's endpoints and how to talk to them.
use crate::{
    Refused,
    budget::{self, Budget},
    capability,
    given::{or, us_or},
    outlier,
};
use std::sync::Arc;
use weft_proto::v1;

/// T5. Linux gives up after two minutes; a host that does not answer in 5 s is not worth a caller's wait.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// T5; Envoy's default too.
const IDLE_TIMEOUT_MS: u64 = 3_600_000;
/// How fast a latency peak is forgotten, and what an endpoint without a measurement is thought to take: Linkerd's.
const EWMA_DECAY_MS: u64 = 10_000;
const EWMA_DEFAULT_RTT_US: u64 = 30_000;

#[derive(Clone, Debug)]
pub struct Backend {
    pub name: Arc<str>,
    pub origin: Arc<str>,
    pub protocol: v1::AppProtocol,
    pub balancer: Balancer,
    pub outlier: outlier::Policy,
    pub budget: budget::Policy,
    pub connect_timeout_ms: u64,
    pub idle_timeout_ms: u64,
    /// The port that clients name; carried to a meshed endpoint.
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
    pub fn compile(backend: &v1::Backend) -> Result<Backend, Refused> {
        Self::compile_inner(backend).map_err(|refused| refused.within(&format!("Backend {}", backend.name)))
    }

    fn compile_inner(backend: &v1::Backend) -> Result<Backend, Refused> {
        capability::require("it", &backend.requires)?;
        Ok(Backend {
            name: backend.name.as_str().into(),
            origin: backend.origin.as_str().into(),
            protocol: crate::frontend::protocol(backend.protocol)?,
            balancer: Balancer::compile(backend.balancer.as_ref()),
            outlier: outlier::Policy::compile(backend.outlier.as_ref()),
            budget: budget::Policy::compile(backend.retry_budget.as_ref()),
            connect_timeout_ms: or(backend.connect_timeout_ms, CONNECT_TIMEOUT_MS),
            idle_timeout_ms: or(backend.idle_timeout_ms, IDLE_TIMEOUT_MS),
            port: crate::frontend::port(backend.port)?,
            service: backend.service.as_str().into(),
            subset: backend.subset.as_str().into(),
        })
    }
}

impl Balancer {
    /// None given, or one of a kind that this build does not know: the default. It steers and protects nothing.
    fn compile(balancer: Option<&v1::Balancer>) -> Balancer {
        use v1::balancer::Kind;
        let ewma = |decay_ms: u64, rtt_us: u64| Balancer::PeakEwma {
            decay_us: us_or(decay_ms, EWMA_DECAY_MS),
            default_rtt_us: or(rtt_us, EWMA_DEFAULT_RTT_US),
        };
        match balancer.and_then(|b| b.kind.as_ref()) {
            Some(Kind::RoundRobin(true)) => Balancer::RoundRobin,
            Some(Kind::Random(true)) => Balancer::Random,
            Some(Kind::LeastRequest(true)) => Balancer::LeastRequest,
            Some(Kind::PeakEwma(given)) => ewma(given.decay_ms, given.default_rtt_us),
            _ => ewma(0, 0),
        }
    }
}

/// What all loops of a process share about one backend: these policies mean the process.
pub struct Shared {
    pub backend: Backend,
    pub outlier: outlier::Ejections,
    pub budget: Arc<Budget>,
}

impl Shared {
    pub fn new(backend: Backend) -> Shared {
        let outlier = outlier::Ejections::new(backend.outlier);
        let budget = Arc::new(Budget::new(backend.budget));
        Shared { backend, outlier, budget }
    }

    /// The same backend with another program: what was counted is kept where its meaning has not changed.
    pub fn with_backend(&self, backend: Backend) -> Shared {
        let kept = backend.budget == self.backend.budget;
        let budget = if kept { self.budget.clone() } else { Arc::new(Budget::new(backend.budget)) };
        Shared { outlier: self.outlier.with_policy(backend.outlier), budget, backend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::balancer::Kind;

    fn backend(kind: Option<Kind>) -> v1::Backend {
        v1::Backend {
            name: "default/web:80".into(),
            port: 80,
            balancer: Some(v1::Balancer { kind }),
            ..Default::default()
        }
    }

    #[test]
    fn defaults_are_safe_when_untouched() {
        let compiled = Backend::compile(&backend(None)).unwrap();
        assert_eq!(compiled.balancer, Balancer::PeakEwma { decay_us: 10_000_000, default_rtt_us: 30_000 });
        assert_eq!((compiled.connect_timeout_ms, compiled.idle_timeout_ms), (5_000, 3_600_000));
        assert_eq!(compiled.budget, budget::Policy::DEFAULT);
        assert_eq!(compiled.outlier.may_be_out(3), 1);
    }

    #[test]
    fn balancers_by_their_kind() {
        for (kind, balancer) in [
            (Kind::RoundRobin(true), Balancer::RoundRobin),
            (Kind::Random(true), Balancer::Random),
            (Kind::LeastRequest(true), Balancer::LeastRequest),
            (
                Kind::PeakEwma(v1::PeakEwma { decay_ms: 1, default_rtt_us: 2 }),
                Balancer::PeakEwma { decay_us: 1_000, default_rtt_us: 2 },
            ),
        ] {
            assert_eq!(Backend::compile(&backend(Some(kind))).unwrap().balancer, balancer);
        }
    }

    #[test]
    fn another_program_keeps_the_counts() {
        let shared = Shared::new(Backend::compile(&backend(None)).unwrap());
        let same = shared.with_backend(shared.backend.clone());
        assert!(Arc::ptr_eq(&same.budget, &shared.budget));
        let mut other = shared.backend.clone();
        other.budget.percent = 1;
        assert!(!Arc::ptr_eq(&shared.with_backend(other).budget, &shared.budget));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in [
            v1::Backend { protocol: 50, ..backend(None) },
            v1::Backend { port: 70_000, ..backend(None) },
            v1::Backend { requires: vec!["balance.by-mood".into()], ..backend(None) },
        ] {
            let refused = Backend::compile(&bad).err().unwrap();
            assert!(refused.reason.starts_with("Backend default/web:80: "), "{refused}");
        }
    }
}
