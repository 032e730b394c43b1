//! R4: rise and fall of an app's health, as a pure state machine.
use crate::Rng;
use weft_proto::v1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet seen well: out of rotation.
    Starting,
    Healthy,
    Unhealthy,
}

#[derive(Clone, Debug)]
pub struct Checker {
    pub state: State,
}

impl Checker {
    pub fn new(_check: &v1::HealthCheck) -> Checker {
        todo!()
    }
    /// The new state when it changed.
    pub fn observe(&mut self, _passed: bool) -> Option<State> {
        todo!()
    }
    /// Microseconds until the next check.
    pub fn next_in_us(&self, _rng: &mut Rng) -> u64 {
        todo!()
    }
    pub fn timeout_us(&self) -> u64 {
        todo!()
    }
}
