//! `/metrics`: Prometheus text format 0.0.4. Names and labels are described in docs/reference/metrics.md.

use std::fmt::Write;

use weft_core::Reason;
use weft_proto::v1;

use crate::control::hub::Hub;
use crate::metrics::{Metrics, Series, bucket_floor_us};

/// Of the histogram's quarter octaves every fourth is shown, from 64 µs (2 octaves) to 33.6 s (21): `le` doubles.
const FIRST_OCTAVE: usize = 2;
const LAST_OCTAVE: usize = 21;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub fn page(hub: &Hub, now_ms: i64) -> String {
    let mut out = String::with_capacity(16 << 10);
    edges(&mut out, &hub.shared.metrics);
    rules(&mut out, &hub.shared.metrics);
    process(&mut out, hub, now_ms);
    out
}

fn edges(out: &mut String, metrics: &Metrics) {
    let all: Vec<(String, _)> = metrics.all_series().into_iter().map(|s| (labels(&s), s)).collect();
    family(out, "weft_requests_total", "counter", "Finished requests, by edge and class of status");
    for (labels, series) in &all {
        for (class, count) in CLASSES.iter().zip(&series.classes).filter(|(_, count)| count.get() != 0) {
            let _ = writeln!(out, "weft_requests_total{{{labels},class=\"{class}\"}} {}", count.get());
        }
        let sent: u64 = series.classes.iter().map(|c| c.get()).sum();
        let none = series.requests.get().saturating_sub(sent);
        if none != 0 {
            let _ = writeln!(out, "weft_requests_total{{{labels},class=\"none\"}} {none}");
        }
    }
    family(out, "weft_request_duration_seconds", "histogram", "From the request's head to the response's end");
    all.iter().for_each(|(labels, series)| duration(out, labels, series));
    type Read = fn(&Series) -> u64;
    let counters: [(&str, &str, Read); 6] = [
        ("weft_failures_total", "Requests that failed: 5xx, no connection, reset, timeout", |s| s.failures.get()),
        ("weft_retries_total", "Tries after the first", |s| s.retries.get()),
        ("weft_retries_saved_total", "Requests that succeeded after a failed try", |s| s.retries_saved.get()),
        ("weft_request_bytes_total", "Bytes of request bodies", |s| s.request_bytes.get()),
        ("weft_response_bytes_total", "Bytes of response bodies", |s| s.response_bytes.get()),
        ("weft_connections_total", "Connections opened (source) or accepted (destination)", |s| s.connections.get()),
    ];
    for (name, help, read) in counters {
        family(out, name, "counter", help);
        for (labels, series) in &all {
            let _ = writeln!(out, "{name}{{{labels}}} {}", read(series));
        }
    }
    family(out, "weft_reasons_total", "counter", "Responses that weft itself made, by reason");
    for (labels, series) in &all {
        for (reason, count) in Reason::ALL.iter().zip(&*series.reasons).filter(|(_, count)| count.get() != 0) {
            let _ = writeln!(out, "weft_reasons_total{{{labels},reason=\"{}\"}} {}", reason.code(), count.get());
        }
    }
}

/// `le` is exclusive in our buckets and inclusive in Prometheus': a microsecond apart at most.
fn duration(out: &mut String, labels: &str, series: &Series) {
    let (mut below, mut counted) = (0, 0);
    for octave in FIRST_OCTAVE..=LAST_OCTAVE {
        let end = octave * 4;
        below += series.latency[counted..end].iter().map(|c| c.get()).sum::<u64>();
        counted = end;
        let le = bucket_floor_us(end) / 1e6;
        let _ = writeln!(out, "weft_request_duration_seconds_bucket{{{labels},le=\"{le}\"}} {below}");
    }
    let all = below + series.latency[counted..].iter().map(|c| c.get()).sum::<u64>();
    let sum = series.latency_sum_us.get() as f64 / 1e6;
    let _ = writeln!(out, "weft_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {all}");
    let _ = writeln!(out, "weft_request_duration_seconds_sum{{{labels}}} {sum}");
    let _ = writeln!(out, "weft_request_duration_seconds_count{{{labels}}} {all}");
}

fn labels(series: &Series) -> String {
    let key = &series.key;
    let port = key.port.to_string();
    let all = [
        ("side", key.side),
        ("source_workload", &key.source_workload),
        ("source_service", &key.source_service),
        ("source_version", &key.source_version),
        ("source_principal", &key.source_principal),
        ("destination_service", &key.destination_service),
        ("destination_workload", &key.destination_workload),
        ("destination_version", &key.destination_version),
        ("tls", key.tls),
        ("protocol", key.protocol),
        ("port", &port),
    ];
    all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).join(",")
}

