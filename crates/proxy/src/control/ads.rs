//! The discovery stream: moves messages between the controller and `delivery`, and decides nothing itself.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
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

/// What the engine says about destinations.
pub enum Ask {
    Want(String),
    /// On-demand frontends that traffic used in the last minute.
    Used(Vec<String>),
}

type Requests = mpsc::UnboundedSender<v1::DeltaDiscoveryRequest>;

pub async fn run(hub: Arc<Hub>, mut asks: mpsc::UnboundedReceiver<Ask>, seed: u64) {
    let mut delivery = start(&hub);
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let mut channels = hub.channel.subscribe();
    loop {
        let channel = channels.borrow_and_update().clone();
        if let Some(channel) = channel {
            let ended = follow(&hub, &mut delivery, &mut asks, channel, &mut backoff).await;
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
    let workload = hub.workload();
    let launch = &hub.launch;
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
    let declared: Vec<String> = launch
        .outbound
        .iter()
        .filter(|l| !l.frontend.is_empty())
        .map(|l| format!("{}@{}", l.frontend, workload.namespace))
        .collect();
    let mut delivery = Delivery::new(node, inbounds, &declared);
    // What is in force already: from a file, the state directory, or before this task was started again.
    let current = hub.config.borrow().clone();
    for refused in delivery.restore(Delivery::saved(&current), timestamp::now_ms() as u64) {
        log::warn(&format!("{}: {}", refused.name, refused.reason));
    }
    delivery
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
    delivery.open().into_iter().for_each(|request| drop(requests.send(request)));
    let opening = open(channel, outgoing);
    tokio::pin!(opening);
    let mut responses = loop {
        tokio::select! {
            opened = &mut opening => match opened {
                Ok(responses) => break responses,
                Err(status) => return why(&status),
            },
            Some(ask) = asks.recv() => hand_on(hub, delivery, ask, &requests, &mut false),
        }
    };
    let mut tick = tokio::time::interval(TICK);
    let mut dirty = false;
    loop {
        tokio::select! {
            biased;
            response = responses.message() => match response {
                Ok(Some(response)) => {
                    backoff.reset();
                    dirty |= take(hub, delivery, response, &requests);
                }
                Ok(None) => return "the controller ended the stream".into(),
                Err(status) => return why(&status),
            },
            Some(ask) = asks.recv() => hand_on(hub, delivery, ask, &requests, &mut dirty),
            // Nothing more has arrived: the batch is whole.
            () = std::future::ready(()), if dirty => {
                hub.push_config(delivery.config.clone());
                dirty = false;
            }
            _ = tick.tick() => {
                let (more, changed) = delivery.tick(timestamp::now_ms() as u64);
                more.into_iter().for_each(|request| drop(requests.send(request)));
                dirty |= changed;
            }
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

/// True: another configuration.
fn take(hub: &Hub, delivery: &mut Delivery, response: v1::DeltaDiscoveryResponse, requests: &Requests) -> bool {
    let now = timestamp::now_ms() as u64;
    let handled = delivery.handle(response, now);
    hub.last_delivery_ms.send_replace(now);
    for refused in &handled.refused {
        hub.shared.metrics.config_rejected.add(1);
        hub.event("rejected", &refused.name, &format!("version {}: {}", refused.version, refused.reason));
    }
    let _ = requests.send(handled.reply);
    handled.changed
}

fn hand_on(hub: &Hub, delivery: &mut Delivery, ask: Ask, requests: &Requests, dirty: &mut bool) {
    let (request, changed) = answer(delivery, ask);
    if let Some(request) = request {
        let _ = requests.send(request);
    }
    *dirty |= changed;
    let _ = hub;
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
