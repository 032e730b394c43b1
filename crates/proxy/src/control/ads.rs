//! The discovery stream: moves messages between the controller and `delivery`, and decides nothing itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use weft_core::Rng;
use weft_proto::v1;

use super::backoff::Backoff;
use super::channel::{MAX_MESSAGE, why};
use super::delivery::Delivery;
use super::hub::Hub;
use super::log;
use crate::timestamp;

const METHOD: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/// How often `Delivery::tick` is asked. A frontend that lacks something waits half a second before it is asked for.
const TICK: Duration = Duration::from_millis(500);

/// Responses that are put in force together when they arrive together; the controller sends as many unacknowledged.
const BATCH: usize = 16;

/// What the engine says about destinations.
pub enum Ask {
    Want(String),
    /// On-demand frontends that traffic used in the last minute.
    Used(Vec<String>),
}

pub async fn run(hub: Arc<Hub>, mut asks: mpsc::UnboundedReceiver<Ask>, seed: u64) {
    let mut delivery = start(&hub);
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let mut channels = hub.channel.subscribe();
    loop {
        let channel = channels.borrow_and_update().clone();
        if let Some(channel) = channel {
            let ended = follow(&hub, &mut delivery, &mut asks, channel, &mut backoff).await;
            hub.contact.send_if_modified(|c| {
                let lost = std::mem::take(&mut c.connected);
                c.last_ms = if lost { timestamp::now_ms() } else { c.last_ms };
                lost
            });
            if backoff.is_fresh() {
                log::warn(&format!("delivery: {ended}; serving on what is known, and trying again"));
            }
        }
        let wait = backoff.next(&mut rng);
        let pause = tokio::time::sleep(wait);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                changed = channels.changed() => if changed.is_ok() { break },
                Some(ask) = asks.recv() => drop(answer(&mut delivery, ask)),
            }
        }
    }
}

fn start(hub: &Hub) -> Delivery {
    let mut delivery = delivery(hub);
    // What is in force already: from a file, the state directory, or before this task was started again.
    let current = hub.config.borrow().clone();
    for refused in delivery.restore(Delivery::saved(&current), timestamp::now_ms() as u64) {
        log::warn(&format!("{}: {}", refused.name, refused.reason));
    }
    delivery
}

/// Nothing in force yet; asks for what the launch declares.
pub fn delivery(hub: &Hub) -> Delivery {
    let (workload, launch) = (hub.workload(), &hub.launch);
    let node = v1::Node {
        id: hub.workload_key(),
        cluster: workload.service.clone(),
        user_agent_name: "weft-proxy".into(),
        user_agent_version_type: Some(v1::node::UserAgentVersionType::UserAgentVersion(
            env!("CARGO_PKG_VERSION").into(),
        )),
        client_features: weft_core::capability::ALL.iter().map(|c| c.to_string()).collect(),
        ..Default::default()
    };
    let mut inbounds = vec![hub.workload_key()];
    inbounds.extend(launch.inbound.iter().map(|l| l.inbound.clone()).filter(|n| !n.is_empty()));
    inbounds.dedup();
    let named = launch.outbound.iter().filter(|l| !l.frontend.is_empty());
    let declared: Vec<String> = named.map(|l| format!("{}@{}", l.frontend, workload.namespace)).collect();
    Delivery::new(node, inbounds, &declared)
}

/// One stream, until it ends; the reason why it did.
async fn follow(
    hub: &Hub,
    delivery: &mut Delivery,
    asks: &mut mpsc::UnboundedReceiver<Ask>,
    channel: Channel,
    backoff: &mut Backoff,
) -> String {
    let (requests, outgoing) = mpsc::unbounded_channel();
    let mut session = Session { hub, delivery, requests, dirty: false };
    session.send(session.delivery.open());
    let (sender, mut responses) = mpsc::channel(BATCH);
    let reading = read(channel, outgoing, sender);
    tokio::pin!(reading);
    let mut tick = tokio::time::interval(TICK);
    let ended = loop {
        tokio::select! {
            biased;
            Some(response) = responses.recv() => {
                backoff.reset();
                session.take(response);
            }
            ended = &mut reading => break ended,
            Some(ask) = asks.recv() => session.ask(ask),
            // Nothing more has arrived: the batch is whole.
            () = std::future::ready(()), if session.dirty => session.flush(),
            _ = tick.tick() => session.tick(),
        }
    };
    session.flush();
    ended
}

