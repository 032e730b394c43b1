//! Callers that lie or push: what they get, and that nobody else notices.

use std::time::Instant;

use super::kit::{App, Client, PATIENCE, Pair, Plan, Proxy, ok, spiffe};
use crate::tls::testing::Authority;
use weft_proto::v1;

const UPGRADE: &str = "GET /up HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

fn inbound(app: &App) -> Proxy {
    Plan::new("b").serves(app.address, |_| {}).start()
}

/// Once no connection is open any more; false: there still is one.
fn empties(proxy: &Proxy) -> bool {
    let began = Instant::now();
    while proxy.shared.metrics.connections_open.get() != 0 {
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// An app that says 200 speaks HTTP on: what comes next is a request, which routes and policies have to see.
#[test]
fn an_upgrade_that_the_app_answers_with_200_is_no_tunnel() {
    let app = App::says("no upgrade here");
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    let direct = Plan::new("a").calls("b", &[(app.address, None)]).start();
    for address in [alone.inbound[0], direct.outbound[0], pair.caller.outbound[0]] {
        let mut client = Client::connect(address);
        let response = client.send(UPGRADE).response().unwrap();
        assert_eq!((response.status, response.text().as_str()), (200, "no upgrade here"));
        assert_eq!(response.header("upgrade"), None);
        let _ = std::io::Write::write_all(&mut client.writer, b"GET /next HTTP/1.1\r\nhost: b\r\n\r\n");
        client.response();
        let past = app.requests().into_iter().filter(|seen| seen.header("x-request-id").is_none()).count();
        assert_eq!(past, 0, "no request gets past the stages");
    }
}

/// Sent before the 101, as some clients do: refused or kept, but never a connection that closes without a word.
#[test]
fn what_comes_right_behind_an_upgrade_request_gets_an_answer() {
    let app = App::start(|seen, _| match seen.header("upgrade") {
        Some(_) => Some(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n".to_vec()),
        None => Some(ok("through the tunnel")),
    });
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    for address in [alone.inbound[0], pair.caller.outbound[0]] {
        let mut client = Client::connect(address);
        let response = client.send(format!("{UPGRADE}GET /early HTTP/1.1\r\n\r\n")).response();
        assert_eq!(response.map(|r| r.status), Some(101));
        assert_eq!(client.response().map(|r| r.text()).as_deref(), Some("through the tunnel"));
    }
}

/// RFC 9110 §9.3.6: after a 2xx the app would take the rest for a tunnel, on a connection that others share.
#[test]
fn connect_reaches_no_app() {
    let app = App::says("");
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    for address in [alone.inbound[0], pair.caller.outbound[0]] {
        let mut client = Client::connect(address);
        let response = client.send("CONNECT b:80 HTTP/1.1\r\nhost: b:80\r\n\r\n").response().unwrap();
        assert!((400..=599).contains(&response.status), "{response:?}");
        assert!(app.requests().is_empty(), "{:?}", app.requests());
    }
}

/// Only a proxy may say these (`docs/reference/wire.md`), and a caller without an identity is none.
#[test]
fn what_only_proxies_say_means_nothing_from_others() {
    let app = App::says("good");
    let proxy = inbound(&app);
    for header in ["weft-hops: 99", "weft-protocol: h2", "weft-protocol: grpc", "weft-port: 81"] {
        let mut client = Client::connect(proxy.inbound[0]);
        let response = client.send(format!("GET / HTTP/1.1\r\nhost: b\r\n{header}\r\n\r\n")).response().unwrap();
        assert_eq!((response.status, response.text().as_str()), (200, "good"), "{header}");
    }
}

/// The app that says no has seen a whole request: what came behind it is the next one, or the end, but told.
#[test]
fn a_refused_upgrade_is_told_also_when_more_came_behind_it() {
    let app = App::says("no upgrade here");
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    for address in [alone.inbound[0], pair.caller.outbound[0]] {
        let mut client = Client::connect(address);
        let response = client.send(format!("{UPGRADE}GET /early HTTP/1.1\r\nhost: b\r\n\r\n")).response();
        assert_eq!(response.map(|r| r.status), Some(200));
    }
}

/// CGI and WSGI give `weft_principal` and `weft-principal` to the app under one name.
#[test]
fn a_principal_is_not_forged_with_an_underscore() {
    let app = App::says("");
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    for address in [alone.inbound[0], pair.caller.outbound[0]] {
        let request = "GET / HTTP/1.1\r\nhost: b\r\nweft_principal: spiffe://forged\r\nWeft_Principal: x\r\n\r\n";
        assert_eq!(Client::connect(address).send(request).response().unwrap().status, 200);
    }
    for seen in app.requests() {
        assert!(!seen.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("weft_")), "{seen:?}");
    }
}

#[test]
fn a_head_without_end_is_answered_and_leaves_nothing_behind() {
    let app = App::says("good");
    let (alone, pair) = (inbound(&app), Pair::of(app.address, |_| {}));
    for (proxy, address) in [(&alone, alone.inbound[0]), (&pair.caller, pair.caller.outbound[0])] {
        for _ in 0..8 {
            let mut client = Client::connect(address);
            client.send("GET / HTTP/1.1\r\nhost: b\r\nx: ");
            // Goes on after the refusal, as somebody would who does not read.
            let more = vec![b'y'; 1 << 20];
            let _ = std::io::Write::write_all(&mut client.writer, &more);
            let status = client.response().map(|r| r.status);
            assert_eq!(status, Some(431), "told, not reset");
        }
        assert_eq!(proxy.shared.metrics.panics.get(), 0);
        assert_eq!(Client::connect(address).get("/").text(), "good");
        assert!(empties(proxy), "{} connections are counted for ever", proxy.shared.metrics.connections_open.get());
    }
}

/// RFC 9113 §8.2.3: HTTP/2 may send a cookie in pieces; HTTP/1.1 may not.
#[test]
fn cookies_in_pieces_are_one_header_for_an_http1_app() {
    fn literal(name: &str, value: &str) -> Vec<u8> {
        let mut field = vec![0, name.len() as u8];
        field.extend(name.as_bytes());
        field.push(value.len() as u8);
        field.extend(value.as_bytes());
        field
    }
    let app = App::says("");
    let proxy =
        Plan::new("b").serves(app.address, |port| port.protocol = weft_proto::v1::AppProtocol::Http1 as i32).start();
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "b"), (":path", "/")];
    let fields = pseudo.into_iter().chain([("cookie", "a=1"), ("cookie", "b=2")]);
    let block: Vec<u8> = fields.flat_map(|(name, value)| literal(name, value)).collect();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    let mut client = Client::connect(proxy.inbound[0]);
    client.send(bytes);
    let began = Instant::now();
    while app.requests().is_empty() && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    let seen = &app.requests()[0];
    let cookies: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "cookie").collect();
    assert_eq!(cookies, [&("cookie".to_owned(), "a=1; b=2".to_owned())]);
}

