//! Frames one by one: what is ignored, what is answered, what ends the connection.

use super::*;

#[test]
fn a_client_starts_with_preface_settings_hello_and_window() {
    let config = Config { hello: Some(b"hi".to_vec()), ..Config::new(Role::Client) };
    assert_eq!(Peer::new(config).wrote(), ["PREFACE", "SETTINGS 3", "HELLO hi", "WINDOW_UPDATE 0 983041"]);
}

#[test]
fn a_server_starts_with_settings() {
    let config = Config { enable_connect_protocol: true, ..Config::new(Role::Server) };
    assert_eq!(Peer::new(config).wrote(), ["SETTINGS 4", "WINDOW_UPDATE 0 983041"]);
}

#[test]
fn a_preface_is_recognised_in_pieces_and_a_wrong_one_at_once() {
    let mut peer = Peer::new(Config::new(Role::Server));
    for byte in PREFACE {
        assert!(peer.hears(&[*byte]).is_empty());
    }
    assert_eq!(peer.hears(&raw(frame::SETTINGS, 0, 0, b"")), ["settings"]);
    assert_eq!(Peer::new(Config::new(Role::Server)).hears(b"GET"), ["error PROTOCOL_ERROR"]);
}

#[test]
fn a_failed_connection_stays_failed() {
    let mut peer = Peer::new(Config::new(Role::Server));
    peer.hears(b"GET");
    assert_eq!(peer.hears(PREFACE), ["error PROTOCOL_ERROR"]);
}

#[test]
fn the_first_frame_must_be_settings() {
    for first in [raw(frame::PING, 0, 0, &[0; 8]), raw(frame::SETTINGS, frame::ACK, 0, b""), raw(0xee, 0, 0, b"")] {
        assert_eq!(Peer::new(Config::new(Role::Client)).hears(&first), ["error PROTOCOL_ERROR"]);
    }
}

#[test]
fn settings_and_pings_are_acknowledged() {
    let mut peer = server();
    assert_eq!(peer.hears(&setting(3, 7)), ["settings"]);
    assert_eq!(peer.connection.peer_max_streams(), 7);
    peer.hears(&raw(frame::PING, 0, 0, &[42; 8]));
    assert_eq!(peer.wrote(), ["SETTINGS ack", "PING ack 42"]);
    assert_eq!(peer.hears(&raw(frame::PING, frame::ACK, 0, &[7; 8])), ["pong 7"]);
    peer.connection.ping([9; 8], &mut peer.out);
    assert_eq!(peer.wrote(), ["PING 9"]);
}

#[test]
fn unknown_frames_priorities_and_reserved_bits_are_ignored() {
    let mut peer = server();
    let mut input =
        [raw(0xee, 0xff, 5, &[1; 100]), raw(0xf7, 0, 0, b"not ours"), raw(frame::PRIORITY, 0, 9, &[0; 5])].concat();
    input.extend(get(1));
    let stream_byte = input.len() - get(1).len() + 5;
    input[stream_byte] |= 0x80;
    assert_eq!(peer.hears(&input), ["request 1 GET a / end"]);
    assert_eq!(peer.wrote(), [""; 0]);
}

