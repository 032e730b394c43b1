//! When an endpoint is out, for how long, and how many may be: the numbers of R1 and where they come from.
use crate::{
    Rng,
    given::{or, us_or},
    ring::{SLOTS, slot_at},
};
use weft_proto::v1;

const CONSECUTIVE_FAILURES: u32 = 5;
const SUCCESS_RATE: u32 = 80;
const WINDOW_MS: u64 = 10_000;
const MIN_REQUESTS: u32 = 5;
/// Finagle's markDeadFor: 5 s doubled to 300 s. Envoy's 30 s base makes a restart look long.
const BASE_MS: u64 = 5_000;
const MAX_MS: u64 = 300_000;
/// Half, so that detection can never take more than the other half can carry; Envoy's 10 % does nothing below 10 endpoints.
const MAX_EJECTED: u32 = 50;
/// Envoy's.
const PANIC_THRESHOLD: u32 = 50;
/// Up to a fifth longer, so that the proxies of a mesh do not all probe at the same moment.
const JITTER: f64 = 0.2;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub disabled: bool,
    pub consecutive_failures: u32,
    /// Percent.
    pub success_rate: u32,
    pub window_us: u64,
    pub min_requests: u32,
    pub base_us: u64,
    pub max_us: u64,
    /// Percent of the group, rounded down.
    pub max_ejected: u32,
    /// Percent.
    pub panic_threshold: u32,
}

impl Policy {
    /// Absent: the defaults; so is a zero in it.
    pub fn compile(outlier: Option<&v1::Outlier>) -> Policy {
        let given = outlier.cloned().unwrap_or_default();
        let base_us = us_or(given.base_ejection_ms, BASE_MS);
        Policy {
            disabled: given.disabled,
            consecutive_failures: or(given.consecutive_failures, CONSECUTIVE_FAILURES),
            success_rate: or(given.success_rate, SUCCESS_RATE).min(100),
            window_us: us_or(given.window_ms, WINDOW_MS),
            min_requests: or(given.min_requests, MIN_REQUESTS),
            base_us,
            max_us: us_or(given.max_ejection_ms, MAX_MS).max(base_us),
            max_ejected: or(given.max_ejected, MAX_EJECTED).min(100),
            panic_threshold: or(given.panic_threshold, PANIC_THRESHOLD).min(100),
        }
    }

    /// How many of so many may be out: of 1 none, of 2 one, of 3 one.
    pub fn may_be_out(&self, members: u32) -> u32 {
        (u64::from(members) * u64::from(self.max_ejected) / 100) as u32
    }

    pub(super) fn slot(&self, now_us: u64) -> u32 {
        slot_at(now_us, self.window_us / u64::from(SLOTS))
    }

    /// Base doubled for each time before, with jitter, never more than the maximum.
    pub(super) fn ejection_us(&self, times_before: u32, rng: &mut Rng) -> u64 {
        let doubled = self.base_us.saturating_mul(1 << times_before.min(32));
        let jittered = doubled.min(self.max_us) as f64 * (1.0 + JITTER * rng.unit());
        (jittered as u64).min(self.max_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_half_rounded_down() {
        let policy = Policy::compile(None);
        for (members, out) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (10_001, 5_000)] {
            assert_eq!(policy.may_be_out(members), out, "{members}");
        }
        let all = Policy::compile(Some(&v1::Outlier { max_ejected: 250, ..Default::default() }));
        assert_eq!(all.may_be_out(7), 7);
    }

    #[test]
    fn out_for_five_seconds_doubled_to_three_hundred() {
        let policy = Policy::compile(None);
        let mut rng = Rng::new(1);
        for (times, seconds) in [(0, 5), (1, 10), (2, 20), (5, 160), (6, 300), (7, 300), (200, 300)] {
            let base = seconds * 1_000_000;
            for _ in 0..100 {
                let us = policy.ejection_us(times, &mut rng);
                assert!((base..=base + base / 5).contains(&us) && us <= 300_000_000, "{times}: {us}");
            }
        }
    }

    #[test]
    fn a_zero_is_the_default() {
        let given = v1::Outlier { window_ms: 2_000, max_ejection_ms: 1, ..Default::default() };
        let policy = Policy::compile(Some(&given));
        let expected = Policy { window_us: 2_000_000, max_us: 5_000_000, ..Policy::compile(None) };
        assert_eq!(policy, expected);
    }
}
