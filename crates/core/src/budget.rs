//! The retry budget (T7): 20 % of requests and 10/s over 10 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub percent: u32,
    pub min_per_second: u32,
    pub window_us: u64,
}

/// Shared by all loops of the process.
pub struct Budget {}

impl Budget {
    pub fn new(_policy: Policy) -> Budget {
        todo!()
    }
    /// A first try was made.
    pub fn deposit(&self, _now_us: u64) {
        todo!()
    }
    /// May one retry be made now? Counts it when so.
    pub fn try_withdraw(&self, _now_us: u64) -> bool {
        todo!()
    }
}
