//! What happens when apps, connections and time fail.

use super::kit::{App, Client, Pair, Plan, ok, status};
use crate::shared::{Command, Signal};
use crate::tls::testing::Authority;
use weft_proto::v1;

pub fn retry_on(on: &[&str]) -> v1::RetryPolicy {
    v1::RetryPolicy {
        attempts: 2,
        on: on.iter().map(|s| (*s).to_owned()).collect(),
        backoff_base_ms: 1,
        backoff_max_ms: 2,
        body_bytes: 65536,
        ..v1::RetryPolicy::default()
    }
}

#[test]
fn a_refused_connection_is_tried_elsewhere_by_default() {
    let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let app = App::says("good");
    let proxy = Plan::new("a").calls("b", &[(closed, None), (app.address, None)]).start();
    for _ in 0..8 {
        assert_eq!(proxy.client().get("/").text(), "good");
    }
}

#[test]
fn nothing_that_may_have_been_seen_is_repeated_unless_asked() {
    let app = App::start(|_, _| None);
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).start();
    let response =
        proxy.client().send("POST /pay HTTP/1.1\r\nhost: b\r\ncontent-length: 1\r\n\r\n1").response().unwrap();
    assert_eq!((response.status, response.header("weft-reason")), (503, Some("upstream-reset")));
    assert_eq!(app.requests().len(), 1, "istio#50506: payments must not be replayed");
}

#[test]
fn a_get_is_repeated_when_asked_and_a_post_is_not() {
    let app = App::start(|_, n| Some(if n % 2 == 0 { status(503) } else { ok("second") }));
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).retry(retry_on(&["5xx"])).start();
    assert_eq!(proxy.client().get("/").text(), "second");
    let post = "POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 1\r\n\r\n1";
    assert_eq!(proxy.client().send(post).response().unwrap().status, 503);
}

#[test]
fn a_reset_is_repeated_with_its_body_when_asked() {
    let app = App::start(|seen, n| if n == 0 { None } else { Some(ok(&String::from_utf8_lossy(&seen.body))) });
    let mut retry = retry_on(&["reset"]);
    retry.methods = vec!["PUT".into()];
    let proxy = Plan::new("a").calls("b", &[(app.address, None)]).retry(retry).start();
    let put = "PUT / HTTP/1.1\r\nhost: b\r\ncontent-length: 4\r\n\r\nbody";
    assert_eq!(proxy.client().send(put).response().unwrap().text(), "body");
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_kept_connection_that_the_app_closed_fails_no_request() {
    // Closes after each response without saying so. A request that arrives before the close is lost with the
    // connection, and nobody can know whether it was seen; one that arrives after it must not fail (istio#13848).
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let read = stream.read(&mut [0; 4096]).unwrap();
            let _ = stream.write_all(&ok("x"));
            drop(stream);
            let _ = closed.send(read);
        }
    });
    let proxy = Plan::new("a").calls("b", &[(address, None)]).start();
    let mut client = proxy.client();
    for i in 0..200 {
        let post = "POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(client.send(post).response().unwrap().status, 200, "request {i}");
        assert!(wait.recv().unwrap() > 0);
    }
    assert!(wait.try_recv().is_err(), "and none was sent twice");
}

#[test]
fn a_response_that_breaks_off_is_seen_to_break_off() {
    let app = App::start(|_, _| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(app);
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
        }
    });
    let pair = Pair::of(address, |_| {});
    let mut client = pair.caller.client();
    client.send("GET / HTTP/1.1\r\nhost: b\r\n\r\n");
    let all = String::from_utf8(client.read_all()).unwrap();
    assert!(all.ends_with("\r\n\r\nhalf"), "{all}");
}

#[test]
fn a_request_timeout_is_504_with_its_reason() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = Plan::new("a").calls("b", &[(silent.local_addr().unwrap(), None)]).retry(retry_on(&[]));
    let proxy = plan
        .frontend(|f| {
            let timeouts = v1::Timeouts { request_ms: 30, ..v1::Timeouts::default() };
            f.default_action.as_mut().unwrap().timeouts = Some(timeouts);
        })
        .start();
    let response = proxy.client().get("/");
    assert_eq!((response.status, response.header("weft-reason")), (504, Some("request-timeout")));
}

