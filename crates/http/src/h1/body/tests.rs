use proptest::prelude::*;

use super::super::Malformed::*;
use super::*;
use crate::h1;

/// Everything the decoder says about `input`, given in pieces that grow by `step`; unconsumed bytes are given again.
fn drain(
    framing: Framing,
    input: &[u8],
    step: usize,
    limits: &Limits,
) -> (Vec<u8>, Option<Vec<u8>>, usize, Result<bool, Malformed>) {
    let mut body = Body::new(framing);
    let (mut data, mut trailers, mut at, mut seen) = (Vec::new(), None, 0, 0);
    loop {
        let window = &input[at..seen];
        match body.decode(window, limits) {
            Err(reason) => return (data, trailers, at, Err(reason)),
            Ok(decoded) => {
                data.extend_from_slice(&window[decoded.data.clone()]);
                trailers = trailers.or(decoded.trailers.map(|range| window[range].to_vec()));
                at += decoded.consumed;
                if decoded.done {
                    return (data, trailers, at, Ok(true));
                }
                if decoded.consumed == 0 {
                    if seen == input.len() {
                        return (data, trailers, at, Ok(false));
                    }
                    seen = (seen + step).min(input.len());
                }
            }
        }
    }
}

fn chunked(input: &[u8]) -> (Vec<u8>, Option<Vec<u8>>, usize, Result<bool, Malformed>) {
    drain(Framing::Chunked, input, input.len().max(1), &Limits::default())
}

#[test]
fn a_counted_body_ends_at_its_count() {
    let mut body = Body::new(Framing::Length(5));
    let first = body.decode(b"abc", &Limits::default()).unwrap();
    assert_eq!((first.consumed, first.data, first.done), (3, 0..3, false));
    assert_eq!(body.eof(), Err(Truncated));
    let second = body.decode(b"deGET /", &Limits::default()).unwrap();
    assert_eq!((second.consumed, second.data, second.done), (2, 0..2, true));
    assert_eq!((body.is_done(), body.eof()), (true, Ok(())));
    assert!(body.decode(b"GET /", &Limits::default()).unwrap().done);
}

#[test]
fn no_body_is_done_before_it_starts() {
    assert!(Body::new(Framing::None).is_done());
    assert!(Body::new(Framing::Length(0)).is_done());
}

#[test]
fn a_body_until_close_ends_well_at_the_end_of_input() {
    let mut body = Body::new(Framing::UntilClose);
    assert_eq!(body.decode(b"abc", &Limits::default()).unwrap().data, 0..3);
    assert!(!body.is_done());
    assert_eq!(body.eof(), Ok(()));
}

#[test]
fn a_small_chunked_body_takes_one_call() {
    let mut body = Body::new(Framing::Chunked);
    let decoded = body.decode(b"5\r\nhello\r\n0\r\n\r\nGET", &Limits::default()).unwrap();
    assert_eq!(decoded, Decoded { consumed: 15, data: 3..8, done: true, trailers: None });
}

#[test]
fn trailers_are_pointed_at_as_a_whole() {
    let (data, trailers, at, end) = chunked(b"a\r\n0123456789\r\n00000000\r\nX: 1\r\nY: 2\r\n\r\nrest");
    assert_eq!((&data[..], at, end), (&b"0123456789"[..], 39, Ok(true)));
    assert_eq!(trailers.as_deref(), Some(&b"X: 1\r\nY: 2\r\n\r\n"[..]));
}

#[test]
fn ambiguous_chunks_are_refused() {
    let table: &[(&str, &[u8], Malformed)] = &[
        ("extension", b"5;a=b\r\nhello\r\n", ChunkExtension),
        ("space after size", b"5 \r\nhello\r\n", ChunkExtension),
        ("tab after size", b"5\t\r\nhello\r\n", ChunkExtension),
        ("space before size", b" 5\r\nhello\r\n", BadChunkSize),
        ("0x prefix", b"0x5\r\nhello\r\n", BadChunkSize),
        ("plus sign", b"+5\r\nhello\r\n", BadChunkSize),
        ("minus sign", b"-5\r\nhello\r\n", BadChunkSize),
        ("empty size", b"\r\nhello\r\n", BadChunkSize),
        ("17 digits", b"00000000000000005\r\nhello\r\n", BadChunkSize),
        ("overflow", b"10000000000000005\r\nhello\r\n", BadChunkSize),
        ("bare LF after size", b"5\nhello\r\n", BareLf),
        ("bare CR after size", b"5\rhello\r\n", BareCr),
        ("bare LF after data", b"5\r\nhello\n0\r\n\r\n", BareLf),
        ("no CRLF after data", b"5\r\nhello0\r\n\r\n", BadChunkEnd),
        ("data longer than size", b"4\r\nhello\r\n0\r\n\r\n", BadChunkEnd),
        ("bare CR after data", b"5\r\nhello\r0\r\n\r\n", BareCr),
        ("bare LF for the end", b"0\r\n\n", BareLf),
        ("bare CR for the end", b"0\r\n\rG", BareCr),
    ];
    for &(class, input, expected) in table {
        assert_eq!(chunked(input).3, Err(expected), "{class}");
    }
}

#[test]
fn sixteen_digits_are_a_size() {
    let (data, _, _, end) = chunked(b"ffffffffffffffff\r\nabc");
    assert_eq!((&data[..], end), (&b"abc"[..], Ok(false)));
    let (data, _, _, end) = chunked(b"0000000000000003\r\nabc\r\n0\r\n\r\n");
    assert_eq!((&data[..], end), (&b"abc"[..], Ok(true)));
}

#[test]
fn a_trailer_section_over_the_limit_is_refused() {
    let limits = Limits { trailer_bytes: 20, ..Limits::default() };
    let run = |text: &[u8]| drain(Framing::Chunked, text, 1, &limits).3;
    assert_eq!(run(b"0\r\nX: 01234567890123\r\n\r\n"), Err(TooLarge));
    assert_eq!(run(b"0\r\nX: 0123456789012\r\n\r\n"), Ok(true));
}

fn near_chunks() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(|data| {
            let mut out = Vec::new();
            h1::write_chunk(&mut out, &data);
            out
        }),
        2 => Just(b"0\r\n\r\n".to_vec()),
        1 => Just(b"0\r\nX: 1\r\n\r\n".to_vec()),
        1 => Just(b"A;x\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn chunks_in_pieces_give_the_data_of_the_whole(input in near_chunks(), step in 1usize..7) {
        let limits = Limits::default();
        let whole = drain(Framing::Chunked, &input, input.len().max(1), &limits);
        prop_assert_eq!(drain(Framing::Chunked, &input, 1, &limits), whole.clone());
        prop_assert_eq!(drain(Framing::Chunked, &input, step, &limits), whole);
    }

    #[test]
    fn written_chunks_are_read_back(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..6)) {
        let mut out = Vec::new();
        parts.iter().for_each(|part| h1::write_chunk(&mut out, part));
        h1::write_last_chunk(&mut out);
        let (data, trailers, at, end) = chunked(&out);
        prop_assert_eq!((data, trailers, at, end), (parts.concat(), None, out.len(), Ok(true)));
    }
}
