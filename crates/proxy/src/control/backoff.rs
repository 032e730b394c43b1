//! How long to wait before the next attempt.

use std::time::Duration;

use weft_core::Rng;

/// A controller that restarts is back within a second; the first retry should find it.
const BASE: Duration = Duration::from_millis(200);
/// Longer, and a mesh would stay on old configuration after an outage for no reason; shorter, and thousands of proxies
/// would keep a weak controller down.
const CAP: Duration = Duration::from_secs(15);

/// Doubles from 0.2 s to 15 s; each wait is drawn from its upper half, so that proxies that lost the same controller
/// do not come back in step.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn next(&mut self, rng: &mut Rng) -> Duration {
        let whole = BASE.saturating_mul(1 << self.failures.min(16)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(0.5 + rng.unit() / 2.0)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Is this the first failure in a row? Later ones are the same news.
    pub fn is_fresh(&self) -> bool {
        self.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_cap_and_start_again_after_success() {
        let (mut backoff, mut rng) = (Backoff::default(), Rng::new(1));
        for whole_ms in [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000] {
            let wait = backoff.next(&mut rng).as_millis() as u64;
            assert!((whole_ms / 2..=whole_ms).contains(&wait), "{wait} of {whole_ms}");
        }
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert!(backoff.is_fresh() && backoff.next(&mut rng) <= BASE);
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert!(backoff.next(&mut Rng::new(1)) <= CAP);
    }
}
