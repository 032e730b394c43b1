//! The lease: one `Attach` stream for as long as this process serves, which says where, how healthy, until when.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;
use weft_core::Rng;
use weft_proto::v1;
use weft_proto::v1::registration_client::RegistrationClient;

use super::backoff::Backoff;
use super::channel::why;
use super::hub::{AppHealth, Hub};
use super::join::service_account;
use super::log;
use crate::timestamp;

/// The controller refuses a registration with longer texts.
const MAX_REASON: usize = 500;

pub async fn run(hub: Arc<Hub>, seed: u64) {
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let mut channels = hub.channel.subscribe();
    let mut identity = hub.identity.subscribe();
    loop {
        // Without one it would be registered as unmeshed, and called without TLS.
        if identity.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let channel = channels.borrow_and_update().clone();
        if let Some(channel) = channel {
            let ended = follow(&hub, channel, &mut backoff).await;
            if backoff.is_fresh() {
                log::warn(&format!("registration: {ended}; trying again"));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&mut rng)) => {}
            _ = channels.changed() => {}
        }
    }
}

/// One stream, until it ends; the reason why it did.
async fn follow(hub: &Hub, channel: Channel, backoff: &mut Backoff) -> String {
    let (sender, outgoing) = mpsc::unbounded_channel();
    let mut client = RegistrationClient::new(channel);
    let listening = async {
        let mut statuses = match client.attach(UnboundedReceiverStream::new(outgoing)).await {
            Ok(response) => response.into_inner(),
            Err(status) => return why(&status),
        };
        let mut last = None;
        loop {
            match statuses.message().await {
                Ok(Some(status)) => {
                    backoff.reset();
                    // Each attachment is answered; only another answer is news.
                    if last.as_ref() != Some(&status) {
                        told(hub, &status);
                        last = Some(status);
                    }
                }
                Ok(None) => return "the controller ended the stream".into(),
                Err(status) => return why(&status),
            }
        }
    };
    tokio::select! {
        ended = listening => ended,
        () = tell(hub, sender) => "this proxy stops".into(),
    }
}

fn told(hub: &Hub, status: &v1::AttachmentStatus) {
    match status.error.as_str() {
        "" => log::info(&format!("registered as {} ({})", hub.workload_key(), status.spiffe_id)),
        error => hub.event("registration-refused", &hub.workload_key(), error),
    }
}

/// The whole attachment at first, and again whenever something of it is another.
async fn tell(hub: &Hub, sender: mpsc::UnboundedSender<v1::Attachment>) {
    let (mut health, mut identity) = (hub.health.subscribe(), hub.identity.subscribe());
    let (mut ready, mut draining) = (hub.engine_ready.subscribe(), hub.draining.subscribe());
    let mut admin = hub.admin.subscribe();
    let mut last = None;
    loop {
        let now = attachment(hub);
        // Time alone is no news.
        let timed = v1::Attachment { unix_ms: timestamp::now_ms(), ..now.clone() };
        if last.as_ref() != Some(&now) && sender.send(timed).is_err() {
            return;
        }
        last = Some(now);
        let changed = tokio::select! {
            changed = health.changed() => changed,
            changed = identity.changed() => changed,
            changed = ready.changed() => changed,
            changed = draining.changed() => changed,
            changed = admin.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn attachment(hub: &Hub) -> v1::Attachment {
    let mut workload = hub.workload();
    workload.service_account = service_account(&workload).to_owned();
    let state = rotation(&hub.health.borrow(), *hub.engine_ready.borrow(), *hub.draining.borrow());
    v1::Attachment {
        ports: ports(hub),
        health: state.health.into(),
        health_reason: state.reason.chars().take(MAX_REASON).collect(),
        epoch: hub.shared.epoch,
        admin: hub.admin.borrow().map(|a| a.to_string()).unwrap_or_default(),
        proxy_version: env!("CARGO_PKG_VERSION").into(),
        capabilities: weft_core::capability::ALL.iter().map(|c| c.to_string()).collect(),
        certificate_not_after: hub.identity.borrow().as_ref().map_or(0, |i| i.not_after),
        workload: Some(workload),
        unix_ms: 0,
    }
}

/// R8: in rotation only while proxy *and* app are ready and nobody wants them to stop.
fn rotation(app: &AppHealth, engine_ready: bool, draining: bool) -> AppHealth {
    match (draining, engine_ready) {
        (true, _) => AppHealth { health: v1::Health::Draining, reason: "draining".into() },
        (false, false) => AppHealth { health: v1::Health::Unhealthy, reason: "the proxy starts".into() },
        (false, true) => app.clone(),
    }
}

/// As bound: of a listener on every address the controller takes the one that it sees us come from.
fn ports(hub: &Hub) -> Vec<v1::AttachedPort> {
    let launched = hub.launch.inbound.iter().enumerate();
    let bound = launched.filter_map(|(i, listener)| {
        let at = hub.listening.get(i).copied().or_else(|| listener.address.parse().ok())?;
        Some((listener.port, at))
    });
    let attached = |(port, at): (u32, SocketAddr)| v1::AttachedPort {
        port,
        address: at.ip().to_string(),
        listen_port: at.port().into(),
    };
    bound.map(attached).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_rotation_only_when_proxy_and_app_are_ready_and_stay() {
        let app = |health| AppHealth { health, reason: "app".into() };
        let (up, down) = (app(v1::Health::Healthy), app(v1::Health::Unhealthy));
        let cases = [
            (&up, true, false, v1::Health::Healthy),
            (&down, true, false, v1::Health::Unhealthy),
            (&up, false, false, v1::Health::Unhealthy),
            (&up, true, true, v1::Health::Draining),
            (&down, false, true, v1::Health::Draining),
        ];
        for (health, ready, draining, wanted) in cases {
            assert_eq!(rotation(health, ready, draining).health, wanted, "{health:?} {ready} {draining}");
        }
    }
}
