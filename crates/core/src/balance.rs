//! Which endpoint gets the request (T9, T10, R1): one loop's view of one backend.
//!
//! The default is the better of two random choices (P2C) by peak-EWMA latency times requests in flight, within an
//! aperture of at least 12 endpoints. The aperture is the beginning of an order that is stable per proxy (rendezvous
//! hashing of the proxy's and the endpoint's name), so that a change of one endpoint moves one connection. Candidates are
//! kept in lists that are rebuilt when something changes, so a pick is O(1) however large the group is.
use crate::{
    Refused, Rng,
    backend::{Balancer, Shared},
    endpoints::{Endpoint, EndpointIx, EndpointSet},
    ewma::{Aperture, Ewma},
    hash,
    levels::{Level, shares},
    outlier::{Change, Outcome, State},
};
use std::sync::Arc;
use weft_proto::v1;

/// Groups up to this are rebuilt at once; larger ones at most every 10 ms, so that a mass failure among 10,000
/// endpoints costs a few rebuilds and not one per ejection.
const SMALL_GROUP: usize = 256;
const REBUILD_INTERVAL_US: u64 = 10_000;
/// Random draws before looking for a candidate that is not excluded in order.
const DRAWS: usize = 4;

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

    fn picked(&self, slot: u32, probe: bool) -> Pick {
        let endpoint = EndpointIx { slot, generation: self.locals[slot as usize].generation, probe };
        Pick { endpoint, panic: self.panic, probe }
    }

    /// The endpoint's place in this proxy's order.
    fn rank(&self, endpoint: &Endpoint) -> u64 {
        hash::pair(self.proxy, hash::bytes(endpoint.outlier.name().as_bytes()))
    }
}

/// Candidate lists.
impl Group {
    fn refresh(&mut self, now_us: u64) {
        let version = self.shared.outlier.version();
        if !self.stale && version == self.version {
            return;
        }
        let wait = self.order.len() > SMALL_GROUP && now_us < self.built_us.saturating_add(REBUILD_INTERVAL_US);
        if wait && !self.levels.is_empty() {
            return;
        }
        (self.version, self.built_us, self.stale) = (version, now_us, false);
        self.collect_out();
        self.build_levels();
    }

    /// Is it out? With detection switched off nobody is.
    fn is_out(&self, slot: u32) -> bool {
        let endpoint = self.locals[slot as usize].endpoint.as_ref();
        !self.shared.outlier.policy.disabled && endpoint.is_some_and(|e| e.outlier.state() != State::Passing)
    }

    fn health(&self, slot: u32) -> v1::Health {
        self.locals[slot as usize].endpoint.as_ref().map_or(v1::Health::Draining, |e| e.health)
    }

    fn usable(&self, slot: u32) -> bool {
        matches!(self.health(slot), v1::Health::Healthy | v1::Health::Unknown) && !self.is_out(slot)
    }

    fn priority(&self, slot: u32) -> u32 {
        self.locals[slot as usize].endpoint.as_ref().map_or(0, |e| e.priority)
    }

    /// Only what the registry calls healthy is probed with somebody's request.
    fn collect_out(&mut self) {
        let healthy = |slot: &u32| matches!(self.health(*slot), v1::Health::Healthy | v1::Health::Unknown);
        self.out = self.order.iter().copied().filter(|slot| healthy(slot) && self.is_out(*slot)).collect();
        self.next_probe_us = self.earliest_probe();
    }

    fn earliest_probe(&self) -> u64 {
        let due = |&slot: &u32| self.locals[slot as usize].endpoint.as_ref()?.outlier.probe_due_us();
        self.out.iter().filter_map(due).min().unwrap_or(u64::MAX)
    }

    fn build_levels(&mut self) {
        let members: Vec<u32> =
            self.order.iter().copied().filter(|&slot| self.health(slot) != v1::Health::Draining).collect();
        let by_priority: Vec<&[u32]> = members.chunk_by(|a, b| self.priority(*a) == self.priority(*b)).collect();
        let healthy: Vec<Vec<u32>> =
            by_priority.iter().map(|slots| slots.iter().copied().filter(|&slot| self.usable(slot)).collect()).collect();
        let counts: Vec<(u64, u64)> =
            healthy.iter().zip(&by_priority).map(|(h, all)| (h.len() as u64, all.len() as u64)).collect();
        let (shares, enough) = shares(&counts);
        let panic = self.is_panic(&counts, enough);
        let levels = match panic {
            true => vec![self.level(members, 100)],
            false => {
                let mut up_to = 0;
                let numbered = healthy.into_iter().zip(shares).map(|(slots, share)| {
                    up_to += share;
                    self.level(slots, up_to)
                });
                numbered.filter(|level| !level.slots.is_empty()).collect()
            }
        };
        self.levels = levels;
        self.panic = panic;
    }

