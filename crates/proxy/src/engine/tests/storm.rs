//! Many callers that behave badly, at the same time, and what is left when they are gone: nothing.

use std::io::Write;
use std::time::Instant;

use super::kit::{App, Client, PATIENCE, Pair, Plan, Proxy, ok, status};
use crate::shared::{Command, EndpointView};
use crate::tls::testing::Authority;
use weft_proto::v1;

const CALLERS: u64 = 24;
const CALLS: u64 = 60;

/// Answers well, badly, too early, in part, or not at all; which, is the number's choice.
fn moody() -> App {
    App::start(|seen, n| match n % 11 {
        0 => Some(status(500)),
        1 => None,
        2 => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\nconnection: close\r\n\r\nin part".to_vec()),
        3 => Some(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec()),
        4 => Some(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end".to_vec()),
        5 => Some(b"not HTTP at all\r\n\r\n".to_vec()),
        6 if seen.header("upgrade").is_some() => {
            Some(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello".to_vec())
        }
        _ => Some(ok(&"x".repeat(n % 7 * 30_000))),
    })
}

/// One call that ends well, or not, and does not care.
fn call(client: &mut Client, kind: u64) -> Option<()> {
    let mut send = |text: &str| client.writer.write_all(text.as_bytes()).ok();
    match kind % 9 {
        0 => send("GET /hang-up HTTP/1.1\r\nhost: b\r\n\r\n").and(None),
        1 => send("POST /in-part HTTP/1.1\r\nhost: b\r\ncontent-length: 70000\r\n\r\nonly this").and(None),
        2 => send("GET /half HTTP/1.1\r\nhost: b\r\nx: ").and(None),
        3 => send("GET /up HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw").and(None),
        4 => {
            let chunks = "PUT /c HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
            send(chunks)?;
            client.response().map(|_| ())
        }
        5 => {
            send("GET /1 HTTP/1.1\r\nhost: b\r\n\r\nGET /2 HTTP/1.1\r\nhost: b\r\n\r\n")?;
            client.response()?;
            client.response().map(|_| ())
        }
        6 => {
            send("POST /large HTTP/1.1\r\nhost: b\r\ncontent-length: 200000\r\n\r\n")?;
            client.writer.write_all(&[b'x'; 200_000]).ok()?;
            client.response().map(|_| ())
        }
        _ => {
            send("GET /good HTTP/1.1\r\nhost: b\r\n\r\n")?;
            client.response().map(|_| ())
        }
    }
}

fn endpoints(proxy: &Proxy) -> Vec<EndpointView> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    proxy.handle.send(Command::DescribeEndpoints(sender));
    receiver.blocking_recv().unwrap()
}

pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_storm_of_bad_callers_and_a_moody_app_leave_nothing_behind() {
    let authority = Authority::new("root");
    let (one, other) = (moody(), moody());
    let serve = |app: &App| Plan::new("b").serves(app.address, |_| {}).start_as(Some(&authority));
    let (first, second) = (serve(&one), serve(&other));
    let retry = v1::RetryPolicy {
        attempts: 2,
        on: vec!["5xx".into(), "reset".into()],
        backoff_base_ms: 1,
        backoff_max_ms: 3,
        ..v1::RetryPolicy::default()
    };
    let nobody: std::net::SocketAddr = "127.0.0.1:2".parse().unwrap();
    let all = [(first.inbound[0], Some("b")), (nobody, Some("b")), (second.inbound[0], Some("b"))];
    let caller = Plan::new("a").calls("b", &all).retry(retry).start_as(Some(&authority));
    let address = caller.outbound[0];
    let threads: Vec<_> = (0..CALLERS)
        .map(|caller| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for n in 0..CALLS {
                    if call(&mut client, caller * 7 + n).is_none() {
                        client = Client::connect(address);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for proxy in [&caller, &first, &second] {
        assert_eq!(proxy.shared.metrics.panics.get(), 0);
    }
    eventually("nothing is pending", || endpoints(&caller).iter().all(|view| view.pending == 0));
    eventually("nobody is connected", || caller.shared.metrics.connections_open.get() == 0);
    drop(caller);
    for proxy in [first, second] {
        eventually("nobody is connected any more", || proxy.shared.metrics.connections_open.get() == 0);
    }
}

#[test]
fn one_connection_survives_a_thousand_streams_that_end_badly() {
    let app = moody();
    let pair = Pair::of(app.address, |_| {});
    let address = pair.caller.outbound[0];
    for n in 0..1_000 {
        let mut client = Client::connect(address);
        let _ = call(&mut client, n);
    }
    // Its mood decides about this one, too.
    let ask = || Client::connect(address).send("GET / HTTP/1.1\r\nhost: b\r\n\r\n").response();
    eventually("a good answer", || ask().is_some_and(|response| response.status == 200));
    eventually("nothing is pending", || endpoints(&pair.caller).iter().all(|view| view.pending == 0));
    assert_eq!(pair.callee.shared.metrics.connections_open.get(), 1);
}
