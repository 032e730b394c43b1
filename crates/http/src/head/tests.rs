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
        ("weft_principal", Weft),
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
    let span = Span { start: 1, end: 2 };
    let field = Field { name: span, value: span, known: Known::Host, sensitive: true };
    let mut head = Head {
        kind: Kind::Response,
        method: span,
        target: span,
        path: span,
        target_form: TargetForm::Absolute,
        authority: span,
        scheme: span,
        protocol: span,
        status: 200,
        version: Version::H2,
        fields: vec![field; 10],
        arena: b"abc".to_vec(),
        framing: Framing::Chunked,
        keep_alive: true,
        upgrade: true,
        expect_continue: true,
        nominates: true,
        fault: Some(crate::h2::Fault::TooLarge),
        list_size: 9,
        pseudo: 9,
    };
    let (fields, arena) = (head.fields.capacity(), head.arena.capacity());
    head.clear();
    assert_eq!(format!("{head:?}"), format!("{:?}", Head::default()));
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
