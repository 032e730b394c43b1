//! Stage `record`: what an exchange leaves behind in counters, events and the log.

use std::sync::Arc;

use weft_core::Reason;
use weft_core::backend::Backend;
use weft_core::endpoints::Endpoint;
use weft_core::outlier::{Change, Outcome};
use weft_proto::v1;

use super::Engine;
use super::conn::{Conn, ExchangeId};
use super::exchange::{Phase, Side};
use crate::metrics::SeriesKey;
use crate::shared::Record;

impl Engine {
    /// The exchange is over: counted, logged, and its place is free.
    pub(super) fn finish_exchange(&mut self, x: ExchangeId, outcome: Outcome) {
        self.end_try(x, outcome);
        let exchange = &self.exchanges[x];
        if exchange.phase == Phase::Free {
            return;
        }
        if let Some(series) = exchange.series {
            let series = &self.series[series as usize];
            let us = self.now_us - exchange.begun_us;
            series.record(exchange.status, us, exchange.request_bytes, exchange.response_bytes);
            let failed = outcome == Outcome::Failure || exchange.status >= 500;
            if failed {
                series.failures.add(1);
            } else if exchange.attempts > 1 && exchange.side == Side::Outbound && outcome == Outcome::Success {
                series.retries_saved.add(1);
            }
            if let Some(counter) = exchange.reason.and_then(|r| series.reasons.get(r as usize)) {
                counter.add(1);
            }
        }
        if self.is_notable(x) {
            self.log(x);
        }
        if self.tapping.is_on() {
            self.show(x);
        }
        self.exchanges.close(x);
    }

    /// One try is over: its endpoint is free of it, and judged by it.
    pub(super) fn end_try(&mut self, x: ExchangeId, outcome: Outcome) {
        let exchange = &mut self.exchanges[x];
        let Some(endpoint) = exchange.endpoint.take() else { return };
        let Some(plan) = &exchange.plan else { return };
        let until = if exchange.head_us >= exchange.try_us { exchange.head_us } else { self.now_us };
        let rtt = until - exchange.try_us;
        exchange.tried.push(endpoint);
        let state = &mut self.backends.all[plan.backend as usize];
        let change = state.group.on_end(endpoint, rtt, outcome, self.now_us, &mut self.rng);
        if let Some(change) = change {
            let backend = plan.backend;
            self.tell_change(backend, &change);
        }
    }

    pub(super) fn tell_change(&mut self, backend: u32, change: &Change) {
        use weft_core::outlier::State;
        let ejected = &mut self.backends.all[backend as usize].ejected;
        match change.to {
            State::Passing => drop(ejected.remove(&change.endpoint)),
            State::Rejecting => drop(ejected.insert(change.endpoint.clone(), change.clone())),
            State::Probing => {}
        }
        let kind = match change.to {
            State::Rejecting => "ejected",
            State::Probing => "probing",
            State::Passing => "readmitted",
        };
        let text = match change.for_ms {
            0 => change.why.to_string(),
            ms => format!("{}; out for {ms} ms", change.why),
        };
        self.tell(kind, &change.endpoint, &text);
    }

    pub(super) fn count_retry(&mut self, x: ExchangeId) {
        if let Some(series) = self.exchanges[x].series {
            self.series[series as usize].retries.add(1);
        }
    }

    fn is_notable(&self, x: ExchangeId) -> bool {
        let exchange = &self.exchanges[x];
        let bad = exchange.status >= 500 || exchange.reason.is_some() || exchange.attempts > 1;
        self.setup.log_all || bad || !exchange.audited.is_empty()
    }

    fn log(&mut self, x: ExchangeId) {
        let record = Arc::new(self.describe(x));
        self.shared.recent.push(record.clone());
        if let Some(log) = &mut self.setup.log {
            log(record);
        }
    }

