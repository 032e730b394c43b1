//! A caller's proxy in front of an app that has none.

use super::kit::{App, Client, Plan, ok, status};
use weft_proto::v1;

#[test]
fn a_request_passes_and_the_connection_is_kept() {
    let app = App::says("hello");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    for _ in 0..3 {
        let response = client.get("/x?y=1");
        assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    }
    assert_eq!(app.requests()[0].line, "GET /x?y=1 HTTP/1.1");
    assert_eq!(app.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    drop(client);
    assert_eq!(proxy.requests("source"), 3);
}

#[test]
fn a_request_id_is_kept_or_made() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    proxy.client().send("GET / HTTP/1.1\r\nhost: b\r\nx-request-id: mine\r\n\r\n").response().unwrap();
    proxy.client().get("/");
    let seen = app.requests();
    assert_eq!(seen[0].header("x-request-id"), Some("mine"));
    assert_eq!(seen[1].header("x-request-id").map(str::len), Some(36));
}

#[test]
fn bodies_pass_with_a_length_and_in_chunks() {
    let app = App::start(|seen, _| Some(ok(&String::from_utf8_lossy(&seen.body))));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    let response = client.send("POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\n\r\nhello").response().unwrap();
    assert_eq!(response.text(), "hello");
    let chunks = "POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(client.send(chunks).response().unwrap().text(), "abcde");
}

#[test]
fn chunked_and_endless_responses_pass() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let app =
        App::start(move |seen, _| Some(if seen.line.contains("/chunked") { chunked.to_vec() } else { endless() }));
    fn endless() -> Vec<u8> {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end".to_vec()
    }
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    assert_eq!(proxy.client().get("/chunked").text(), "abc");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let app = App::start(|seen, _| Some(ok(&seen.line)));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    client
        .send("GET /1 HTTP/1.1\r\nhost: b\r\n\r\nGET /2 HTTP/1.1\r\nhost: b\r\n\r\nGET /3 HTTP/1.1\r\nhost: b\r\n\r\n");
    let texts: Vec<_> = (0..3).map(|_| client.response().unwrap().text()).collect();
    assert_eq!(texts, ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"]);
}

#[test]
fn head_and_no_content_have_no_body() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
    let app = App::start(move |seen, _| Some(if seen.line.starts_with("HEAD") { head.clone() } else { no_content() }));
    fn no_content() -> Vec<u8> {
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
    }
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    let response = client.send("HEAD / HTTP/1.1\r\nhost: b\r\n\r\n").response_to("HEAD").unwrap();
    assert_eq!(response.header("content-length"), Some("1000"));
    assert_eq!(client.get("/").status, 204);
    assert_eq!(client.get("/").status, 204);
}

#[test]
fn large_bodies_stream_both_ways() {
    let app = App::start(|seen, _| Some(ok(&"x".repeat(seen.body.len() * 2))));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    let body = vec![b'y'; 3_000_000];
    client.send(format!("POST / HTTP/1.1\r\nhost: b\r\ncontent-length: {}\r\n\r\n", body.len())).send(&body);
    assert_eq!(client.response().unwrap().body.len(), 6_000_000);
}

#[test]
fn what_is_not_http_gets_one_clear_answer() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    let smuggling = "POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let response = client.send(smuggling).response().unwrap();
    assert_eq!((response.status, response.header("weft-reason")), (400, Some("malformed")));
    assert!(client.read_all().is_empty());
    assert!(app.requests().is_empty());
}

#[test]
fn no_match_is_404_and_no_endpoint_is_503() {
    let app = App::says("");
    let only_a = |f: &mut v1::Frontend| {
        f.has_routes = true;
        f.routes = vec![v1::RouteEntry {
            rule_id: "HTTPRoute/default/r/0".into(),
            r#match: Some(v1::RouteMatch {
                path: Some(v1::route_match::Path::PathPrefix("/a".into())),
                ..v1::RouteMatch::default()
            }),
            ..v1::RouteEntry::default()
        }];
        f.actions = vec![to_backend("default/b:80")];
    };
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).frontend(only_a).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/a/1").status, 200);
    let response = client.get("/b");
    assert_eq!((response.status, response.header("weft-reason")), (404, Some("no-route")));
    assert!(response.header("weft-origin").is_none(), "the policy is not for apps");
    let proxy = Plan::new("a").calls("b", &[]).start();
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.header("weft-reason")), (503, Some("no-healthy-upstream")));
}

