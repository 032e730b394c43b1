//! Counters that the engine writes and the control side reads in place.
//!
//! One writer per series (its loop), so an increment is a relaxed load and store, without a locked instruction.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use weft_proto::v1;

/// Log-scale, factor 2^(1/4) from 16 µs: 84 buckets reach 2^21 × 16 µs ≈ 33 s; the last one is open.
pub const BUCKETS: usize = 85;

/// Series of one process at most; what comes later is counted under one overflow series.
pub const MAX_SERIES: usize = 4096;
/// Rules that are counted one by one; a workload has tens, a process that lives through years of changes has more.
const MAX_RULES: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeriesKey {
    /// "source" (this proxy is the caller's) or "destination".
    pub side: &'static str,
    pub source_workload: String,
    pub source_service: String,
    pub source_version: String,
    pub source_principal: String,
    pub destination_service: String,
    pub destination_workload: String,
    pub destination_version: String,
    pub tls: &'static str,
    pub protocol: &'static str,
    pub port: u16,
}

impl From<&SeriesKey> for v1::EdgeKey {
    fn from(key: &SeriesKey) -> v1::EdgeKey {
        v1::EdgeKey {
            side: key.side.into(),
            source_workload: key.source_workload.clone(),
            source_service: key.source_service.clone(),
            source_version: key.source_version.clone(),
            destination_service: key.destination_service.clone(),
            destination_workload: key.destination_workload.clone(),
            destination_version: key.destination_version.clone(),
            tls: key.tls.into(),
            protocol: key.protocol.into(),
            port: key.port.into(),
        }
    }
}

/// One edge, as seen from one side.
pub struct Series {
    pub key: SeriesKey,
    pub requests: Counter,
    /// Status classes 1xx … 5xx.
    pub classes: [Counter; 5],
    pub failures: Counter,
    pub retries: Counter,
    /// Requests that succeeded after at least one try of theirs had failed.
    pub retries_saved: Counter,
    pub request_bytes: Counter,
    pub response_bytes: Counter,
    pub connections: Counter,
    pub latency: [Counter; BUCKETS],
    pub latency_sum_us: Counter,
    /// Indexed by `weft_core::reason::Reason as usize`.
    pub reasons: Box<[Counter]>,
}

#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }
}

/// Lower bound of bucket i in microseconds: 16·2^(i/4).
pub fn bucket_floor_us(i: usize) -> f64 {
    16.0 * 2f64.powf(i as f64 / 4.0)
}

/// Quarter octaves without floating point: 2^(1/4), 2^(2/4), 2^(3/4) in 16.16 fixed point.
const QUARTERS: [u64; 3] = [77_936, 92_682, 110_218];

#[inline]
pub fn bucket(us: u64) -> usize {
    if us < 16 {
        return 0;
    }
    let octave = 63 - u64::leading_zeros(us) as usize;
    // us scaled into [1, 2) as 16.16
    let scaled = if octave >= 16 { us >> (octave - 16) } else { us << (16 - octave) };
    let quarter = QUARTERS.iter().filter(|q| scaled >= **q).count();
    ((octave - 4) * 4 + quarter).min(BUCKETS - 1)
}

impl Series {
    fn new(key: SeriesKey, reasons: usize) -> Self {
        let counters = |n: usize| (0..n).map(|_| Counter::default()).collect::<Vec<_>>();
        Series {
            key,
            requests: Counter::default(),
            classes: Default::default(),
            failures: Counter::default(),
            retries: Counter::default(),
            retries_saved: Counter::default(),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            connections: Counter::default(),
            latency: std::array::from_fn(|_| Counter::default()),
            latency_sum_us: Counter::default(),
            reasons: counters(reasons).into_boxed_slice(),
        }
    }

    /// One finished request. `status` 0: none was sent.
    #[inline]
    pub fn record(&self, status: u16, us: u64, request_bytes: u64, response_bytes: u64) {
        self.requests.add(1);
        if let Some(class) = self.classes.get((status / 100).wrapping_sub(1) as usize) {
            class.add(1);
        }
        self.latency[bucket(us)].add(1);
        self.latency_sum_us.add(us);
        self.request_bytes.add(request_bytes);
        self.response_bytes.add(response_bytes);
    }
}

/// All series of the process, and the few gauges that have no edge.
#[derive(Default)]
pub struct Metrics {
    series: Mutex<Vec<Arc<Series>>>,
    /// By rule id.
    rules: Mutex<Vec<Arc<RuleCounter>>>,
    pub connections_open: Counter,
    pub config_updates: Counter,
    pub config_rejected: Counter,
    pub panics: Counter,
    pub malformed: Counter,
    pub access_log_dropped: Counter,
    /// Unix seconds; 0: no certificate.
    pub certificate_not_after: Counter,
}

pub struct RuleCounter {
    pub rule: Arc<str>,
    pub audit: bool,
    pub hits: Counter,
}

impl Metrics {
    /// The series of `key`, made when it is new. Cold: callers keep the `Arc`.
    pub fn series(&self, key: &SeriesKey, reasons: usize) -> Arc<Series> {
        let mut all = self.series.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(found) = all.iter().find(|s| s.key == *key) {
            return found.clone();
        }
        let overflow = SeriesKey { side: key.side, destination_service: "overflow".into(), ..Default::default() };
        let key = if all.len() < MAX_SERIES { key.clone() } else { overflow };
        if let Some(found) = all.iter().find(|s| s.key == key) {
            return found.clone();
        }
        let made = Arc::new(Series::new(key, reasons));
        all.push(made.clone());
        made
    }

    pub fn all_series(&self) -> Vec<Arc<Series>> {
        self.series.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Cold, as `series` is.
    pub fn rule(&self, rule: &Arc<str>, audit: bool) -> Arc<RuleCounter> {
        let mut all = self.rules.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(found) = all.iter().find(|r| r.rule == *rule && r.audit == audit) {
            return found.clone();
        }
        let rule = if all.len() < MAX_RULES { rule.clone() } else { "overflow".into() };
        if let Some(found) = all.iter().find(|r| r.rule == rule && r.audit == audit) {
            return found.clone();
        }
        let made = Arc::new(RuleCounter { rule, audit, hits: Counter::default() });
        all.push(made.clone());
        made
    }

    pub fn all_rules(&self) -> Vec<Arc<RuleCounter>> {
        self.rules.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_lies_between_its_floor_and_the_next() {
        // Bounds are rounded to 1/65536 of an octave: what lies clearly within must be found there.
        for i in 8..BUCKETS - 1 {
            let (low, high) = (bucket_floor_us(i), bucket_floor_us(i + 1));
            for part in [0.05, 0.5, 0.95] {
                let us = (low + (high - low) * part).round() as u64;
                assert_eq!(bucket(us), i, "{us}");
            }
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn series_are_bounded() {
        let metrics = Metrics::default();
        for port in 0..(MAX_SERIES + 10) as u32 {
            let key = SeriesKey { side: "source", destination_workload: port.to_string(), ..Default::default() };
            metrics.series(&key, 1);
        }
        assert_eq!(metrics.all_series().len(), MAX_SERIES + 1);
    }
}
