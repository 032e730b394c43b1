use proptest::prelude::*;

use super::super::Decoder;
use super::*;
use crate::{Head, Limits, Span};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn the_requests_of_rfc_7541_appendix_c_3_are_encoded_to_the_byte() {
    let mut encoder = Encoder::new(4096);
    let mut request = |scheme: &[u8], path: &[u8], extra: Option<(&[u8], &[u8])>| {
        let mut out = Vec::new();
        encoder.pseudo(&mut out, Pseudo::Method, b"GET");
        encoder.pseudo(&mut out, Pseudo::Scheme, scheme);
        encoder.pseudo(&mut out, Pseudo::Path, path);
        encoder.field(&mut out, b":authority", b"www.example.com", Index::Indexed);
        if let Some((name, value)) = extra {
            encoder.field(&mut out, name, value, Index::Indexed);
        }
        out
    };
    assert_eq!(request(b"http", b"/", None), hex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"));
    assert_eq!(
        request(b"http", b"/", Some((b"cache-control", b"no-cache"))),
        hex("8286 84be 5808 6e6f 2d63 6163 6865")
    );
    assert_eq!(
        request(b"https", b"/index.html", Some((b"custom-key", b"custom-value"))),
        hex("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")
    );
}

#[test]
fn the_responses_of_rfc_7541_appendix_c_5_are_encoded_to_the_byte() {
    let mut encoder = Encoder::new(256);
    let mut response = |status: u16, fields: &[(&str, &str)]| {
        let mut out = Vec::new();
        encoder.status(&mut out, status);
        for (name, value) in fields {
            encoder.field(&mut out, name.as_bytes(), value.as_bytes(), Index::Indexed);
        }
        out
    };
    let date = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"];
    let common = [("cache-control", "private"), ("date", date[0]), ("location", "https://www.example.com")];
    let first = "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
                 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d";
    assert_eq!(response(302, &common), hex(first));
    assert_eq!(response(307, &common), hex("4803 3330 37c1 c0bf"));
    let last = [
        common[0],
        ("date", date[1]),
        common[2],
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ];
    let third = "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 \
                 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
                 3630 303b 2076 6572 7369 6f6e 3d31";
    assert_eq!(response(200, &last), hex(third));
}

fn sizes(encoder: &mut Encoder, name: &str, values: &[&str], index: Index) -> Vec<usize> {
    let size = |value: &&str| {
        let mut out = Vec::new();
        encoder.field(&mut out, name.as_bytes(), value.as_bytes(), index);
        out.len()
    };
    values.iter().map(size).collect()
}

#[test]
fn a_field_sent_twice_costs_one_byte_from_then_on() {
    let mut encoder = Encoder::new(4096);
    assert_eq!(sizes(&mut encoder, "user-agent", &["curl", "curl", "curl", "curl"], Index::Adaptive), [7, 6, 1, 1]);
}

#[test]
fn the_name_of_a_field_that_always_differs_is_sent_twice_only() {
    let mut encoder = Encoder::new(4096);
    assert_eq!(sizes(&mut encoder, "x-request-id", &["1", "2", "3", "4"], Index::Adaptive), [16, 16, 4, 4]);
    assert_eq!(encoder.table.len(), 1, "and its values do not fill the table");
}

#[test]
fn a_never_indexed_field_never_enters_the_table() {
    let mut encoder = Encoder::new(4096);
    assert_eq!(sizes(&mut encoder, "authorization", &["a", "a", "a"], Index::Never), [4, 4, 4]);
    let mut out = Vec::new();
    encoder.field(&mut out, b"password", b"secret", Index::Never);
    assert_eq!(out, hex("1008 7061 7373 776f 7264 0673 6563 7265 74"), "RFC 7541 Appendix C.2.3");
    assert_eq!(encoder.table.len(), 0);
}

#[test]
fn a_field_that_was_indexed_once_can_still_be_sent_as_never_indexed() {
    let mut encoder = Encoder::new(4096);
    sizes(&mut encoder, "x", &["long secret"], Index::Indexed);
    encoder.begin();
    for name in ["x", "X"] {
        let (mut out, mut head) = (Vec::new(), Head::default());
        encoder.field_lower(&mut out, name.as_bytes(), b"long secret", Index::Never);
        assert_eq!(out[0], 0x1f, "a literal with a name from the table");
        let mut decoder = Decoder::new(4096);
        decoder.decode(b"\x40\x01x\x01y", &Limits::default(), &mut head).unwrap();
        decoder.decode(&out, &Limits::default(), &mut head).unwrap();
        assert!(head.fields[1].sensitive);
    }
}

#[test]
fn blocks_that_repeat_or_change_or_interleave_are_encoded_alike() {
    let mut encoder = Encoder::new(4096);
    let block = |encoder: &mut Encoder, names: &[&str]| {
        let mut out = Vec::new();
        encoder.begin();
        names.iter().for_each(|name| encoder.field_lower(&mut out, name.as_bytes(), b"v", Index::Adaptive));
        out
    };
    (0..2).for_each(|_| drop(block(&mut encoder, &["A", "B", "C", "D"])));
    let (a, b, c, d) = (0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62);
    assert_eq!(block(&mut encoder, &["A", "B", "C", "D"]), [a, b, c, d]);
    assert_eq!(block(&mut encoder, &["D", "c", "a", "A"]), [d, c, a, a]);
    assert_eq!(block(&mut encoder, &["a", "d"]), [a, d]);
    assert_eq!(block(&mut encoder, &["A", "B", "C", "D"]), [a, b, c, d]);
}

#[test]
fn a_large_field_does_not_push_out_the_others() {
    let mut encoder = Encoder::new(4096);
    let large = "l".repeat(2000);
    sizes(&mut encoder, "cookie", &[&large, &large, &large], Index::Adaptive);
    assert_eq!(encoder.table.len(), 0);
}

#[test]
fn a_changed_size_is_announced_once_before_the_next_field() {
    let mut encoder = Encoder::new(4096);
    encoder.set_max_size(0);
    encoder.set_max_size(100);
    let mut out = Vec::new();
    encoder.status(&mut out, 200);
    encoder.status(&mut out, 200);
    assert_eq!(out, [0x20, 0x3f, 69, 0x88, 0x88]);
    encoder.set_max_size(1 << 30);
    out.clear();
    encoder.status(&mut out, 200);
    assert_eq!(out, [0x3f, 0xe1, 0x1f, 0x88], "never more than the 4096 it was made with");
}

#[test]
fn names_are_lowered_whatever_their_length() {
    for n in [1, 7, 8, 9, 63, 64, 65, 200] {
        let (mut encoder, mut out, mut head) = (Encoder::new(4096), Vec::new(), Head::default());
        encoder.field_lower(&mut out, "X".repeat(n).as_bytes(), b"V", Index::Adaptive);
        Decoder::new(4096).decode(&out, &Limits::default(), &mut head).unwrap();
        assert_eq!(head.fields[0].name.of(&head.arena), "x".repeat(n).as_bytes());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Field(String, String, Index),
    Status(u16),
    Resize(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = prop_oneof![
        4 => Just(Index::Adaptive), 4 => Just(Index::Indexed), 1 => Just(Index::WithoutIndexing), 1 => Just(Index::Never)
    ];
    let name = prop_oneof!["[a-c]{1,2}", Just("content-type".to_string()), "x-[a-z]{1,30}"];
    let value = prop_oneof!["[ab]{0,2}", "[!-~]{0,60}"];
    let step = prop_oneof![
        30 => (name, value, index).prop_map(|(name, value, index)| Step::Field(name, value, index)),
        4 => (100u16..600).prop_map(Step::Status),
        1 => (0usize..6000).prop_map(Step::Resize),
    ];
    proptest::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn whatever_is_encoded_decodes_and_the_tables_stay_in_step(steps in steps(), begins: bool) {
        let mut encoder = Encoder::with_cap(5000);
        let mut decoder = Decoder::new(4096);
        for step in steps {
            let (mut out, mut head) = (Vec::new(), Head::default());
            if begins {
                encoder.begin();
            }
            match &step {
                Step::Field(name, value, index) => encoder.field_lower(&mut out, name.to_uppercase().as_bytes(), value.as_bytes(), *index),
                Step::Status(status) => encoder.status(&mut out, *status),
                Step::Resize(size) => {
                    encoder.set_max_size(*size);
                    decoder.set_limit(*size);
                    continue;
                }
            }
            decoder.decode(&out, &Limits::default(), &mut head).unwrap();
            match step {
                Step::Field(name, value, index) => {
                    let text = |span: Span| String::from_utf8_lossy(span.of(&head.arena)).into_owned();
                    let field = head.fields[0];
                    prop_assert_eq!((text(field.name), text(field.value)), (name, value));
                    prop_assert_eq!(field.sensitive, index == Index::Never);
                }
                Step::Status(status) => prop_assert_eq!(head.status, status),
                Step::Resize(_) => {}
            }
        }
    }

    #[test]
    fn random_blocks_never_panic(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 1..10)) {
        let mut decoder = Decoder::new(300);
        let limits = Limits { head_bytes: 500, fields: 5, ..Limits::default() };
        let mut head = Head::default();
        for block in blocks {
            if decoder.decode(&block, &limits, &mut head).is_err() {
                break;
            }
        }
    }
}
