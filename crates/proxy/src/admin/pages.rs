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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::control::testing::{Kit, kit, launch};
    use crate::shared::Record;
    use crate::tls::testing::{Authority, Leaf};

    async fn get(kit: &Kit, path: &str) -> (u16, Value) {
        let response = page(&kit.hub, path).await;
        (response.status, serde_json::from_str(&response.body).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn only_the_pages_of_the_index_are_there() {
        let kit = kit(launch());
        for (path, status) in [("/", 200), ("/metrics", 200), ("/certs", 200), ("/metric", 404), ("/ready/", 404)] {
            assert_eq!(page(&kit.hub, path).await.status, status, "{path}");
        }
        assert!(page(&kit.hub, "/x").await.body.contains("/requests/ID"), "what there is instead is said");
    }

    #[tokio::test]
    async fn ready_says_everything_that_is_missing_and_nothing_else() {
        let mut managed = launch();
        managed.controller = Some(v1::Controller::default());
        managed.inbound = vec![v1::InboundListener::default()];
        let kit = kit(managed);
        let why = async || {
            let (status, body) = get(&kit, "/ready").await;
            let why: Vec<String> = serde_json::from_value(body["why"].clone()).unwrap();
            assert_eq!((status == 200, body["ready"] == true), (why.is_empty(), why.is_empty()), "{body}");
            why.join(", ")
        };
        let (listeners, identity) = ("the listeners are not open yet", "no identity from the controller yet");
        let program = "no program for this workload yet";
        assert_eq!(why().await, format!("{listeners}, {identity}, {program}"));
        kit.hub.engine_ready.send_replace(true);
        assert_eq!(why().await, format!("{identity}, {program}"));
        let mut config = Config::default();
        config.set_inbound("n/w", "1", v1::Inbound::default()).unwrap();
        kit.hub.push_config(config);
        let authority = Authority::new("t");
        let mut leaf = Leaf::named("spiffe://t/ns/n/sa/w");
        kit.hub.push_identity(authority.identity_of(&leaf, &[authority.root().to_vec()]));
        assert_eq!(why().await, "");
        leaf.not_after = timestamp::now() - 1;
        kit.hub.push_identity(authority.identity_of(&leaf, &[authority.root().to_vec()]));
        assert_eq!(why().await, "the certificate has expired");
        kit.hub.drain(0);
        assert_eq!(why().await, "draining, the certificate has expired");
    }

    #[tokio::test]
    async fn the_program_shows_versions_and_what_is_absent() {
        let kit = kit(launch());
        let mut config = Config::default();
        config.set_mesh("7", v1::Mesh { trust_domain: "t".into(), ..Default::default() }).unwrap();
        config.remove_frontend("d/web:80@n");
        kit.hub.push_config(config);
        let (_, body) = get(&kit, "/program").await;
        assert_eq!(body["mesh"]["version"], "7");
        assert!(body["mesh"]["content"].to_string().contains("\"t\""), "{body}");
        assert_eq!(body["absent_frontends"], json!(["d/web:80@n"]));
        assert_eq!(body["backends"], json!({}));
    }

    #[tokio::test]
    async fn a_request_is_found_by_its_id_with_advice() {
        let kit = kit(launch());
        let record = Record { id: "a-1".into(), reason: Reason::NoRoute.code(), ..Default::default() };
        kit.hub.shared.recent.push(Arc::new(record));
        let (status, body) = get(&kit, "/requests/a-1").await;
        assert_eq!((status, &body[0]["advice"]), (200, &json!(Reason::NoRoute.advice())));
        for other in ["/requests/a-2", "/requests/"] {
            assert_eq!(get(&kit, other).await.0, 404, "{other}");
        }
    }

    #[tokio::test]
    async fn without_an_engine_there_are_no_endpoints_to_tell() {
        let Kit { hub, engine } = kit(launch());
        drop(engine);
        assert_eq!(page(&hub, "/endpoints").await.status, 503);
    }

    #[tokio::test]
    async fn certificates_are_shown_by_name_and_hash() {
        let kit = kit(launch());
        assert_eq!(get(&kit, "/certs").await.1, json!({"spiffe_id": null}));
        let authority = Authority::new("t");
        kit.hub.push_identity(authority.identity("spiffe://t/ns/n/sa/w"));
        let (_, body) = get(&kit, "/certs").await;
        assert_eq!((&body["spiffe_id"], &body["trust_domain"]), (&json!("spiffe://t/ns/n/sa/w"), &json!("t")));
        assert_eq!(body["roots_sha256"], json!([sha256(authority.root())]));
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
