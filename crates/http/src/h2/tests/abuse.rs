//! What a peer may not make us do: each limit of `guard`, reached and exceeded.

use super::super::guard::*;
use super::*;

fn last(peer: &mut Peer, input: Vec<u8>) -> String {
    peer.hears(&input).pop().unwrap_or_default()
}

#[test]
fn rapid_resets_are_stopped() {
    let mut peer = server();
    let round = |i: u32| [get(2 * i + 1), reset(2 * i + 1, ErrorCode::CANCEL)].concat();
    for i in 0..STRAIN {
        assert_eq!(last(&mut peer, round(i)), format!("reset {} CANCEL", 2 * i + 1));
    }
    assert_eq!(last(&mut peer, round(STRAIN)), "error ENHANCE_YOUR_CALM");
}

#[test]
fn making_us_reset_is_stopped_like_resetting() {
    type Round = fn(u32) -> Vec<u8>;
    let made: [(&str, Round); 5] = [
        ("WINDOW_UPDATE of zero", |id| [get(id), window_update(id, 0)].concat()),
        ("WINDOW_UPDATE over 2^31-1", |id| [get(id), window_update(id, (1 << 31) - 1)].concat()),
        ("DATA behind the end", |id| [get(id), data(id, b"x", 0)].concat()),
        ("HEADERS behind the end", |id| [get(id), headers(id, END, &[])].concat()),
        ("more than Content-Length", |id| {
            let sized = [(":method", "POST"), GET[1], GET[2], GET[3], ("content-length", "1")];
            [headers(id, 0, &sized), data(id, b"xy", 0)].concat()
        }),
    ];
    for (class, round) in made {
        let mut peer = server();
        for i in 0..STRAIN {
            assert!(last(&mut peer, round(2 * i + 1)).starts_with("reset "), "{class}");
            peer.connection.flushed();
        }
        assert_eq!(last(&mut peer, round(2 * STRAIN + 1)), "error ENHANCE_YOUR_CALM", "{class}");
    }
}

#[test]
fn who_goes_on_sending_what_was_answered_is_served() {
    let mut peer = server();
    for i in 0..3 * STRAIN {
        let stream = 2 * i + 1;
        peer.hears(&post(stream));
        peer.responds(stream, 413, true);
        assert_eq!(last(&mut peer, data(stream, b"too much", END)), format!("data {stream} 8 end"));
        peer.connection.flushed();
    }
}

#[test]
fn a_client_that_cancels_half_of_what_it_asks_for_is_served() {
    let mut peer = server();
    for i in 0..3 * STRAIN {
        let (answered, cancelled) = (4 * i + 1, 4 * i + 3);
        assert_eq!(last(&mut peer, get(answered)), format!("request {answered} GET a / end"));
        peer.responds(answered, 200, true);
        let input = [get(cancelled), reset(cancelled, ErrorCode::CANCEL)].concat();
        assert_eq!(last(&mut peer, input), format!("reset {cancelled} CANCEL"));
    }
}

#[test]
fn cancelling_what_was_answered_is_no_strain() {
    let mut peer = server();
    for i in 0..2 * STRAIN {
        let stream = 2 * i + 1;
        peer.hears(&get(stream));
        peer.responds(stream, 200, false);
        assert_eq!(last(&mut peer, reset(stream, ErrorCode::CANCEL)), format!("reset {stream} CANCEL"));
    }
}

#[test]
fn streams_above_the_announced_number_are_refused_and_in_the_end_the_peer_too() {
    let mut peer = server_with(Config { max_concurrent_streams: 2, ..Config::new(Role::Server) });
    peer.hears(&[get(1), get(3)].concat());
    assert_eq!(peer.hears(&get(5)), [""; 0]);
    assert_eq!(peer.wrote(), ["RST_STREAM 5 REFUSED_STREAM"]);
    peer.responds(1, 200, true);
    assert_eq!(last(&mut peer, get(7)), "request 7 GET a / end");
    let flood: Vec<u8> = (0..=STRAIN).flat_map(|i| get(2 * i + 9)).collect();
    assert_eq!(last(&mut peer, flood), "error ENHANCE_YOUR_CALM");
}

#[test]
fn malformed_requests_without_end_are_stopped() {
    let mut peer = server();
    let mut answers = (0..=STRAIN).map(|i| {
        peer.connection.flushed();
        last(&mut peer, headers(2 * i + 1, END, &[]))
    });
    assert!(answers.by_ref().take(STRAIN as usize).all(|line| line.is_empty()));
    assert_eq!(answers.next().unwrap(), "error ENHANCE_YOUR_CALM");
}

