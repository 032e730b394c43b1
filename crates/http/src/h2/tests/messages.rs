//! Requests and responses: which field lists are messages, and how streams begin and end.

use super::*;

const POST: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")];

#[test]
fn a_request_with_body_and_trailers_is_heard_in_order() {
    let mut peer = server();
    let input = [post(1), data(1, b"abc", 0), data(1, b"de", 0), headers(1, END, &[("x-sum", "1")])].concat();
    assert_eq!(peer.hears(&input), ["request 1 POST a /", "data 1 3", "data 1 2", "trailers 1 x-sum=1"]);
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, b"hello", true), 5);
    assert_eq!(peer.wrote(), ["HEADERS 1", "DATA 1 5 end"]);
    assert!(peer.connection.is_idle());
}

#[test]
fn a_response_with_informational_heads_body_and_trailers_is_heard_in_order() {
    let mut peer = client();
    let stream = peer.requests("GET", true);
    assert_eq!(peer.wrote(), ["HEADERS 1 end"]);
    let input = [
        headers(stream, 0, &[(":status", "100")]),
        headers(stream, 0, &[(":status", "103"), ("link", "x")]),
        headers(stream, 0, &[(":status", "200")]),
        data(stream, b"abc", 0),
        headers(stream, END, &[("grpc-status", "0")]),
    ];
    let lines = peer.hears(&input.concat());
    let expected =
        ["response 1 100", "response 1 103 link=x", "response 1 200", "data 1 3", "trailers 1 grpc-status=0"];
    assert_eq!(lines, expected);
    assert!(peer.connection.is_idle());
}

#[test]
fn a_server_writes_informational_heads_and_trailers() {
    let mut peer = server();
    peer.hears(&get(1));
    peer.responds(1, 103, true);
    peer.responds(1, 200, false);
    peer.sends(1, b"x", false);
    let mut trailers = peer.connection.begin_trailers(StreamId(1), &mut peer.out);
    trailers.field(b"Grpc-Status", b"0");
    trailers.finish(false);
    assert_eq!(peer.wrote(), ["HEADERS 1", "HEADERS 1", "DATA 1 1", "HEADERS 1 end"]);
    assert!(peer.connection.is_idle());
}

