//! R8: leaving in order, as a pure state machine.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Out of rotation; callers that do not know yet are still served.
    Leaving,
    /// `Connection: close` and GOAWAY; no new connections.
    Draining,
    /// Nothing in flight.
    Drained,
    /// The limit passed with work in flight.
    Expired,
}

#[derive(Clone, Debug)]
pub struct Drain {}

impl Drain {
    /// 0: the default.
    pub fn new(_limit_ms: u64) -> Drain {
        todo!()
    }
    pub fn begin(&mut self, _now_us: u64) {
        todo!()
    }
    pub fn phase(&self, _now_us: u64, _in_flight: usize) -> Phase {
        todo!()
    }
    /// When to ask again at the latest.
    pub fn wake_us(&self, _now_us: u64) -> Option<u64> {
        todo!()
    }
}