fn to_backend(key: &str) -> v1::RouteAction {
    let backends = vec![v1::WeightedBackend { backend: key.into(), weight: 1, ..v1::WeightedBackend::default() }];
    v1::RouteAction {
        rule_id: "HTTPRoute/default/r/0".into(),
        target: Some(v1::route_action::Target::Split(v1::Split { backends, ..Default::default() })),
        ..v1::RouteAction::default()
    }
}

#[test]
fn header_filters_and_rewrites_are_applied() {
    let app = App::start(|_, _| Some(b"HTTP/1.1 200 OK\r\nx-old: 1\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let value = |n: &str, v: &str| v1::HeaderValue { name: n.into(), value: v.into() };
    let edit = |f: &mut v1::Frontend| {
        let mut action = to_backend("default/b:80");
        action.request_headers =
            Some(v1::HeaderEdit { set: vec![value("x-a", "new")], remove: vec!["x-b".into()], ..Default::default() });
        action.response_headers =
            Some(v1::HeaderEdit { add: vec![value("x-new", "2")], remove: vec!["x-old".into()], ..Default::default() });
        action.rewrite =
            Some(v1::Rewrite { host: "elsewhere".into(), path: Some(v1::rewrite::Path::Full("/rewritten".into())) });
        f.default_action = Some(action);
    };
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).frontend(edit).start();
    let request = "GET /x?q=1 HTTP/1.1\r\nhost: b\r\nx-a: old\r\nx-b: gone\r\n\r\n";
    let response = proxy.client().send(request).response().unwrap();
    let seen = &app.requests()[0];
    assert_eq!((seen.header("x-a"), seen.header("x-b"), seen.header("host")), (Some("new"), None, Some("elsewhere")));
    assert_eq!(seen.line, "GET /rewritten?q=1 HTTP/1.1");
    assert_eq!((response.header("x-new"), response.header("x-old")), (Some("2"), None));
}

#[test]
fn a_caller_without_a_cookie_gets_one_and_with_it_the_same_side_again() {
    let app = App::says("");
    let edit = |f: &mut v1::Frontend| {
        let side = |name: &str| {
            let set = vec![v1::HeaderValue { name: "x-side".into(), value: name.into() }];
            let edit = Some(v1::HeaderEdit { set, ..Default::default() });
            let backend = "default/b:80".into();
            v1::WeightedBackend { backend, weight: 1, response_headers: edit, ..Default::default() }
        };
        let cookie = v1::StickyCookie { name: "canary".into(), ttl_ms: 60_000 };
        let sticky = Some(v1::Sticky { by: Some(v1::sticky::By::Cookie(cookie)) });
        let split = v1::Split { backends: vec![side("old"), side("new")], sticky };
        f.default_action =
            Some(v1::RouteAction { target: Some(v1::route_action::Target::Split(split)), ..Default::default() });
    };
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).frontend(edit).start();
    let mut client = proxy.client();
    let mut sides = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let first = client.send("GET / HTTP/1.1\r\nhost: b\r\n\r\n").response().unwrap();
        let (cookie, attributes) = first.header("set-cookie").unwrap().split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        for _ in 0..3 {
            let again =
                client.send(format!("GET / HTTP/1.1\r\nhost: b\r\ncookie: {cookie}\r\n\r\n")).response().unwrap();
            assert_eq!((again.header("x-side"), again.header("set-cookie")), (first.header("x-side"), None));
        }
        sides.insert(first.header("x-side").unwrap().to_owned());
    }
    assert_eq!(sides.len(), 2);
}

