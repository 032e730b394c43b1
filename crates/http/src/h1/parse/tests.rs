use proptest::prelude::*;

use super::super::Malformed::*;
use super::*;
use crate::{Known, h1};

fn limits() -> Limits {
    Limits::default()
}

fn request(input: impl AsRef<[u8]>) -> Result<Option<(usize, Head)>, Malformed> {
    let mut head = Head::default();
    Ok(parse_request(input.as_ref(), &limits(), &mut head)?.map(|n| (n, head)))
}

fn response(input: impl AsRef<[u8]>, kind: RequestKind) -> Result<Option<(usize, Head)>, Malformed> {
    let mut head = Head::default();
    Ok(parse_response(input.as_ref(), kind, &limits(), &mut head)?.map(|n| (n, head)))
}

/// A request whose field lines are `lines`, after a Host.
fn with(lines: &str) -> Result<Head, Malformed> {
    request(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).map(|found| found.expect("a whole head").1)
}

#[test]
fn a_request_is_read_into_ranges() {
    let input = b"POST /a/b?c=d HTTP/1.1\r\nHost: shop:8080\r\nX-Empty:\r\nX-Request-ID: \t 42\t \r\nContent-Length: 3\r\n\r\nabc";
    let (n, head) = request(input).unwrap().unwrap();
    assert_eq!(&input[n..], b"abc");
    let text = |span: Span| std::str::from_utf8(span.of(input)).unwrap();
    assert_eq!((head.kind, head.version, head.target_form), (Kind::Request, Version::H11, TargetForm::Origin));
    assert_eq!((text(head.method), text(head.target), text(head.path)), ("POST", "/a/b?c=d", "/a/b?c=d"));
    assert_eq!((text(head.authority), head.framing, head.keep_alive), ("shop:8080", Framing::Length(3), true));
    let fields: Vec<_> = head.fields.iter().map(|f| (text(f.name), text(f.value), f.known)).collect();
    assert_eq!(
        fields,
        [
            ("Host", "shop:8080", Known::Host),
            ("X-Empty", "", Known::Other),
            ("X-Request-ID", "42", Known::XRequestId),
            ("Content-Length", "3", Known::ContentLength),
        ]
    );
    assert_eq!(head.get(head.bytes(input), b"x-request-id"), Some(&b"42"[..]));
    assert_eq!(head.known(head.bytes(input), Known::Host), Some(&b"shop:8080"[..]));
    assert_eq!(head.get(input, b"absent"), None);
}

#[test]
fn a_response_is_read_into_ranges() {
    let input =
        b"HTTP/1.1 404 Not\tFound \xc3\xa9\r\nServer: x\r\nTransfer-Encoding: CHUNKED\r\nConnection: close\r\n\r\n";
    let (n, head) = response(input, RequestKind::Other).unwrap().unwrap();
    assert_eq!((n, head.kind, head.status), (input.len(), Kind::Response, 404));
    assert_eq!((head.framing, head.keep_alive, head.fields.len()), (Framing::Chunked, false, 3));
}

