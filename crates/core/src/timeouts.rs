//! How long things may take, whose word that is, and which limit fires first (T5).
//!
//! A request has limits for its whole life (the route's `request`, the caller's deadline) and for each try (`backend
//! request`, the retry policy's per-try timeout); GEP-1742 of the Gateway API defines the first two. All are taken to
//! microseconds once per request; nothing is counted down.
use crate::Reason;
use weft_proto::v1;

const US_PER_MS: u64 = 1_000;

/// Milliseconds; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub request_ms: u64,
    pub backend_request_ms: u64,
    pub stream_idle_ms: u64,
}

/// T5: a WebSocket or a gRPC stream may well be silent for minutes.
const LASTING_IDLE_MS: u64 = 3_600_000;

impl Timeouts {
    /// No total timeout: the 15 s of Envoy and Kuma breaks downloads, streams and long polls. Idle 5 min is Envoy's.
    pub const DEFAULT: Timeouts = Timeouts { request_ms: 0, backend_request_ms: 0, stream_idle_ms: 300_000 };

    pub fn compile(timeouts: &v1::Timeouts) -> Timeouts {
        Timeouts {
            request_ms: timeouts.request_ms,
            backend_request_ms: timeouts.backend_request_ms,
            stream_idle_ms: timeouts.stream_idle_ms,
        }
    }