#[test]
fn a_header_keeps_its_side_whatever_the_rule_makes_of_it() {
    let app = App::says("");
    let edit = |f: &mut v1::Frontend| {
        let backend = |name: &str| v1::WeightedBackend { backend: name.into(), weight: 1, ..Default::default() };
        // The second half goes nowhere: 500.
        let backends = vec![backend("default/b:80"), backend("")];
        let sticky = Some(v1::Sticky { by: Some(v1::sticky::By::Header("x-user".into())) });
        f.default_action = Some(v1::RouteAction {
            target: Some(v1::route_action::Target::Split(v1::Split { backends, sticky })),
            request_headers: Some(v1::HeaderEdit { remove: vec!["x-user".into()], ..Default::default() }),
            ..Default::default()
        });
    };
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).frontend(edit).start();
    let mut client = proxy.client();
    // crates/core/src/sticky.rs pins the hashes: "a" is in the first half, "eve" in the second.
    for (user, status) in [("a", 200), ("eve", 500), ("a", 200), ("eve", 500), ("eve", 500)] {
        let request = format!("GET / HTTP/1.1\r\nhost: b\r\nX-User: {user}\r\n\r\n");
        assert_eq!(client.send(request).response().unwrap().status, status, "{user}");
    }
    assert!(app.requests().iter().all(|seen| seen.header("x-user").is_none()));
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let app = App::says("");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let request = "GET / HTTP/1.1\r\nhost: b\r\nconnection: keep-alive, x-private\r\nx-private: 1\r\nte: trailers\r\n\
                   weft-principal: spiffe://forged\r\nkeep-alive: 5\r\n\r\n";
    proxy.client().send(request).response().unwrap();
    let seen = &app.requests()[0];
    for gone in ["x-private", "te", "keep-alive", "connection", "weft-principal"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
}

#[test]
fn a_destination_is_found_by_host_and_through_http_proxy() {
    let app = App::says("found");
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).generic_outbound().start();
    for request in [
        "GET / HTTP/1.1\r\nhost: b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: B.default.mesh:80\r\n\r\n".to_owned(),
        "GET http://b/ HTTP/1.1\r\nhost: b\r\n\r\n".to_owned(),
        // Outside of the mesh: passed through.
        format!("GET http://{0}/ HTTP/1.1\r\nhost: {0}\r\n\r\n", app.address),
    ] {
        let response = Client::connect(proxy.outbound[1]).send(&request).response().unwrap();
        assert_eq!(response.text(), "found", "{request}");
    }
    assert!(app.requests().iter().all(|s| s.line == "GET / HTTP/1.1"));
}

#[test]
fn connect_opens_a_tunnel() {
    let app = App::says("through");
    let proxy = Plan::new("a").generic_outbound().start();
    let mut client = Client::connect(proxy.outbound[0]);
    client.send(format!("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n\r\n", app.address));
    assert_eq!(client.response_to("HEAD").unwrap().status, 200);
    assert_eq!(client.get("/").text(), "through");
}

#[test]
fn an_old_client_gets_what_it_understands() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let app = App::start(move |_, _| Some(chunked.to_vec()));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let response = proxy.client().send("GET / HTTP/1.0\r\nhost: b\r\n\r\n").response().unwrap();
    assert_eq!((response.header("transfer-encoding"), response.text().as_str()), (None, "ab"));
}

#[test]
fn status_and_interim_responses_pass() {
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
    let app = App::start(move |_, _| Some([early.clone(), status(418)].concat()));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/").status, 103);
    assert_eq!(client.response().unwrap().status, 418);
}

#[test]
fn a_connect_to_a_service_of_the_mesh_is_a_way_to_it() {
    let app = App::says("hello");
    let proxy = Plan::new("a").generic_outbound().calls("b", &[(app.address, None)]).start();
    let mut client = Client::connect(proxy.outbound[0]);
    client.send("CONNECT b:80 HTTP/1.1\r\nhost: b:80\r\n\r\n");
    assert_eq!(client.response_to("HEAD").unwrap().status, 200);
    assert_eq!(client.get("/x").text(), "hello");
    assert_eq!(proxy.requests("source"), 1, "counted and decided as any other request");
}