/// Who opens a pipe to it would pass every rule about requests, and tell the app any `weft-principal`.
#[test]
fn a_port_that_speaks_http_takes_no_pipe() {
    use weft_proto::v1::AppProtocol;
    for protocol in [AppProtocol::Detect, AppProtocol::Http1, AppProtocol::Http2, AppProtocol::Grpc] {
        let app = App::says("past every rule");
        // A caller that believes, or says, that the port is opaque.
        let opaque = |plan: Plan| plan.frontend(|f| f.protocol = AppProtocol::Tcp as i32);
        let pair = Pair::with(app.address, |port| port.protocol = protocol as i32, opaque);
        let mut client = pair.caller.client();
        client.send("GET /x HTTP/1.1\r\nhost: b\r\nweft-principal: spiffe://forged\r\n\r\n");
        let answer = client.read_all();
        assert!(app.requests().is_empty(), "{protocol:?}: {:?}, {answer:?}", app.requests());
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// HEADERS of a whole request: indexed GET, http and "/", then literal fields.
fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x84];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    frame(1, 5, 1, &block)
}

/// On the port between proxies, with an SVID and a HELLO as they must be: nothing of this reaches the app, and nobody
/// else notices.
#[test]
fn malformed_requests_between_proxies_reach_nobody() {
    use prost::Message as _;
    let app = App::says("good");
    let authority = Authority::new("root");
    let callee = Plan::new("b").serves(app.address, |_| {}).start_as(Some(&authority));
    let caller = Plan::new("a").calls("b", &[(callee.inbound[0], Some("b"))]).start_as(Some(&authority));
    let hello = v1::Hello { workload: "default/a-0".into(), service_account: "a".into(), ..v1::Hello::default() };
    let hello = frame(0xf7, 0, 0, &hello.encode_to_vec());
    let ok = [(":authority", "b")];
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP/1 instead", b"GET / HTTP/1.1\r\nhost: b\r\n\r\n".to_vec()),
        ("a frame that is too long", [&hello[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat()),
        ("DATA on an idle stream", [hello.clone(), frame(0, 1, 1, b"x")].concat()),
        ("HEADERS on stream 0", [hello.clone(), frame(1, 5, 0, &[0x82])].concat()),
        ("a block that is none", [hello.clone(), frame(1, 5, 1, &[0x80])].concat()),
        ("upper case", [hello.clone(), request(&[ok[0], ("X-Upper", "1")])].concat()),
        ("transfer-encoding", [hello.clone(), request(&[ok[0], ("transfer-encoding", "chunked")])].concat()),
        ("connection", [hello.clone(), request(&[ok[0], ("connection", "close")])].concat()),
        ("a pseudo-header twice", [hello.clone(), request(&[ok[0], (":path", "/other")])].concat()),
        ("a pseudo-header last", [hello.clone(), request(&[ok[0], ("a", "b"), (":method", "PUT")])].concat()),
        ("a line end in a value", [hello.clone(), request(&[ok[0], ("a", "b\r\nc: d")])].concat()),
        ("a body that is missing", [hello.clone(), request(&[ok[0], ("content-length", "5")])].concat()),
        ("two lengths", [hello.clone(), request(&[ok[0], ("content-length", "0"), ("content-length", "1")])].concat()),
    ];
    let well = ("well-formed", [hello.clone(), request(&ok)].concat());
    for (what, bytes) in cases.into_iter().chain([well]) {
        let identity = authority.identity(&spiffe("a"));
        let name = crate::tls::session_name("default/b-0");
        let mut tls = rustls::ClientConnection::new(identity.client.clone(), name).unwrap();
        let mut client = Client::connect(callee.inbound[0]);
        let mut stream = rustls::Stream::new(&mut tls, &mut client.writer);
        let http1 = what.starts_with("HTTP/1");
        std::io::Write::write_all(&mut stream, if http1 { b"" } else { PREFACE }).unwrap();
        std::io::Write::write_all(&mut stream, &bytes).unwrap();
        if what == "well-formed" {
            // The same way leads to the app: what was refused was refused for what it is.
            super::storm::eventually(what, || app.requests().len() == 1);
            continue;
        }
        client.writer.shutdown(std::net::Shutdown::Write).unwrap();
        client.read_all();
        assert!(app.requests().is_empty(), "{what}: {:?}", app.requests());
    }
    assert_eq!(caller.client().get("/").text(), "good");
    assert_eq!(callee.shared.metrics.panics.get(), 0);
}