    /// R1: below the threshold, balance over all. Where a lower priority can carry everything, it does.
    fn is_panic(&self, counts: &[(u64, u64)], enough: bool) -> bool {
        let (healthy, all) = counts.iter().fold((0, 0), |(h, a), (healthy, all)| (h + healthy, a + all));
        let threshold = u64::from(self.shared.outlier.policy.panic_threshold);
        all > 0 && healthy * 100 < all * threshold && !(enough && counts.len() > 1)
    }

    fn level(&self, mut slots: Vec<u32>, up_to: u64) -> Level {
        slots.truncate(self.aperture.of(self.shared.backend.balancer, slots.len()));
        let weight = |slot: u32| self.locals[slot as usize].endpoint.as_ref().map_or(1, |e| e.weight);
        Level::new(slots, weight, up_to)
    }
}

/// Choices.
impl Group {
    /// A probe that is due and takes this request.
    fn due_probe(&mut self, now_us: u64, exclude: &[EndpointIx]) -> Option<u32> {
        let found = self.out.iter().copied().find(|&slot| {
            let endpoint = self.locals[slot as usize].endpoint.as_ref();
            !self.excluded(slot, exclude) && endpoint.is_some_and(|e| self.shared.outlier.try_probe(&e.outlier, now_us))
        });
        self.next_probe_us = self.earliest_probe();
        found
    }

    fn draw_level(&self, rng: &mut Rng) -> Option<usize> {
        match self.levels.len() {
            0 => None,
            1 => Some(0),
            _ => {
                let point = rng.below(100);
                self.levels.iter().position(|level| point < level.up_to).or(Some(0))
            }
        }
    }

    fn excluded(&self, slot: u32, exclude: &[EndpointIx]) -> bool {
        let generation = self.locals[slot as usize].generation;
        exclude.iter().any(|ix| ix.slot == slot && ix.generation == generation)
    }

    fn choose(&self, level: &Level, now_us: u64, rng: &mut Rng, exclude: &[EndpointIx]) -> Option<u32> {
        match self.shared.backend.balancer {
            Balancer::Random => self.draw(level, rng, exclude, None),
            Balancer::RoundRobin => self.next_turn(level, exclude),
            Balancer::LeastRequest => self.better_of_two(level, rng, exclude, |local| f64::from(local.pending)),
            Balancer::PeakEwma { decay_us, default_rtt_us } => self.better_of_two(level, rng, exclude, |local| {
                local.ewma.cost(local.pending, now_us, decay_us, default_rtt_us)
            }),
        }
    }

    fn better_of_two(
        &self,
        level: &Level,
        rng: &mut Rng,
        exclude: &[EndpointIx],
        cost: impl Fn(&Local) -> f64,
    ) -> Option<u32> {
        let one = self.draw(level, rng, exclude, None)?;
        let Some(other) = self.draw(level, rng, exclude, Some(one)) else { return Some(one) };
        let cost_of = |slot: u32| cost(&self.locals[slot as usize]);
        Some(if cost_of(other) < cost_of(one) { other } else { one })
    }

    /// One at random that is neither excluded nor `not`.
    fn draw(&self, level: &Level, rng: &mut Rng, exclude: &[EndpointIx], not: Option<u32>) -> Option<u32> {
        let fits = |&slot: &u32| Some(slot) != not && !self.excluded(slot, exclude);
        for _ in 0..DRAWS {
            let slot = level.slots.get(level.sample(rng)).filter(|s| fits(s));
            if slot.is_some() {
                return slot.copied();
            }
        }
        let begin = rng.below(level.slots.len() as u64) as usize;
        let (before, after) = level.slots.split_at(begin);
        after.iter().chain(before).copied().find(|s| fits(s))
    }

    fn next_turn(&self, level: &Level, exclude: &[EndpointIx]) -> Option<u32> {
        let begin = level.turn(self.turn);
        let (before, after) = level.slots.split_at(begin.min(level.slots.len()));
        after.iter().chain(before).copied().find(|&slot| !self.excluded(slot, exclude))
    }

    /// Beyond the aperture and the level: any usable endpoint is better than one that has just failed.
    fn any_but(&self, exclude: &[EndpointIx]) -> Option<u32> {
        self.order.iter().copied().find(|&slot| self.usable(slot) && !self.excluded(slot, exclude))
    }
}
