//! The lease: one `Attach` stream for as long as this process serves, which says where, how healthy, until when.

use std::net::{IpAddr, SocketAddr, UdpSocket};
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

pub async fn run(hub: Arc<Hub>, seed: u64) {
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let mut channels = hub.channel.subscribe();
    loop {
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
        loop {
            match statuses.message().await {
                Ok(Some(status)) => {
                    backoff.reset();
                    told(hub, &status);
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
        if last.as_ref() != Some(&now) && sender.send(now.clone()).is_err() {
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
        health_reason: state.reason,
        epoch: hub.shared.epoch,
        admin: hub.admin.borrow().map(|a| a.to_string()).unwrap_or_default(),
        proxy_version: env!("CARGO_PKG_VERSION").into(),
        capabilities: weft_core::capability::ALL.iter().map(|c| c.to_string()).collect(),
        certificate_not_after: hub.identity.borrow().as_ref().map_or(0, |i| i.not_after),
        workload: Some(workload),
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

fn ports(hub: &Hub) -> Vec<v1::AttachedPort> {
    let towards = hub.launch.controller.as_ref().map(|c| c.address.clone()).unwrap_or_default();
    let bound = hub.launch.inbound.iter().enumerate();
    bound
        .filter_map(|(i, listener)| {
            let at = hub.listening.get(i).copied().or_else(|| listener.address.parse().ok())?;
            let address = advertised(at, &towards);
            Some(v1::AttachedPort { port: listener.port, address: address.to_string(), listen_port: at.port().into() })
        })
        .collect()
}

/// A listener on every address is reached at the one from which this machine reaches the controller.
fn advertised(at: SocketAddr, controller: &str) -> IpAddr {
    if !at.ip().is_unspecified() {
        return at.ip();
    }
    let any: IpAddr = if at.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let loopback: IpAddr = if at.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
    // Connecting a UDP socket sends nothing: it asks the kernel for the route.
    let socket = UdpSocket::bind((any, 0)).and_then(|s| s.connect(controller).and_then(|()| s.local_addr()));
    socket.map_or(loopback, |local| local.ip())
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

    #[test]
    fn a_bound_address_is_advertised_as_it_is_and_a_wildcard_by_route() {
        assert_eq!(advertised("10.1.2.3:80".parse().unwrap(), "").to_string(), "10.1.2.3");
        assert_eq!(advertised("0.0.0.0:80".parse().unwrap(), "127.0.0.1:15010").to_string(), "127.0.0.1");
        assert_eq!(advertised("0.0.0.0:80".parse().unwrap(), "unix:/x").to_string(), "127.0.0.1");
        assert_eq!(advertised("[::]:80".parse().unwrap(), "unix:/x").to_string(), "::1");
    }
}