#[test]
fn acknowledgements_that_nobody_reads_are_stopped() {
    for frame in [raw(frame::PING, 0, 0, &[0; 8]), raw(frame::SETTINGS, 0, 0, b"")] {
        let mut peer = server();
        peer.connection.flushed();
        for _ in 0..REPLIES {
            assert!(!last(&mut peer, frame.clone()).starts_with("error"));
        }
        assert_eq!(last(&mut peer, frame.clone()), "error ENHANCE_YOUR_CALM");
        let mut reader = server();
        for _ in 0..3 * REPLIES {
            assert!(!last(&mut reader, frame.clone()).starts_with("error"));
            reader.connection.flushed();
        }
    }
}

#[test]
fn empty_data_frames_without_end_are_stopped() {
    let mut peer = server();
    peer.hears(&post(1));
    for _ in 0..EMPTY_FRAMES {
        assert_eq!(last(&mut peer, data(1, b"", 0)), "");
    }
    assert_eq!(last(&mut peer, data(1, b"x", 0)), "data 1 1", "content makes it good");
    for _ in 0..EMPTY_FRAMES {
        assert_eq!(last(&mut peer, data(1, &[2, 0, 0], frame::PADDED)), "", "padding is no content");
    }
    assert_eq!(last(&mut peer, data(1, b"", 0)), "error ENHANCE_YOUR_CALM");
}

#[test]
fn continuation_floods_are_stopped_by_number() {
    let mut peer = server();
    let mut input = raw(frame::HEADERS, END, 1, b"");
    (0..CONTINUATIONS).for_each(|_| input.extend(raw(frame::CONTINUATION, 0, 1, b"")));
    assert_eq!(last(&mut peer, input), "");
    assert_eq!(last(&mut peer, raw(frame::CONTINUATION, 0, 1, b"")), "error ENHANCE_YOUR_CALM");
}

#[test]
fn continuation_floods_are_stopped_by_size() {
    let mut peer = server_with(Config { limits: small_limits(), ..Config::new(Role::Server) });
    let size = BLOCK_FACTOR * small_limits().head_bytes as usize;
    assert_eq!(last(&mut peer, raw(frame::HEADERS, END, 1, &vec![0; size - 1])), "");
    assert_eq!(last(&mut peer, raw(frame::CONTINUATION, 0, 1, &[0; 2])), "error ENHANCE_YOUR_CALM");
}

#[test]
fn a_bomb_of_indexed_fields_is_refused_and_costs_no_memory() {
    let mut peer = server();
    let (mut encoder, mut bomb) = (Encoder::new(4096), block(&GET));
    let large = [b'v'; 3000];
    (0..16_000).for_each(|_| encoder.field(&mut bomb, b"x", &large, Index::Indexed));
    let mut input = Vec::new();
    let pieces: Vec<&[u8]> = bomb.chunks(16_384).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let (kind, end) = if i == 0 { (frame::HEADERS, END) } else { (frame::CONTINUATION, 0) };
        input.extend(raw(kind, end | if i + 1 == pieces.len() { WHOLE } else { 0 }, 1, piece));
    }
    assert_eq!(last(&mut peer, input), "");
    assert_eq!(peer.wrote(), ["HEADERS 1 end"], "431");
    assert!(peer.head.arena.capacity() < 200_000);
}

#[test]
fn informational_heads_without_end_are_stopped() {
    let mut peer = client();
    let stream = peer.requests("GET", true);
    for _ in 0..INFORMATIONAL_HEADS {
        assert_eq!(last(&mut peer, headers(stream, 0, &[(":status", "102")])), "response 1 102");
    }
    assert_eq!(last(&mut peer, headers(stream, 0, &[(":status", "102")])), "reset 1 PROTOCOL_ERROR");
}

#[test]
fn heads_for_streams_that_we_reset_are_counted() {
    let mut peer = client();
    let stream = peer.requests("GET", true);
    peer.connection.reset(StreamId(stream), ErrorCode::CANCEL, &mut peer.out);
    for _ in 0..STRAIN {
        assert_eq!(last(&mut peer, headers(stream, END, &[(":status", "200")])), "");
    }
    assert_eq!(last(&mut peer, headers(stream, END, &[(":status", "200")])), "error ENHANCE_YOUR_CALM");
}

#[test]
fn dead_streams_do_not_fill_the_queue_of_the_waiting() {
    let mut peer = server();
    peer.hears(&[setting(4, 1 << 20), get(1)].concat());
    peer.responds(1, 200, false);
    peer.sends(1, &[0; 65_535], false);
    for i in 1..5000 {
        let stream = 2 * i + 1;
        peer.hears(&get(stream));
        peer.responds(stream, 200, false);
        assert_eq!(peer.sends(stream, b"x", true), 0);
        peer.hears(&reset(stream, ErrorCode::CANCEL));
        peer.out.clear();
    }
    assert!(peer.connection.queue_len() < 100);
}
