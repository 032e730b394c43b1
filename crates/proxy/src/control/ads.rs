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
        user_agent_version: env!("CARGO_PKG_VERSION").into(),
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
