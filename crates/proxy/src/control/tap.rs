//! Live requests for the controller's taps: orders come down one stream, what fits goes up the same one.
//!
//! The stream is there as long as the controller is; without a tap nothing is sent on it, and the engine knows of none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use weft_core::Rng;
use weft_proto::v1;
use weft_proto::v1::tap_client::TapClient;

use super::backoff::Backoff;
use super::channel::why;
use super::hub::Hub;
use super::log;
use crate::shared::Command;
use crate::tap::{MAX_TAPS, Tap, Taps};

/// How long a record may wait for others: people see it as at once.
const INTERVAL: Duration = Duration::from_millis(100);
/// Records that the engine has sent and no report has taken: a tenth of a second of all taps at their most.
const RECORDS: usize = 512;
/// Reports that the controller has not taken: beyond them records wait, and then are left out.
const REPORTS: usize = 2;

pub async fn run(hub: Arc<Hub>, seed: u64) {
    let (mut backoff, mut rng) = (Backoff::default(), Rng::new(seed));
    let mut channels = hub.channel.subscribe();
    loop {
        let channel = channels.borrow_and_update().clone();
        if let Some(channel) = channel {
            let ended = follow(&hub, channel, &mut backoff).await;
            // Nobody watches through a stream that is gone.
            hub.engine.send(Command::Taps(None));
            match ended {
                Err(status) if status.code() == Code::Unimplemented => {
                    // Older than taps: another build may answer on another channel.
                    if channels.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Err(status) if backoff.is_fresh() => log::info(&format!("tap: {}; trying again", why(&status))),
                _ => {}
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next(&mut rng)) => {}
            _ = channels.changed() => {}
        }
    }
}

async fn follow(hub: &Hub, channel: Channel, backoff: &mut Backoff) -> Result<(), Status> {
    let (sender, outgoing) = mpsc::channel(REPORTS);
    // Who we are: what is watched is told to who has said that.
    let hello = v1::TapReport { reporter: hub.workload_key(), ..v1::TapReport::default() };
    let _ = sender.try_send(hello);
    let orders = TapClient::new(channel).watch(ReceiverStream::new(outgoing)).await?.into_inner();
    backoff.reset();
    Watching::new(hub, sender).run(orders).await
}

/// One stream's taps.
struct Watching<'h> {
    hub: &'h Hub,
    sender: mpsc::Sender<v1::TapReport>,
    /// The engine's end, for whoever watches next.
    records: mpsc::Sender<v1::TapRecord>,
    taken: mpsc::Receiver<v1::TapRecord>,
    taps: Vec<Arc<Tap>>,
    /// By tap: what was told of `left_out`.
    told: HashMap<u64, u64>,
    refused: Vec<v1::TapRefused>,
}