fn rules(out: &mut String, metrics: &Metrics) {
    family(out, "weft_rule_hits_total", "counter", "Decisions by rule; audit: what the rule would have refused");
    for rule in metrics.all_rules() {
        let (id, audit) = (escaped(&rule.rule), rule.audit);
        let _ = writeln!(out, "weft_rule_hits_total{{rule=\"{id}\",audit=\"{audit}\"}} {}", rule.hits.get());
    }
}

fn process(out: &mut String, hub: &Hub, now_ms: i64) {
    let metrics = &hub.shared.metrics;
    let mut one = |name: &str, kind: &str, help: &str, value: f64| {
        family(out, name, kind, help);
        let _ = writeln!(out, "{name} {value}");
    };
    let flag = |is: bool| f64::from(u8::from(is));
    let contact = *hub.contact.borrow();
    one("weft_connections_open", "gauge", "Connections open now", metrics.connections_open.get() as f64);
    one("weft_config_updates_total", "counter", "Programs put in force", metrics.config_updates.get() as f64);
    one("weft_config_rejected_total", "counter", "Resources refused", metrics.config_rejected.get() as f64);
    one(
        "weft_controller_connected",
        "gauge",
        "1 while the controller would tell of any change",
        flag(contact.connected),
    );
    let stale = contact.stale_ms(now_ms) as f64 / 1e3;
    one("weft_config_stale_seconds", "gauge", "How long changes may have been missed", stale);
    if let Some(identity) = hub.identity.borrow().as_ref() {
        let help = "When our certificate ends, in Unix seconds";
        one("weft_certificate_not_after_seconds", "gauge", help, identity.not_after as f64);
    }
    let healthy = hub.health.borrow().health == v1::Health::Healthy;
    one("weft_app_healthy", "gauge", "1 while the app passes its health check", flag(healthy));
    one("weft_malformed_total", "counter", "Messages that were not valid HTTP", metrics.malformed.get() as f64);
    one("weft_panics_total", "counter", "Bugs survived", metrics.panics.get() as f64);
    let dropped = metrics.access_log_dropped.get() as f64;
    one("weft_access_log_dropped_total", "counter", "Log lines for which there was no room", dropped);
    family(out, "weft_events_total", "counter", "Events by kind: ejected, readmitted, rejected, app-unhealthy, …");
    for (kind, count) in hub.event_counts() {
        let _ = writeln!(out, "weft_events_total{{kind=\"{}\"}} {count}", escaped(&kind));
    }
    family(out, "weft_build_info", "gauge", "1; the version is a label");
    let _ = writeln!(out, "weft_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::SeriesKey;

    fn text(metrics: &Metrics) -> String {
        let mut out = String::new();
        edges(&mut out, metrics);
        rules(&mut out, metrics);
        out
    }

    #[test]
    fn a_request_is_counted_by_class_and_duration() {
        let metrics = Metrics::default();
        let key = SeriesKey { side: "source", destination_service: "d/\"x\"".into(), port: 80, ..Default::default() };
        let series = metrics.series(&key, Reason::ALL.len());
        series.record(200, 100, 5, 7);
        series.record(0, 40_000_000, 0, 0);
        series.reasons[Reason::NoRoute as usize].add(1);
        series.retries_saved.add(2);
        let text = text(&metrics);
        let line = |name: &str, more: &str| {
            let found = text.lines().find(|l| l.starts_with(&format!("{name}{{")) && l.contains(more));
            found.unwrap_or_else(|| panic!("{name} {more} in\n{text}")).rsplit_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(line("weft_requests_total", "class=\"2xx\""), "1");
        assert_eq!(line("weft_requests_total", "class=\"none\""), "1");
        assert_eq!(line("weft_request_duration_seconds_bucket", "le=\"0.000064\""), "0");
        assert_eq!(line("weft_request_duration_seconds_bucket", "le=\"0.000128\""), "1");
        assert_eq!(line("weft_request_duration_seconds_bucket", "le=\"33.554432\""), "1");
        assert_eq!(line("weft_request_duration_seconds_bucket", "le=\"+Inf\""), "2");
        assert_eq!(line("weft_request_duration_seconds_sum", ""), "40.0001");
        assert_eq!(line("weft_reasons_total", "reason=\"no-route\""), "1");
        assert_eq!(line("weft_retries_saved_total", ""), "2");
        assert_eq!(line("weft_response_bytes_total", "destination_service=\"d/\\\"x\\\"\""), "7");
    }

    #[test]
    fn rules_have_an_audit_label() {
        let metrics = Metrics::default();
        metrics.rule(&"AccessPolicy/a/b/0".into(), true).hits.add(4);
        let wanted = "weft_rule_hits_total{rule=\"AccessPolicy/a/b/0\",audit=\"true\"} 4";
        assert!(text(&metrics).contains(wanted));
    }
}
