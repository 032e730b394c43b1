//! R8: leaving in order, as a pure state machine.
//!
//! ```text
//! Serving ─begin─► Leaving ─1 s─► Draining ─nothing in flight─► Drained
//!                                     └───────limit passed─────► Expired
//! ```
//! `Leaving` serves as before: the callers' proxies hear of the change only now, and a refused connection in this second
//! would be a failed request (the cause behind most "errors on deploy" reports of the peers).

use crate::given::or;

/// From the registry's change to the callers' proxies: the controller's goal is 0.5 s p99 for 1,000 proxies; twice that.
const LEAVING_US: u64 = 1_000_000;
/// Istio's default is 5 s and cuts requests off, Envoy's 600 s outlives every supervisor's patience.
const LIMIT_MS: u64 = 45_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Out of rotation; callers that do not know yet are still served.
    Leaving,
    /// `Connection: close` and GOAWAY; no new connections.
    Draining,
    /// Nothing in flight any more.
    Drained,
    /// The limit passed with work in flight.
    Expired,
}

#[derive(Clone, Copy, Debug)]
pub struct Drain {
    begun_us: Option<u64>,
    leaving_us: u64,
    limit_us: u64,
}

impl Drain {
    /// `limit_ms` from `begin`; 0: the default. Who is not `called` has nobody who must hear of it first.
    pub fn new(limit_ms: u64, called: bool) -> Drain {
        let limit_us = or(limit_ms, LIMIT_MS).saturating_mul(1_000);
        Drain { begun_us: None, leaving_us: if called { LEAVING_US.min(limit_us) } else { 0 }, limit_us }
    }

    /// The second and later calls change nothing.
    pub fn begin(&mut self, now_us: u64) {
        self.begun_us.get_or_insert(now_us);
    }

    pub fn phase(&self, now_us: u64, in_flight: usize) -> Phase {
        let Some(begun) = self.begun_us else { return Phase::Serving };
        let since = now_us.saturating_sub(begun);
        if since < self.leaving_us {
            Phase::Leaving
        } else if in_flight == 0 {
            Phase::Drained
        } else if since < self.limit_us {
            Phase::Draining
        } else {
            Phase::Expired
        }
    }

    /// When the phase changes by time alone.
    pub fn wake_us(&self, now_us: u64) -> Option<u64> {
        let begun = self.begun_us?;
        let leaving = begun.saturating_add(self.leaving_us);
        let limit = begun.saturating_add(self.limit_us);
        [leaving, limit].into_iter().find(|&at| at > now_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    #[test]
    fn leaves_then_drains_then_is_done() {
        let mut drain = Drain::new(0, true);
        assert_eq!(drain.phase(9 * S, 0), Phase::Serving);
        assert_eq!(drain.wake_us(9 * S), None);
        drain.begin(10 * S);
        drain.begin(20 * S);
        for (at, in_flight, phase, wake) in [
            (10 * S, 0, Phase::Leaving, Some(11 * S)),
            (11 * S, 3, Phase::Draining, Some(55 * S)),
            (11 * S, 0, Phase::Drained, Some(55 * S)),
            (54 * S, 1, Phase::Draining, Some(55 * S)),
            (55 * S, 1, Phase::Expired, None),
            (55 * S, 0, Phase::Drained, None),
        ] {
            assert_eq!(drain.phase(at, in_flight), phase, "at {at}");
            assert_eq!(drain.wake_us(at), wake, "at {at}");
        }
    }

    #[test]
    fn a_short_limit_shortens_the_leaving_too() {
        let mut drain = Drain::new(200, true);
        drain.begin(0);
        assert_eq!(drain.phase(199_999, 1), Phase::Leaving);
        assert_eq!(drain.phase(200_000, 1), Phase::Expired);
    }

    #[test]
    fn who_only_calls_is_done_at_once() {
        let mut drain = Drain::new(0, false);
        drain.begin(0);
        assert_eq!((drain.phase(0, 1), drain.phase(0, 0)), (Phase::Draining, Phase::Drained));
    }
}