#[test]
fn violations_of_the_connection_end_it() {
    let goaway = [0, 0, 0, 0, 0, 0, 0, 0];
    let more = raw(frame::HEADERS, END, 1, &block(&GET));
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("frame too large", raw(frame::DATA, 0, 1, &[0; 16_385]), "FRAME_SIZE_ERROR"),
        ("PING of 7", raw(frame::PING, 0, 0, &[0; 7]), "FRAME_SIZE_ERROR"),
        ("PING on a stream", raw(frame::PING, 0, 1, &[0; 8]), "PROTOCOL_ERROR"),
        ("SETTINGS of 5", raw(frame::SETTINGS, 0, 0, &[0; 5]), "FRAME_SIZE_ERROR"),
        ("SETTINGS ack with payload", raw(frame::SETTINGS, frame::ACK, 0, &[0; 6]), "FRAME_SIZE_ERROR"),
        ("SETTINGS on a stream", raw(frame::SETTINGS, 0, 1, b""), "PROTOCOL_ERROR"),
        ("ENABLE_PUSH 2", setting(2, 2), "PROTOCOL_ERROR"),
        ("INITIAL_WINDOW_SIZE of 2^31", setting(4, 1 << 31), "FLOW_CONTROL_ERROR"),
        ("MAX_FRAME_SIZE too small", setting(5, 16_383), "PROTOCOL_ERROR"),
        ("MAX_FRAME_SIZE too large", setting(5, 1 << 24), "PROTOCOL_ERROR"),
        ("ENABLE_CONNECT_PROTOCOL 2", setting(8, 2), "PROTOCOL_ERROR"),
        ("ENABLE_CONNECT_PROTOCOL taken back", [setting(8, 1), setting(8, 0)].concat(), "PROTOCOL_ERROR"),
        ("GOAWAY of 7", raw(frame::GOAWAY, 0, 0, &goaway[..7]), "FRAME_SIZE_ERROR"),
        ("GOAWAY on a stream", raw(frame::GOAWAY, 0, 1, &goaway), "PROTOCOL_ERROR"),
        ("WINDOW_UPDATE of 3", raw(frame::WINDOW_UPDATE, 0, 0, &[0; 3]), "FRAME_SIZE_ERROR"),
        ("WINDOW_UPDATE of zero", window_update(0, 0), "PROTOCOL_ERROR"),
        ("WINDOW_UPDATE over 2^31-1", window_update(0, (1 << 31) - 1), "FLOW_CONTROL_ERROR"),
        ("WINDOW_UPDATE on an idle stream", window_update(1, 1), "PROTOCOL_ERROR"),
        ("RST_STREAM of 3", raw(frame::RST_STREAM, 0, 1, &[0; 3]), "FRAME_SIZE_ERROR"),
        ("RST_STREAM on stream 0", reset(0, ErrorCode::CANCEL), "PROTOCOL_ERROR"),
        ("RST_STREAM on an idle stream", reset(1, ErrorCode::CANCEL), "PROTOCOL_ERROR"),
        ("PRIORITY of 4", raw(frame::PRIORITY, 0, 1, &[0; 4]), "FRAME_SIZE_ERROR"),
        ("PRIORITY on stream 0", raw(frame::PRIORITY, 0, 0, &[0; 5]), "PROTOCOL_ERROR"),
        ("PUSH_PROMISE", raw(frame::PUSH_PROMISE, WHOLE, 1, &[0; 4]), "PROTOCOL_ERROR"),
        ("DATA on stream 0", data(0, b"", 0), "PROTOCOL_ERROR"),
        ("DATA on an idle stream", data(1, b"", 0), "PROTOCOL_ERROR"),
        ("DATA on an even stream", data(2, b"", 0), "PROTOCOL_ERROR"),
        (
            "padding longer than DATA",
            [post(1), data(1, &[2, 0, 0], frame::PADDED), data(1, &[3, 0, 0], frame::PADDED)].concat(),
            "PROTOCOL_ERROR",
        ),
        ("padded DATA without length", [post(1), data(1, b"", frame::PADDED)].concat(), "FRAME_SIZE_ERROR"),
        ("HEADERS on stream 0", headers(0, END, &GET), "PROTOCOL_ERROR"),
        ("HEADERS on an even stream", headers(2, END, &GET), "PROTOCOL_ERROR"),
        ("padding longer than HEADERS", raw(frame::HEADERS, WHOLE | frame::PADDED, 1, &[5, 0, 0]), "PROTOCOL_ERROR"),
        ("padded HEADERS without length", raw(frame::HEADERS, WHOLE | frame::PADDED, 1, b""), "FRAME_SIZE_ERROR"),
        (
            "HEADERS too short for priority",
            raw(frame::HEADERS, WHOLE | frame::WITH_PRIORITY, 1, &[0; 4]),
            "FRAME_SIZE_ERROR",
        ),
        ("HEADERS that HPACK cannot read", raw(frame::HEADERS, WHOLE, 1, &[0x80]), "COMPRESSION_ERROR"),
        ("CONTINUATION alone", raw(frame::CONTINUATION, WHOLE, 1, b""), "PROTOCOL_ERROR"),
        (
            "CONTINUATION of another stream",
            [more.clone(), raw(frame::CONTINUATION, WHOLE, 3, b"")].concat(),
            "PROTOCOL_ERROR",
        ),
        ("PING before CONTINUATION", [more.clone(), raw(frame::PING, 0, 0, &[0; 8])].concat(), "PROTOCOL_ERROR"),
        ("unknown frame before CONTINUATION", [more, raw(0xee, 0, 0, b"")].concat(), "PROTOCOL_ERROR"),
    ];
    for (class, input, code) in table {
        let lines = server().hears(&input);
        assert_eq!(lines.last().map(String::as_str), Some(format!("error {code}").as_str()), "{class}: {lines:?}");
    }
    assert_eq!(client().hears(&setting(2, 1)), ["error PROTOCOL_ERROR"], "a server may not enable push");
    for early in [headers(1, END, &[(":status", "200")]), data(1, b"x", 0)] {
        let mut peer = client();
        peer.connection.open(1).unwrap();
        assert_eq!(peer.hears(&early), ["error PROTOCOL_ERROR"], "an answer before the request");
    }
}

