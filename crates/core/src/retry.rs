//! Whether to try again (T6).
use crate::{Refused, Rng};
use weft_proto::v1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub attempts: u32,
    pub per_try_timeout_ms: u64,
    /// Bodies up to this are kept for a retry.
    pub body_bytes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    ConnectFailed,
    RefusedStream,
    GoAwayUnprocessed,
    /// A reused connection closed by FIN whose `bytes_acked` does not reach the request's first byte.
    ReusedClosedUnacked,
    Reset {
        response_started: bool,
    },
    /// Per try; the whole request's timeout ends it.
    Timeout,
    Status(u16),
    GrpcStatus(u32),
}

impl Failure {
    /// The app cannot have seen the request.
    pub fn provably_unprocessed(self) -> bool {
        matches!(
            self,
            Failure::ConnectFailed | Failure::RefusedStream | Failure::GoAwayUnprocessed | Failure::ReusedClosedUnacked
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Retry { after_ms: u64 },
    Give,
}

impl Policy {
    pub fn compile(_policy: Option<&v1::RetryPolicy>) -> Result<Policy, Refused> {
        todo!()
    }
    /// Would this response status or gRPC status ever be retried? Lets the proxy pass responses on without asking.
    pub fn looks_at_responses(&self) -> bool {
        todo!()
    }
}

/// What a decision needs to know of the request.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// Tries made so far, 1 or more.
    pub attempt: u32,
    pub method: &'a [u8],
    pub failure: Failure,
    /// Nothing of the body was sent, or all of it is kept.
    pub body_replayable: bool,
    pub retry_after_ms: Option<u64>,
}

/// The budget is asked after this says Retry.
pub fn decide(_policy: &Policy, _tried: &Tried<'_>, _rng: &mut Rng) -> Decision {
    todo!()
}