#[test]
fn a_connect_to_an_opaque_service_carries_bytes() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        }
    });
    let plan = Plan::new("a").generic_outbound().calls("b", &[(address, None)]);
    let proxy = plan.frontend(|f| f.protocol = v1::AppProtocol::Tcp as i32).start();
    let mut client = Client::connect(proxy.outbound[0]);
    client.send("CONNECT b:80 HTTP/1.1\r\nhost: b:80\r\n\r\n");
    assert_eq!(client.response_to("HEAD").unwrap().status, 200);
    client.send("echo").writer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read_all(), b"echo");
}

/// An HTTP/2 app that answers each request with this status, and ends the stream with a frame of its own.
fn h2_app(status: u16) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    use weft_http::{Head, h2};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut codec = h2::Connection::<u32>::new(h2::Config::new(h2::Role::Server));
        let (mut head, mut out, mut input, mut buffer) = (Head::default(), Vec::new(), Vec::new(), [0; 4096]);
        codec.start(&mut out);
        loop {
            stream.write_all(&out).unwrap();
            out.clear();
            match stream.read(&mut buffer) {
                Ok(n) if n > 0 => input.extend_from_slice(&buffer[..n]),
                _ => return,
            }
            while let (n, Some(event)) = codec.receive(&input, &mut head, &mut out).unwrap() {
                if let h2::Event::Head { stream, .. } = event {
                    codec.bind(stream, stream.0);
                    let mut writer = codec.begin_head(stream, &mut out);
                    writer.status(status);
                    writer.finish(false);
                    codec.send_data(stream, b"", true, &mut out);
                }
                input.drain(..n);
            }
        }
    });
    address
}

#[test]
fn a_response_without_content_has_none_in_http_1_whatever_the_app_sent() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let mut plan = Plan::new("a").calls("b", &[(h2_app(status), None)]);
        plan.program.backends[0].protocol = v1::AppProtocol::Http2 as i32;
        let proxy = plan.start();
        let mut client = proxy.client();
        for _ in 0..2 {
            let request = format!("{method} / HTTP/1.1\r\nhost: b\r\n\r\n");
            let response = client.send(request).response_to(method);
            assert_eq!(response.map(|r| r.status), Some(status), "{method} {status}");
        }
    }
}

#[test]
fn switching_protocols_that_nobody_asked_for_is_no_answer() {
    let app = App::start(|_, _| {
        Some(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil".to_vec())
    });
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let mut client = proxy.client();
    let response = client.get("/");
    assert_eq!((response.status, response.header("weft-reason")), (502, Some("upstream-protocol")), "{response:?}");
}

#[test]
fn a_grpc_app_hears_how_much_time_is_left() {
    let app = App::says("");
    let limited = |p: &mut v1::InboundPort| {
        p.protocol = v1::AppProtocol::Http1 as i32;
        p.timeouts = Some(v1::Timeouts { request_ms: 9_000, ..Default::default() });
    };
    let proxy = Plan::new("b").serves(app.address, limited).start();
    let cases = [
        ("application/grpc", Some("5S"), 5_000_000),
        ("application/grpc", Some("60S"), 9_000_000),
        ("application/grpc", None, 9_000_000),
        ("text/plain", None, 0),
    ];
    for (content_type, timeout, at_most_us) in cases {
        let own = timeout.map_or(String::new(), |t| format!("grpc-timeout: {t}\r\n"));
        let request = format!("GET / HTTP/1.1\r\nhost: b\r\ncontent-type: {content_type}\r\n{own}\r\n");
        Client::connect(proxy.inbound[0]).send(request).response().unwrap();
        let seen = app.requests().pop().unwrap();
        let told: Vec<&str> =
            seen.headers.iter().filter(|(n, _)| n == "grpc-timeout").map(|(_, v)| v.as_str()).collect();
        let left_us: u64 = told.first().map_or(0, |v| v.strip_suffix('u').unwrap().parse().unwrap());
        assert!(left_us <= at_most_us && left_us >= at_most_us / 2, "{content_type} {timeout:?}: {told:?}");
        assert!(told.len() <= 1, "{told:?}");
    }
}
