//! How one of the candidates is chosen.
use super::{Group, Local, levels::Level};
use crate::{Rng, backend::Balancer, endpoints::EndpointIx};

/// Random draws before looking in order for a candidate that is not excluded.
const DRAWS: usize = 4;

impl Group {
    /// A probe that is due and takes this request.
    pub(super) fn due_probe(&mut self, now_us: u64, exclude: &[EndpointIx]) -> Option<u32> {
        let found = self.out.iter().copied().find(|&slot| {
            let endpoint = self.endpoint_in(slot);
            !self.excluded(slot, exclude) && endpoint.is_some_and(|e| self.shared.outlier.try_probe(&e.outlier, now_us))
        });
        self.next_probe_us = self.earliest_probe();
        found
    }

    pub(super) fn draw_level(&self, rng: &mut Rng) -> Option<usize> {
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

    pub(super) fn choose(&self, level: &Level, now_us: u64, rng: &mut Rng, exclude: &[EndpointIx]) -> Option<u32> {
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

    /// For a retry that has no other: an endpoint that is out may have come back, the one that just failed has not.
    pub(super) fn any_ejected_but(&self, exclude: &[EndpointIx]) -> Option<u32> {
        let healthy = |slot: u32| self.endpoint_in(slot).is_some_and(|e| e.healthy());
        self.order.iter().copied().find(|&slot| healthy(slot) && !self.excluded(slot, exclude))
    }

    /// Beyond the aperture and the level: any usable endpoint is better than one that has just failed.
    pub(super) fn any_but(&self, exclude: &[EndpointIx]) -> Option<u32> {
        self.order.iter().copied().find(|&slot| self.usable(slot) && !self.excluded(slot, exclude))
    }
}
