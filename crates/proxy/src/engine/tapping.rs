//! Requests that somebody watches live. Without a tap a finished request asks whether there is one, and that is all.

use weft_core::Reason;
use weft_proto::v1;

use super::Engine;
use super::conn::ExchangeId;
use super::exchange::{Exchange, Side};
use crate::metrics::SeriesKey;
use crate::tap::{Seen, Taps};

/// Of one text in a record; a path may be as long as a head (64 KiB).
const MAX_TEXT: usize = 1024;

/// The taps in force, with what each has sent in this second.
#[derive(Default)]
pub struct Tapping {
    taps: Option<Taps>,
    second: u64,
    sent: Vec<u32>,
}

impl Tapping {
    /// None: nobody watches any more.
    pub fn set(&mut self, taps: Option<Taps>) {
        self.sent = vec![0; taps.as_ref().map_or(0, |taps| taps.all.len())];
        self.taps = taps;
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.taps.is_some()
    }

    /// The ids of the taps that it fits and that may have one more, and whether one of them wants the query.
    fn wanted_by(&mut self, seen: &Seen<'_>, now_us: u64) -> (Vec<u64>, bool) {
        let Some(taps) = &self.taps else { return (Vec::new(), false) };
        if now_us / 1_000_000 != self.second {
            self.second = now_us / 1_000_000;
            self.sent.fill(0);
        }
        let (mut ids, mut query) = (Vec::new(), false);
        for (tap, sent) in taps.all.iter().zip(&mut self.sent).filter(|(tap, _)| tap.filter.fits(seen)) {
            if *sent >= tap.per_second {
                tap.left_out.add(1);
                continue;
            }
            *sent += 1;
            ids.push(tap.id);
            query |= tap.query;
        }
        (ids, query)
    }

    fn send(&mut self, record: v1::TapRecord) {
        let Some(taps) = &self.taps else { return };
        match taps.records.try_send(record) {
            Ok(()) => {}
            Err(tokio::sync::mpsc::error::TrySendError::Full(record)) => {
                taps.all.iter().filter(|tap| record.taps.contains(&tap.id)).for_each(|tap| tap.left_out.add(1));
            }
            // The control side starts again, and will say anew what is watched.
            Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => self.set(None),
        }
    }
}

impl Engine {
    /// A request is over, and somebody watches. The caller's proxy shows it; the callee's only where the caller has none.
    #[cold]
    pub(super) fn show(&mut self, x: ExchangeId) {
        let mut tapping = std::mem::take(&mut self.tapping);
        let exchange = &self.exchanges[x];
        let key = exchange.series.map(|s| &self.series[s as usize].key);
        let elsewhere = exchange.side == Side::Inbound && key.is_some_and(|key| !key.source_workload.is_empty());
        if !elsewhere {
            let (taps, query) = tapping.wanted_by(&self.seen(exchange, key), self.now_us);
            if !taps.is_empty() {
                tapping.send(self.tap_record(exchange, key, taps, query));
            }
        }
        self.tapping = tapping;
    }

    /// `key` None: answered before an endpoint was chosen.
    fn seen<'a>(&'a self, exchange: &'a Exchange, key: Option<&'a SeriesKey>) -> Seen<'a> {
        let (source, destination) = match key {
            Some(key) => (
                [key.source_service.as_str(), &key.source_workload],
                [key.destination_service.as_str(), &key.destination_workload],
            ),
            None => ([self.setup.service.as_str(), &self.own], [meant(exchange), ""]),
        };
        Seen {
            source,
            destination,
            method: exchange.request.text(exchange.request.method),
            path: exchange.request.path_and_query().0,
            status: exchange.status,
            reason: exchange.reason.map_or("", Reason::code),
            latency_us: self.now_us - exchange.begun_us,
        }
    }

    fn tap_record(&self, exchange: &Exchange, key: Option<&SeriesKey>, taps: Vec<u64>, query: bool) -> v1::TapRecord {
        let request = &exchange.request;
        let identity = || self.identity.as_ref().map_or_else(String::new, |i| i.spiffe.to_string());
        let path = if query { request.text(request.path) } else { request.path_and_query().0 };
        v1::TapRecord {
            taps,
            unix_us: (self.unix_us + exchange.begun_us) as i64,
            request_id: text(request.known(weft_http::Known::XRequestId).unwrap_or_default()),
            edge: Some(key.map_or_else(|| self.edge_without_endpoint(exchange), v1::EdgeKey::from)),
            principal: key.map_or_else(identity, |key| key.source_principal.clone()),
            method: text(request.text(request.method)),
            authority: text(request.text(request.authority)),
            path: text(path),
            status: exchange.status.into(),
            reason: exchange.reason.map_or("", Reason::code).into(),
            rule_id: exchange.rule.as_deref().unwrap_or_default().into(),
            latency_us: self.now_us - exchange.begun_us,
            request_bytes: exchange.request_bytes,
            response_bytes: exchange.response_bytes,
            retries: exchange.attempts.saturating_sub(1),
        }
    }

    fn edge_without_endpoint(&self, exchange: &Exchange) -> v1::EdgeKey {
        v1::EdgeKey {
            side: "source".into(),
            source_workload: self.own.clone(),
            source_service: self.setup.service.clone(),
            source_version: self.setup.version.clone(),
            destination_service: meant(exchange).into(),
            protocol: "http".into(),
            port: exchange.port.into(),
            ..v1::EdgeKey::default()
        }
    }
}

/// The service that the request was for; empty where that is not known, as of a name outside of the mesh.
fn meant(exchange: &Exchange) -> &str {
    exchange.frontend.as_ref().map_or("", |frontend| frontend.service())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_TEXT)]).into_owned()
}
