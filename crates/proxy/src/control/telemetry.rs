//! What the controller is told each second: cumulative counters that changed, rule hits, events.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use weft_core::{Reason, Rng};
use weft_proto::v1;
use weft_proto::v1::telemetry_client::TelemetryClient;

use super::backoff::Backoff;
use super::channel::why;
use super::hub::Hub;
use super::log;
use crate::metrics::{Counter, Metrics, Series};

const INTERVAL: Duration = Duration::from_secs(1);
/// Reports that the controller has not taken yet. Counters are cumulative: when it is slow, fewer reports say as much.
const QUEUE: usize = 2;

/// Of one report; the controller takes no more.
const MAX_EVENTS: usize = 20;

/// Until the end: then a last report, of what no tick would see any more.
pub async fn run(hub: Arc<Hub>, seed: u64) {
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let (mut channels, mut ending) = (hub.channel.subscribe(), hub.ending.subscribe());
    let mut sequence = 0;
    loop {
        let channel = channels.borrow_and_update().clone();
        let mut ended = None;
        if let Some(channel) = channel {
            let began = tokio::time::Instant::now();
            ended = Some(follow(&hub, channel, &mut sequence).await);
            if began.elapsed() > 10 * INTERVAL {
                backoff.reset();
            }
        }
        if *ending.borrow_and_update() {
            return;
        }
        if let Some(ended) = ended.filter(|_| backoff.is_fresh()) {
            log::warn(&format!("telemetry: {ended}; trying again"));
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&mut rng)) => {}
            _ = channels.changed() => {}
            _ = ending.changed() => {}
        }
    }
}

async fn follow(hub: &Hub, channel: Channel, sequence: &mut u64) -> String {
    let (sender, outgoing) = mpsc::channel(QUEUE);
    let mut client = TelemetryClient::new(channel);
    let mut call = pin!(client.report(ReceiverStream::new(outgoing)));
    let answered = tokio::select! {
        answered = &mut call => answered,
        // Its end is the stream's, which the controller answers.
        () = report(hub, sender, sequence) => call.await,
    };
    match answered {
        Ok(_) => "the controller ended the stream".into(),
        Err(status) => why(&status),
    }
}

async fn report(hub: &Hub, sender: mpsc::Sender<v1::TelemetryReport>, sequence: &mut u64) {
    let mut changes = Changes::default();
    let mut ending = hub.ending.subscribe();
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let ends = tokio::select! {
            _ = tick.tick() => false,
            _ = ending.wait_for(|ends| *ends) => true,
        };
        let Ok(place) = sender.reserve().await else { return };
        let (edges, rules) = (changes.edges(&hub.shared.metrics), changes.rules(&hub.shared.metrics));
        let events = hub.take_events(MAX_EVENTS);
        if edges.is_empty() && rules.is_empty() && events.is_empty() {
            if ends {
                return;
            }
            continue;
        }
        *sequence += 1;
        let epoch = hub.shared.epoch;
        place.send(v1::TelemetryReport {
            reporter: hub.workload_key(),
            epoch,
            sequence: *sequence,
            edges,
            rules,
            events,
        });
    }
}

/// What one stream was told already.
#[derive(Default)]
struct Changes {
    /// By place in `Metrics`, which only grows.
    edges: Vec<[u64; 6]>,
    rules: HashMap<(String, bool), u64>,
}

impl Changes {
    fn edges(&mut self, metrics: &Metrics) -> Vec<v1::Edge> {
        let all = metrics.all_series();
        self.edges.resize(all.len(), [0; 6]);
        let mut changed = Vec::new();
        for (series, told) in all.iter().zip(&mut self.edges) {
            let now = stamp(series);
            if now != *told {
                *told = now;
                changed.push(edge(series));
            }
        }
        changed
    }

    fn rules(&mut self, metrics: &Metrics) -> Vec<v1::RuleHits> {
        let mut changed = Vec::new();
        for rule in metrics.all_rules() {
            let (hits, audit) = (rule.hits.get(), rule.audit);
            let told = self.rules.entry((rule.rule.to_string(), audit)).or_insert(0);
            if *told != hits {
                *told = hits;
                changed.push(v1::RuleHits { rule_id: rule.rule.to_string(), hits, audit });
            }
        }
        changed
    }
}

fn stamp(series: &Series) -> [u64; 6] {
    [
        series.requests.get(),
        series.failures.get(),
        series.retries.get(),
        series.connections.get(),
        series.request_bytes.get(),
        series.response_bytes.get(),
    ]
}

