//! R4: rise and fall of an app's health, as a pure state machine.
//!
//! ```text
//!             first pass                 `fall` failures in a row
//! Starting ───────────────► Healthy ◄──────────────────────────────► Unhealthy
//!                                        `rise` passes in a row
//! ```
//! `Starting` is out of rotation: a workload gets no traffic before its app has answered once. One pass is enough there
//! (as in Envoy): `rise` guards against flapping, and what has not flown cannot flap.
use crate::{
    Rng,
    given::{or, us_or},
};
use weft_proto::v1;

const INTERVAL_MS: u64 = 10_000;
const TIMEOUT_MS: u64 = 1_000;
const RISE: u32 = 2;
const FALL: u32 = 3;
/// While starting, look often: it is what `weft up` waits for, and the app serves nobody yet.
const STARTING_INTERVAL_MS: u64 = 250;
/// Spread of the interval: ±10 %, so that the probers of a machine do not march in step.
const JITTER: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Has not passed yet: out of rotation.
    Starting,
    Healthy,
    Unhealthy,
}

impl State {
    /// As reported to the controller.
    pub fn reported(self) -> v1::Health {
        match self {
            State::Healthy => v1::Health::Healthy,
            State::Starting | State::Unhealthy => v1::Health::Unhealthy,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Checker {
    state: State,
    /// Results in a row that speak against `state`.
    against: u32,
    interval_us: u64,
    timeout_us: u64,
    rise: u32,
    fall: u32,
}

impl Checker {
    pub fn new(check: &v1::HealthCheck) -> Checker {
        Checker {
            state: State::Starting,
            against: 0,
            interval_us: us_or(check.interval_ms, INTERVAL_MS),
            timeout_us: us_or(check.timeout_ms, TIMEOUT_MS),
            rise: or(check.rise, RISE),
            fall: or(check.fall, FALL),
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// The new state, when this result changes it.
    pub fn observe(&mut self, passed: bool) -> Option<State> {
        let agrees = passed == (self.state == State::Healthy);
        self.against = if agrees { 0 } else { self.against + 1 };
        let next = match (self.state, passed) {
            (State::Starting, true) => State::Healthy,
            (State::Unhealthy, true) if self.against >= self.rise => State::Healthy,
            (State::Healthy, false) if self.against >= self.fall => State::Unhealthy,
            _ => return None,
        };
        self.against = 0;
        self.state = next;
        Some(next)
    }

    /// Microseconds until the next check.
    pub fn next_in_us(&self, rng: &mut Rng) -> u64 {
        let interval = match self.state {
            State::Starting => self.interval_us.min(STARTING_INTERVAL_MS * 1_000),
            State::Healthy | State::Unhealthy => self.interval_us,
        };
        (interval as f64 * (1.0 - JITTER + 2.0 * JITTER * rng.unit())) as u64
    }

    pub fn timeout_us(&self) -> u64 {
        self.timeout_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(results: &str) -> State {
        let mut checker = Checker::new(&v1::HealthCheck::default());
        results.bytes().for_each(|b| {
            checker.observe(b == b'+');
        });
        checker.state()
    }

    #[test]
    fn rises_after_two_and_falls_after_three() {
        for (results, state) in [
            ("", State::Starting),
            ("----", State::Starting),
            ("-+", State::Healthy),
            ("+--", State::Healthy),
            ("+--+--", State::Healthy),
            ("+---", State::Unhealthy),
            ("+---+", State::Unhealthy),
            ("+---+-+", State::Unhealthy),
            ("+---++", State::Healthy),
        ] {
            assert_eq!(run(results), state, "{results}");
        }
    }

    #[test]
    fn says_each_change_once() {
        let mut checker = Checker::new(&v1::HealthCheck { fall: 1, ..Default::default() });
        assert_eq!(checker.observe(true), Some(State::Healthy));
        assert_eq!(checker.observe(true), None);
        assert_eq!(checker.observe(false), Some(State::Unhealthy));
        assert_eq!(checker.observe(false), None);
    }

    #[test]
    fn looks_often_while_starting_and_with_jitter_later() {
        let mut checker = Checker::new(&v1::HealthCheck::default());
        let mut rng = Rng::new(1);
        assert!((225_000..275_000).contains(&checker.next_in_us(&mut rng)));
        checker.observe(true);
        let all: Vec<u64> = (0..100).map(|_| checker.next_in_us(&mut rng)).collect();
        assert!(all.iter().all(|us| (9_000_000..11_000_000).contains(us)));
        assert!(all.iter().max().unwrap() - all.iter().min().unwrap() > 1_000_000);
    }

    #[test]
    fn what_starts_is_reported_out_of_rotation() {
        assert_eq!(State::Starting.reported(), v1::Health::Unhealthy);
        assert_eq!(State::Healthy.reported(), v1::Health::Healthy);
    }
}
