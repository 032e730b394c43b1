use super::*;

#[test]
fn every_known_name_is_recognised_in_any_case_and_nothing_close_to_it_is() {
    use Known::*;
    let table: &[(&str, Known)] = &[
        ("host", Host),
        ("content-length", ContentLength),
        ("transfer-encoding", TransferEncoding),
        ("connection", Connection),
        ("keep-alive", KeepAlive),
        ("proxy-connection", ProxyConnection),
        ("upgrade", Upgrade),
        ("te", Te),
        ("trailer", Trailer),
        ("expect", Expect),
        ("http2-settings", Http2Settings),
        ("proxy-authorization", ProxyAuthorization),
        ("x-request-id", XRequestId),
        ("x-forwarded-for", XForwardedFor),
        ("x-forwarded-proto", XForwardedProto),
        ("forwarded", Forwarded),
        ("traceparent", Traceparent),
        ("grpc-timeout", GrpcTimeout),
        ("grpc-status", GrpcStatus),
        ("content-type", ContentType),
        ("date", Date),
        ("server", Server),
        ("user-agent", UserAgent),
        ("accept", Accept),
        ("retry-after", RetryAfter),
        ("cookie", Cookie),
        ("authorization", Authorization),
        ("weft-", Weft),
        ("weft-origin", Weft),
        ("weft-a-name-much-longer-than-any-other", Weft),
    ];
    for &(name, expected) in table {
        assert_eq!(known(name.as_bytes()), expected, "{name}");
        assert_eq!(known(name.to_uppercase().as_bytes()), expected, "{name} in capitals");
        for position in 0..name.len().min(if expected == Weft { 5 } else { usize::MAX }) {
            let mut close = name.as_bytes().to_vec();
            close[position] = b'7';
            assert_eq!(known(&close), Other, "{:?}", String::from_utf8_lossy(&close));
        }
        let cut = if expected == Weft { 4 } else { name.len() - 1 };
        assert_eq!(known(&name.as_bytes()[..cut]), Other, "{name} cut short");
    }
    assert_eq!(known(b""), Other);
}

#[test]
fn clear_forgets_the_message_and_keeps_the_memory() {
    let mut head = Head { status: 200, keep_alive: true, ..Head::default() };
    head.fields.reserve(10);
    head.arena.extend_from_slice(b"x");
    let (fields, arena) = (head.fields.capacity(), head.arena.capacity());
    head.clear();
    assert_eq!((head.status, head.keep_alive, head.arena.len()), (0, false, 0));
    assert_eq!((head.fields.capacity(), head.arena.capacity()), (fields, arena));
}

#[test]
fn nominated_fields_are_found_in_every_connection_line() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close , X-One\r\nconnection:x-two\r\n\r\n";
    let mut head = Head::default();
    crate::h1::parse_request(input, &Limits::default(), &mut head).unwrap().unwrap();
    assert!(head.nominates);
    assert!(head.is_nominated(input, b"x-one") && head.is_nominated(input, b"X-Two"));
    assert!(!head.is_nominated(input, b"x-three"));
}
