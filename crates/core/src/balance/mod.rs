//! Which endpoint gets the request (T9, T10, R1): one loop's view of one backend.
//!
//! The default is the better of two random choices (P2C) by peak-EWMA latency times requests in flight, within an
//! aperture of at least 12 endpoints. The aperture is the beginning of an order that is stable per proxy (rendezvous
//! hashing of the proxy's and the endpoint's name), so that a change of one endpoint moves one connection. Candidates are
//! kept in lists that are rebuilt when something changes, so a pick is O(1) however large the group is.
//!
//! Read `pick` here, then how it chooses (`choice`), then where the candidates come from (`candidates`).
mod candidates;
mod choice;
mod ewma;
mod levels;
#[cfg(test)]
mod tests;

use crate::{
    Refused, Rng,
    backend::{Balancer, Shared},
    endpoints::{Endpoint, EndpointIx, EndpointSet},
    hash,
    outlier::{Change, Outcome},
};
use ewma::{Aperture, Ewma};
use levels::Level;
use std::sync::Arc;
use weft_proto::v1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// To be handed to `on_start` and `on_end` as it is: it carries the probe.
    pub endpoint: EndpointIx,
    /// So few are healthy that all are used: say so in a metric and a header.
    pub panic: bool,
    /// This request decides whether an ejected endpoint comes back.
    pub probe: bool,
}

pub struct Group {
    shared: Arc<Shared>,
    proxy: u64,
    set: Arc<EndpointSet>,
    /// By slot.
    locals: Vec<Local>,
    /// Slots by priority, then in this proxy's order.
    order: Vec<u32>,
    levels: Vec<Level>,
    panic: bool,
    /// Slots of those that are out, and when the next of them may be probed.
    out: Vec<u32>,
    next_probe_us: u64,
    version: u32,
    built_us: u64,
    stale: bool,
    aperture: Aperture,
    in_flight: u64,
    turn: u64,
}

/// What this loop knows of the endpoint in a slot.
#[derive(Default)]
struct Local {
    generation: u32,
    endpoint: Option<Arc<Endpoint>>,
    pending: u32,
    ewma: Ewma,
}

impl Group {
    /// `proxy_id` seeds the order: the same proxy keeps its endpoints over restarts.
    pub fn new(shared: Arc<Shared>, proxy_id: &str) -> Group {
        let proxy = hash::bytes(proxy_id.as_bytes());
        Group {
            shared,
            proxy,
            set: Arc::default(),
            locals: Vec::new(),
            order: Vec::new(),
            levels: Vec::new(),
            panic: false,
            out: Vec::new(),
            next_probe_us: u64::MAX,
            version: 0,
            built_us: 0,
            stale: true,
            aperture: Aperture::new(),
            in_flight: 0,
            // So that proxies that start together do not all begin with the same endpoint.
            turn: proxy >> 32,
        }
    }

    /// With one loop: makes the next set and adopts it.
    pub fn apply(&mut self, endpoints: &v1::Endpoints) -> Result<Vec<Change>, Refused> {
        let (set, changes) = EndpointSet::next(&self.set, endpoints, &self.shared)?;
        self.adopt(Arc::new(set));
        Ok(changes)
    }

