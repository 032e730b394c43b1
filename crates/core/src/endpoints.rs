//! Who serves a backend now: endpoints in stable slots, so that what was learned of one that stays is kept.
use crate::{Refused, backend::Shared, outlier, spiffe::SpiffeId};
use std::{net::IpAddr, sync::Arc};
use weft_proto::v1;

/// Names one endpoint for as long as it stays. A stale one (the endpoint left, the slot was reused) is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointIx {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

pub struct Endpoint {
    pub address: IpAddr,
    pub port: u16,
    pub workload: Arc<str>,
    /// To be proved on connect. None: not meshed, plaintext.
    pub identity: Option<Arc<SpiffeId>>,
    pub weight: u32,
    pub health: v1::Health,
    pub version: Arc<str>,
    pub zone: Arc<str>,
    pub priority: u32,
    pub outlier: Arc<outlier::Member>,
}

/// Immutable; the next one is made from it when the registry changes.
pub struct EndpointSet {}

impl EndpointSet {
    /// Keeps slots and outlier state of endpoints that stay (same address, port, workload and identity).
    pub fn next(
        _previous: Option<&EndpointSet>,
        _endpoints: &v1::Endpoints,
        _shared: &Shared,
    ) -> Result<(EndpointSet, Vec<outlier::Change>), Refused> {
        todo!()
    }
    pub fn get(&self, _ix: EndpointIx) -> Option<&Arc<Endpoint>> {
        todo!()
    }
    pub fn iter(&self) -> impl Iterator<Item = (EndpointIx, &Arc<Endpoint>)> {
        [].into_iter()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
