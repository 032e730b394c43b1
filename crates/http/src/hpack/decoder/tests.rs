use super::super::integer;
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Head, HpackError> {
    let mut head = Head::default();
    decoder.decode(block, &Limits::default(), &mut head).map(|()| head)
}

fn fields(head: &Head) -> Vec<String> {
    let text = |span: Span| String::from_utf8(span.of(&head.arena).to_vec()).unwrap();
    head.fields.iter().map(|field| format!("{}: {}", text(field.name), text(field.value))).collect()
}

fn request_line(head: &Head) -> String {
    let text = |span: Span| String::from_utf8(span.of(&head.arena).to_vec()).unwrap();
    [head.method, head.scheme, head.authority, head.target].map(text).join(" ")
}

fn literal(pattern: u8, name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![pattern];
    for text in [name, value] {
        integer::write(&mut out, 0, 7, text.len());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

#[test]
fn the_single_fields_of_rfc_7541_appendix_c_2_decode() {
    let mut decoder = Decoder::new(4096);
    let head = decode(&mut decoder, &hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572")).unwrap();
    assert_eq!((fields(&head), decoder.table.size()), (vec!["custom-key: custom-header".to_string()], 55));
    let head = decode(&mut decoder, &hex("040c 2f73 616d 706c 652f 7061 7468")).unwrap();
    assert_eq!((head.target.of(&head.arena), decoder.table.size()), (&b"/sample/path"[..], 55));
    let head = decode(&mut decoder, &hex("1008 7061 7373 776f 7264 0673 6563 7265 74")).unwrap();
    assert_eq!((fields(&head), head.fields[0].sensitive), (vec!["password: secret".to_string()], true));
    let head = decode(&mut decoder, &hex("82")).unwrap();
    assert_eq!(head.method.of(&head.arena), b"GET");
    assert_eq!(decoder.table.size(), 55);
}

#[test]
fn the_requests_of_rfc_7541_appendix_c_3_and_c_4_decode() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let compressed = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    let expected: [(&str, &[&str], usize); 3] = [
        ("GET http www.example.com /", &[], 57),
        ("GET http www.example.com /", &["cache-control: no-cache"], 110),
        ("GET https www.example.com /index.html", &["custom-key: custom-value"], 164),
    ];
    for blocks in [plain, compressed] {
        let mut decoder = Decoder::new(4096);
        for (block, (line, rest, size)) in blocks.iter().zip(expected) {
            let head = decode(&mut decoder, &hex(block)).unwrap();
            assert_eq!(
                (request_line(&head).as_str(), &fields(&head)[..]),
                (line, &rest.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..])
            );
            assert_eq!((decoder.table.size(), head.fault), (size, None));
        }
    }
}

#[test]
fn the_responses_of_rfc_7541_appendix_c_5_and_c_6_decode_with_eviction() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d \
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f \
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b \
         2076 6572 7369 6f6e 3d31",
    ];
    let compressed = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 \
         8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 \
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    let common = ["cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];
    let last = [
        "cache-control: private",
        "date: Mon, 21 Oct 2013 20:13:22 GMT",
        "location: https://www.example.com",
        "content-encoding: gzip",
        "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];
    let expected: [(u16, &[&str], usize); 3] = [(302, &common, 222), (307, &common, 222), (200, &last, 215)];
    for blocks in [plain, compressed] {
        let mut decoder = Decoder::new(256);
        for (block, (status, rest, size)) in blocks.iter().zip(expected) {
            let head = decode(&mut decoder, &hex(block)).unwrap();
            assert_eq!((head.status, fields(&head)), (status, rest.iter().map(|s| s.to_string()).collect()));
            assert_eq!((decoder.table.size(), head.fault), (size, None));
        }
    }
}

#[test]
fn a_field_keeps_what_was_learned_about_it() {
    let mut decoder = Decoder::new(4096);
    for _ in 0..2 {
        let head = decode(&mut decoder, &literal(0x40, "x-request-id", "1")).unwrap();
        assert_eq!(head.fields[0].known, Known::XRequestId);
    }
    let head = decode(&mut decoder, &[0x80 | 62]).unwrap();
    assert_eq!((head.fields[0].known, head.fault), (Known::XRequestId, None));
    decode(&mut decoder, &literal(0x40, "x-Bad", "1")).unwrap();
    assert_eq!(decode(&mut decoder, &[0x80 | 62]).unwrap().fault, Some(Fault::BadName));
    let by_name = [0x0f, 62 - 15, 1, b'a'];
    assert_eq!(decode(&mut decoder, &by_name).unwrap().fault, Some(Fault::BadName), "a bad name stays bad");
}

#[test]
fn fields_that_no_message_may_hold_are_noted_and_decoding_goes_on() {
    let table = [
        ("Upper", "a", Fault::BadName),
        ("sp ace", "a", Fault::BadName),
        ("", "a", Fault::BadName),
        ("a:b", "a", Fault::BadName),
        ("n\u{0}", "a", Fault::BadName),
        ("x", "a\nb", Fault::BadValue),
        ("x", "a\rb", Fault::BadValue),
        ("x", "a\u{0}", Fault::BadValue),
        ("x", " a", Fault::BadValue),
        ("x", "a\t", Fault::BadValue),
        ("connection", "close", Fault::ConnectionField),
        ("keep-alive", "1", Fault::ConnectionField),
        ("proxy-connection", "x", Fault::ConnectionField),
        ("transfer-encoding", "chunked", Fault::ConnectionField),
        ("upgrade", "h2c", Fault::ConnectionField),
        ("te", "gzip", Fault::ConnectionField),
        (":unknown", "a", Fault::UnknownPseudo),
        (":method", "G T", Fault::BadMethod),
        (":path", "", Fault::BadPath),
        (":path", "a", Fault::BadPath),
        (":path", "/a b", Fault::BadPath),
        (":path", "/a#b", Fault::BadPath),
        (":authority", "u@a", Fault::BadAuthority),
        (":scheme", "ht tp", Fault::BadScheme),
        (":scheme", "", Fault::BadScheme),
        (":status", "20", Fault::BadStatus),
        (":status", "+20", Fault::BadStatus),
        (":status", "099", Fault::BadStatus),
        (":protocol", "", Fault::BadProtocol),
    ];
    for (name, value, expected) in table {
        let mut decoder = Decoder::new(4096);
        let block = [literal(0x40, name, value), literal(0x40, "after", "it")].concat();
        let head = decode(&mut decoder, &block).unwrap();
        assert_eq!((head.fault, decoder.table.len()), (Some(expected), 2), "{name}: {value}");
        assert_eq!(fields(&head).last().unwrap(), "after: it");
    }
    assert_eq!(decode(&mut Decoder::new(4096), &literal(0, "te", "Trailers")).unwrap().fault, None);
}

#[test]
fn pseudo_header_fields_come_once_and_first() {
    let mut decoder = Decoder::new(4096);
    assert_eq!(decode(&mut decoder, &[0x82, 0x82]).unwrap().fault, Some(Fault::DuplicatePseudo));
    assert_eq!(decode(&mut decoder, &[0x82, 0x90, 0x84]).unwrap().fault, Some(Fault::PseudoAfterField));
}

#[test]
fn static_entries_need_no_check_of_their_values() {
    for (place, entry) in STATICS.iter().enumerate() {
        let expected = classify::meta(entry.kind, entry.value.as_bytes()).fault;
        assert_eq!(static_fault(entry.kind), expected, "index {}", place + 1);
    }
}

#[test]
fn unsound_blocks_are_connection_errors() {
    use HpackError::*;
    let table: &[(&str, &[u8], HpackError)] = &[
        ("index 0", &[0x80], BadIndex),
        ("index beyond the tables", &[0x80 | 62], BadIndex),
        ("name index beyond the tables", &[0x40 | 62, 0], BadIndex),
        ("huge index", &[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], IntegerOverflow),
        ("no value", &[0x41], Truncated),
        ("value cut", &[0x41, 3, b'a'], Truncated),
        ("integer cut", &[0xff], Truncated),
        ("string of 4 GiB", &[0x41, 0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f], Truncated),
        ("bad Huffman", &[0x41, 0x81, 0x00], BadHuffman),
        ("table size above the limit", &[0x3f, 0xe2, 0x1f], SizeAboveLimit),
        ("size update behind a field", &[0x82, 0x20], LateSizeUpdate),
    ];
    for &(class, block, expected) in table {
        assert_eq!(decode(&mut Decoder::new(4096), block).unwrap_err(), expected, "{class}");
    }
}

#[test]
fn a_lowered_limit_must_be_followed() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &literal(0x40, "a", "b")).unwrap();
    decoder.set_limit(100);
    assert_eq!(decode(&mut decoder, &[0x82]).unwrap_err(), HpackError::MissingSizeUpdate);
    assert!(decode(&mut decoder, &[0x20, 0x3f, 69, 0x82]).is_ok());
    assert_eq!((decoder.table.max(), decoder.table.len()), (100, 0));
    assert!(decode(&mut decoder, &[0x82]).is_ok());
}

