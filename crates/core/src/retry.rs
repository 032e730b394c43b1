//! Whether to try again (T6).
//!
//! Untouched, weft retries only what the app cannot have seen, so that no payment is made twice (istio#50506), but that
//! for every method and at once on another endpoint. Everything else must be asked for, and holds for GET, HEAD and
//! OPTIONS unless methods are named. The budget (T7) and the request's deadline are asked after this.
use crate::{Refused, Rng, given::or};
use weft_proto::v1;

/// Tries after the first: one more endpoint and one more after that; Envoy has 1, Istio 2, Linkerd none.
const ATTEMPTS: u32 = 2;
/// Envoy's base and ten times it; full jitter (AWS, "Exponential backoff and jitter", 2015).
const BACKOFF_BASE_MS: u64 = 25;
const BACKOFF_MAX_MS: u64 = 250;
/// A server's Retry-After counts in seconds: one is worth waiting for inside a request, more is the caller's decision.
const RETRY_AFTER_MAX_MS: u64 = 1_000;
/// Envoy would keep 1 MiB per request; most bodies worth a retry fit in this.
const BODY_BYTES: u32 = 64 * 1024;
const SAFE_METHODS: [&[u8]; 3] = [b"GET", b"HEAD", b"OPTIONS"];

/// What one try failed of.
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
    /// Of this try; the whole request's timeout ends it.
    Timeout,
    Status(u16),
    GrpcStatus(u32),
}

impl Failure {
    /// The app cannot have seen the request.
    pub fn provably_unprocessed(self) -> bool {
        use Failure::*;
        matches!(self, ConnectFailed | RefusedStream | GoAwayUnprocessed | ReusedClosedUnacked)
    }
}

/// Conditions beyond the provably unprocessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    pub reset: bool,
    pub server_errors: bool,
    pub gateway_errors: bool,
    pub timeout: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries after the first.
    pub attempts: u32,
    pub on: Conditions,
    pub status_codes: Vec<u16>,
    pub grpc_statuses: Vec<u32>,
    /// Empty: GET, HEAD, OPTIONS.
    pub methods: Vec<Box<[u8]>>,
    pub per_try_timeout_ms: u64,
    pub backoff_base_ms: u64,
    pub backoff_max_ms: u64,
    pub retry_after_max_ms: u64,
    /// Bodies up to this are kept for a retry.
    pub body_bytes: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            attempts: ATTEMPTS,
            on: Conditions::default(),
            status_codes: Vec::new(),
            grpc_statuses: Vec::new(),
            methods: Vec::new(),
            per_try_timeout_ms: 0,
            backoff_base_ms: BACKOFF_BASE_MS,
            backoff_max_ms: BACKOFF_MAX_MS,
            retry_after_max_ms: RETRY_AFTER_MAX_MS,
            body_bytes: BODY_BYTES,
        }
    }
}

impl Policy {
    /// Absent: the default. Present: `attempts` as it says (0: never), zeros elsewhere are the defaults.
    pub fn compile(policy: Option<&v1::RetryPolicy>) -> Result<Policy, Refused> {
        let Some(policy) = policy else { return Ok(Policy::default()) };
        let base = or(policy.backoff_base_ms, BACKOFF_BASE_MS);
        Ok(Policy {
            attempts: policy.attempts,
            on: conditions(&policy.on)?,
            status_codes: policy.status_codes.iter().map(|&code| status(code)).collect::<Result<_, _>>()?,
            grpc_statuses: policy.grpc_statuses.clone(),
            methods: policy.methods.iter().map(|m| m.as_bytes().into()).collect(),
            per_try_timeout_ms: policy.per_try_timeout_ms,
            backoff_base_ms: base,
            backoff_max_ms: or(policy.backoff_max_ms, BACKOFF_MAX_MS).max(base),
            retry_after_max_ms: or(policy.retry_after_max_ms, RETRY_AFTER_MAX_MS),
            body_bytes: or(policy.body_bytes, BODY_BYTES),
        })
    }

    /// Can a response ever be retried? If not, the proxy passes it on without asking.
    pub fn looks_at_responses(&self) -> bool {
        self.attempts > 0
            && (self.on.server_errors
                || self.on.gateway_errors
                || !self.status_codes.is_empty()
                || !self.grpc_statuses.is_empty())
    }

    fn asked_for(&self, failure: Failure) -> bool {
        match failure {
            Failure::Reset { response_started } => self.on.reset && !response_started,
            Failure::Timeout => self.on.timeout,
            Failure::Status(code) => {
                (self.on.server_errors && (500..600).contains(&code))
                    || (self.on.gateway_errors && matches!(code, 502..=504))
                    || self.status_codes.contains(&code)
            }
            Failure::GrpcStatus(code) => self.grpc_statuses.contains(&code),
            _ => failure.provably_unprocessed(),
        }
    }

