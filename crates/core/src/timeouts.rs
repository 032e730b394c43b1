//! How long things may take, and which limit fires first (T5).
use crate::Reason;
use weft_proto::v1;

/// Milliseconds; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub request_ms: u64,
    pub backend_request_ms: u64,
    pub stream_idle_ms: u64,
}

impl Timeouts {
    /// No total timeout: 15 s (Envoy's and Kuma's default) breaks downloads, streams and long polls. Idle 5 min is Envoy's.
    pub const DEFAULT: Timeouts = Timeouts { request_ms: 0, backend_request_ms: 0, stream_idle_ms: 300_000 };
    pub fn compile(t: &v1::Timeouts) -> Timeouts {
        Timeouts {
            request_ms: t.request_ms,
            backend_request_ms: t.backend_request_ms,
            stream_idle_ms: t.stream_idle_ms,
        }
    }
}

/// Who set the limit that fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `Timeouts.request_ms`: the whole request with its retries.
    Request,
    /// `Timeouts.backend_request_ms`: one try.
    BackendRequest,
    /// `RetryPolicy.per_try_timeout_ms`: one try.
    PerTry,
    /// The caller's deadline (`weft-deadline-ms`, `grpc-timeout`).
    Deadline,
}

impl Limit {
    pub fn reason(self) -> Reason {
        match self {
            Limit::Request => Reason::RequestTimeout,
            Limit::BackendRequest | Limit::PerTry => Reason::UpstreamTimeout,
            Limit::Deadline => Reason::DeadlineExceeded,
        }
    }
}

/// The limits of one request, in microseconds from its (or its try's) start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the whole request.
    pub whole: Option<(u64, Limit)>,
    /// For each try.
    pub per_try: Option<(u64, Limit)>,
}

impl Limits {
    pub fn of(_timeouts: &Timeouts, _per_try_ms: u64, _deadline_us: Option<u64>) -> Limits {
        todo!()
    }
    /// When (absolute) the try that starts at `try_us` of a request that began at `begun_us` must be over, and by whose word.
    pub fn first(&self, _begun_us: u64, _try_us: u64) -> Option<(u64, Limit)> {
        todo!()
    }
    /// What is left at `now_us` for the next hop, for `weft-deadline-ms`; None: no limit; 0: late.
    pub fn left_us(&self, _begun_us: u64, _now_us: u64) -> Option<u64> {
        todo!()
    }
}

/// `weft-deadline-ms`: decimal milliseconds that are left. Microseconds; None when malformed (then it is ignored).
pub fn parse_deadline_ms(_value: &[u8]) -> Option<u64> {
    todo!()
}
/// `grpc-timeout`: 1–8 digits and a unit. Microseconds.
pub fn parse_grpc_timeout(_value: &[u8]) -> Option<u64> {
    todo!()
}
/// Writes what is left as a `grpc-timeout`.
pub fn write_grpc_timeout(_left_us: u64, _out: &mut Vec<u8>) {
    todo!()
}