#[test]
fn malformed_requests_cost_their_stream_only() {
    let table: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("no method", GET[1..].to_vec()),
        ("no scheme", vec![GET[0], GET[2], GET[3]]),
        ("no path", GET[..3].to_vec()),
        ("no authority", vec![GET[0], GET[1], GET[3]]),
        ("empty authority", vec![GET[0], GET[1], GET[3], (":authority", "")]),
        ("empty path", vec![GET[0], GET[1], GET[2], (":path", "")]),
        ("relative path", vec![GET[0], GET[1], GET[2], (":path", "a")]),
        ("space in path", vec![GET[0], GET[1], GET[2], (":path", "/ HTTP/1.1")]),
        ("asterisk with GET", vec![GET[0], GET[1], GET[2], (":path", "*")]),
        ("line break in path", vec![GET[0], GET[1], GET[2], (":path", "/\r\nx:y")]),
        ("line break in method", vec![(":method", "GET / HTTP/1.1\r\n"), GET[1], GET[2], GET[3]]),
        ("userinfo in authority", vec![GET[0], GET[1], (":authority", "u@a"), GET[3]]),
        ("two paths", with(&GET, &[(":path", "/b")])),
        ("two methods", with(&GET, &[(":method", "GET")])),
        ("status in a request", with(&GET, &[(":status", "200")])),
        ("unknown pseudo-header", with(&GET, &[(":x", "y")])),
        ("pseudo-header behind a field", with(&[("a", "b")], &GET)),
        ("protocol without CONNECT", with(&GET, &[(":protocol", "websocket")])),
        ("upper-case name", with(&GET, &[("X-A", "b")])),
        ("empty name", with(&GET, &[("", "b")])),
        ("space in name", with(&GET, &[("a b", "c")])),
        ("colon in name", with(&GET, &[("a:b", "c")])),
        ("line feed in value", with(&GET, &[("a", "b\nc: d")])),
        ("carriage return in value", with(&GET, &[("a", "b\rc")])),
        ("NUL in value", with(&GET, &[("a", "b\0")])),
        ("leading space in value", with(&GET, &[("a", " b")])),
        ("trailing tab in value", with(&GET, &[("a", "b\t")])),
        ("connection", with(&GET, &[("connection", "close")])),
        ("keep-alive", with(&GET, &[("keep-alive", "1")])),
        ("proxy-connection", with(&GET, &[("proxy-connection", "close")])),
        ("transfer-encoding", with(&GET, &[("transfer-encoding", "chunked")])),
        ("upgrade", with(&GET, &[("upgrade", "h2c")])),
        ("te: gzip", with(&GET, &[("te", "trailers, gzip")])),
        ("host of another authority", with(&GET, &[("host", "b")])),
        ("two hosts", with(&GET, &[("host", "a"), ("host", "a")])),
        ("host that is none", with(&[GET[0], GET[1], GET[3]], &[("host", "a b")])),
        ("two content-lengths", with(&GET, &[("content-length", "0"), ("content-length", "0")])),
        ("content-length list", with(&GET, &[("content-length", "0, 0")])),
        ("content-length with sign", with(&GET, &[("content-length", "+0")])),
        ("content-length without data", with(&GET, &[("content-length", "1")])),
        ("CONNECT without authority", vec![(":method", "CONNECT")]),
        ("CONNECT without port", vec![(":method", "CONNECT"), (":authority", "a")]),
        ("CONNECT with path", vec![(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]),
        ("CONNECT with scheme", vec![(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "http")]),
        (
            "extended CONNECT not allowed",
            vec![(":method", "CONNECT"), GET[1], GET[2], GET[3], (":protocol", "websocket")],
        ),
    ];
    for (class, fields) in table {
        let mut peer = server();
        assert_eq!(peer.hears(&headers(1, END, &fields)), [""; 0], "{class}");
        assert_eq!(peer.wrote(), ["RST_STREAM 1 PROTOCOL_ERROR"], "{class}");
        assert_eq!(peer.hears(&get(3)), ["request 3 GET a / end"], "{class}: the connection goes on");
    }
}

#[test]
fn unusual_requests_that_are_well_formed_are_heard() {
    let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (with(&GET, &[("te", "trailers")]), "request 1 GET a / te=trailers end"),
        (with(&GET, &[("host", "A")]), "request 1 GET a / host=A end"),
        (with(&[GET[0], GET[1], GET[3]], &[("host", "b:1")]), "request 1 GET b:1 / host=b:1 end"),
        (with(&GET, &[("content-length", "0")]), "request 1 GET a / content-length=0 end"),
        (vec![(":method", "OPTIONS"), GET[1], GET[2], (":path", "*")], "request 1 OPTIONS a * end"),
        (vec![(":method", "CONNECT"), (":authority", "a:1")], "request 1 CONNECT a:1  end"),
    ];
    for (fields, expected) in table {
        assert_eq!(server().hears(&headers(1, END, &fields)), [expected]);
    }
    let mut peer = server_with(Config { enable_connect_protocol: true, ..Config::new(Role::Server) });
    let fields = [(":method", "CONNECT"), GET[1], GET[2], GET[3], (":protocol", "websocket")];
    assert_eq!(peer.hears(&headers(1, 0, &fields)), ["request 1 CONNECT a /"]);
    assert_eq!(peer.head.protocol.of(&peer.head.arena), b"websocket");
}