    /// How long a stream may be silent; 0: for ever. `lasting`: a WebSocket or a gRPC stream, for which the default is
    /// longer; what was written for it holds for it.
    pub fn stream_idle_us(&self, lasting: bool) -> u64 {
        let by_default = self.stream_idle_ms == Timeouts::DEFAULT.stream_idle_ms;
        let ms = if lasting && by_default { LASTING_IDLE_MS } else { self.stream_idle_ms };
        ms.saturating_mul(US_PER_MS)
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
    /// `per_try_ms`: of the retry policy, 0 is none. `deadline_us`: what the caller has left.
    pub fn of(timeouts: &Timeouts, per_try_ms: u64, deadline_us: Option<u64>) -> Limits {
        let request = some_us(timeouts.request_ms).map(|us| (us, Limit::Request));
        let deadline = deadline_us.map(|us| (us, Limit::Deadline));
        let backend = some_us(timeouts.backend_request_ms).map(|us| (us, Limit::BackendRequest));
        let per_try = some_us(per_try_ms).map(|us| (us, Limit::PerTry));
        Limits { whole: sooner(request, deadline), per_try: sooner(backend, per_try) }
    }

    /// When (absolute) the try that starts at `try_us` of a request that began at `begun_us` must be over, and by whose
    /// word. Of two at the same time, the whole request's: there is nothing left to retry for.
    pub fn first(&self, begun_us: u64, try_us: u64) -> Option<(u64, Limit)> {
        let at = |from: u64, limit: Option<(u64, Limit)>| limit.map(|(us, l)| (from.saturating_add(us), l));
        sooner(at(begun_us, self.whole), at(try_us, self.per_try))
    }

    /// What is left at `now_us` for the next hop; None: no limit, 0: too late.
    pub fn left_us(&self, begun_us: u64, now_us: u64) -> Option<u64> {
        let (at, _) = self.first(begun_us, now_us)?;
        Some(at.saturating_sub(now_us))
    }
}

fn some_us(ms: u64) -> Option<u64> {
    (ms > 0).then(|| ms.saturating_mul(US_PER_MS))
}

fn sooner(a: Option<(u64, Limit)>, b: Option<(u64, Limit)>) -> Option<(u64, Limit)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// `weft-deadline-ms`: decimal milliseconds that are left, as microseconds. None when malformed: a deadline that cannot
/// be read is none.
pub fn parse_deadline_ms(value: &[u8]) -> Option<u64> {
    // 2^63 µs in ms has 16 digits.
    parse_digits(value, 16)?.checked_mul(US_PER_MS)
}

/// `grpc-timeout` as microseconds, rounded up: 1 to 8 digits and a unit (gRPC over HTTP/2, "Timeout").
pub fn parse_grpc_timeout(value: &[u8]) -> Option<u64> {
    let (unit, digits) = value.split_last()?;
    let n = parse_digits(digits, 8)?;
    Some(match unit {
        b'H' => n * 3_600_000_000,
        b'M' => n * 60_000_000,
        b'S' => n * 1_000_000,
        b'm' => n * US_PER_MS,
        b'u' => n,
        b'n' => n.div_ceil(1_000),
        _ => return None,
    })
}

fn parse_digits(value: &[u8], max: usize) -> Option<u64> {
    if value.is_empty() || value.len() > max || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

/// Writes what is left as a `grpc-timeout`: the finest unit in which it has at most 8 digits.
pub fn write_grpc_timeout(left_us: u64, out: &mut Vec<u8>) {
    const MAX: u64 = 99_999_999;
    let units = [(1, b'u'), (1_000, b'm'), (1_000_000, b'S'), (60_000_000, b'M'), (3_600_000_000, b'H')];
    let fits = units.iter().find(|(us, _)| left_us / us <= MAX);
    let (n, unit) = fits.map_or((MAX, b'H'), |&(us, unit)| (left_us / us, unit));
    write_decimal(n, out);
    out.push(unit);
}

fn write_decimal(n: u64, out: &mut Vec<u8>) {
    // 2^64 has 20 digits.
    let mut digits = [0; 20];
    let (mut n, mut at) = (n, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeouts(request_ms: u64, backend_request_ms: u64) -> Timeouts {
        Timeouts { request_ms, backend_request_ms, stream_idle_ms: 0 }
    }

    #[test]
    fn the_first_to_fire_wins() {
        // request, backend request, per try, deadline (ms) -> who fires, at ms, for the try at 0 and for one at 900.
        for (r, b, p, d, first, later) in [
            (0, 0, 0, None, None, None),
            (1000, 0, 0, None, Some((1000, Limit::Request)), Some((1000, Limit::Request))),
            (1000, 400, 0, None, Some((400, Limit::BackendRequest)), Some((1000, Limit::Request))),
            (1000, 400, 200, None, Some((200, Limit::PerTry)), Some((1000, Limit::Request))),
            (1000, 400, 0, Some(300), Some((300, Limit::Deadline)), Some((300, Limit::Deadline))),
            (0, 400, 0, None, Some((400, Limit::BackendRequest)), Some((1300, Limit::BackendRequest))),
            (1000, 1000, 0, None, Some((1000, Limit::Request)), Some((1000, Limit::Request))),
        ] {
            let limits = Limits::of(&timeouts(r, b), p, d.map(|ms: u64| ms * 1000));
            let at = |try_ms: u64| limits.first(0, try_ms * 1000).map(|(us, l)| (us / 1000, l));
            assert_eq!(at(0), first);
            assert_eq!(at(900), later);
        }
    }

    #[test]
    fn what_is_left_travels_and_never_underflows() {
        let limits = Limits::of(&timeouts(1000, 0), 0, None);
        assert_eq!(limits.left_us(5_000, 5_000), Some(1_000_000));
        assert_eq!(limits.left_us(5_000, 905_000), Some(100_000));
        assert_eq!(limits.left_us(5_000, 9_000_000), Some(0));
        assert_eq!(Limits::of(&timeouts(0, 0), 0, None).left_us(0, 7), None);
    }

    #[test]
    fn deadlines_are_read() {
        for (text, us) in [
            ("0", Some(0)),
            ("250", Some(250_000)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            (" 1", None),
            ("99999999999999999", None),
        ] {
            assert_eq!(parse_deadline_ms(text.as_bytes()), us, "{text:?}");
        }
        for (text, us) in [
            ("1H", Some(3_600_000_000)),
            ("2M", Some(120_000_000)),
            ("3S", Some(3_000_000)),
            ("4m", Some(4_000)),
            ("5u", Some(5)),
            ("6n", Some(1)),
            ("99999999H", Some(359_999_996_400_000_000)),
            ("100000000n", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("", None),
        ] {
            assert_eq!(parse_grpc_timeout(text.as_bytes()), us, "{text:?}");
        }
    }

    #[test]
    fn deadlines_are_written_so_that_they_read_back_no_longer() {
        for us in [0, 1, 999, 1_000, 99_999_999, 100_000_000, 123_456_789_012, u64::MAX] {
            let mut out = Vec::new();
            write_grpc_timeout(us, &mut out);
            let back = parse_grpc_timeout(&out).unwrap();
            assert!(back <= us && back >= us.min(359_999_996_400_000_000) / 2, "{us} {back}");
        }
    }

    #[test]
    fn a_lasting_stream_may_be_silent_for_an_hour_unless_something_is_written() {
        let idle = |stream_idle_ms| Timeouts { stream_idle_ms, ..Timeouts::DEFAULT };
        for (timeouts, lasting, us) in [
            (Timeouts::DEFAULT, false, 300_000_000),
            (Timeouts::DEFAULT, true, 3_600_000_000),
            (idle(30_000), true, 30_000_000),
            (idle(7_200_000), true, 7_200_000_000),
            (idle(0), true, 0),
            (idle(0), false, 0),
        ] {
            assert_eq!(timeouts.stream_idle_us(lasting), us, "{timeouts:?}");
        }
    }

    #[test]
    fn each_limit_has_its_reason() {
        assert_eq!(Limit::Request.reason(), Reason::RequestTimeout);
        assert_eq!(Limit::PerTry.reason(), Reason::UpstreamTimeout);
        assert_eq!(Limit::BackendRequest.reason(), Reason::UpstreamTimeout);
        assert_eq!(Limit::Deadline.reason(), Reason::DeadlineExceeded);
    }
}
