//! The closed list of reasons for which weft itself answers, refuses or closes. Each has a code (`weft-reason`), a
//! status, the response flag that Envoy's users know, and one sentence of advice. Docs are generated from it.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $flag:literal $advice:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            pub const ALL: &[Reason] = &[$(Reason::$name,)*];

            /// kebab-case, stable for ever: what `weft-reason` carries and metrics are labelled with.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Reason::$name => $status,)* }
            }

            /// Envoy's response flag, for people and dashboards that come from there.
            pub const fn flag(self) -> &'static str {
                match self { $(Reason::$name => $flag,)* }
            }

            /// What to do about it, in one sentence.
            pub const fn advice(self) -> &'static str {
                match self { $(Reason::$name => $advice,)* }
            }
        }
    };
}

reasons! {
    /// The frontend has routes and none matched.
    NoRoute "no-route" 404 "NR" "The service has routes and none matches this request; ask `weft explain` which came nearest.";
    /// The service exists, this port of it does not.
    NoPort "no-port" 502 "NR" "The service has no such port; compare the port that was called with the service's ports.";
    /// No endpoint at all, or none that may be used.
    NoEndpoints "no-healthy-upstream" 503 "UH" "The backend has no usable endpoint; `weft get endpoints` shows who is registered and how healthy.";
    /// This share of the split refers to a backend that does not exist.
    InvalidBackend "invalid-backend" 500 "NC" "The route refers to a backend that does not exist or may not be used; see the route's ResolvedRefs condition.";
    /// Asked for, not yet answered by the controller.
    ConfigPending "config-pending" 503 "NC" "The controller has not answered for this destination yet; check that it is reachable with `weft status`.";
    /// Without an Inbound, inbound is closed.
    NoInbound "no-inbound" 503 "NC" "The proxy has no program for its own workload yet; check the workload's registration with `weft status`.";
    ConnectFailed "connect-failed" 503 "UF" "No connection to the endpoint; check that the app listens on the registered address and port.";
    ConnectTimeout "connect-timeout" 503 "UF" "The endpoint did not accept a connection in time; check the network path and whether its host is overloaded.";
    /// The endpoint proved another identity than the one registered.
    IdentityMismatch "identity-mismatch" 503 "UF" "The endpoint's certificate is not for the identity registered for it; check who really listens on that address.";
    UpstreamReset "upstream-reset" 503 "UC" "The endpoint closed or reset before it answered; look for a crash or a keep-alive timeout in the app.";
    UpstreamProtocol "upstream-protocol" 502 "UPE" "The endpoint's answer was not valid HTTP; check the port's declared protocol.";
    UpstreamTimeout "upstream-timeout" 504 "UT" "One try took longer than the backend request or per-try timeout; raise it or look at the app's latency.";
    RequestTimeout "request-timeout" 504 "UT" "The request, with its retries, took longer than the route's timeout.";
    /// The caller's own deadline has passed: late work is dropped.
    DeadlineExceeded "deadline-exceeded" 504 "UT" "The caller's deadline passed before an answer; give it more time or make the callee faster.";
    IdleTimeout "idle-timeout" 504 "SI" "Nothing moved on the stream for the idle timeout; raise it for long polls and streams.";
    HeadTimeout "head-timeout" 408 "DPE" "The caller did not finish its request head in time.";
    AccessDenied "access-denied" 403 "UAEX" "An access policy refuses this caller; `weft explain` names the rule.";
    MtlsRequired "mtls-required" 403 "UAEX" "This port takes only mTLS from the mesh; give the caller a proxy or make the port permissive.";
    AmbiguousPath "ambiguous-path" 400 "DPE" "The path has a spelling that app and policy could read differently (//, dot segments, %2f, %5c, %00, ;); send it normalised.";
    Malformed "malformed" 400 "DPE" "The request is not valid HTTP.";
    HeadTooLarge "head-too-large" 431 "DPE" "The request head is larger than the limit; look for a growing cookie.";
    BodyTooLarge "body-too-large" 413 "DPE" "The request body is larger than the limit.";
    /// The connection's identity or name is not for this host.
    Misdirected "misdirected" 421 "NR" "The request's host is not served on this connection; the client must open another one.";
    /// Retrying was right, but the budget (T7) is spent: the last failure stands.
    RetryBudget "retry-budget" 503 "URX" "Too many requests fail to retry them all; fix the failing backend, the budget only protects it.";
    RetryLimit "retry-limit" 503 "URX" "All tries failed; the access log names the failure of each.";
    CircuitRejecting "circuit-rejecting" 503 "UO" "The backend's circuit breaker is rejecting; see its limits and the event that tripped it.";
    RateLimited "rate-limited" 429 "RL" "The caller is over its rate limit; Retry-After says when to come back.";
    Overloaded "overloaded" 503 "OM" "The proxy sheds load to stay alive; add instances or lower the load.";
    Draining "draining" 503 "LR" "The proxy is going away; the client should use another endpoint.";
    LoopDetected "loop-detected" 508 "LR" "The request passed too many proxies; look for two routes that point at each other.";
    UnknownDestination "unknown-destination" 502 "NC" "No service has this name and unknown destinations are refused; declare the service or allow egress.";
    /// Only the workload's own app may use its outbound side.
    NotYourProxy "not-your-proxy" 403 "UAEX" "Only the proxy's own app may call through it; start the caller under a proxy of its own.";
    /// CONNECT to a service: its connections are shared, and carry requests only.
    TunnelRefused "tunnel-refused" 501 "NR" "A service is no forward proxy: CONNECT is for the HTTP_PROXY address, in front of it.";
    ClientGone "client-gone" 499 "DC" "The caller hung up before the answer.";
    Internal "internal" 500 "LR" "A defect in weft; please report it with the request id.";
}

impl Reason {
    pub fn from_code(code: &str) -> Option<Reason> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_found_again() {
        for &reason in Reason::ALL {
            let code = reason.code();
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
            assert_eq!(Reason::from_code(code), Some(reason), "{code} is not unique");
        }
        assert_eq!(Reason::from_code("no-such-reason"), None);
    }

    #[test]
    fn every_reason_advises_in_one_sentence_and_fails() {
        for reason in Reason::ALL {
            assert!((400..600).contains(&reason.status()), "{reason}");
            let advice = reason.advice();
            assert!(advice.ends_with('.') && !advice.trim_end_matches('.').contains(". "), "{reason}: {advice}");
            assert!(!reason.flag().is_empty());
        }
    }
}