#[test]
fn content_length_and_data_must_agree() {
    let sized = |n: &'static str| headers(1, 0, &with(&POST, &[("content-length", n)]));
    let head = |n: &str| format!("request 1 POST a / content-length={n}");
    let fine = [sized("5"), data(1, b"abc", 0), data(1, b"de", END)].concat();
    assert_eq!(server().hears(&fine), [&head("5"), "data 1 3", "data 1 2 end"]);
    let with_trailers = [sized("3"), data(1, b"abc", 0), headers(1, END, &[])].concat();
    assert_eq!(server().hears(&with_trailers), [&head("3"), "data 1 3", "trailers 1"]);
    for wrong in [
        [sized("2"), data(1, b"abc", END)].concat(),
        [sized("2"), data(1, b"abc", 0)].concat(),
        [sized("4"), data(1, b"abc", END)].concat(),
        [sized("4"), headers(1, END, &[])].concat(),
    ] {
        let mut peer = server();
        assert_eq!(peer.hears(&wrong).last().unwrap(), "reset 1 PROTOCOL_ERROR");
        assert_eq!(peer.wrote(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
    }
}

#[test]
fn the_length_of_a_response_to_head_counts_nothing() {
    let answer = |status, flags| headers(1, flags, &[(":status", status), ("content-length", "5")]);
    let hears = |method: &str, input: Vec<u8>| {
        let mut peer = client();
        peer.requests(method, true);
        peer.hears(&input).pop().unwrap()
    };
    assert_eq!(hears("HEAD", answer("200", END)), "response 1 200 content-length=5 end");
    assert_eq!(hears("GET", answer("304", END)), "response 1 304 content-length=5 end");
    assert_eq!(hears("GET", answer("200", END)), "reset 1 PROTOCOL_ERROR");
    assert_eq!(hears("GET", [answer("200", 0), data(1, b"abcd", END)].concat()), "reset 1 PROTOCOL_ERROR");
    assert_eq!(hears("GET", [answer("200", 0), data(1, b"abcde", END)].concat()), "data 1 5 end");
}

#[test]
fn a_response_without_content_brings_none() {
    for (method, status) in [("HEAD", "200"), ("GET", "204"), ("GET", "304")] {
        let answer = headers(1, 0, &[(":status", status)]);
        let hears = |input: &[u8]| {
            let mut peer = client();
            peer.requests(method, true);
            peer.hears(&[&answer, input].concat()).pop().unwrap()
        };
        assert_eq!(hears(&data(1, b"HTTP/1.1 200", 0)), "reset 1 PROTOCOL_ERROR", "{method} {status}");
        assert_eq!(hears(&data(1, b"", END)), "data 1 0 end", "{method} {status}");
        assert_eq!(hears(&headers(1, END, &[("a", "b")])), "trailers 1 a=b", "{method} {status}");
    }
}

#[test]
fn malformed_responses_cost_their_stream_only() {
    let ok = (":status", "200");
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("no status", headers(1, END, &[("a", "b")])),
        ("status of two digits", headers(1, END, &[(":status", "20")])),
        ("switching protocols", headers(1, 0, &[(":status", "101")])),
        ("ended informational", headers(1, END, &[(":status", "100")])),
        ("path in a response", headers(1, END, &[ok, (":path", "/")])),
        ("two statuses", headers(1, END, &[ok, ok])),
        ("connection field", headers(1, END, &[ok, ("connection", "close")])),
        ("two lengths", headers(1, END, &[ok, ("content-length", "0"), ("content-length", "0")])),
        ("DATA first", data(1, b"abc", 0)),
        ("head behind a head", [headers(1, 0, &[ok]), headers(1, 0, &[ok])].concat()),
        ("pseudo-header in trailers", [headers(1, 0, &[ok]), headers(1, END, &[ok])].concat()),
        ("framing in trailers", [headers(1, 0, &[ok]), headers(1, END, &[("content-length", "0")])].concat()),
        ("identity in trailers", [headers(1, 0, &[ok]), headers(1, END, &[("weft-origin", "x")])].concat()),
    ];
    for (class, input) in table {
        let mut peer = client();
        peer.requests("GET", true);
        peer.out.clear();
        assert_eq!(peer.hears(&input).last().unwrap(), "reset 1 PROTOCOL_ERROR", "{class}");
        assert_eq!(peer.wrote(), ["RST_STREAM 1 PROTOCOL_ERROR"], "{class}");
        let stream = peer.requests("GET", true);
        assert_eq!(peer.hears(&headers(stream, END, &[ok])), ["response 3 200 end"], "{class}");
    }
}

#[test]
fn frames_behind_the_end_of_a_stream_are_errors() {
    let mut peer = server();
    assert_eq!(peer.hears(&[get(1), data(1, b"x", 0)].concat()), ["request 1 GET a / end", "reset 1 STREAM_CLOSED"]);
    let mut peer = server();
    assert_eq!(peer.hears(&[get(1), headers(1, END, &[])].concat()).pop().unwrap(), "reset 1 STREAM_CLOSED");
    let mut peer = server();
    peer.hears(&get(1));
    peer.responds(1, 200, true);
    assert_eq!(peer.hears(&data(1, b"x", 0)), [""; 0], "gone for the caller");
    assert_eq!(peer.wrote(), ["HEADERS 1 end", "RST_STREAM 1 STREAM_CLOSED"]);
    let mut peer = server();
    peer.hears(&get(1));
    peer.responds(1, 200, true);
    assert_eq!(peer.hears(&get(1)), ["error STREAM_CLOSED"]);
    assert_eq!(server().hears(&[get(5), get(3)].concat()).pop().unwrap(), "error STREAM_CLOSED", "ids only rise");
}

#[test]
fn a_reset_ends_the_stream_on_both_sides() {
    let mut peer = server();
    assert_eq!(peer.hears(&[post(1), reset(1, ErrorCode::CANCEL)].concat()), ["request 1 POST a /", "reset 1 CANCEL"]);
    assert!(peer.connection.is_idle());
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, b"x", true), 0);
    assert_eq!(peer.wrote(), [""; 0], "nothing is written to a dead stream");

    peer.hears(&post(3));
    peer.connection.reset(StreamId(3), ErrorCode::INTERNAL_ERROR, &mut peer.out);
    assert_eq!(peer.wrote(), ["RST_STREAM 3 INTERNAL_ERROR"]);
    let late =
        [data(3, b"abc", 0), headers(3, END, &[("a", "b")]), reset(3, ErrorCode::CANCEL), window_update(3, 1)].concat();
    assert_eq!((peer.hears(&late), peer.wrote()), (vec![], vec![]), "what was on its way is dropped");
}

