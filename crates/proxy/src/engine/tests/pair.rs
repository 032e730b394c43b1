//! Two proxies with mTLS between them.

use std::sync::Arc;

use super::kit::{App, Client, Pair, Plan, ok, spiffe};
use crate::shared::{Command, Signal};
use crate::tls::testing::Authority;
use weft_proto::v1;

fn allow(who: &str) -> v1::AccessRule {
    v1::AccessRule {
        rule_id: "AccessPolicy/default/b/0".into(),
        action: v1::AccessAction::Allow as i32,
        sources: vec![v1::Source { principals: vec![spiffe(who)], ..v1::Source::default() }],
        ..v1::AccessRule::default()
    }
}

#[test]
fn the_app_learns_who_called_and_nobody_can_forge_it() {
    let app = App::says("hello");
    let pair = Pair::of(app.address, |_| {});
    let request = "GET /x HTTP/1.1\r\nhost: b\r\nweft-principal: spiffe://forged\r\n\r\n";
    let response = pair.caller.client().send(request).response().unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    let seen = &app.requests()[0];
    assert_eq!(seen.header("weft-principal"), Some(spiffe("a").as_str()));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("host"), Some("b"));
    assert!(!seen.headers.iter().any(|(n, _)| n == "weft-port" || n == "weft-hops" || n == "weft-protocol"));
}

#[test]
fn both_sides_count_the_edge() {
    let app = App::says("");
    let pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    (0..5).for_each(|_| assert_eq!(client.get("/").status, 200));
    assert_eq!((pair.caller.requests("source"), pair.callee.requests("destination")), (5, 5));
    let series = pair.callee.shared.metrics.all_series();
    assert_eq!(series[0].key.source_workload, "default/a-0");
    assert_eq!(series[0].key.tls, "mtls");
}

#[test]
fn a_policy_refuses_and_the_caller_learns_no_rule() {
    let app = App::says("");
    let pair = Pair::of(app.address, |port| {
        port.access = vec![allow("somebody-else")];
        port.otherwise = v1::AccessDefault::Deny as i32;
        port.otherwise_origin = "AccessPolicy/default/b".into();
    });
    let response = pair.caller.client().get("/");
    assert_eq!((response.status, response.header("weft-reason")), (403, Some("access-denied")));
    assert_eq!(response.header("weft-origin"), None);
    let id = response.header("x-request-id").unwrap();
    let records = pair.caller.shared.recent.find(id);
    assert_eq!(records[0].rule, "AccessPolicy/default/b", "the caller's proxy knows, for `weft explain`");
    assert!(app.requests().is_empty());
}

#[test]
fn many_requests_share_one_connection() {
    let app = App::says("x");
    let pair = Pair::of(app.address, |_| {});
    let address = pair.caller.outbound[0];
    let threads: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                (0..50).filter(|_| client.get("/").status == 200).count()
            })
        })
        .collect();
    let good: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(good, 800);
    assert_eq!(pair.callee.shared.metrics.connections_open.get(), 1);
}

#[test]
fn large_bodies_stream_through_both() {
    let app = App::start(|seen, _| Some(ok(&"x".repeat(seen.body.len() * 2))));
    let pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    let body = vec![b'y'; 3_000_000];
    client.send(format!("POST / HTTP/1.1\r\nhost: b\r\ncontent-length: {}\r\n\r\n", body.len())).send(&body);
    assert_eq!(client.response().unwrap().body.len(), 6_000_000);
}

#[test]
fn chunks_and_trailers_survive_the_mesh() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n";
    let app = App::start(move |_, _| Some(chunked.to_vec()));
    let pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    client.send("GET / HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
    let all = String::from_utf8(client.read_all()).unwrap();
    assert!(all.ends_with("2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n"), "{all}");
}

#[test]
fn websockets_and_other_upgrades_pass() {
    let app = App::start(|_, _| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
        Some(format!("{head}sec-websocket-accept: abc\r\n\r\nwelcome").into_bytes())
    });
    let pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    client.send(
        "GET /ws HTTP/1.1\r\nhost: b\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n",
    );
    let response = client.response_to("HEAD").unwrap();
    assert_eq!((response.status, response.header("upgrade")), (101, Some("websocket")));
    assert_eq!(response.header("sec-websocket-accept"), Some("abc"));
    let mut word = [0; 7];
    std::io::Read::read_exact(&mut client.reader, &mut word).unwrap();
    assert_eq!(&word, b"welcome");
    let seen = &app.requests()[0];
    assert_eq!((seen.line.as_str(), seen.header("upgrade")), ("GET /ws HTTP/1.1", Some("websocket")));
}

#[test]
fn an_app_behind_an_upgrade_learns_that_its_caller_hung_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            stream.read_exact(&mut [0; 4]).unwrap();
            stream.write_all(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            sender.send(rest.ends_with(b"last words")).unwrap();
        }
    });
    let direct = Plan::new("a").calls("b", &[(address, None)]).start();
    let pair = Pair::of(address, |_| {});
    for proxy in [&direct, &pair.caller] {
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
        assert_eq!(client.response_to("HEAD").unwrap().status, 101);
        client.send("last words");
        drop(client);
        assert!(ended.recv_timeout(super::kit::PATIENCE).unwrap());
    }
}