/// Each class of request that two parsers are known to read differently.
#[test]
fn ambiguous_field_lines_are_refused() {
    let table: &[(&str, &str, Malformed)] = &[
        ("CL and TE", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", ConflictingLength),
        ("TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", ConflictingLength),
        ("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n", DuplicateContentLength),
        ("two equal lengths", "Content-Length: 3\r\nContent-Length: 3\r\n", DuplicateContentLength),
        ("length list", "Content-Length: 3, 3\r\n", BadContentLength),
        ("length with plus", "Content-Length: +3\r\n", BadContentLength),
        ("length with minus", "Content-Length: -3\r\n", BadContentLength),
        ("length with space inside", "Content-Length: 3 3\r\n", BadContentLength),
        ("length in hex", "Content-Length: 0x3\r\n", BadContentLength),
        ("length empty", "Content-Length:\r\n", BadContentLength),
        ("length of 2^64", "Content-Length: 18446744073709551616\r\n", BadContentLength),
        ("length of 30 digits", "Content-Length: 999999999999999999999999999999\r\n", BadContentLength),
        ("TE list", "Transfer-Encoding: gzip, chunked\r\n", BadTransferEncoding),
        ("TE chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n", BadTransferEncoding),
        ("TE identity", "Transfer-Encoding: identity\r\n", BadTransferEncoding),
        ("TE quoted", "Transfer-Encoding: \"chunked\"\r\n", BadTransferEncoding),
        ("TE with parameter", "Transfer-Encoding: chunked;q=1\r\n", BadTransferEncoding),
        ("TE empty", "Transfer-Encoding:\r\n", BadTransferEncoding),
        ("TE xchunked", "Transfer-Encoding: xchunked\r\n", BadTransferEncoding),
        ("TE with vertical tab", "Transfer-Encoding: \x0bchunked\r\n", BadValue),
        ("two TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", DuplicateTransferEncoding),
        (
            "TE then identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            DuplicateTransferEncoding,
        ),
        ("space before colon", "Transfer-Encoding : chunked\r\n", SpaceBeforeColon),
        ("tab before colon", "Content-Length\t: 3\r\n", SpaceBeforeColon),
        ("continuation line", "X: a\r\n b\r\n", ObsFold),
        ("continuation by tab", "X: a\r\n\tb\r\n", ObsFold),
        ("empty name", ": a\r\n", EmptyName),
        ("no colon", "Content-Length\r\n", BadName),
        ("NUL in name", "X\0Y: a\r\n", BadName),
        ("space in name", "X Y: a\r\n", SpaceBeforeColon),
        ("non-ASCII name", "X\u{e9}: a\r\n", BadName),
        ("bracket in name", "X[]: a\r\n", BadName),
        ("quote in name", "\"X\": a\r\n", BadName),
        ("NUL in value", "X: a\0b\r\n", BadValue),
        ("backspace in value", "X: a\x08b\r\n", BadValue),
        ("DEL in value", "X: a\x7fb\r\n", BadValue),
        ("bare LF after value", "X: a\nY: b\r\n", BareLf),
        ("bare LF after name", "X\nY: b\r\n", BareLf),
        ("bare LF at line start", "\nX: a\r\n", BareLf),
        ("bare CR in value", "X: a\rb\r\n", BareCr),
        ("bare CR at line start", "\rX: a\r\n", BareCr),
        ("CR CR LF", "X: a\r\r\n", BareCr),
        ("second Host", "Host: b\r\n", DuplicateHost),
        ("second equal Host", "host: a\r\n", DuplicateHost),
    ];
    for &(class, lines, expected) in table {
        assert_eq!(with(lines).unwrap_err(), expected, "{class}");
    }
}

#[test]
fn ambiguous_request_lines_are_refused() {
    let table: &[(&str, &[u8], Malformed)] = &[
        ("HTTP/0.9", b"GET /\r\n\r\n", BadRequestLine),
        ("HTTP/0.9 spelled out", b"GET / HTTP/0.9\r\n", BadVersion),
        ("HTTP/2.0", b"PRI * HTTP/2.0\r\n", BadTarget),
        ("HTTP/2.0 on a path", b"GET / HTTP/2.0\r\n", BadVersion),
        ("HTTP/1.2", b"GET / HTTP/1.2\r\n", BadVersion),
        ("version with two digits", b"GET / HTTP/1.10\r\n", BadRequestLine),
        ("lower-case version", b"GET / http/1.1\r\n", BadRequestLine),
        ("version without digits", b"GET / HTTP/x.y\r\n", BadRequestLine),
        ("two spaces before target", b"GET  / HTTP/1.1\r\n", BadRequestLine),
        ("two spaces before version", b"GET /  HTTP/1.1\r\n", BadRequestLine),
        ("space after version", b"GET / HTTP/1.1 \r\n", BadRequestLine),
        ("space in target", b"GET /a b HTTP/1.1\r\n", BadRequestLine),
        ("tab for space", b"GET\t/ HTTP/1.1\r\n", BadMethod),
        ("tab in target", b"GET /\ta HTTP/1.1\r\n", BadTarget),
        ("NUL in target", b"GET /\0 HTTP/1.1\r\n", BadTarget),
        ("non-ASCII target", b"GET /\xc3\xa9 HTTP/1.1\r\n", BadTarget),
        ("fragment", b"GET /#a HTTP/1.1\r\n", BadTarget),
        ("bare LF", b"GET / HTTP/1.1\nHost: a\n\n", BareLf),
        ("bare LF in target", b"GET /\n", BareLf),
        ("bare CR", b"GET / HTTP/1.1\rHost: a\r\r", BareCr),
        ("leading space", b" GET / HTTP/1.1\r\n", BadRequestLine),
        ("two empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\n", BadRequestLine),
        ("bare LF first", b"\nGET / HTTP/1.1\r\n", BareLf),
        ("colon in method", b"GET: / HTTP/1.1\r\n", BadMethod),
        ("TLS hello", b"\x16\x03\x01\x02\x00\x01", BadMethod),
        ("whitespace before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", SpaceBeforeField),
        ("no Host", b"GET / HTTP/1.1\r\n\r\n", MissingHost),
        ("target without slash", b"GET a HTTP/1.1\r\n", BadTarget),
        ("asterisk with GET", b"GET * HTTP/1.1\r\n", BadTarget),
        ("CONNECT with path", b"CONNECT /a HTTP/1.1\r\n", BadTarget),
        ("CONNECT without port", b"CONNECT a HTTP/1.1\r\n", BadTarget),
        ("CONNECT with empty port", b"CONNECT a: HTTP/1.1\r\n", BadTarget),
        ("CONNECT with a body", b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n", UnexpectedBody),
        ("userinfo", b"GET http://u@a/ HTTP/1.1\r\n", BadTarget),
        ("absolute without host", b"GET http:/// HTTP/1.1\r\n", BadTarget),
        ("absolute with query only", b"GET http://a?b HTTP/1.1\r\n", BadTarget),
        ("scheme without slashes", b"GET mailto:a HTTP/1.1\r\n", BadTarget),
        ("Host of another host", b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", HostMismatch),
        ("Host of another port", b"GET http://a:1/ HTTP/1.1\r\nHost: a:2\r\n\r\n", HostMismatch),
        ("TE in HTTP/1.0", b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", TransferEncodingInHttp10),
    ];
    for &(class, input, expected) in table {
        assert_eq!(request(input).unwrap_err(), expected, "{class}");
    }
}

#[test]
fn a_host_that_is_not_name_and_port_is_refused() {
    for bad in [
        "a b", "a,b", "a/b", "a@b", "a:b", "a:", ":80", "a:80:80", "a:65536", "a:000080", "[::1", "[]", "[::1]80",
        "[g::]", "[a]", "a\u{e9}", "a?b", "a\\b", "a[b]", "%61",
    ] {
        assert_eq!(request(format!("GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n")).unwrap_err(), BadHost, "{bad}");
    }
    for good in ["", "a", "A-b_c.d~", "a:80", "[::1]", "[::ffff:1.2.3.4]:65535", "192.0.2.1:1"] {
        let input = format!("GET / HTTP/1.1\r\nHost: {good}\r\n\r\n");
        let (_, head) = request(&input).unwrap().unwrap();
        assert_eq!(head.authority.of(input.as_bytes()), good.as_bytes());
    }
}

#[test]
fn the_four_forms_of_a_target_are_told_apart() {
    let table = [
        ("GET /a?b", "a", TargetForm::Origin, "/a?b", "a", ""),
        ("GET //a/b", "a", TargetForm::Origin, "//a/b", "a", ""),
        ("GET http://B/c?d", "b", TargetForm::Absolute, "/c?d", "B", "http"),
        ("GET https://b:443/", "b", TargetForm::Absolute, "/", "b:443", "https"),
        ("OPTIONS http://b", "b", TargetForm::Absolute, "", "b", "http"),
        ("OPTIONS *", "a", TargetForm::Asterisk, "*", "a", ""),
        ("CONNECT a:1", "a:1", TargetForm::Authority, "", "a:1", ""),
        ("CONNECT [::1]:1", "[::1]", TargetForm::Authority, "", "[::1]:1", ""),
    ];
    for (line, host, form, path, authority, scheme) in table {
        let input = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let (_, head) = request(&input).unwrap().unwrap();
        let text = |span: Span| std::str::from_utf8(span.of(input.as_bytes())).unwrap();
        assert_eq!(head.target_form, form, "{line}");
        assert_eq!((text(head.path), text(head.authority), text(head.scheme)), (path, authority, scheme), "{line}");
    }
}

#[test]
fn connection_options_steer_persistence_and_upgrade() {
    let table = [
        ("1.1", "", true, false),
        ("1.1", "Connection: close\r\n", false, false),
        ("1.1", "Connection: keep-alive, CLOSE\r\n", false, false),
        ("1.0", "", false, false),
        ("1.0", "Connection: Keep-Alive\r\n", true, false),
        ("1.0", "Connection: keep-alive\r\nConnection: close\r\n", false, false),
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true),
        ("1.1", "Connection: Upgrade\r\n", true, false),
        ("1.1", "Upgrade: websocket\r\n", true, false),
        ("1.0", "Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n", true, false),
    ];
    for (version, lines, keep_alive, upgrade) in table {
        let (_, head) = request(format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).unwrap().unwrap();
        assert_eq!((head.keep_alive, head.upgrade), (keep_alive, upgrade), "{version} {lines:?}");
        assert!(!head.nominates);
    }
    assert!(with("Connection: x-secret\r\n").unwrap().nominates);
}

#[test]
fn expectations_count_from_http_1_1_on() {
    assert!(with("Expect: 100-Continue\r\n").unwrap().expect_continue);
    assert!(!with("Expect: 200-ok\r\n").unwrap().expect_continue);
    let (_, head) = request("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").unwrap().unwrap();
    assert!(!head.expect_continue);
}

#[test]
fn one_empty_line_before_a_request_is_skipped() {
    let input = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(request(input).unwrap().unwrap().0, input.len());
}

#[test]
fn request_bodies_are_framed_by_their_fields_alone() {
    assert_eq!(with("").unwrap().framing, Framing::None);
    assert_eq!(with("Content-Length: 0\r\n").unwrap().framing, Framing::Length(0));
    assert_eq!(with("Content-Length: 18446744073709551615\r\n").unwrap().framing, Framing::Length(u64::MAX));
    assert_eq!(with("transfer-encoding:Chunked\r\n").unwrap().framing, Framing::Chunked);
}

#[test]
fn response_bodies_are_framed_by_rfc_9112_section_6_3() {
    use RequestKind::*;
    const CL: &str = "Content-Length: 5\r\n";
    const TE: &str = "Transfer-Encoding: chunked\r\n";
    let table = [
        (200, "", Other, Ok(Framing::UntilClose)),
        (200, CL, Other, Ok(Framing::Length(5))),
        (200, TE, Other, Ok(Framing::Chunked)),
        (200, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Other, Err(ConflictingLength)),
        (200, "", Head, Ok(Framing::None)),
        (200, CL, Head, Ok(Framing::None)),
        (200, TE, Head, Ok(Framing::None)),
        (304, CL, Other, Ok(Framing::None)),
        (304, TE, Other, Ok(Framing::None)),
        (204, "", Other, Ok(Framing::None)),
        (204, "Content-Length: 0\r\n", Other, Ok(Framing::None)),
        (204, CL, Other, Err(UnexpectedBody)),
        (204, TE, Other, Err(UnexpectedBody)),
        (100, "", Other, Ok(Framing::None)),
        (103, CL, Other, Err(UnexpectedBody)),
        (103, "Content-Length: 0\r\n", Other, Err(UnexpectedBody)),
        (101, "", Upgrade, Ok(Framing::None)),
        (101, TE, Upgrade, Err(UnexpectedBody)),
        (101, "", Other, Err(UnexpectedSwitch)),
        (101, "", Head, Err(UnexpectedSwitch)),
        (101, "", Connect, Err(UnexpectedSwitch)),
        (200, CL, Upgrade, Ok(Framing::Length(5))),
        (200, CL, Connect, Ok(Framing::None)),
        (200, TE, Connect, Ok(Framing::None)),
        (407, CL, Connect, Ok(Framing::Length(5))),
    ];
    for (status, lines, kind, expected) in table {
        let found = response(format!("HTTP/1.1 {status} x\r\n{lines}\r\n"), kind);
        assert_eq!(found.map(|found| found.unwrap().1.framing), expected, "{status} {lines:?} {kind:?}");
    }
}

#[test]
fn a_response_that_ends_with_the_connection_does_not_persist() {
    assert!(!response("HTTP/1.1 200 OK\r\n\r\n", RequestKind::Other).unwrap().unwrap().1.keep_alive);
    assert!(
        response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", RequestKind::Other).unwrap().unwrap().1.keep_alive
    );
    assert!(
        !response("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", RequestKind::Other).unwrap().unwrap().1.keep_alive
    );
}

#[test]
fn status_lines_are_strict_but_for_the_space_before_an_empty_reason() {
    for good in ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 599 a b"] {
        assert!(response(format!("{good}\r\n\r\n"), RequestKind::Other).unwrap().is_some(), "{good}");
    }
    let table = [
        ("HTTP/1.1  200 OK", BadStatusLine),
        ("HTTP/1.1 20 OK", BadStatusLine),
        ("HTTP/1.1 2000 OK", BadStatusLine),
        ("HTTP/1.1 099 OK", BadStatusLine),
        ("HTTP/1.1 +20 OK", BadStatusLine),
        ("HTTP/1.1\t200 OK", BadStatusLine),
        ("ICY 200 OK", BadStatusLine),
        ("HTTP/2.0 200 OK", BadVersion),
        ("HTTP/1.1 200 a\0b", BadStatusLine),
        ("HTTP/1.1 200 a\rb", BareCr),
        ("HTTP/1.1 200 a\nb", BareLf),
    ];
    for (line, expected) in table {
        assert_eq!(response(format!("{line}\r\n\r\n"), RequestKind::Other).unwrap_err(), expected, "{line}");
    }
}

#[test]
fn a_head_over_a_limit_is_refused_and_one_at_the_limit_is_not() {
    let small = Limits { head_bytes: 64, fields: 3, ..limits() };
    let parse = |input: &str| parse_request(input.as_bytes(), &small, &mut Head::default());
    let filled = |n: usize| {
        let mut text = String::from("GET / HTTP/1.1\r\nHost: a\r\nX: ");
        text.push_str(&"v".repeat(n - text.len() - 4));
        text + "\r\n\r\n"
    };
    assert_eq!(parse(&filled(64)), Ok(Some(64)));
    assert_eq!(parse(&filled(65)), Err(TooLarge));
    assert_eq!(parse(&filled(65)[..64]), Err(TooLarge), "known before the end arrives");
    assert_eq!(parse(&filled(65)[..63]), Ok(None));
    assert_eq!(parse("GET / HTTP/1.0\r\na:\r\na:\r\na:\r\n\r\n"), Ok(Some(30)));
    assert_eq!(parse("GET / HTTP/1.0\r\na:\r\na:\r\na:\r\na:\r\n\r\n"), Err(TooManyFields));
}

#[test]
fn trailers_may_not_frame_route_or_authenticate() {
    let parse = |text: &str| parse_trailers(text.as_bytes(), &limits(), &mut Head::default());
    for name in [
        "content-length",
        "Transfer-Encoding",
        "HOST",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "www-authenticate",
        "content-encoding",
        "x-forwarded-for",
        "x-forwarded-proto",
        "forwarded",
        "x-request-id",
        "weft-origin",
    ] {
        assert_eq!(parse(&format!("{name}: 1\r\n\r\n")), Err(ForbiddenTrailer), "{name}");
    }
    assert_eq!(parse("grpc-status: 0\r\nX-Checksum: 1\r\n\r\n"), Ok(()));
    assert_eq!(parse("x: 1\n\r\n\r\n"), Err(BareLf));
    assert_eq!(parse("x: 1\r\n"), Err(Truncated));
    assert_eq!(parse("x: 1\r\n\r\nGET"), Err(Truncated));
    assert_eq!(parse(&format!("x: {}\r\n\r\n", "a".repeat(20_000))), Err(TooLarge));
}

#[test]
fn every_reason_has_a_status_and_a_text() {
    assert_eq!((TooLarge.status(), BadVersion.status(), BadHost.status()), (431, 505, 400));
    assert_eq!(BadTransferEncoding.status(), 501, "RFC 9112 §6.1");
    assert!(ConflictingLength.to_string().contains("smuggling"));
}

#[test]
fn parsing_again_is_worth_while_only_once_a_head_may_be_whole() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for n in 1..input.len() {
        assert!(!worth_parsing(&input[..n], n - 1, &limits()));
    }
    assert!(worth_parsing(input, input.len() - 1, &limits()));
    assert!(worth_parsing(input, 0, &limits()));
    assert!(worth_parsing(&[b'a'; 64], 63, &Limits { head_bytes: 64, ..limits() }), "the limit must be noticed");
}

/// What a parser said after being given ever more of the input.
fn piecewise<T>(
    input: &[u8],
    mut parse: impl FnMut(&[u8]) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, Malformed> {
    for n in 0..input.len() {
        match parse(&input[..n]) {
            Ok(None) => {}
            decided => return decided,
        }
    }
    parse(input)
}

fn outcome(head: &Head, n: usize) -> String {
    format!("{n} {head:?}")
}

/// Near-valid heads: the pieces of messages, good and bad, in any order.
fn near_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 204 No Content\r\n", "Host: a\r\n", "\r\n",
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close, x\r\n", "X: long value here\r\n",
            "CONNECT a:1 HTTP/1.1\r\n", "OPTIONS * HTTP/1.0\r\n", "GET http://a:1/b HTTP/1.1\r\n", "Upgrade: h2c\r\n",
            " ", "\t", "\r", "\n", ":", "a", "HTTP/1.", "Expect: 100-continue\r\n", "\u{0}", "\u{7f}", "é", "#",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn near_request() -> impl Strategy<Value = Vec<u8>> {
    near_head().prop_map(|rest| [b"GET /a HTTP/1.1\r\nHost: a\r\n", &rest[..], b"\r\n\r\n"].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_request_in_pieces_gets_the_answer_of_the_whole(input in prop_oneof![near_head(), near_request()]) {
        let small = Limits { head_bytes: 120, fields: 4, trailer_bytes: 60 };
        let mut head = Head::default();
        let mut parse = |input: &[u8]| Ok(parse_request(input, &small, &mut head)?.map(|n| outcome(&head, n)));
        let whole = parse(&input);
        prop_assert_eq!(piecewise(&input, parse), whole);
    }

    #[test]
    fn a_response_in_pieces_gets_the_answer_of_the_whole(rest in near_head(), valid_start: bool) {
        let start: &[u8] = if valid_start { b"HTTP/1.1 200 OK\r\n" } else { b"" };
        let input = [start, &rest[..]].concat();
        for kind in [RequestKind::Head, RequestKind::Connect, RequestKind::Upgrade, RequestKind::Other] {
            let mut head = Head::default();
            let mut parse = |input: &[u8]| Ok(parse_response(input, kind, &limits(), &mut head)?.map(|n| outcome(&head, n)));
            let whole = parse(&input);
            prop_assert_eq!(piecewise(&input, parse), whole);
        }
    }

    #[test]
    fn random_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut head = Head::default();
        let _ = parse_request(&input, &limits(), &mut head);
        let _ = parse_response(&input, RequestKind::Other, &limits(), &mut head);
        let _ = parse_trailers(&input, &limits(), &mut head);
    }

    #[test]
    fn what_is_written_is_read_back(
        method in "[A-Z]{1,8}", path in "/[!-\"$-~]{0,40}", host in "[a-z.]{1,20}",
        fields in proptest::collection::vec(("x-[a-zA-Z0-9!#$%&'*+.^_`|~-]{0,20}", "([!-~]([ \t!-~]{0,40}[!-~])?)?"), 0..20),
    ) {
        prop_assume!(method != "CONNECT");
        let mut out = Vec::new();
        h1::write_request_line(&mut out, method.as_bytes(), path.as_bytes());
        h1::write_field(&mut out, b"host", host.as_bytes());
        for (name, value) in &fields {
            h1::write_field(&mut out, name.as_bytes(), value.as_bytes());
        }
        h1::end_head(&mut out);
        let (n, head) = request(&out).unwrap().unwrap();
        prop_assert_eq!(n, out.len());
        prop_assert_eq!(head.target.of(&out), path.as_bytes());
        let read: Vec<_> = head.fields[1..].iter()
            .map(|f| (String::from_utf8_lossy(f.name.of(&out)).into_owned(), String::from_utf8_lossy(f.value.of(&out)).into_owned()))
            .collect();
        prop_assert_eq!(read, fields);
    }
}
