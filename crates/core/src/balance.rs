//! Which endpoint gets the request.
use crate::{
    Refused, Rng,
    backend::Shared,
    endpoints::{Endpoint, EndpointIx, EndpointSet},
    outlier::{Change, Outcome},
};
use std::sync::Arc;
use weft_proto::v1;

/// One loop's view of one backend: plain state, no atomics but those of `Shared`.
pub struct Group {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    pub endpoint: EndpointIx,
    /// So few are healthy that all are used: say so in a metric and a header.
    pub panic: bool,
    /// This request decides whether an ejected endpoint comes back.
    pub probe: bool,
}

impl Group {
    /// `proxy_id` seeds the order of the aperture: the same proxy keeps its endpoints over restarts.
    pub fn new(_shared: Arc<Shared>, _proxy_id: &str) -> Group {
        todo!()
    }
    /// With one loop: makes the next set and adopts it.
    pub fn apply(&mut self, _endpoints: &v1::Endpoints) -> Result<Vec<Change>, Refused> {
        todo!()
    }
    /// With several loops: the set is made once and each loop adopts it.
    pub fn adopt(&mut self, _set: Arc<EndpointSet>) {
        todo!()
    }
    /// A changed Backend: keeps what was learned of the endpoints.
    pub fn reconfigure(&mut self, _shared: Arc<Shared>) {
        todo!()
    }
    /// None: no endpoint (503 `no-healthy-upstream`). Never one of `exclude` unless there is no other.
    pub fn pick(&mut self, _now_us: u64, _rng: &mut Rng, _exclude: &[EndpointIx]) -> Option<Pick> {
        todo!()
    }
    /// A request goes to it.
    pub fn on_start(&mut self, _ix: EndpointIx, _now_us: u64) {
        todo!()
    }
    /// It ended. `rtt_us`: until the response head (a stream's length is no latency).
    pub fn on_end(
        &mut self,
        _ix: EndpointIx,
        _rtt_us: u64,
        _outcome: Outcome,
        _now_us: u64,
        _rng: &mut Rng,
    ) -> Option<Change> {
        todo!()
    }
    pub fn endpoint(&self, _ix: EndpointIx) -> Option<&Arc<Endpoint>> {
        todo!()
    }
    pub fn set(&self) -> &Arc<EndpointSet> {
        todo!()
    }
    pub fn shared(&self) -> &Arc<Shared> {
        todo!()
    }
}
