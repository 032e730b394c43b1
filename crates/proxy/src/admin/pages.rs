//! The pages. Each is a function of the hub; `/endpoints` asks the engine.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use weft_core::Reason;
use weft_proto::v1;

use super::{Response, prometheus};
use crate::access_log;
use crate::config::{Config, Source};
use crate::control::hub::Hub;
use crate::launch::JsonWriter;
use crate::shared::{Command, EndpointView};
use crate::timestamp;

/// The engine answers between two batches of events; when it does not within this, something is wrong with it.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(2);

const INDEX: &str = "weft-proxy, for people and programs on this machine

  /ready          200 when this proxy may get traffic; else 503 and why
  /metrics        Prometheus text
  /program        what the controller delivered and is in force, as JSON
  /endpoints      every endpoint as this proxy sees it, as JSON
  /certs          our identity and whom we trust, as JSON
  /requests/ID    what is known about a recent request that failed, was refused or retried
";

pub async fn page(hub: &Hub, path: &str) -> Response {
    match path {
        "/" => text(200, INDEX.into()),
        "/ready" => ready(hub),
        "/metrics" => {
            let body = prometheus::page(hub, timestamp::now_ms());
            Response { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body }
        }
        "/program" => json_page(200, &program(&hub.config.borrow().clone())),
        "/endpoints" => endpoints(hub).await,
        "/certs" => json_page(200, &certs(hub)),
        _ => match path.strip_prefix("/requests/") {
            Some(id) => request(hub, id),
            None => text(404, format!("no such page; there are:\n\n{INDEX}")),
        },
    }
}

fn text(status: u16, body: String) -> Response {
    Response { status, content_type: "text/plain; charset=utf-8", body }
}

fn json_page(status: u16, value: &Value) -> Response {
    Response { status, content_type: "application/json", body: format!("{value:#}\n") }
}

fn ready(hub: &Hub) -> Response {
    let why = unready(hub);
    let app = hub.health.borrow().clone();
    let health = match app.health {
        v1::Health::Healthy => "healthy",
        _ => "unhealthy",
    };
    let contact = *hub.contact.borrow();
    let body = json!({
        "ready": why.is_empty(),
        "why": why,
        "app": {"health": health, "reason": app.reason},
        "controller": hub.launch.controller.as_ref().map(|c| json!({
            "address": c.address, "connected": contact.connected,
            "stale_seconds": contact.stale_ms(timestamp::now_ms()) / 1000,
        })),
    });
    json_page(if why.is_empty() { 200 } else { 503 }, &body)
}

/// What is missing before this *proxy* can serve; the app's health is the controller's business.
fn unready(hub: &Hub) -> Vec<&'static str> {
    let config = hub.config.borrow().clone();
    let managed = hub.launch.controller.is_some();
    let expired = hub.identity.borrow().as_ref().is_some_and(|i| i.not_after <= timestamp::now());
    let no_inbound = !hub.launch.inbound.is_empty() && config.inbounds.is_empty();
    [
        (!*hub.engine_ready.borrow(), "the listeners are not open yet"),
        (hub.shared.draining.load(Relaxed), "draining"),
        (managed && hub.identity.borrow().is_none(), "no identity from the controller yet"),
        (expired, "the certificate has expired"),
        (managed && no_inbound, "no program for this workload yet"),
    ]
    .into_iter()
    .filter_map(|(so, why)| so.then_some(why))
    .collect()
}

fn program(config: &Config) -> Value {
    let (sources, json) = (&config.sources, JsonWriter::new());
    json!({
        "mesh": sources.mesh.as_ref().map(|s| source(&json, s, "weft.v1.Mesh")),
        "frontends": all(&json, &sources.frontends, "weft.v1.Frontend"),
        "absent_frontends": config.absent,
        "backends": all(&json, &sources.backends, "weft.v1.Backend"),
        "endpoints": all(&json, &sources.endpoints, "weft.v1.Endpoints"),
        "inbounds": all(&json, &sources.inbounds, "weft.v1.Inbound"),
    })
}

fn all<M: prost::Message>(json: &JsonWriter, sources: &HashMap<String, Source<M>>, name: &str) -> Value {
    sources.iter().map(|(key, s)| (key.clone(), source(json, s, name))).collect::<serde_json::Map<_, _>>().into()
}

fn source<M: prost::Message>(json: &JsonWriter, source: &Source<M>, name: &str) -> Value {
    json!({"version": &*source.version, "content": json.json(&*source.message, name)})
}

async fn endpoints(hub: &Hub) -> Response {
    let (sender, answer) = oneshot::channel();
    hub.engine.send(Command::DescribeEndpoints(sender));
    match tokio::time::timeout(ENGINE_TIMEOUT, answer).await {
        Ok(Ok(views)) => json_page(200, &views.iter().map(endpoint).collect::<Value>()),
        _ => text(503, "the engine does not answer\n".into()),
    }
}

fn endpoint(view: &EndpointView) -> Value {
    json!({
        "backend": view.backend,
        "workload": view.workload,
        "address": view.address.to_string(),
        "health": view.health,
        "state": view.state,
        "ejected_because": view.ejected_because,
        "ejected_for_ms": view.ejected_for_ms,
        "pending": view.pending,
        "ewma_us": view.ewma_us,
        "connections": view.connections,
    })
}

fn certs(hub: &Hub) -> Value {
    let Some(identity) = hub.identity.borrow().clone() else { return json!({"spiffe_id": null}) };
    let hashes = |all: &[rustls_pki_types::CertificateDer<'_>]| all.iter().map(|c| sha256(c)).collect::<Vec<_>>();
    json!({
        "spiffe_id": &*identity.spiffe,
        "trust_domain": &*identity.trust_domain,
        "not_before": timestamp::text(identity.not_before),
        "not_after": timestamp::text(identity.not_after),
        "seconds_left": identity.not_after - timestamp::now(),
        "chain_sha256": hashes(&identity.chain_der),
        "roots_sha256": hashes(&identity.roots),
    })
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn request(hub: &Hub, id: &str) -> Response {
    let found: Vec<Value> = hub.shared.recent.find(id).iter().map(|record| explained(record)).collect();
    match found.is_empty() {
        true => json_page(404, &json!({"error": "no recent request with this id failed, was refused or retried here"})),
        false => json_page(200, &found.into()),
    }
}

fn explained(record: &crate::shared::Record) -> Value {
    let mut value = access_log::to_json(record);
    let advice = Reason::ALL.iter().find(|r| r.code() == record.reason).map(|r| r.advice());
    if let (Some(fields), Some(advice)) = (value.as_object_mut(), advice) {
        fields.insert("advice".into(), advice.into());
    }
    value
}