#[test]
fn a_hello_is_an_event_before_the_first_head_and_once() {
    let config = |role| Config { hello: Some(b"mine".to_vec()), ..Config::new(role) };
    let hello = raw(frame::HELLO, 0, 0, b"theirs");
    let mut peer = server_with(config(Role::Server));
    assert!(!peer.connection.hello_received());
    assert_eq!(peer.hears(&hello), ["hello theirs"]);
    assert!(peer.connection.hello_received());
    assert_eq!(peer.hears(&hello), ["error PROTOCOL_ERROR"]);
    let mut late = server_with(config(Role::Server));
    assert_eq!(late.hears(&[get(1), hello.clone()].concat()), ["request 1 GET a / end", "error PROTOCOL_ERROR"]);
    let long = raw(frame::HELLO, 0, 0, &[b'x'; 4097]);
    assert_eq!(client_with(config(Role::Client)).hears(&long), ["error FRAME_SIZE_ERROR"]);
    assert_eq!(client_with(config(Role::Client)).hears(&raw(frame::HELLO, 0, 1, b"")), ["error PROTOCOL_ERROR"]);
    let mut deaf = server();
    assert_eq!(deaf.hears(&[long, hello, get(1)].concat()), ["request 1 GET a / end"], "who has no HELLO ignores it");
}

#[test]
fn a_head_may_continue_in_other_frames() {
    let whole = block(&with(&GET, &[("x-long", "value")]));
    let mut peer = server();
    let (a, b) = whole.split_at(5);
    let input =
        [raw(frame::HEADERS, END, 1, a), raw(frame::CONTINUATION, 0, 1, b""), raw(frame::CONTINUATION, WHOLE, 1, b)];
    assert_eq!(peer.hears(&input.concat()), ["request 1 GET a / x-long=value end"]);
}

#[test]
fn padding_and_priority_of_a_head_are_left_out() {
    let mut payload = vec![3, 0x80, 0, 0, 0, 15];
    payload.extend(block(&GET));
    payload.extend([0; 3]);
    let flags = END | WHOLE | frame::PADDED | frame::WITH_PRIORITY;
    assert_eq!(server().hears(&raw(frame::HEADERS, flags, 1, &payload)), ["request 1 GET a / end"]);
}

#[test]
fn a_long_head_is_written_in_continuation_frames_that_read_back() {
    let mut sender = client();
    let stream = sender.connection.open(1).unwrap();
    let mut writer = sender.connection.begin_head(stream, &mut sender.out);
    writer.method(b"GET");
    writer.scheme(b"http");
    writer.authority(b"a");
    writer.path(b"/");
    (0..50).for_each(|i| writer.field(format!("X-{i}").as_bytes(), &[b'v'; 1000]));
    writer.finish(true);
    let mut receiver = server();
    let lines = receiver.hears(&sender.out);
    assert!(lines[0].starts_with("request 1 GET a / x-0=vvv") && lines[0].ends_with("v end"), "{lines:?}");
    assert_eq!(receiver.head.fields.len(), 50);
    assert_eq!(sender.wrote()[..2], ["HEADERS 1 end more", "CONTINUATION 1 16384 more"]);
    assert!(as_h1(&receiver.head).starts_with("x-0: vvv"));
}

#[test]
fn going_away_is_announced_then_final() {
    let mut peer = server();
    peer.connection.announce_go_away(&mut peer.out);
    assert_eq!(peer.hears(&post(1)), ["request 1 POST a /"]);
    peer.connection.go_away(ErrorCode::NO_ERROR, &mut peer.out);
    assert_eq!(peer.wrote(), ["GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR"]);
    assert!(!peer.connection.is_idle() && peer.connection.is_going_away());
    let late = [post(3), data(3, b"abc", END), data(1, b"abc", END)].concat();
    assert_eq!(peer.hears(&late), ["data 1 3 end"], "a late stream is dropped, an old one goes on");
    peer.responds(1, 200, true);
    assert!(peer.connection.is_idle());
    assert_eq!(peer.wrote(), ["HEADERS 1 end"]);
}

#[test]
fn after_goaway_a_client_opens_nothing_and_hears_which_streams_were_lost() {
    let mut peer = client();
    let streams = [peer.requests("GET", true), peer.requests("GET", true), peer.requests("GET", true)];
    assert_eq!(streams, [1, 3, 5]);
    let goaway = raw(frame::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0, b'b', b'y', b'e']);
    let mut lines = peer.hears(&[goaway, headers(1, END, &[(":status", "200")])].concat());
    lines[1..3].sort();
    assert_eq!(lines, ["goaway 1 NO_ERROR", "reset 3 REFUSED_STREAM", "reset 5 REFUSED_STREAM", "response 1 200 end"]);
    assert_eq!(peer.connection.open(9), None);
    assert!(peer.connection.is_idle());
}

#[test]
fn a_client_opens_no_more_streams_than_the_server_takes() {
    let mut peer = client();
    peer.hears(&setting(3, 2));
    peer.requests("GET", true);
    peer.requests("GET", true);
    assert_eq!((peer.connection.open(9), peer.connection.active_streams()), (None, 2));
    peer.hears(&headers(1, END, &[(":status", "200")]));
    assert_eq!(peer.connection.open(9), Some(StreamId(5)));
    let mut unsettled = Peer::new(Config::new(Role::Client));
    (0..100).for_each(|_| assert!(unsettled.connection.open(0).is_some()));
    assert_eq!(unsettled.connection.open(0), None, "before SETTINGS a hundred");
    assert_eq!(server().connection.open(0), None, "a server opens none");
}