/// A server may keep its headers back until it has something to say: opening and reading are one thing here.
async fn read(
    channel: Channel,
    outgoing: mpsc::UnboundedReceiver<v1::DeltaDiscoveryRequest>,
    sender: mpsc::Sender<v1::DeltaDiscoveryResponse>,
) -> String {
    let mut responses = match open(channel, outgoing).await {
        Ok(responses) => responses,
        Err(status) => return why(&status),
    };
    loop {
        match responses.message().await {
            Ok(Some(response)) => drop(sender.send(response).await),
            Ok(None) => return "the controller ended the stream".into(),
            Err(status) => return why(&status),
        }
    }
}

struct Session<'a> {
    hub: &'a Hub,
    delivery: &'a mut Delivery,
    requests: mpsc::UnboundedSender<v1::DeltaDiscoveryRequest>,
    /// The engine has another configuration than `delivery`.
    dirty: bool,
}

impl Session<'_> {
    fn send(&self, requests: impl IntoIterator<Item = v1::DeltaDiscoveryRequest>) {
        // Nobody takes them when the stream has just ended; the next one begins with all that is wanted.
        requests.into_iter().for_each(|request| drop(self.requests.send(request)));
    }

    fn take(&mut self, response: v1::DeltaDiscoveryResponse) {
        let now = timestamp::now_ms() as u64;
        let handled = self.delivery.handle(response, now);
        self.hub.contact.send_if_modified(|c| !std::mem::replace(&mut c.connected, true));
        for refused in &handled.refused {
            self.hub.shared.metrics.config_rejected.add(1);
            let text = format!("version {}: {}", refused.version, refused.reason);
            self.hub.event("rejected", &refused.name, &text);
        }
        self.send([handled.reply]);
        self.dirty |= handled.changed;
    }

    fn ask(&mut self, ask: Ask) {
        let (request, changed) = answer(self.delivery, ask);
        self.send(request);
        self.dirty |= changed;
    }

    fn tick(&mut self) {
        let (requests, changed) = self.delivery.tick(timestamp::now_ms() as u64);
        self.send(requests);
        self.dirty |= changed;
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.hub.push_config(self.delivery.config.clone());
        }
    }
}

async fn open(
    channel: Channel,
    outgoing: mpsc::UnboundedReceiver<v1::DeltaDiscoveryRequest>,
) -> Result<Streaming<v1::DeltaDiscoveryResponse>, tonic::Status> {
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MAX_MESSAGE);
    grpc.ready().await.map_err(|e| tonic::Status::from_error(e.into()))?;
    let request = tonic::Request::new(UnboundedReceiverStream::new(outgoing));
    let codec = tonic_prost::ProstCodec::default();
    Ok(grpc.streaming(request, PathAndQuery::from_static(METHOD), codec).await?.into_inner())
}