    fn holds_for(&self, method: &[u8]) -> bool {
        if self.methods.is_empty() {
            SAFE_METHODS.contains(&method)
        } else {
            self.methods.iter().any(|m| **m == *method)
        }
    }

    /// Anything up to the doubled base, so that those who failed together do not come back together.
    fn backoff_ms(&self, attempt: u32, rng: &mut Rng) -> u64 {
        let doubled = self.backoff_base_ms.saturating_mul(1 << attempt.saturating_sub(1).min(30));
        rng.below(doubled.min(self.backoff_max_ms).saturating_add(1))
    }
}

fn conditions(names: &[String]) -> Result<Conditions, Refused> {
    let mut on = Conditions::default();
    for name in names {
        match name.as_str() {
            "reset" => on.reset = true,
            "5xx" => on.server_errors = true,
            "gateway-error" => on.gateway_errors = true,
            "timeout" => on.timeout = true,
            // Provably unprocessed: retried anyway.
            "connect-failure" => {}
            other => return Err(Refused::because(format!("retry: no condition {other:?}"))),
        }
    }
    Ok(on)
}

fn status(code: u32) -> Result<u16, Refused> {
    // Below 400 there is nothing to retry.
    match u16::try_from(code) {
        Ok(code @ 400..=599) => Ok(code),
        _ => Err(Refused::because(format!("retry: {code} is not a failure's status"))),
    }
}

/// What a decision needs to know of a failed try.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// Tries made so far, 1 or more.
    pub attempt: u32,
    pub method: &'a [u8],
    pub failure: Failure,
    /// Nothing of the body was sent, or all of it is kept.
    pub body_replayable: bool,
    /// From Retry-After or `grpc-retry-pushback-ms`.
    pub retry_after_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Retry { after_ms: u64 },
    Give,
}