#[test]
fn a_bomb_of_indexed_fields_costs_no_memory() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &literal(0x40, "a", &"b".repeat(4000))).unwrap();
    let limits = Limits { head_bytes: 10_000, ..Limits::default() };
    let mut head = Head::default();
    decoder.decode(&[0x80 | 62; 16_000], &limits, &mut head).unwrap();
    assert_eq!(head.fault, Some(Fault::TooLarge));
    assert!(head.arena.len() <= 10_000 && head.fields.len() == 2);
}

#[test]
fn too_many_small_fields_are_noted() {
    let mut decoder = Decoder::new(4096);
    let limits = Limits { fields: 10, ..Limits::default() };
    let mut head = Head::default();
    decoder.decode(&[0x90; 11], &limits, &mut head).unwrap();
    assert_eq!((head.fault, head.fields.len()), (Some(Fault::TooManyFields), 10));
}

#[test]
fn a_literal_over_the_limit_enters_the_table_and_not_the_head() {
    let mut decoder = Decoder::new(4096);
    let limits = Limits { head_bytes: 100, ..Limits::default() };
    let mut head = Head::default();
    let block = [literal(0x40, "big", &"b".repeat(200)), literal(0x40, "small", "s")].concat();
    decoder.decode(&block, &limits, &mut head).unwrap();
    assert_eq!((head.fault, head.fields.len(), decoder.table.len()), (Some(Fault::TooLarge), 0, 2));
}