#[test]
fn late_work_is_dropped() {
    let app = App::says("too late");
    let proxy = Plan::new("a").generic_outbound().calls("b", &[(app.address, None)]).start();
    let alone = Plan::new("b").serves(app.address, |_| {}).start();
    for address in [proxy.outbound[0], proxy.outbound[1], alone.inbound[0]] {
        let late = "GET / HTTP/1.1\r\nhost: b\r\ngrpc-timeout: 0n\r\n\r\n";
        let response = Client::connect(address).send(late).response().unwrap();
        assert_eq!((response.status, response.header("weft-reason")), (504, Some("deadline-exceeded")));
    }
    assert!(app.requests().is_empty());
    // Nobody answers for this name, and the caller does not wait for long.
    let unknown = "GET / HTTP/1.1\r\nhost: nobody.default.mesh\r\ngrpc-timeout: 20m\r\n\r\n";
    let response = Client::connect(proxy.outbound[0]).send(unknown).response().unwrap();
    assert_eq!((response.status, response.header("weft-reason")), (504, Some("deadline-exceeded")));
}

#[test]
fn a_try_that_takes_too_long_is_repeated_when_asked() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let app = App::says("quick");
    let mut retry = retry_on(&["timeout"]);
    retry.per_try_timeout_ms = 30;
    let endpoints = [(silent.local_addr().unwrap(), None), (app.address, None)];
    let proxy = Plan::new("a").calls("b", &endpoints).retry(retry).start();
    for _ in 0..4 {
        assert_eq!(proxy.client().get("/").text(), "quick");
    }
}

#[test]
fn a_caller_that_hangs_up_harms_nobody() {
    let app = App::says("x");
    let pair = Pair::of(app.address, |_| {});
    for _ in 0..20 {
        pair.caller.client().send("GET / HTTP/1.1\r\nhost: b\r\n\r\n");
        pair.caller.client().send("POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 9\r\n\r\nabc");
    }
    assert_eq!(pair.caller.client().get("/").status, 200);
}

#[test]
fn a_drain_finishes_what_is_under_way_and_says_so() {
    let app = App::says("x");
    let mut pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    assert_eq!(client.get("/").status, 200);
    pair.caller.handle.send(Command::Drain { within_ms: 5000 });
    assert!(client.read_all().is_empty(), "an idle connection is closed");
    let drained = std::iter::from_fn(|| pair.caller.signals.blocking_recv())
        .find_map(|s| if let Signal::Drained { unfinished } = s { Some(unfinished) } else { None });
    assert_eq!(drained, Some(0));
}

#[test]
fn callers_that_do_not_know_yet_are_served_while_it_leaves() {
    let app = App::says("x");
    let mut pair = Pair::of(app.address, |_| {});
    let mut client = pair.caller.client();
    assert_eq!(client.get("/").status, 200);
    let mut unmeshed = Client::connect(pair.callee.inbound[0]);
    assert_eq!(unmeshed.get("/").status, 200);
    pair.callee.handle.send(Command::Drain { within_ms: 5000 });
    for _ in 0..20 {
        assert_eq!(client.get("/").status, 200);
        assert_eq!(unmeshed.get("/").status, 200, "the connection lives on");
    }
    let is_drained = |signal: &Signal| matches!(signal, Signal::Drained { .. });
    let early = std::iter::from_fn(|| pair.callee.signals.try_recv().ok()).any(|signal| is_drained(&signal));
    assert!(!early, "nothing was under way, and yet it was not over");
    // Then it tells its callers to go, and is done.
    assert!(unmeshed.read_all().is_empty());
    assert!(std::iter::from_fn(|| pair.callee.signals.blocking_recv()).any(|signal| is_drained(&signal)));
}

#[test]
fn without_a_program_inbound_is_closed() {
    let app = App::says("x");
    let mut plan = Plan::new("b").serves(app.address, |_| {});
    plan.program.inbounds.clear();
    let proxy = plan.start();
    let response = Client::connect(proxy.inbound[0]).get("/");
    assert_eq!((response.status, response.header("weft-reason")), (503, Some("no-inbound")));
}