    fn describe(&self, x: ExchangeId) -> Record {
        let exchange = &self.exchanges[x];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let request = &exchange.request;
        let key = exchange.series.map(|s| &self.series[s as usize].key);
        let backend = exchange.plan.as_ref().map(|p| self.backends.all[p.backend as usize].key.clone());
        let tried = exchange.tried.last().zip(exchange.plan.as_ref());
        let endpoint = tried.and_then(|(ix, plan)| {
            let group = &self.backends.all[plan.backend as usize].group;
            group.endpoint(*ix).map(|e| format!("{} {}:{}", e.workload, e.address, e.port))
        });
        Record {
            unix_ms: (self.unix_us + exchange.begun_us) / 1000,
            id: text(request.known(weft_http::Known::XRequestId).unwrap_or_default()),
            side: if exchange.side == Side::Outbound { "outbound" } else { "inbound" },
            source: key.map(|k| k.source_workload.clone()).unwrap_or_default(),
            principal: key.map(|k| k.source_principal.clone()).unwrap_or_default(),
            destination: key.map(|k| k.destination_service.clone()).unwrap_or_default(),
            method: text(request.text(request.method)),
            host: text(request.text(request.authority)),
            path: text(request.path_and_query().0),
            status: exchange.status,
            reason: exchange.reason.map_or("", Reason::code),
            rule: exchange.rule.as_deref().unwrap_or_default().to_owned(),
            backend: backend.unwrap_or_default(),
            endpoint: endpoint.unwrap_or_default(),
            attempts: exchange.attempts,
            duration_us: self.now_us - exchange.begun_us,
            request_bytes: exchange.request_bytes,
            response_bytes: exchange.response_bytes,
            tls: key.map_or("", |k| k.tls),
            protocol: key.map_or("", |k| k.protocol),
            audited: exchange.audited.iter().map(|r| r.to_string()).collect(),
        }
    }

    // -------------------------------------------------------------------------------------------------- series

    pub(super) fn series_index(&mut self, key: &SeriesKey) -> u32 {
        if let Some(found) = self.series.iter().position(|s| s.key == *key) {
            return found as u32;
        }
        let made = self.shared.metrics.series(key, Reason::ALL.len());
        self.series.push(made);
        self.series.len() as u32 - 1
    }

    /// The edge to one endpoint, as the caller's proxy counts it.
    pub(super) fn source_series(&self, backend: &Backend, endpoint: &Endpoint) -> SeriesKey {
        use v1::AppProtocol::{Grpc, Tcp, Tls};
        SeriesKey {
            side: "source",
            source_workload: self.own.clone(),
            source_service: self.setup.service.clone(),
            source_version: self.setup.version.clone(),
            source_principal: self.identity.as_ref().map(|i| i.spiffe.to_string()).unwrap_or_default(),
            destination_service: backend.service.to_string(),
            destination_workload: endpoint.workload.to_string(),
            destination_version: endpoint.version.to_string(),
            tls: if endpoint.identity.is_some() { "mtls" } else { "plaintext" },
            protocol: match backend.protocol {
                Grpc => "grpc",
                Tcp | Tls => "tcp",
                _ => "http",
            },
            port: backend.port,
        }
    }

    pub(super) fn passthrough_series(&self, address: std::net::SocketAddr) -> SeriesKey {
        SeriesKey {
            side: "source",
            source_workload: self.own.clone(),
            source_service: self.setup.service.clone(),
            source_version: self.setup.version.clone(),
            destination_service: "passthrough".into(),
            tls: "plaintext",
            protocol: "http",
            port: address.port(),
            ..SeriesKey::default()
        }
    }

    /// The edge from one caller, as the callee's proxy counts it; remembered by the connection.
    pub(super) fn count_inbound(&mut self, x: ExchangeId, conn: &mut Conn, port: u16) {
        let index = match conn.series {
            Some((p, index)) if p == port => index,
            _ => {
                let key = self.destination_series(conn, port);
                self.series_index(&key)
            }
        };
        conn.series = Some((port, index));
        self.exchanges[x].series = Some(index);
    }

    pub(super) fn destination_series(&self, conn: &Conn, port: u16) -> SeriesKey {
        let peer = conn.peer.as_ref();
        SeriesKey {
            side: "destination",
            source_workload: peer.map(|p| p.workload.clone()).unwrap_or_default(),
            source_service: peer.map(|p| p.service.clone()).unwrap_or_default(),
            source_version: peer.map(|p| p.version.clone()).unwrap_or_default(),
            source_principal: peer.map(|p| p.identity.as_str().to_owned()).unwrap_or_default(),
            destination_service: self.setup.service.clone(),
            destination_workload: self.own.clone(),
            destination_version: self.setup.version.clone(),
            tls: if peer.is_some() { "mtls" } else { "plaintext" },
            protocol: "http",
            port,
        }
    }

    pub(super) fn count_rule(&mut self, rule: &Arc<str>, audit: bool) {
        let metrics = &self.shared.metrics;
        let key = (rule.as_ptr() as usize, audit);
        let (_, counter) = self.rules.entry(key).or_insert_with(|| (rule.clone(), metrics.rule(rule, audit)));
        counter.hits.add(1);
    }
}