#[test]
fn strict_refuses_plaintext_and_permissive_does_not() {
    let app = App::says("hello");
    let strict = Plan::new("b").serves(app.address, |p| p.tls = v1::TlsMode::Strict as i32).start();
    let response = Client::connect(strict.inbound[0]).get("/");
    assert_eq!((response.status, response.header("weft-reason")), (403, Some("mtls-required")));
    let permissive = Plan::new("b").serves(app.address, |_| {}).start();
    assert_eq!(Client::connect(permissive.inbound[0]).get("/").text(), "hello");
}

#[test]
fn an_endpoint_that_is_somebody_else_gets_nothing() {
    let app = App::says("");
    let authority = Authority::new("root");
    let callee = Plan::new("impostor").serves(app.address, |_| {}).start_as(Some(&authority));
    let caller = Plan::new("a").calls("b", &[(callee.inbound[0], Some("b"))]).start_as(Some(&authority));
    let response = caller.client().get("/");
    assert_eq!(response.status, 503);
    assert!(app.requests().is_empty());
}

#[test]
fn a_request_before_its_hello_gets_nothing() {
    use std::io::{Read, Write};
    let app = App::says("");
    let authority = Authority::new("root");
    let mut callee = Plan::new("b").serves(app.address, |_| {}).start_as(Some(&authority));
    let identity = authority.identity(&spiffe("a"));
    let name = crate::tls::session_name("default/b-0");
    let mut tls = rustls::ClientConnection::new(identity.client.clone(), name).unwrap();
    let mut client = Client::connect(callee.inbound[0]);
    let mut stream = rustls::Stream::new(&mut tls, &mut client.writer);
    // Preface, SETTINGS, and HEADERS of "GET / b" that end the stream (RFC 7541: indexed 2, 6, 4; literal :authority).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    stream.write_all(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x01\x01b").unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(app.requests().is_empty());
    let told = std::iter::from_fn(|| callee.signals.blocking_recv())
        .find_map(|signal| if let Signal::Event(event) = signal { Some(event.kind) } else { None });
    assert_eq!(told.as_deref(), Some("hello-missing"));
}

#[test]
fn a_hello_that_claims_another_account_is_refused() {
    let app = App::says("");
    let authority = Authority::new("root");
    let callee = Plan::new("b").serves(app.address, |_| {}).start_as(Some(&authority));
    let caller = Plan::new("a").calls("b", &[(callee.inbound[0], Some("b"))]).start();
    let identity = Arc::new(authority.identity(&spiffe("somebody-else")));
    caller.handle.send(Command::Identity(identity));
    assert_eq!(caller.client().get("/").status, 503);
    assert!(app.requests().is_empty());
}

#[test]
fn a_stranger_with_another_root_gets_no_connection() {
    let app = App::says("");
    let callee = Plan::new("b").serves(app.address, |_| {}).start_as(Some(&Authority::new("ours")));
    let foreign = Authority::new("theirs");
    let caller = Plan::new("a").calls("b", &[(callee.inbound[0], Some("b"))]).start_as(Some(&foreign));
    assert_eq!(caller.client().get("/").status, 503);
    assert!(app.requests().is_empty());
}

#[test]
fn opaque_bytes_pass_and_a_server_may_speak_first() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            stream.write_all(b"220 ready\r\n").unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            all.reverse();
            stream.write_all(&all).unwrap();
        }
    });
    let pair = Pair::with(
        address,
        |p| p.protocol = v1::AppProtocol::Tcp as i32,
        |plan| plan.frontend(|f| f.protocol = v1::AppProtocol::Tcp as i32),
    );
    let mut client = pair.caller.client();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut client.reader, &mut line).unwrap();
    assert_eq!(line, "220 ready\r\n");
    client.send("abc").writer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read_all(), b"cba");
}

#[test]
fn an_opaque_port_serves_unmeshed_callers_that_stay_silent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::io::Write::write_all(&mut stream, b"hello").unwrap();
        }
    });
    let proxy = Plan::new("b").serves(address, |p| p.protocol = v1::AppProtocol::Tcp as i32).start();
    assert_eq!(Client::connect(proxy.inbound[0]).read_all(), b"hello");
}

/// Echoes, in reverse, what came until the caller's end.
fn reverser() -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            all.reverse();
            stream.write_all(&all).unwrap();
        }
    });
    address
}

#[test]
fn an_opaque_connection_finds_an_endpoint_that_is_there() {
    let tcp = |p: &mut v1::InboundPort| p.protocol = v1::AppProtocol::Tcp as i32;
    let authority = Authority::new("root");
    let nobody: std::net::SocketAddr = "127.0.0.1:2".parse().unwrap();
    let alive = Plan::new("b").serves(reverser(), tcp).start_as(Some(&authority));
    let without_app = Plan::new("b").serves(nobody, tcp).start_as(Some(&authority));
    let endpoints = [(nobody, Some("b")), (without_app.inbound[0], Some("b")), (alive.inbound[0], Some("b"))];
    let plan = Plan::new("a").calls("b", &endpoints).frontend(|f| f.protocol = v1::AppProtocol::Tcp as i32);
    let caller = plan.start_as(Some(&authority));
    for i in 0..12 {
        let mut client = caller.client();
        client.send("abc").writer.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read_all(), b"cba", "connection {i}");
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    caller.handle.send(Command::DescribeEndpoints(sender));
    let views = receiver.blocking_recv().unwrap();
    assert!(views.iter().all(|view| view.pending == 0), "{views:?}");
    assert_eq!(views.iter().filter(|view| view.state == "rejecting").count(), 1, "at most half, rounded down");
}