#[test]
fn a_stream_that_was_opened_and_never_begun_is_not_reset_on_the_wire() {
    let mut peer = client();
    let stream = peer.connection.open(1).unwrap();
    peer.connection.reset(stream, ErrorCode::CANCEL, &mut peer.out);
    assert_eq!(peer.wrote(), [""; 0]);
    assert_eq!(peer.requests("GET", true), 3);
}

#[test]
fn a_request_over_the_limits_gets_431() {
    let mut peer = server_with(Config { limits: small_limits(), ..Config::new(Role::Server) });
    let big = "v".repeat(3000);
    assert_eq!(peer.hears(&headers(1, END, &with(&GET, &[("x", &big)]))), [""; 0]);
    assert_eq!(peer.wrote(), ["HEADERS 1 end"]);
    peer.hears(&headers(3, 0, &with(&GET, &[("x", "y"); 11])));
    assert_eq!(peer.wrote(), ["HEADERS 3 end", "RST_STREAM 3 NO_ERROR"]);
    assert_eq!(peer.hears(&[data(3, b"abc", END), get(5)].concat()), ["request 5 GET a / end"]);
}

#[test]
fn a_request_that_is_not_bound_is_dropped_quietly() {
    let mut peer = server();
    peer.binds = false;
    let input = [post(1), data(1, b"abc", 0), data(1, b"", END), post(3), reset(3, ErrorCode::CANCEL)].concat();
    assert_eq!(peer.hears(&input), ["request 1 POST a /", "request 3 POST a /"]);
    peer.responds(1, 404, true);
    assert!(peer.connection.is_idle());
}

#[test]
fn short_credentials_never_enter_the_tables() {
    let mut peer = client();
    let stream = peer.connection.open(1).unwrap();
    let mut writer = peer.connection.begin_head(stream, &mut peer.out);
    writer.method(b"GET");
    writer.scheme(b"http");
    writer.path(b"/");
    writer.authority(b"a");
    writer.field(b"Authorization", b"Basic YTpi");
    writer.field(b"Cookie", b"a=b");
    writer.field_sensitive(b"X-Secret", b"long enough not to be guessed");
    writer.field(b"Cookie", b"session=0123456789abcdef");
    writer.finish(true);
    let mut receiver = server();
    receiver.hears(&peer.out);
    let sensitive: Vec<bool> = receiver.head.fields.iter().map(|field| field.sensitive).collect();
    assert_eq!(sensitive, [true, true, true, false]);
}