fn answer(delivery: &mut Delivery, ask: Ask) -> (Option<v1::DeltaDiscoveryRequest>, bool) {
    let now = timestamp::now_ms() as u64;
    match ask {
        Ask::Want(name) => delivery.want(&name, now),
        Ask::Used(names) => {
            delivery.subscriptions.used(&names, now);
            (None, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::super::testing::{Kit, kit, launch};
    use super::*;
    use crate::shared::Command;

    /// Asked for, by type, in a new stream's requests.
    fn asked(delivery: &Delivery, kind: Kind) -> Vec<String> {
        let requests = delivery.open();
        requests.into_iter().find(|r| r.type_url == kind.url()).unwrap().resource_names_subscribe
    }

    #[test]
    fn what_the_launch_declares_is_asked_for() {
        let mut launch = launch();
        let inbound = |name: &str| v1::InboundListener { inbound: name.into(), ..Default::default() };
        let outbound = |name: &str| v1::OutboundListener { frontend: name.into(), ..Default::default() };
        launch.inbound = vec![inbound(""), inbound("n/w"), inbound("n/other")];
        launch.outbound = vec![outbound(""), outbound("d/web:80")];
        let kit = kit(launch);
        let delivery = delivery(&kit.hub);
        assert_eq!(asked(&delivery, Kind::Inbound), ["n/w", "n/other"]);
        assert_eq!(asked(&delivery, Kind::Frontend), ["d/web:80@n"]);
        let node = delivery.open()[0].node.clone().unwrap();
        assert_eq!(node.id, "n/w");
        assert!(node.client_features.iter().map(String::as_str).eq(weft_core::capability::ALL.iter().copied()));
    }

    #[test]
    fn a_new_task_begins_with_what_is_in_force() {
        let kit = kit(launch());
        let mut delivery = delivery(&kit.hub);
        delivery.config.set_mesh("7", v1::Mesh::default()).unwrap();
        kit.hub.push_config(delivery.config);
        assert_eq!(start(&kit.hub).config.sources.mesh.map(|s| s.version.to_string()), Some("7".into()));
    }

    fn mesh(version: &str, requires: &[&str]) -> v1::DeltaDiscoveryResponse {
        let requires = requires.iter().map(|r| r.to_string()).collect();
        let message = v1::Mesh { name: "mesh".into(), requires, ..Default::default() };
        let resources = vec![Kind::Mesh.resource("mesh", version, &message)];
        v1::DeltaDiscoveryResponse { type_url: Kind::Mesh.url().into(), resources, ..Default::default() }
    }

    /// Feeds a session; what it asked, and how often the engine got another configuration.
    fn feed(kit: &Kit, responses: Vec<v1::DeltaDiscoveryResponse>) -> (Vec<v1::DeltaDiscoveryRequest>, usize) {
        let mut delivery = delivery(&kit.hub);
        let (requests, mut sent) = mpsc::unbounded_channel();
        let mut session = Session { hub: &kit.hub, delivery: &mut delivery, requests, dirty: false };
        responses.into_iter().for_each(|response| session.take(response));
        session.flush();
        session.flush();
        let pushed = kit.engine.commands.try_iter().filter(|c| matches!(c, Command::Config(_))).count();
        (std::iter::from_fn(|| sent.try_recv().ok()).collect(), pushed)
    }

    #[test]
    fn responses_that_come_together_are_put_in_force_together() {
        let kit = kit(launch());
        let (replies, pushed) = feed(&kit, vec![mesh("1", &[]), mesh("2", &[])]);
        assert_eq!((replies.len(), pushed), (2, 1));
        assert!(kit.hub.contact.borrow().connected);
        assert_eq!(&*kit.hub.config.borrow().sources.mesh.as_ref().unwrap().version, "2");
    }

    #[test]
    fn a_refusal_is_told_to_the_controller_and_to_people_and_changes_nothing() {
        let kit = kit(launch());
        let (replies, pushed) = feed(&kit, vec![mesh("3", &["mesh.telepathy"])]);
        assert!(replies[0].error_detail.is_some());
        assert_eq!((pushed, kit.hub.shared.metrics.config_rejected.get()), (0, 1));
        let events = kit.hub.take_events(9);
        assert_eq!((events.len(), events[0].kind.as_str(), events[0].subject.as_str()), (1, "rejected", "mesh"));
        assert!(events[0].text.contains("version 3") && events[0].text.contains("mesh.telepathy"), "{events:?}");
    }

    #[test]
    fn only_a_new_want_becomes_a_request() {
        let kit = kit(launch());
        let mut delivery = delivery(&kit.hub);
        let names =
            |(request, _): (Option<v1::DeltaDiscoveryRequest>, bool)| request.map(|r| r.resource_names_subscribe);
        let want = || Ask::Want("d/web:80@n".into());
        assert_eq!(names(answer(&mut delivery, want())), Some(vec!["d/web:80@n".to_owned()]));
        assert_eq!(names(answer(&mut delivery, want())), None);
        assert_eq!(names(answer(&mut delivery, Ask::Used(vec!["d/web:80@n".into()]))), None);
    }
}
