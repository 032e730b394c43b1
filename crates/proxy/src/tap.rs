//! What somebody watches live: a filter over finished requests. Evaluated by the engine on borrowed parts, so that a
//! request that nobody asked for costs comparisons only.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::mpsc;
use weft_proto::v1;

use crate::metrics::Counter;

/// Records of one tap in a second, whatever the controller allows: 200 × 500 bytes are nothing beside the traffic.
pub const MAX_PER_SECOND: u32 = 200;
/// Taps at once; the controller has no more than 16.
pub const MAX_TAPS: usize = 16;

/// One tap in force.
pub struct Tap {
    pub id: u64,
    /// Paths with their query.
    pub query: bool,
    pub per_second: u32,
    pub filter: Filter,
    /// Requests that fitted and were not sent: more than allowed, or the control side was behind.
    pub left_out: Arc<Counter>,
}

/// The taps in force and where their records go. Without room there the record is left out: nothing ever waits.
#[derive(Clone)]
pub struct Taps {
    pub all: Arc<[Arc<Tap>]>,
    pub records: mpsc::Sender<v1::TapRecord>,
}

/// Empty or 0: not asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    source: String,
    destination: String,
    method: String,
    path: String,
    status: Option<RangeInclusive<u32>>,
    reason: String,
    min_latency_us: u64,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Service and workload.
    pub source: [&'a str; 2],
    pub destination: [&'a str; 2],
    pub method: &'a [u8],
    /// Without query.
    pub path: &'a [u8],
    pub status: u16,
    pub reason: &'a str,
    pub latency_us: u64,
}

impl Tap {
    /// The names that this build lacks, when it lacks any.
    pub fn new(order: v1::TapOrder) -> Result<Tap, Vec<String>> {
        if !order.requires.is_empty() {
            return Err(order.requires);
        }
        Ok(Tap {
            id: order.id,
            query: order.query,
            per_second: order.per_second.min(MAX_PER_SECOND),
            filter: Filter::new(order.filter.unwrap_or_default()),
            left_out: Arc::default(),
        })
    }
}

impl Filter {
    pub fn new(given: v1::TapFilter) -> Filter {
        Filter {
            source: given.source,
            destination: given.destination,
            method: given.method,
            path: given.path,
            status: (given.status_to > 0).then_some(given.status_from..=given.status_to),
            reason: given.reason,
            min_latency_us: given.min_latency_us,
        }
    }

    pub fn fits(&self, seen: &Seen<'_>) -> bool {
        let named = |wanted: &str, is: [&str; 2]| wanted.is_empty() || is.contains(&wanted);
        named(&self.source, seen.source)
            && named(&self.destination, seen.destination)
            && (self.method.is_empty() || self.method.as_bytes() == seen.method)
            && seen.path.starts_with(self.path.as_bytes())
            && self.status.as_ref().is_none_or(|wanted| wanted.contains(&u32::from(seen.status)))
            && (self.reason.is_empty() || self.reason == seen.reason)
            && seen.latency_us >= self.min_latency_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(change: impl FnOnce(&mut v1::TapFilter)) -> Filter {
        let mut given = v1::TapFilter::default();
        change(&mut given);
        Filter::new(given)
    }

    #[test]
    fn what_is_asked_for_must_hold_and_nothing_else() {
        let seen = Seen {
            source: ["d/web", "d/web-0"],
            destination: ["d/reviews", "d/reviews-v2-1"],
            method: b"GET",
            path: b"/reviews/1",
            status: 503,
            reason: "upstream-reset",
            latency_us: 100_000,
        };
        let unmeshed = Seen { source: ["", ""], ..seen };
        let unanswered = Seen { status: 0, ..seen };
        let table: [(&str, Filter, &Seen, bool); 24] = [
            ("nothing", filter(|_| {}), &seen, true),
            ("its source service", filter(|f| f.source = "d/web".into()), &seen, true),
            ("its source workload", filter(|f| f.source = "d/web-0".into()), &seen, true),
            ("another source", filter(|f| f.source = "d/we".into()), &seen, false),
            ("a source of an unmeshed one", filter(|f| f.source = "d/web".into()), &unmeshed, false),
            ("none of an unmeshed one", filter(|_| {}), &unmeshed, true),
            ("its destination service", filter(|f| f.destination = "d/reviews".into()), &seen, true),
            ("its destination workload", filter(|f| f.destination = "d/reviews-v2-1".into()), &seen, true),
            ("the source as destination", filter(|f| f.destination = "d/web".into()), &seen, false),
            ("its method", filter(|f| f.method = "GET".into()), &seen, true),
            ("another method", filter(|f| f.method = "POST".into()), &seen, false),
            ("a method in another case", filter(|f| f.method = "get".into()), &seen, false),
            ("a prefix of its path", filter(|f| f.path = "/rev".into()), &seen, true),
            ("all of its path", filter(|f| f.path = "/reviews/1".into()), &seen, true),
            ("more than its path", filter(|f| f.path = "/reviews/11".into()), &seen, false),
            ("its status", filter(|f| (f.status_from, f.status_to) = (503, 503)), &seen, true),
            ("its class, to the ends", filter(|f| (f.status_from, f.status_to) = (503, 599)), &seen, true),
            ("another class", filter(|f| (f.status_from, f.status_to) = (200, 299)), &seen, false),
            (
                "a class of what was not answered",
                filter(|f| (f.status_from, f.status_to) = (500, 599)),
                &unanswered,
                false,
            ),
            ("its reason", filter(|f| f.reason = "upstream-reset".into()), &seen, true),
            ("another reason", filter(|f| f.reason = "upstream".into()), &seen, false),
            ("as slow", filter(|f| f.min_latency_us = 100_000), &seen, true),
            ("slower", filter(|f| f.min_latency_us = 100_001), &seen, false),
            ("one of two", filter(|f| (f.method, f.path) = ("GET".into(), "/x".into())), &seen, false),
        ];
        for (asked, filter, seen, fits) in &table {
            assert_eq!(filter.fits(seen), *fits, "{asked}");
        }
    }

    #[test]
    fn what_a_build_does_not_know_is_refused_by_name() {
        let order = v1::TapOrder { requires: vec!["header".into()], ..Default::default() };
        assert_eq!(Tap::new(order).err().unwrap(), ["header"]);
        assert!(Tap::new(v1::TapOrder::default()).is_ok());
    }

    #[test]
    fn a_rate_is_bounded_whatever_is_ordered() {
        let tap = Tap::new(v1::TapOrder { per_second: 1_000_000, ..Default::default() }).ok().unwrap();
        assert_eq!(tap.per_second, MAX_PER_SECOND);
    }
}
