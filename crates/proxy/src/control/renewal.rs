//! When an SVID is renewed: from one third of its life on, so that a dead controller leaves most of a day.

use weft_core::Rng;

/// Spread, as a share of the life: a fleet that started together does not renew together.
const SPREAD: f64 = 1.0 / 6.0;
/// A failed renewal is tried again after this share of what is left, within these bounds.
const RETRY_SHARE: f64 = 0.1;
const RETRY_MIN_MS: i64 = 200;
const RETRY_MAX_MS: i64 = 60_000;

/// All times are Unix milliseconds. `received` is when the certificate was signed by our clock: its notBefore lies ten
/// minutes back for other people's clocks and says nothing about its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub received: i64,
    pub not_after: i64,
}

impl Life {
    /// A time between one third and one half of its life; at once (well, within a thirtieth) when that has passed.
    pub fn renew_at(&self, now: i64, rng: &mut Rng) -> i64 {
        let whole = (self.not_after - self.received).max(0) as f64;
        let due = self.received + (whole * (1.0 / 3.0 + SPREAD * rng.unit())) as i64;
        if due > now {
            return due;
        }
        let left = (self.not_after - now).max(0) as f64;
        now + ((left / 30.0) * rng.unit()).min(10_000.0) as i64
    }

    /// After a failure.
    pub fn retry_at(&self, now: i64, rng: &mut Rng) -> i64 {
        let left = (self.not_after - now).max(0) as f64;
        let wait = ((left * RETRY_SHARE) as i64).clamp(RETRY_MIN_MS, RETRY_MAX_MS);
        now + (wait as f64 * (0.5 + rng.unit() / 2.0)) as i64
    }

    pub fn expired(&self, now: i64) -> bool {
        now >= self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn renews_between_a_third_and_a_half_of_life() {
        let mut rng = Rng::new(1);
        for (received, life) in [(0, DAY), (1_000_000, 3_000), (5, 1_000)] {
            let cert = Life { received, not_after: received + life };
            for _ in 0..100 {
                let at = cert.renew_at(received, &mut rng) - received;
                assert!((life / 3..=life / 2).contains(&at), "{at} of {life}");
            }
        }
    }

    #[test]
    fn a_certificate_found_old_is_renewed_soon() {
        let mut rng = Rng::new(1);
        let cert = Life { received: 0, not_after: DAY };
        for now in [DAY / 2 + 1, DAY - 1000, DAY, 2 * DAY] {
            let at = cert.renew_at(now, &mut rng);
            assert!((now..=now + 10_000).contains(&at), "{at}");
        }
    }

    #[test]
    fn retries_come_faster_as_the_end_comes_nearer() {
        let mut rng = Rng::new(1);
        let cert = Life { received: 0, not_after: DAY };
        let wait = |now: i64, rng: &mut Rng| cert.retry_at(now, rng) - now;
        assert!((30_000..=60_000).contains(&wait(DAY / 3, &mut rng)));
        assert!((500..=1_000).contains(&wait(DAY - 10_000, &mut rng)));
        assert!((100..=200).contains(&wait(DAY + 5, &mut rng)));
        assert!(cert.expired(DAY) && !cert.expired(DAY - 1));
    }
}
