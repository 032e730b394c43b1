//! What an endpoint costs (peak-EWMA) and how many of them one proxy uses (aperture): both Finagle's ideas.
use crate::backend::Balancer;

/// Never fewer endpoints than this per proxy, if there are so many (Finagle's deterministic aperture).
pub(super) const MIN_APERTURE: usize = 12;
/// Requests in flight per endpoint of the aperture, averaged, above which it widens and below which it narrows
/// (Finagle's load band).
const WIDEN_ABOVE: f64 = 2.0;
const NARROW_BELOW: f64 = 0.5;
/// Over which the load is averaged (Finagle's smoothWin).
const LOAD_WINDOW_US: f64 = 5_000_000.0;

/// Latency as a moving average that follows a peak at once and forgets it slowly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ewma {
    /// Microseconds; 0: not measured.
    rtt: f64,
    at_us: u64,
}

impl Ewma {
    /// A success took so long. A failure may only raise the estimate: an endpoint that fails fast is not a fast one.
    pub fn observe(&mut self, rtt_us: u64, success: bool, now_us: u64, decay_us: u64) {
        let rtt = rtt_us.max(1) as f64;
        if rtt > self.rtt {
            self.rtt = rtt;
        } else if success {
            let kept = self.kept(now_us, decay_us);
            self.rtt = self.rtt * kept + rtt * (1.0 - kept);
        } else {
            return;
        }
        self.at_us = now_us;
    }

    /// The latency that the next request is expected to wait behind. Without a measurement the first request is free and
    /// the next ones wait for its answer (`default_rtt_us`). An idle endpoint's estimate fades, so that it is tried
    /// again; a busy one's does not: one that hangs must not look better with time.
    pub fn cost(&self, pending: u32, now_us: u64, decay_us: u64, default_rtt_us: u64) -> f64 {
        match (self.rtt == 0.0, pending) {
            (true, 0) => 0.0,
            (true, pending) => default_rtt_us as f64 * (f64::from(pending) + 1.0),
            (false, 0) => self.rtt * self.kept(now_us, decay_us),
            (false, pending) => self.rtt * (f64::from(pending) + 1.0),
        }
    }

    /// The last estimate, rounded to microseconds.
    pub fn rtt_us(&self) -> u64 {
        self.rtt.round() as u64
    }

    /// How much of the old estimate time has left.
    fn kept(&self, now_us: u64, decay_us: u64) -> f64 {
        let elapsed = now_us.saturating_sub(self.at_us) as f64;
        (-elapsed / decay_us.max(1) as f64).exp()
    }
}

/// How many endpoints this loop uses. A deterministic minimum, so that 1,000 clients of 1,000 endpoints are not a
/// million connections; more while so many requests are in flight that the few would be a bottleneck.
#[derive(Clone, Debug)]
pub(super) struct Aperture {
    width: usize,
    /// Requests in flight, averaged.
    load: f64,
    at_us: u64,
}

impl Aperture {
    pub fn new() -> Aperture {
        Aperture { width: MIN_APERTURE, load: 0.0, at_us: 0 }
    }

    /// Of `all` candidates. Who chose another balancer chose to use them all.
    pub fn of(&self, balancer: Balancer, all: usize) -> usize {
        match balancer {
            Balancer::PeakEwma { .. } => self.width.min(all),
            _ => all,
        }
    }

    /// So many are in flight now; true when the width changed.
    pub fn observe(&mut self, in_flight: u64, all: usize, now_us: u64) -> bool {
        let elapsed = now_us.saturating_sub(self.at_us) as f64;
        let kept = (-elapsed / LOAD_WINDOW_US).exp();
        self.load = self.load * kept + in_flight as f64 * (1.0 - kept);
        self.at_us = now_us;
        let width = self.width as f64;
        if self.load > width * WIDEN_ABOVE && self.width < all {
            // By an eighth, so that a sudden load is met within a few requests and not one endpoint at a time.
            self.width = (self.width + 1 + self.width / 8).min(all);
        } else if self.load < width * NARROW_BELOW && self.width > MIN_APERTURE {
            self.width -= 1;
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;
    const DECAY: u64 = 10_000 * MS;

    fn measured(rtt_ms: u64) -> Ewma {
        let mut ewma = Ewma::default();
        ewma.observe(rtt_ms * MS, true, 0, DECAY);
        ewma
    }

    fn cost_ms(ewma: &Ewma, pending: u32, now_ms: u64) -> u64 {
        (ewma.cost(pending, now_ms * MS, DECAY, 30 * MS) / 1e3).round() as u64
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let mut ewma = measured(10);
        ewma.observe(500 * MS, true, MS, DECAY);
        assert_eq!(cost_ms(&ewma, 1, 1), 1000);
        ewma.observe(10 * MS, true, 10_001 * MS, DECAY);
        // After one decay time a third of the peak is left: 10 + 490 / e = 190.3, twice.
        assert_eq!(cost_ms(&ewma, 1, 10_001), 381);
    }

    #[test]
    fn cost_grows_with_what_is_in_flight() {
        let ewma = measured(10);
        assert_eq!([0, 1, 4].map(|pending| cost_ms(&ewma, pending, 0)), [10, 20, 50]);
    }

    #[test]
    fn idle_endpoints_fade_and_busy_ones_do_not() {
        let ewma = measured(100);
        assert_eq!(cost_ms(&ewma, 0, 10_000), 37);
        assert_eq!(cost_ms(&ewma, 1, 10_000), 200);
    }

    #[test]
    fn the_first_request_is_free_and_the_next_ones_wait_for_it() {
        let new = Ewma::default();
        assert_eq!([0, 1, 2].map(|pending| cost_ms(&new, pending, 0)), [0, 60, 90]);
    }

    #[test]
    fn failing_fast_is_not_being_fast() {
        let mut ewma = measured(10);
        ewma.observe(MS, false, MS, DECAY);
        assert_eq!(cost_ms(&ewma, 1, 1), 20);
        ewma.observe(1_000 * MS, false, 2 * MS, DECAY);
        assert_eq!(cost_ms(&ewma, 1, 2), 2_000);
    }

    #[test]
    fn the_aperture_follows_the_load_within_its_bounds() {
        let mut aperture = Aperture::new();
        for ms in 0..60_000 {
            aperture.observe(200, 100, ms * MS);
        }
        // 200 in flight over 100 endpoints are two each.
        assert!((90..=100).contains(&aperture.width), "{}", aperture.width);
        for ms in 60_000..300_000 {
            aperture.observe(1, 100, ms * MS);
        }
        assert_eq!(aperture.width, MIN_APERTURE);
        assert_eq!(aperture.of(Balancer::Random, 1000), 1000);
        assert_eq!(aperture.of(Balancer::PeakEwma { decay_us: 1, default_rtt_us: 1 }, 5), 5);
    }
}