#[test]
fn an_endpoint_that_keeps_failing_is_ejected_and_says_why() {
    let bad = App::start(|_, _| Some(status(500)));
    let good = App::says("x");
    let mut plan = Plan::new("a").calls("b", &[(bad.address, None), (good.address, None)]);
    // In turns: by latency the failing one might not be asked often enough.
    let kind = Some(v1::balancer::Kind::RoundRobin(true));
    plan.program.backends[0].balancer = Some(v1::Balancer { kind });
    let proxy = plan.start();
    let mut client = proxy.client();
    // 5 in a row, or less than 80 % of 5: either ejects it (R1); the one that is left is never ejected.
    for _ in 0..60 {
        client.get("/");
    }
    let failed = bad.requests().len();
    assert!((5..=10).contains(&failed), "{failed} requests went to the failing one");
    let (sender, receiver) = tokio::sync::oneshot::channel();
    proxy.handle.send(Command::DescribeEndpoints(sender));
    let views = receiver.blocking_recv().unwrap();
    let bad = views.iter().find(|v| v.address == bad.address).unwrap();
    assert_eq!(bad.state, "rejecting");
    assert!(bad.ejected_because.contains("failures in a row") || bad.ejected_because.contains("succeeded"), "{bad:?}");
    assert!(bad.ejected_for_ms > 0);
    let good = views.iter().find(|v| v.address == good.address).unwrap();
    assert_eq!((good.state, good.pending), ("passing", 0));
}

#[test]
fn a_panic_in_one_connection_harms_no_other() {
    let app = App::start(|seen, _| Some(if seen.line.contains("/boom") { status(500) } else { ok("x") }));
    let mut plan = Plan::new("a").calls("b", &[(app.address, None)]);
    plan.log = Some(|record| assert!(!record.path.contains("/boom"), "a defect that this test makes"));
    let proxy = plan.start();
    let mut bystander = proxy.client();
    assert_eq!(bystander.get("/").status, 200);
    for _ in 0..3 {
        let mut victim = proxy.client();
        victim.send("GET /boom HTTP/1.1\r\nhost: b\r\n\r\n");
        let _ = victim.response();
        assert_eq!(bystander.get("/").text(), "x");
    }
    assert_eq!(proxy.shared.metrics.panics.get(), 3);
    super::storm::eventually("only the bystander's is open", || proxy.shared.metrics.connections_open.get() == 1);
}

#[test]
fn an_answer_before_the_end_of_the_request_is_not_eaten_by_a_reset() {
    let proxy = Plan::new("a").calls("b", &[]).start();
    for _ in 0..20 {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 1000000\r\n\r\n");
        assert_eq!(client.response().unwrap().status, 503);
        // The rest of the request is thrown away, so that the client reads the answer whenever it looks.
        client.send(vec![b'x'; 100_000]);
        assert!(client.read_all().is_empty());
    }
}

/// Refuses connections: nobody listens on these ports of the first thousand.
fn closed_port(port: u16) -> std::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Two endpoints refuse, so that the third try comes after a backoff in which the body arrives.
fn backing_off(third: std::net::SocketAddr, attempts: u32) -> super::kit::Proxy {
    let mut retry = v1::RetryPolicy { attempts, backoff_base_ms: 150, backoff_max_ms: 150, ..retry_on(&["reset"]) };
    retry.methods = vec!["PUT".into()];
    Plan::new("a").calls("b", &[(closed_port(2), None), (closed_port(3), None), (third, None)]).retry(retry).start()
}

#[test]
fn a_body_that_came_during_a_backoff_goes_on_afterwards() {
    let app = App::start(|seen, _| Some(ok(&seen.body.len().to_string())));
    let proxy = backing_off(app.address, 2);
    for _ in 0..4 {
        let put = "PUT / HTTP/1.1\r\nhost: b\r\ncontent-length: 400000\r\n\r\n";
        let mut client = proxy.client();
        client.send(put).send(vec![b'x'; 400_000]);
        assert_eq!(client.response().unwrap().text(), "400000");
    }
}

