//! Windows: what may be sent, who is told when more may, and what is given back.

use super::*;

#[test]
fn data_stops_at_the_streams_window_and_goes_on_when_it_opens() {
    let mut peer = server();
    peer.hears(&[setting(4, 10), get(1)].concat());
    peer.responds(1, 200, false);
    assert_eq!(peer.connection.capacity(StreamId(1)), 10);
    assert_eq!(peer.sends(1, &[0; 25], true), 10);
    assert_eq!(peer.connection.capacity(StreamId(1)), 0);
    assert_eq!(peer.hears(&window_update(1, 5)), ["writable 1"]);
    assert_eq!(peer.sends(1, &[0; 15], true), 5);
    assert_eq!(peer.hears(&window_update(1, 100)), ["writable 1"]);
    assert_eq!(peer.sends(1, &[0; 10], true), 10);
    assert_eq!(peer.wrote(), ["SETTINGS ack", "HEADERS 1", "DATA 1 10", "DATA 1 5", "DATA 1 10 end"]);
    assert!(peer.connection.is_idle());
}

#[test]
fn a_change_of_the_initial_window_moves_every_stream() {
    let mut peer = server();
    peer.hears(&[setting(4, 10), get(1)].concat());
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, &[0; 20], true), 10);
    assert_eq!(peer.hears(&setting(4, 4)), ["settings"], "the window is -6 now");
    assert_eq!(peer.hears(&window_update(1, 6)), [""; 0], "zero is not yet writable");
    assert_eq!(peer.hears(&setting(4, 7)), ["settings", "writable 1"]);
    assert_eq!(peer.connection.capacity(StreamId(1)), 3);
    assert_eq!(peer.hears(&setting(4, (1 << 31) - 1)), ["settings"]);
    assert_eq!(peer.hears(&window_update(1, 5)), ["reset 1 FLOW_CONTROL_ERROR"], "a window above 2^31-1");
}

#[test]
fn an_initial_window_that_overflows_a_stream_ends_the_connection() {
    let mut peer = server();
    peer.hears(&[get(1), window_update(1, 100)].concat());
    assert_eq!(peer.hears(&setting(4, (1 << 31) - 1)), ["error FLOW_CONTROL_ERROR"]);
}

#[test]
fn every_stream_that_waits_for_the_connection_is_told_while_there_is_window() {
    let mut peer = server();
    peer.hears(&[setting(4, 1 << 20), get(1), get(3), get(5)].concat());
    [1, 3, 5].into_iter().for_each(|stream| peer.responds(stream, 200, false));
    assert_eq!(peer.sends(1, &[0; 70_000], true), 65_535);
    assert_eq!(peer.sends(3, &[0; 10], true), 0);
    assert_eq!(peer.sends(5, &[0; 10], true), 0);
    assert_eq!(peer.hears(&window_update(0, 100)), ["writable 1", "writable 3", "writable 5"]);
    assert_eq!(peer.sends(5, &[0; 10], true), 10);
    assert_eq!(peer.sends(1, &[0; 4465], true), 90);
    assert_eq!(peer.sends(3, &[0; 10], true), 0);
    assert_eq!(peer.hears(&reset(1, ErrorCode::CANCEL)), ["reset 1 CANCEL"]);
    assert_eq!(peer.hears(&window_update(0, 10)), ["writable 3"], "a dead stream is passed over");
}

#[test]
fn a_stream_blocked_by_both_windows_waits_for_both() {
    let mut peer = server();
    peer.hears(&[setting(4, 65_535), get(1)].concat());
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, &[0; 65_536], true), 65_535);
    assert_eq!(peer.hears(&window_update(0, 10)), [""; 0]);
    assert_eq!(peer.hears(&window_update(1, 10)), ["writable 1"]);
    let mut peer = server();
    peer.hears(&get(1));
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, &[0; 65_536], true), 65_535);
    assert_eq!(peer.hears(&window_update(1, 10)), [""; 0]);
    assert_eq!(peer.hears(&window_update(0, 10)), ["writable 1"]);
}

#[test]
fn data_is_cut_to_the_peers_frame_size_and_our_own() {
    let mut peer = server();
    peer.hears(&get(1));
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, &[0; 40_000], true), 40_000);
    assert_eq!(peer.wrote(), ["HEADERS 1", "DATA 1 16384", "DATA 1 16384", "DATA 1 7232 end"]);
}

#[test]
fn an_empty_end_needs_no_window() {
    let mut peer = server();
    peer.hears(&[setting(4, 0), get(1)].concat());
    peer.responds(1, 200, false);
    assert_eq!(peer.sends(1, b"", true), 0);
    assert_eq!(peer.wrote(), ["SETTINGS ack", "HEADERS 1", "DATA 1 0 end"]);
}

