use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn decoded(input: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut out = b"kept".to_vec();
    decode(input, &mut out)?;
    assert_eq!(&out[..4], b"kept");
    Ok(out.split_off(4))
}

#[test]
fn the_code_is_complete() {
    let sum: f64 = LENGTHS.iter().map(|length| 0.5f64.powi(i32::from(*length))).sum();
    assert_eq!(sum, 1.0);
    assert_eq!(TABLES.codes[256], 0x3fff_ffff, "EOS, RFC 7541 Appendix B");
    assert_eq!((TABLES.codes[b'a' as usize], TABLES.codes[b'Z' as usize], TABLES.codes[10]), (0x3, 0xfd, 0x3fff_fffc));
}

#[test]
fn the_texts_of_rfc_7541_appendix_c_decode() {
    let table = [
        ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
        ("a8eb10649cbf", "no-cache"),
        ("25a849e95ba97d7f", "custom-key"),
        ("25a849e95bb8e8b4bf", "custom-value"),
        ("6402", "302"),
        ("aec3771a4b", "private"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
        ("9bd9ab", "gzip"),
        (
            "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ),
    ];
    for (code, text) in table {
        assert_eq!(decoded(&hex(code)), Ok(text.as_bytes().to_vec()));
        let mut out = Vec::new();
        encode(text.as_bytes(), &mut out);
        assert_eq!(out, hex(code));
    }
}

#[test]
fn padding_must_be_short_and_all_ones() {
    assert_eq!(decoded(b""), Ok(vec![]));
    assert_eq!(decoded(&[0x1f]), Ok(b"a".to_vec()), "00011 and three ones");
    assert_eq!(decoded(&[0x1e]), Err(Invalid), "a zero in the padding");
    assert_eq!(decoded(&[0x18]), Err(Invalid), "zeros for padding");
    assert_eq!(decoded(&[0x1f, 0xff]), Err(Invalid), "eleven bits of padding");
    assert_eq!(decoded(&[0xff]), Err(Invalid), "eight bits of padding");
}

#[test]
fn eos_is_refused() {
    assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Invalid));
    assert_eq!(decoded(&[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Invalid));
}

#[test]
fn every_symbol_survives() {
    for byte in 0..=255 {
        for n in 1..6 {
            let text = vec![byte; n];
            let mut out = Vec::new();
            encode(&text, &mut out);
            assert_eq!(decoded(&out), Ok(text));
        }
    }
}

proptest! {
    #[test]
    fn any_text_survives(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        encode(&text, &mut out);
        prop_assert_eq!(decoded(&out), Ok(text));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(input in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(text) = decoded(&input) {
            let mut out = Vec::new();
            encode(&text, &mut out);
            prop_assert_eq!(out, input);
        }
    }
}