fn edge(series: &Series) -> v1::Edge {
    let counts = |all: &[Counter]| all.iter().map(Counter::get).collect::<Vec<_>>();
    let mut latency_us = counts(&series.latency);
    latency_us.truncate(latency_us.iter().rposition(|n| *n != 0).map_or(0, |last| last + 1));
    let named = Reason::ALL.iter().zip(&*series.reasons);
    let reasons = named
        .filter(|(_, count)| count.get() != 0)
        .map(|(reason, count)| v1::ReasonCount { reason: reason.code().into(), count: count.get() })
        .collect();
    v1::Edge {
        key: Some((&series.key).into()),
        requests: series.requests.get(),
        classes: counts(&series.classes),
        failures: series.failures.get(),
        retries: series.retries.get(),
        request_bytes: series.request_bytes.get(),
        response_bytes: series.response_bytes.get(),
        latency_us,
        connections: series.connections.get(),
        reasons,
        retries_saved: series.retries_saved.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, launch};
    use super::*;
    use crate::metrics::SeriesKey;

    fn series(metrics: &Metrics, workload: &str) -> Arc<Series> {
        let key = SeriesKey { side: "source", destination_workload: workload.into(), port: 80, ..Default::default() };
        metrics.series(&key, Reason::ALL.len())
    }

    #[test]
    fn only_what_changed_is_told_again() {
        let (metrics, mut changes) = (Metrics::default(), Changes::default());
        let (a, _idle) = (series(&metrics, "a"), series(&metrics, "idle"));
        assert!(changes.edges(&metrics).is_empty());
        a.record(200, 100, 10, 20);
        let told = changes.edges(&metrics);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].requests, told[0].request_bytes, told[0].response_bytes), (1, 10, 20));
        assert_eq!(told[0].classes, [0, 1, 0, 0, 0]);
        assert_eq!(told[0].latency_us.iter().sum::<u64>(), 1);
        assert!(changes.edges(&metrics).is_empty());
        series(&metrics, "b").connections.add(1);
        assert_eq!(changes.edges(&metrics)[0].key.as_ref().unwrap().destination_workload, "b");
        assert_eq!(Changes::default().edges(&metrics).len(), 2, "a new stream is told everything");
    }

    /// All of the reports until the sender is dropped.
    async fn reports(hub: &Hub) -> Vec<v1::TelemetryReport> {
        let (sender, mut outgoing) = mpsc::channel(QUEUE);
        let mut sequence = 0;
        let mut found = Vec::new();
        let read = async {
            while let Some(report) = outgoing.recv().await {
                found.push(report);
            }
        };
        tokio::join!(report(hub, sender, &mut sequence), read);
        found
    }

    #[tokio::test]
    async fn the_end_is_told_in_as_many_reports_as_it_takes() {
        let kit = kit(launch());
        // The first tick is at once, and sees nothing yet.
        let (told, ()) = tokio::join!(reports(&kit.hub), async {
            tokio::task::yield_now().await;
            series(&kit.hub.shared.metrics, "a").record(200, 100, 0, 0);
            (0..MAX_EVENTS + 1).for_each(|_| kit.hub.happened("bug", "", ""));
            kit.hub.ending.send_replace(true);
        });
        let counts: Vec<_> = told.iter().map(|r| (r.sequence, r.edges.len(), r.events.len())).collect();
        assert_eq!(counts, [(1, 1, MAX_EVENTS), (2, 0, 1)]);
    }

    #[tokio::test]
    async fn who_has_no_controller_ends_all_the_same() {
        let kit = kit(launch());
        kit.hub.ending.send_replace(true);
        run(kit.hub.clone(), 1).await;
    }

    #[test]
    fn reasons_and_rules_have_names() {
        let metrics = Metrics::default();
        let a = series(&metrics, "a");
        a.reasons[Reason::NoRoute as usize].add(3);
        a.record(404, 1, 0, 0);
        let told = Changes::default().edges(&metrics);
        assert_eq!(told[0].reasons, [v1::ReasonCount { reason: "no-route".into(), count: 3 }]);
        let rule: Arc<str> = "AccessPolicy/a/b/0".into();
        metrics.rule(&rule, true).hits.add(2);
        let mut changes = Changes::default();
        let told = changes.rules(&metrics);
        assert_eq!(told, [v1::RuleHits { rule_id: rule.to_string(), hits: 2, audit: true }]);
        assert!(changes.rules(&metrics).is_empty());
    }
}