#[test]
fn a_data_frame_is_handed_out_as_it_arrives() {
    let mut peer = server();
    peer.hears(&post(1));
    let frame = data(1, &[7; 100], END);
    assert_eq!(peer.hears(&frame[..5]), [""; 0]);
    assert_eq!(peer.hears(&frame[5..9]), [""; 0]);
    assert_eq!(peer.hears(&frame[9..50]), ["data 1 41"]);
    assert_eq!(peer.hears(&frame[50..]), ["data 1 59 end"]);
}

#[test]
fn a_stream_reset_between_two_pieces_swallows_the_rest_of_its_frame() {
    let mut peer = server();
    peer.hears(&post(1));
    let frame = [data(1, &[7; 100], END), get(3)].concat();
    assert_eq!(peer.hears(&frame[..50]), ["data 1 41"]);
    peer.connection.reset(StreamId(1), ErrorCode::CANCEL, &mut peer.out);
    assert_eq!(peer.hears(&frame[50..]), ["request 3 GET a / end"]);
}

fn small_windows() -> Config {
    Config { initial_stream_window: 70_000, connection_window: 100_000, ..Config::new(Role::Server) }
}

#[test]
fn windows_are_given_back_when_half_is_owed() {
    let mut peer = server_with(small_windows());
    peer.releases = false;
    peer.hears(&[post(1), data(1, &[0; 16_000], 0), data(1, &[0; 16_000], 0), data(1, &[0; 16_000], 0)].concat());
    assert_eq!(peer.wrote(), [""; 0], "nothing before the caller has passed it on");
    peer.connection.release(StreamId(1), 34_999, &mut peer.out);
    assert_eq!(peer.wrote(), [""; 0]);
    peer.connection.release(StreamId(1), 1, &mut peer.out);
    assert_eq!(peer.wrote(), ["WINDOW_UPDATE 1 35000"]);
    peer.connection.release(StreamId(1), 13_000, &mut peer.out);
    assert_eq!(peer.wrote(), [""; 0]);
    peer.connection.release(StreamId(1), 2_000, &mut peer.out);
    assert_eq!(peer.wrote(), ["WINDOW_UPDATE 0 50000"]);
}

#[test]
fn padding_is_given_back_at_once_and_the_rest_is_the_callers() {
    let mut peer = server_with(Config { initial_stream_window: 65_535, connection_window: 65_535, ..small_windows() });
    peer.releases = false;
    let mut padded = vec![255; 1];
    padded.extend([0; 10 + 255]);
    peer.hears(&post(1));
    for _ in 0..128 {
        assert_eq!(peer.hears(&data(1, &padded, frame::PADDED)), ["data 1 10"]);
    }
    assert_eq!(peer.wrote(), ["WINDOW_UPDATE 1 32768", "WINDOW_UPDATE 0 32768"]);
}

#[test]
fn data_for_dead_streams_is_given_back_to_the_connection() {
    let mut peer = server_with(small_windows());
    peer.releases = false;
    peer.hears(&post(1));
    peer.connection.reset(StreamId(1), ErrorCode::CANCEL, &mut peer.out);
    peer.wrote();
    for _ in 0..10 {
        assert_eq!(peer.hears(&data(1, &[0; 10_000], 0)), [""; 0]);
    }
    assert_eq!(peer.wrote(), ["WINDOW_UPDATE 0 50000", "WINDOW_UPDATE 0 50000"]);
    peer.connection.release(StreamId(1), 50_000, &mut peer.out);
    assert_eq!(peer.wrote(), ["WINDOW_UPDATE 0 50000"], "also what is released late");
}

#[test]
fn a_stream_that_has_ended_gets_no_window() {
    let mut peer = server_with(small_windows());
    peer.hears(&[post(1), data(1, &[0; 16_000], 0), data(1, &[0; 16_000], 0), data(1, &[0; 16_000], END)].concat());
    assert_eq!(peer.wrote(), [""; 0]);
}

#[test]
fn data_beyond_the_windows_is_refused() {
    let mut peer = server_with(small_windows());
    peer.releases = false;
    let chunk = |stream| data(stream, &[0; 14_000], 0);
    peer.hears(&[post(1), post(3)].concat());
    (0..5).for_each(|_| assert_eq!(peer.hears(&chunk(1)), ["data 1 14000"]));
    assert_eq!(peer.hears(&data(1, b"x", 0)), ["reset 1 FLOW_CONTROL_ERROR"]);
    assert_eq!(peer.hears(&chunk(3)), ["data 3 14000"]);
    assert_eq!(peer.hears(&chunk(3)), ["data 3 14000"]);
    assert_eq!(peer.hears(&chunk(3)), ["error FLOW_CONTROL_ERROR"], "the connection's window is used up");
}

#[test]
fn a_zero_window_update_costs_its_stream() {
    let mut peer = server();
    assert_eq!(peer.hears(&[get(1), window_update(1, 0)].concat()).pop().unwrap(), "reset 1 PROTOCOL_ERROR");
}
