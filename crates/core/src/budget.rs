//! The retry budget (T7): retries may be at most 20 % of requests, plus 10/s, over 10 s. A retry storm cannot exist.
//!
//! Counted in slots of a tenth of the window, so that it is O(1) and forgets by itself. The sum is on the safe side for
//! *every* window that ends with a retry: requests are counted over the ten newest slots (which the window covers whole),
//! retries over eleven (which cover the window). The defaults are those of Finagle's RetryBudget and Linkerd's
//! ServiceProfile.
use crate::{
    given::or,
    ring::{Ring, SLOTS, slot_at},
};
use weft_proto::v1;

const PERCENT: u32 = 20;
const MIN_PER_SECOND: u32 = 10;
const WINDOW_MS: u64 = 10_000;
/// Below this a window smooths nothing.
const MIN_WINDOW_MS: u64 = 1_000;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub percent: u32,
    pub min_per_second: u32,
    pub window_us: u64,
}

impl Policy {
    pub const DEFAULT: Policy =
        Policy { percent: PERCENT, min_per_second: MIN_PER_SECOND, window_us: WINDOW_MS * 1_000 };

    /// Absent: the default. Present: as it says, zeros too (no retries), but for a window of 0.
    pub fn compile(budget: Option<&v1::RetryBudget>) -> Policy {
        let Some(budget) = budget else { return Policy::DEFAULT };
        let window_ms = or(budget.window_ms, WINDOW_MS);
        Policy {
            percent: budget.percent,
            min_per_second: budget.min_per_second,
            window_us: window_ms.max(MIN_WINDOW_MS).saturating_mul(1_000),
        }
    }
}

/// Shared by all loops of the process.
pub struct Budget {
    percent: u64,
    /// In hundredths of a retry, as everything in the sum: percents stay whole.
    reserve: u64,
    slot_us: u64,
    requests: Ring,
    retries: Ring,
}

impl Budget {
    pub fn new(policy: Policy) -> Budget {
        let reserve = u128::from(policy.min_per_second) * u128::from(policy.window_us) * 100 / 1_000_000;
        Budget {
            percent: u64::from(policy.percent),
            reserve: u64::try_from(reserve).unwrap_or(u64::MAX / 2),
            slot_us: policy.window_us / u64::from(SLOTS),
            requests: Ring::default(),
            retries: Ring::default(),
        }
    }

    /// A first try was made.
    pub fn deposit(&self, now_us: u64) {
        self.requests.add(slot_at(now_us, self.slot_us));
    }

    /// May one retry be made now? Counts it when so.
    pub fn try_withdraw(&self, now_us: u64) -> bool {
        let slot = slot_at(now_us, self.slot_us);
        let earned = self.requests.sum(slot, SLOTS).saturating_mul(self.percent);
        // Counted first, so that two loops cannot both take the last one.
        self.retries.add(slot);
        let used = self.retries.sum(slot, SLOTS + 1).saturating_mul(100);
        let granted = used <= earned.saturating_add(self.reserve);
        if !granted {
            self.retries.take_back(slot);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: u64 = 1_000_000;
    /// A monotonic clock does not begin at 0.
    const T: u64 = 1_000 * S;

    #[test]
    fn the_reserve_is_ten_per_second() {
        let budget = Budget::new(Policy::DEFAULT);
        let granted = (0..1000).filter(|_| budget.try_withdraw(T)).count();
        assert_eq!(granted, 100);
        assert!(!budget.try_withdraw(T + 10 * S));
        assert!(budget.try_withdraw(T + 11 * S));
    }

    #[test]
    fn a_fifth_of_the_requests_on_top() {
        let budget = Budget::new(Policy { min_per_second: 0, ..Policy::DEFAULT });
        assert!(!budget.try_withdraw(T));
        (0..50).for_each(|_| budget.deposit(T));
        assert_eq!((0..100).filter(|_| budget.try_withdraw(T + S)).count(), 10);
        assert!(!budget.try_withdraw(T + 20 * S));
    }

    #[test]
    fn zero_means_no_retries_and_absent_means_the_default() {
        let none = Policy::compile(Some(&v1::RetryBudget::default()));
        let budget = Budget::new(none);
        (0..1000).for_each(|_| budget.deposit(T));
        assert!(!budget.try_withdraw(T));
        assert_eq!(Policy::compile(None), Policy::DEFAULT);
    }

    #[test]
    fn loops_share_it() {
        let budget = Budget::new(Policy::DEFAULT);
        let granted: usize = std::thread::scope(|scope| {
            let one = || (0..10_000).filter(|_| budget.try_withdraw(T)).count();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert!(granted <= 100, "{granted}");
    }

    proptest! {
        #[test]
        fn never_exceeded_when_a_retry_is_granted(
            steps in prop::collection::vec((0u64..700_000, 0u32..30, 0u32..30), 1..200),
            percent in 0u32..150,
            min_per_second in 0u32..20,
        ) {
            let policy = Policy { percent, min_per_second, ..Policy::DEFAULT };
            let budget = Budget::new(policy);
            let (mut now, mut requests, mut retries) = (T, Vec::new(), Vec::new());
            for (wait, deposits, tries) in steps {
                now += wait;
                for _ in 0..deposits {
                    budget.deposit(now);
                    requests.push(now);
                }
                let within = |all: &[u64]| all.iter().filter(|&&at| at + policy.window_us > now).count() as u64;
                let allowed = within(&requests) * u64::from(percent) / 100 + u64::from(min_per_second) * 10;
                for _ in 0..tries {
                    if budget.try_withdraw(now) {
                        retries.push(now);
                        prop_assert!(within(&retries) <= allowed, "{} > {allowed}", within(&retries));
                    }
                }
            }
        }
    }
}