    /// With several loops: the set is made once, and each loop adopts it. What was learned of endpoints that stay is kept.
    pub fn adopt(&mut self, set: Arc<EndpointSet>) {
        self.locals.resize_with(set.slots(), Local::default);
        for (slot, local) in self.locals.iter_mut().enumerate() {
            let ix = EndpointIx { slot: slot as u32, generation: local.generation, probe: false };
            local.endpoint = set.get(ix).cloned();
        }
        for (ix, endpoint) in set.iter() {
            let local = &mut self.locals[ix.slot as usize];
            if local.endpoint.is_none() {
                self.in_flight -= u64::from(local.pending);
                *local = Local { generation: ix.generation, endpoint: Some(endpoint.clone()), ..Local::default() };
            }
        }
        let mut order: Vec<_> = set.iter().map(|(ix, e)| (e.priority, self.rank(e), ix.slot)).collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, _, slot)| slot).collect();
        self.set = set;
        self.stale = true;
    }

    /// The Backend has changed, its endpoints have not.
    pub fn reconfigure(&mut self, shared: Arc<Shared>) -> Vec<Change> {
        self.shared = shared;
        self.stale = true;
        self.set.settle(&self.shared)
    }

    /// None: no endpoint (503 `no-healthy-upstream`). Never one of `exclude` unless there is no other.
    pub fn pick(&mut self, now_us: u64, rng: &mut Rng, exclude: &[EndpointIx]) -> Option<Pick> {
        self.refresh(now_us);
        let probe = if now_us >= self.next_probe_us { self.due_probe(now_us, exclude) } else { None };
        if let Some(slot) = probe {
            return Some(self.picked(slot, true));
        }
        let level = self.draw_level(rng)?;
        let slot = self
            .choose(&self.levels[level], now_us, rng, exclude)
            .or_else(|| self.any_but(exclude))
            .or_else(|| self.any_ejected_but(exclude))
            .or_else(|| self.choose(&self.levels[level], now_us, rng, &[]))?;
        self.turn = self.turn.wrapping_add(1);
        Some(self.picked(slot, false))
    }

    /// The request goes to it.
    pub fn on_start(&mut self, ix: EndpointIx, now_us: u64) {
        let Some(local) = self.locals.get_mut(ix.slot as usize).filter(|l| l.generation == ix.generation) else {
            return;
        };
        local.pending += 1;
        self.in_flight += 1;
        self.stale |= self.aperture.observe(self.in_flight, self.order.len(), now_us);
    }

    /// It ended. `rtt_us`: until the response head (a stream's length is no latency).
    pub fn on_end(
        &mut self,
        ix: EndpointIx,
        rtt_us: u64,
        outcome: Outcome,
        now_us: u64,
        rng: &mut Rng,
    ) -> Option<Change> {
        let local = self.locals.get_mut(ix.slot as usize).filter(|l| l.generation == ix.generation)?;
        if local.pending > 0 {
            local.pending -= 1;
            self.in_flight -= 1;
        }
        if let (Balancer::PeakEwma { decay_us, .. }, false) =
            (self.shared.backend.balancer, outcome == Outcome::Neutral)
        {
            local.ewma.observe(rtt_us, outcome == Outcome::Success, now_us, decay_us);
        }
        let (endpoint, outlier) = (local.endpoint.as_ref()?, &self.shared.outlier);
        match ix.probe {
            true => outlier.record_probe(&endpoint.outlier, outcome, now_us, rng),
            false => outlier.record(&endpoint.outlier, outcome, now_us, rng),
        }
    }

    pub fn endpoint(&self, ix: EndpointIx) -> Option<&Arc<Endpoint>> {
        let local = self.locals.get(ix.slot as usize)?;
        local.endpoint.as_ref().filter(|_| local.generation == ix.generation)
    }

    /// Who may get the next request of any proxy, with what share of them; and whether it is a panic. For people: latency
    /// and this proxy's aperture are left out.
    pub fn shares(&self) -> (Vec<(&Endpoint, f64)>, bool) {
        let (lists, panic) = self.candidates();
        let (mut shares, mut before) = (Vec::new(), 0);
        for (slots, up_to) in lists {
            let endpoints: Vec<&Endpoint> = slots.iter().filter_map(|&slot| self.endpoint_in(slot)).collect();
            let sum: f64 = endpoints.iter().map(|e| f64::from(e.weight)).sum();
            let load = (up_to - before) as f64 / 100.0;
            before = up_to;
            shares.extend(endpoints.into_iter().map(|e| (e, load * f64::from(e.weight) / sum)));
        }
        shares.retain(|(_, share)| *share > 0.0);
        (shares, panic)
    }

    pub fn set(&self) -> &Arc<EndpointSet> {
        &self.set
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Requests in flight to it from this loop.
    pub fn pending(&self, ix: EndpointIx) -> u32 {
        let local = self.locals.get(ix.slot as usize).filter(|l| l.generation == ix.generation);
        local.map_or(0, |l| l.pending)
    }

    /// The latency that this loop expects of it; 0: not measured. For people: the balancer's own view fades with time.
    pub fn ewma_us(&self, ix: EndpointIx) -> u64 {
        let local = self.locals.get(ix.slot as usize).filter(|l| l.generation == ix.generation);
        local.map_or(0, |l| l.ewma.rtt_us())
    }

    fn picked(&self, slot: u32, probe: bool) -> Pick {
        let endpoint = EndpointIx { slot, generation: self.locals[slot as usize].generation, probe };
        Pick { endpoint, panic: self.panic, probe }
    }

    /// The endpoint's place in this proxy's order.
    fn rank(&self, endpoint: &Endpoint) -> u64 {
        hash::pair(self.proxy, hash::bytes(endpoint.outlier.name().as_bytes()))
    }
}