pub fn decide(policy: &Policy, tried: &Tried<'_>, rng: &mut Rng) -> Decision {
    let unseen = tried.failure.provably_unprocessed();
    let wanted = unseen || (policy.asked_for(tried.failure) && policy.holds_for(tried.method));
    if !wanted || !tried.body_replayable || tried.attempt > policy.attempts {
        return Decision::Give;
    }
    match tried.retry_after_ms {
        Some(ms) if ms > policy.retry_after_max_ms => Decision::Give,
        Some(ms) => Decision::Retry { after_ms: ms.max(policy.backoff_ms(tried.attempt, rng)) },
        // Another endpoint owes nothing to the one that was not there.
        None if unseen && tried.attempt <= 1 => Decision::Retry { after_ms: 0 },
        None => Decision::Retry { after_ms: policy.backoff_ms(tried.attempt, rng) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSEEN: [Failure; 4] =
        [Failure::ConnectFailed, Failure::RefusedStream, Failure::GoAwayUnprocessed, Failure::ReusedClosedUnacked];

    fn tried(failure: Failure) -> Tried<'static> {
        Tried { attempt: 1, method: b"GET", failure, body_replayable: true, retry_after_ms: None }
    }

    fn asked(policy: &Policy, tried: Tried<'_>) -> Decision {
        decide(policy, &tried, &mut Rng::new(1))
    }

    fn policy(on: &[&str], methods: &[&str]) -> Policy {
        Policy::compile(Some(&v1::RetryPolicy {
            attempts: 2,
            on: on.iter().map(|s| s.to_string()).collect(),
            methods: methods.iter().map(|s| s.to_string()).collect(),
            ..Default::default()
        }))
        .unwrap()
    }

    #[test]
    fn retries_only_what_the_app_cannot_have_seen() {
        let default = Policy::default();
        for failure in UNSEEN {
            let post = Tried { method: b"POST", ..tried(failure) };
            assert_eq!(asked(&default, post), Decision::Retry { after_ms: 0 }, "{failure:?}");
        }
        for failure in [
            Failure::Reset { response_started: false },
            Failure::Reset { response_started: true },
            Failure::Timeout,
            Failure::Status(503),
            Failure::GrpcStatus(14),
        ] {
            assert_eq!(asked(&default, tried(failure)), Decision::Give, "{failure:?}");
        }
        assert!(!default.looks_at_responses());
    }

    #[test]
    fn gives_up_after_the_attempts() {
        let default = Policy::default();
        for (attempt, retries) in [(1, true), (2, true), (3, false)] {
            let decision = asked(&default, Tried { attempt, ..tried(Failure::ConnectFailed) });
            assert_eq!(decision != Decision::Give, retries, "{attempt}");
        }
        let never = Policy::compile(Some(&v1::RetryPolicy::default())).unwrap();
        assert_eq!(asked(&never, tried(Failure::ConnectFailed)), Decision::Give);
    }

    #[test]
    fn a_body_that_is_gone_cannot_be_sent_again() {
        let gone = Tried { body_replayable: false, ..tried(Failure::RefusedStream) };
        assert_eq!(asked(&Policy::default(), gone), Decision::Give);
    }

    #[test]
    fn conditions_hold_for_their_failures() {
        let reset = Failure::Reset { response_started: false };
        for (on, failure, retries) in [
            ("reset", reset, true),
            ("reset", Failure::Reset { response_started: true }, false),
            ("reset", Failure::Timeout, false),
            ("5xx", Failure::Status(500), true),
            ("5xx", Failure::Status(599), true),
            ("5xx", Failure::Status(429), false),
            ("5xx", reset, false),
            ("gateway-error", Failure::Status(502), true),
            ("gateway-error", Failure::Status(504), true),
            ("gateway-error", Failure::Status(500), false),
            ("timeout", Failure::Timeout, true),
            ("connect-failure", Failure::ConnectFailed, true),
            ("connect-failure", reset, false),
        ] {
            let decision = asked(&policy(&[on], &[]), tried(failure));
            assert_eq!(decision != Decision::Give, retries, "{on} {failure:?}");
        }
        assert!(policy(&["5xx"], &[]).looks_at_responses());
    }

    #[test]
    fn conditions_hold_only_for_their_methods() {
        let failure = Failure::Status(503);
        for (methods, method, retries) in [
            (&[][..], "GET", true),
            (&[], "HEAD", true),
            (&[], "OPTIONS", true),
            (&[], "POST", false),
            (&[], "get", false),
            (&["POST"], "POST", true),
            (&["POST"], "GET", false),
        ] {
            let decision = asked(&policy(&["5xx"], methods), Tried { method: method.as_bytes(), ..tried(failure) });
            assert_eq!(decision != Decision::Give, retries, "{methods:?} {method}");
        }
    }

    #[test]
    fn codes_are_retried_as_listed() {
        let listed = Policy::compile(Some(&v1::RetryPolicy {
            attempts: 1,
            status_codes: vec![429],
            grpc_statuses: vec![14],
            ..Default::default()
        }))
        .unwrap();
        for (failure, retries) in [
            (Failure::Status(429), true),
            (Failure::Status(503), false),
            (Failure::GrpcStatus(14), true),
            (Failure::GrpcStatus(13), false),
        ] {
            assert_eq!(asked(&listed, tried(failure)) != Decision::Give, retries, "{failure:?}");
        }
    }

    #[test]
    fn backs_off_with_full_jitter_up_to_the_cap() {
        let patient = Policy { attempts: 9, ..policy(&["5xx"], &[]) };
        let mut rng = Rng::new(5);
        for (attempt, cap) in [(1, 25), (2, 50), (3, 100), (4, 200), (5, 250), (9, 250)] {
            let failed = Tried { attempt, ..tried(Failure::Status(503)) };
            let waits: Vec<u64> = (0..2_000)
                .map(|_| match decide(&patient, &failed, &mut rng) {
                    Decision::Retry { after_ms } => after_ms,
                    Decision::Give => panic!("gave up at {attempt}"),
                })
                .collect();
            assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&0), Some(&cap)));
        }
        let second = Tried { attempt: 2, ..tried(Failure::ConnectFailed) };
        assert!((0..50).any(|_| decide(&Policy::default(), &second, &mut rng) != Decision::Retry { after_ms: 0 }));
    }

    #[test]
    fn retry_after_is_waited_for_up_to_its_cap() {
        let on = policy(&["5xx"], &[]);
        let with = |ms| Tried { retry_after_ms: Some(ms), ..tried(Failure::Status(503)) };
        assert_eq!(asked(&on, with(1000)), Decision::Retry { after_ms: 1000 });
        assert_eq!(asked(&on, with(1001)), Decision::Give);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let with =
            |on: &str, code| v1::RetryPolicy { on: vec![on.into()], status_codes: vec![code], ..Default::default() };
        assert!(Policy::compile(Some(&with("everything", 503))).is_err());
        assert!(Policy::compile(Some(&with("5xx", 200))).is_err());
        assert!(Policy::compile(Some(&with("5xx", 65_536 + 503))).is_err());
    }
}