impl<'h> Watching<'h> {
    fn new(hub: &'h Hub, sender: mpsc::Sender<v1::TapReport>) -> Watching<'h> {
        let (records, taken) = mpsc::channel(RECORDS);
        Watching { hub, sender, records, taken, taps: Vec::new(), told: HashMap::new(), refused: Vec::new() }
    }

    async fn run(mut self, mut orders: Streaming<v1::TapOrders>) -> Result<(), Status> {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut report = None;
        let sender = self.sender.clone();
        loop {
            tokio::select! {
                given = orders.message() => match given? {
                    Some(given) => self.obey(given),
                    None => return Ok(()),
                },
                _ = tick.tick(), if report.is_none() && self.is_busy() => report = self.report(),
                // A controller that is slow is not waited for: the engine leaves out what finds no room.
                place = sender.reserve(), if report.is_some() => match (place, report.take()) {
                    (Ok(place), Some(report)) => place.send(report),
                    _ => return Ok(()),
                },
            }
        }
    }

    fn is_busy(&self) -> bool {
        !self.taps.is_empty() || !self.refused.is_empty()
    }

    /// These and no others. One that goes on keeps its count; how much it may have changes with the others.
    fn obey(&mut self, given: v1::TapOrders) {
        let mut taps = Vec::new();
        for order in given.taps.into_iter().take(MAX_TAPS) {
            let id = order.id;
            match Tap::new(order) {
                Ok(mut tap) => {
                    if let Some(known) = self.taps.iter().find(|known| known.id == id) {
                        tap.left_out = known.left_out.clone();
                    }
                    taps.push(Arc::new(tap));
                }
                Err(missing) => self.refused.push(v1::TapRefused { id, missing }),
            }
        }
        self.told.retain(|id, _| taps.iter().any(|tap| tap.id == *id));
        self.taps = taps;
        let all: Arc<[Arc<Tap>]> = self.taps.clone().into();
        let taps = (!all.is_empty()).then(|| Taps { all, records: self.records.clone() });
        self.hub.engine.send(Command::Taps(taps));
    }

    /// What there is to tell; None: nothing.
    fn report(&mut self) -> Option<v1::TapReport> {
        let records: Vec<_> = std::iter::from_fn(|| self.taken.try_recv().ok()).take(RECORDS).collect();
        let mut left_out = Vec::new();
        for tap in &self.taps {
            let (count, told) = (tap.left_out.get(), self.told.entry(tap.id).or_default());
            if *told != count {
                *told = count;
                left_out.push(v1::TapLeftOut { id: tap.id, count });
            }
        }
        let refused = std::mem::take(&mut self.refused);
        let news = !(records.is_empty() && left_out.is_empty() && refused.is_empty());
        news.then(|| v1::TapReport { reporter: self.hub.workload_key(), records, left_out, refused })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Kit, kit, launch};
    use super::*;

    fn orders(ids: &[u64]) -> v1::TapOrders {
        let order = |id: &u64| v1::TapOrder { id: *id, per_second: 9, ..Default::default() };
        v1::TapOrders { taps: ids.iter().map(order).collect() }
    }

    fn in_force(kit: &Kit) -> Option<Taps> {
        let Ok(Command::Taps(taps)) = kit.engine.commands.try_recv() else { panic!("the engine was told nothing") };
        taps
    }

    #[test]
    fn the_engine_has_the_taps_that_are_ordered_and_none_when_there_are_none() {
        let kit = kit(launch());
        let mut watching = Watching::new(&kit.hub, mpsc::channel(1).0);
        watching.obey(orders(&[1, 2]));
        let first = in_force(&kit).unwrap();
        assert_eq!(first.all.iter().map(|tap| tap.id).collect::<Vec<_>>(), [1, 2]);
        let mut fewer = orders(&[2, 3]);
        fewer.taps[0].per_second = 4;
        watching.obey(fewer);
        let second = in_force(&kit).unwrap();
        first.all[1].left_out.add(1);
        assert_eq!(
            (second.all[0].left_out.get(), second.all[0].per_second),
            (1, 4),
            "its count goes on, its share is less"
        );
        watching.obey(orders(&[]));
        assert!(in_force(&kit).is_none() && !watching.is_busy());
    }

    #[test]
    fn a_tap_that_asks_for_more_than_this_build_knows_is_refused_by_name() {
        let kit = kit(launch());
        let mut watching = Watching::new(&kit.hub, mpsc::channel(1).0);
        let mut given = orders(&[1, 2]);
        given.taps[0].requires = vec!["header".into()];
        watching.obey(given);
        assert_eq!(in_force(&kit).unwrap().all.len(), 1);
        let told = watching.report().unwrap();
        assert_eq!(told.refused, [v1::TapRefused { id: 1, missing: vec!["header".into()] }]);
        assert!(watching.report().is_none(), "once");
    }

    #[test]
    fn records_and_what_was_left_out_are_told_once() {
        let kit = kit(launch());
        let mut watching = Watching::new(&kit.hub, mpsc::channel(1).0);
        watching.obey(orders(&[7]));
        let taps = in_force(&kit).unwrap();
        (0..RECORDS).for_each(|_| taps.records.try_send(v1::TapRecord::default()).unwrap());
        assert!(taps.records.try_send(v1::TapRecord::default()).is_err(), "the queue is bounded");
        taps.all[0].left_out.add(3);
        let told = watching.report().unwrap();
        assert_eq!((told.records.len(), told.reporter.as_str()), (RECORDS, "n/w"));
        assert_eq!(told.left_out, [v1::TapLeftOut { id: 7, count: 3 }]);
        assert!(watching.report().is_none());
    }

    #[test]
    fn no_more_taps_than_there_may_be() {
        let kit = kit(launch());
        let mut watching = Watching::new(&kit.hub, mpsc::channel(1).0);
        watching.obey(orders(&(1..40).collect::<Vec<_>>()));
        assert_eq!(in_force(&kit).unwrap().all.len(), MAX_TAPS);
    }
}