#[test]
fn a_body_that_was_not_kept_is_never_sent_again_in_part() {
    // Longer than what is kept (64 KiB) and all there before the first byte is sent.
    let app = App::start(|_, _| None);
    let proxy = backing_off(app.address, 4);
    for tries in 1..=4 {
        let mut client = proxy.client();
        client.send("PUT / HTTP/1.1\r\nhost: b\r\ncontent-length: 90000\r\n\r\n").send(vec![b'x'; 90_000]);
        assert_eq!(client.response().unwrap().status, 503);
        assert_eq!(app.connections.load(std::sync::atomic::Ordering::SeqCst), tries, "once per request");
        assert!(app.requests().iter().all(|seen| seen.body.len() == 90_000));
    }
}

#[test]
fn an_app_that_cannot_be_reached_leaves_the_request_to_another_endpoint() {
    // T6: non-delivery is proven, so the callee's proxy answers REFUSED_STREAM, and a payment may go elsewhere.
    let app = App::start(|seen, _| Some(ok(&String::from_utf8_lossy(&seen.body))));
    let authority = Authority::new("root");
    let dead = Plan::new("b").serves(closed_port(2), |_| {}).start_as(Some(&authority));
    let alive = Plan::new("b").serves(app.address, |_| {}).start_as(Some(&authority));
    let endpoints = [(dead.inbound[0], Some("b")), (alive.inbound[0], Some("b"))];
    let caller = Plan::new("a").calls("b", &endpoints).start_as(Some(&authority));
    for i in 0..10 {
        let pay = format!("POST /pay HTTP/1.1\r\nhost: b\r\ncontent-length: 1\r\n\r\n{i}");
        let response = caller.client().send(pay).response().unwrap();
        assert_eq!((response.status, response.text()), (200, i.to_string()));
    }
    assert_eq!(app.requests().len(), 10);
    let only_dead = Plan::new("a").calls("b", &[(dead.inbound[0], Some("b"))]).start_as(Some(&authority));
    let response = only_dead.client().get("/");
    assert_eq!((response.status, response.header("weft-reason")), (503, Some("connect-failed")));
}

#[test]
fn streams_that_break_off_give_their_window_back() {
    // Nobody reads the endless responses, so they fill all buffers and windows until the callee's timeout ends them.
    let app =
        App::start(|seen, _| Some(ok(&"x".repeat(if seen.line.contains("/endless") { 1 << 25 } else { 1 << 22 }))));
    let pair = Pair::of(app.address, |port| {
        port.timeouts = Some(v1::Timeouts { request_ms: 1_500, ..v1::Timeouts::default() });
    });
    let unread: Vec<_> = (0..8)
        .map(|_| {
            let mut client = pair.caller.client();
            client.send("GET /endless HTTP/1.1\r\nhost: b\r\n\r\n");
            client
        })
        .collect();
    let ended = || pair.callee.shared.metrics.all_series().iter().map(|s| s.requests.get()).sum::<u64>();
    let begun = std::time::Instant::now();
    while ended() < 8 {
        assert!(begun.elapsed() < super::kit::PATIENCE);
        std::thread::yield_now();
    }
    assert_eq!(pair.callee.shared.metrics.connections_open.get(), 1);
    for _ in 0..4 {
        assert_eq!(pair.caller.client().get("/").body.len(), 1 << 22);
    }
    drop(unread);
}

#[test]
fn responses_that_nobody_reads_stop_nobody_else() {
    let app = App::start(|seen, _| Some(ok(&"x".repeat(if seen.line.contains("/large") { 1 << 24 } else { 1 }))));
    let pair = Pair::of(app.address, |_| {});
    let unread: Vec<_> = (0..96)
        .map(|i| {
            let mut client = pair.caller.client();
            client.send("GET /large HTTP/1.1\r\nhost: b\r\n\r\n");
            // Once a byte of it is here the response is under way.
            assert_eq!(client.writer.peek(&mut [0]).unwrap(), 1, "response {i}");
            client
        })
        .collect();
    assert_eq!(pair.caller.client().get("/").text(), "x");
    drop(unread);
}
