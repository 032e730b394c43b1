//! What somebody who watches live sees.

use std::sync::Arc;

use tokio::sync::mpsc;
use weft_proto::v1;

use super::kit::{App, Client, Pair, Plan, Proxy, status};
use crate::shared::Command;
use crate::tap::{Tap, Taps};

struct Watch {
    taps: Taps,
    records: mpsc::Receiver<v1::TapRecord>,
}

impl Watch {
    /// One tap for each order, with room for `room` records; in force when this returns.
    fn new(proxy: &Proxy, orders: Vec<v1::TapOrder>, room: usize) -> Watch {
        let (sender, records) = mpsc::channel(room);
        let numbered = (1..).zip(orders).map(|(id, order)| Tap::new(v1::TapOrder { id, ..order }));
        let all = numbered.map(|tap| Arc::new(tap.ok().unwrap())).collect();
        let taps = Taps { all, records: sender };
        proxy.handle.send(Command::Taps(Some(taps.clone())));
        until_obeyed(proxy);
        Watch { taps, records }
    }

    fn seen(&mut self) -> Vec<v1::TapRecord> {
        std::iter::from_fn(|| self.records.try_recv().ok()).collect()
    }

    fn left_out(&self) -> Vec<u64> {
        self.taps.all.iter().map(|tap| tap.left_out.get()).collect()
    }
}

/// Commands are obeyed in order: what is answered now comes after those before.
fn until_obeyed(proxy: &Proxy) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    proxy.handle.send(Command::DescribeEndpoints(sender));
    receiver.blocking_recv().unwrap();
}

fn all() -> v1::TapOrder {
    v1::TapOrder { per_second: 100, ..v1::TapOrder::default() }
}

fn with(change: impl FnOnce(&mut v1::TapFilter)) -> v1::TapOrder {
    let mut filter = v1::TapFilter::default();
    change(&mut filter);
    v1::TapOrder { filter: Some(filter), ..all() }
}

#[test]
fn a_request_between_two_proxies_is_shown_once_by_the_callers() {
    let app = App::says("hello");
    let pair = Pair::of(app.address, |_| {});
    let (mut at_caller, mut at_callee) =
        (Watch::new(&pair.caller, vec![all()], 9), Watch::new(&pair.callee, vec![all()], 9));
    let get = "GET /x?secret=1 HTTP/1.1\r\nhost: b\r\nx-request-id: me\r\n\r\n";
    pair.caller.client().send(get).response().unwrap();
    assert_eq!(at_callee.seen(), []);
    let [record] = at_caller.seen().try_into().unwrap();
    let edge = record.edge.as_ref().unwrap();
    assert_eq!((edge.source_workload.as_str(), edge.source_service.as_str()), ("default/a-0", "default/a"));
    assert_eq!((edge.destination_service.as_str(), edge.tls.as_str()), ("default/b", "mtls"));
    assert_eq!((record.method.as_str(), record.path.as_str(), record.authority.as_str()), ("GET", "/x", "b"));
    assert_eq!((record.status, record.request_id.as_str(), record.response_bytes), (200, "me", 5));
    assert_eq!((record.taps.as_slice(), record.retries, record.reason.as_str()), ([1].as_slice(), 0, ""));
    assert!(record.principal.ends_with("/sa/a") && record.unix_us > 0 && record.latency_us > 0, "{record:?}");
}

#[test]
fn an_unmeshed_callers_request_is_shown_by_the_callees_proxy() {
    let app = App::says("");
    let callee = Plan::new("b").serves(app.address, |_| {}).start();
    let mut watch = Watch::new(&callee, vec![all()], 9);
    Client::connect(callee.inbound[0]).get("/y");
    let [record] = watch.seen().try_into().unwrap();
    let edge = record.edge.unwrap();
    assert_eq!((edge.source_workload.as_str(), edge.destination_workload.as_str()), ("", "default/b-0"));
    assert_eq!((edge.side.as_str(), record.principal.as_str(), record.path.as_str()), ("destination", "", "/y"));
}

#[test]
fn what_no_endpoint_answered_is_shown_with_the_service_that_was_meant() {
    let proxy = Plan::new("a").calls("b", &[]).start();
    let mut watch = Watch::new(&proxy, vec![with(|f| f.destination = "default/b".into())], 9);
    assert_eq!(proxy.client().get("/").status, 503);
    let [record] = watch.seen().try_into().unwrap();
    assert_eq!((record.status, record.reason.as_str()), (503, "no-healthy-upstream"));
    assert_eq!(record.edge.unwrap().source_workload, "default/a-0");
}

#[test]
fn each_tap_gets_what_it_asked_for_in_one_record() {
    let app = App::start(|seen, _| Some(status(if seen.line.contains("/bad") { 500 } else { 200 })));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let bad = with(|f| (f.status_from, f.status_to) = (500, 599));
    let mut watch = Watch::new(&proxy, vec![bad, with(|f| f.path = "/".into()), with(|f| f.method = "PUT".into())], 9);
    let mut client = proxy.client();
    client.get("/good");
    client.get("/bad");
    let seen: Vec<_> = watch.seen().into_iter().map(|r| (r.path, r.taps)).collect();
    assert_eq!(seen, [("/good".to_owned(), vec![2]), ("/bad".to_owned(), vec![1, 2])]);
}

#[test]
fn the_query_is_shown_to_who_asked_for_it() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut watch = Watch::new(&proxy, vec![v1::TapOrder { query: true, ..all() }], 9);
    proxy.client().get("/x?y=1");
    assert_eq!(watch.seen()[0].path, "/x?y=1");
}

#[test]
fn more_than_allowed_is_left_out_and_counted() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut watch = Watch::new(&proxy, vec![v1::TapOrder { per_second: 3, ..all() }, all()], 99);
    let mut client = proxy.client();
    (0..20).for_each(|_| assert_eq!(client.get("/").status, 200));
    // It may have been two seconds, or three on a machine with much to do; the other tap has its own measure.
    let seen = watch.seen();
    let first = seen.iter().filter(|record| record.taps.contains(&1)).count() as u64;
    assert_eq!((seen.len(), watch.left_out()), (20, vec![20 - first, 0]));
    assert!((3..20).contains(&first), "{first}");
}

#[test]
fn a_reader_that_is_stuck_slows_no_request_and_loses_records() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut watch = Watch::new(&proxy, vec![all()], 2);
    let mut client = proxy.client();
    (0..50).for_each(|_| assert_eq!(client.get("/").status, 200));
    assert_eq!((watch.seen().len(), watch.left_out()), (2, vec![48]));
}

#[test]
fn nobody_watches_when_it_ends_or_its_reader_is_gone() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut watch = Watch::new(&proxy, vec![all()], 9);
    proxy.handle.send(Command::Taps(None));
    until_obeyed(&proxy);
    let mut client = proxy.client();
    client.get("/");
    assert_eq!((watch.seen().len(), watch.left_out()), (0, vec![0]));
    let Watch { taps, records } = Watch::new(&proxy, vec![all()], 9);
    drop(records);
    (0..3).for_each(|_| assert_eq!(client.get("/").status, 200));
    assert_eq!(taps.all[0].left_out.get(), 0);
}
