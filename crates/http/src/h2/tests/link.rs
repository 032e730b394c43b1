//! Two connections and a link that delivers bytes in pieces of any size: whatever one side sends, the other hears, in
//! order and whole, and at the end nothing is left open.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One request and its response.
#[derive(Clone, Debug)]
struct Exchange {
    fields: Vec<(String, String)>,
    body: usize,
    answer: usize,
    trailers: bool,
}

#[derive(Default, Debug, PartialEq)]
struct Heard {
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    trailers: bool,
    ended: bool,
}

struct End {
    connection: Connection<u32>,
    head: Head,
    /// Bytes from the other side, not yet consumed.
    inbox: Vec<u8>,
    out: Vec<u8>,
    /// What is still to be sent, by stream: data and whether trailers follow.
    sending: BTreeMap<u32, (Vec<u8>, bool)>,
    heard: BTreeMap<u32, Heard>,
}

fn body(n: usize, seed: u32) -> Vec<u8> {
    (0..n).map(|i| (i as u32).wrapping_mul(31).wrapping_add(seed) as u8).collect()
}

impl End {
    fn new(config: Config) -> End {
        let mut connection = Connection::new(config);
        let mut out = Vec::new();
        connection.start(&mut out);
        End { connection, head: Head::default(), inbox: vec![], out, sending: BTreeMap::new(), heard: BTreeMap::new() }
    }

    /// Reads what has arrived. Returns the streams whose request or response has just begun or gone on.
    fn read(&mut self, begun: &mut Vec<u32>) {
        let inbox = std::mem::take(&mut self.inbox);
        let mut at = 0;
        loop {
            let (n, event) =
                self.connection.receive(&inbox[at..], &mut self.head, &mut self.out).expect("no violation");
            at += n;
            let Some(event) = event else { break };
            match event {
                Event::Head { stream, end, .. } => {
                    self.connection.bind(stream, stream.0);
                    let text = |span: crate::Span| String::from_utf8(span.of(&self.head.arena).to_vec()).unwrap();
                    let fields = self.head.fields.iter().map(|f| (text(f.name), text(f.value))).collect();
                    self.heard.insert(stream.0, Heard { fields, ended: end, ..Heard::default() });
                    begun.push(stream.0);
                }
                Event::Data { stream, data, flow, end, .. } => {
                    let heard = self.heard.get_mut(&stream.0).unwrap();
                    heard.body.extend_from_slice(data);
                    heard.ended |= end;
                    self.connection.release(stream, flow, &mut self.out);
                }
                Event::Trailers { stream, .. } => {
                    let heard = self.heard.get_mut(&stream.0).unwrap();
                    (heard.trailers, heard.ended) = (true, true);
                }
                Event::Writable { stream, .. } => self.push(stream.0),
                Event::Reset { .. } | Event::GoAway { .. } => panic!("unexpected {event:?}"),
                Event::SettingsReceived | Event::Hello(_) | Event::PingAck(_) => {}
            }
        }
        self.inbox = inbox[at..].to_vec();
    }

    fn push(&mut self, stream: u32) {
        let Some((data, trailers)) = self.sending.get_mut(&stream) else { return };
        let n = self.connection.send_data(StreamId(stream), data, !*trailers, &mut self.out);
        data.drain(..n);
        if !data.is_empty() {
            return;
        }
        if *trailers {
            let mut writer = self.connection.begin_trailers(StreamId(stream), &mut self.out);
            writer.field(b"x-sum", b"1");
            writer.finish(true);
        }
        self.sending.remove(&stream);
    }
}

/// Moves up to `n` bytes.
fn deliver(from: &mut End, to: &mut End, n: usize) {
    let n = n.min(from.out.len());
    to.inbox.extend(from.out.drain(..n));
    if from.out.is_empty() {
        from.connection.flushed();
    }
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    let field = ("x-[a-c]{1,2}", prop_oneof!["[ab]{1,3}", "[!-~]{1,300}"]);
    let size = || prop_oneof![3 => Just(0usize), 3 => 1usize..100, 2 => 1usize..200_000];
    let one = (proptest::collection::vec(field, 0..6), size(), size(), any::<bool>());
    let exchange = one.prop_map(|(fields, body, answer, trailers)| Exchange { fields, body, answer, trailers });
    proptest::collection::vec(exchange, 1..12)
}

fn config(role: Role, window: u32) -> Config {
    Config { initial_stream_window: window, hello: Some(b"weft".to_vec()), ..Config::new(role) }
}

fn request(end: &mut End, exchange: &Exchange) -> Option<u32> {
    let stream = end.connection.open(0)?;
    end.connection.bind(stream, stream.0);
    let mut writer = end.connection.begin_head(stream, &mut end.out);
    writer.method(b"POST");
    writer.scheme(b"https");
    writer.authority(b"shop");
    writer.path(b"/buy");
    exchange.fields.iter().for_each(|(name, value)| writer.field(name.to_uppercase().as_bytes(), value.as_bytes()));
    writer.finish(false);
    end.sending.insert(stream.0, (body(exchange.body, stream.0), exchange.trailers));
    end.push(stream.0);
    Some(stream.0)
}

fn respond(end: &mut End, stream: u32, exchange: &Exchange) {
    let mut writer = end.connection.begin_head(StreamId(stream), &mut end.out);
    writer.status(200);
    exchange.fields.iter().for_each(|(name, value)| writer.field(name.as_bytes(), value.as_bytes()));
    writer.finish(false);
    end.sending.insert(stream, (body(exchange.answer, !stream), !exchange.trailers));
    end.push(stream);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn two_connections_exchange_everything_over_a_link_that_cuts_anywhere(
        exchanges in exchanges(),
        cuts in proptest::collection::vec(prop_oneof![1usize..20, 1usize..40_000], 1..50),
        windows in (prop_oneof![Just(65_535u32), Just(300_000), 1u32..2000], prop_oneof![Just(65_535u32), 1u32..2000]),
    ) {
        let mut client = End::new(config(Role::Client, windows.0));
        let mut server = End::new(config(Role::Server, windows.1));
        let mut by_stream = BTreeMap::new();
        let mut waiting = exchanges.iter();
        let mut next = waiting.next();
        for step in 0.. {
            prop_assert!(step < 2_000_000, "the exchange does not end");
            let cut = cuts[step % cuts.len()];
            if let Some(exchange) = next {
                if let Some(stream) = request(&mut client, exchange) {
                    by_stream.insert(stream, exchange);
                    next = waiting.next();
                }
            }
            deliver(&mut client, &mut server, cut);
            let mut begun = Vec::new();
            server.read(&mut begun);
            begun.into_iter().for_each(|stream| respond(&mut server, stream, by_stream[&stream]));
            deliver(&mut server, &mut client, cut);
            client.read(&mut Vec::new());
            let quiet = client.out.is_empty() && server.out.is_empty();
            if next.is_none() && quiet && client.connection.is_idle() && server.connection.is_idle() {
                break;
            }
        }
        for (stream, exchange) in by_stream {
            let fields = &exchange.fields;
            let expected = Heard { fields: fields.clone(), body: body(exchange.body, stream), trailers: exchange.trailers, ended: true };
            prop_assert_eq!(&server.heard[&stream], &expected);
            let answer = Heard { fields: fields.clone(), body: body(exchange.answer, !stream), trailers: !exchange.trailers, ended: true };
            prop_assert_eq!(&client.heard[&stream], &answer);
        }
        prop_assert!(client.connection.hello_received() && server.connection.hello_received());
    }

    #[test]
    fn what_is_heard_does_not_depend_on_the_cuts(cut in 1usize..60, pieces in proptest::collection::vec(0usize..10, 0..30)) {
        let frames: Vec<u8> = pieces.iter().enumerate().flat_map(|(i, piece)| {
            let stream = (i as u32 / 3) * 2 + 1;
            match piece {
                0 | 1 => get(stream),
                2 | 3 => post(stream),
                4 => data(stream, b"some data", 0),
                5 => data(stream, b"\x02data..", END | frame::PADDED),
                6 => headers(stream, END, &[("x", "y")]),
                7 => reset(stream, ErrorCode::CANCEL),
                8 => raw(0xee, 0, 0, b"unknown"),
                _ => window_update(stream, 9),
            }
        }).collect();
        let mut whole = server();
        let lines = merged(whole.hears(&frames));
        let mut parts = server();
        let mut heard = Vec::new();
        for piece in frames.chunks(cut) {
            heard.extend(parts.hears(piece));
            if heard.last().is_some_and(|line: &String| line.starts_with("error")) {
                break;
            }
        }
        prop_assert_eq!(merged(heard), lines);
        prop_assert_eq!(parts.out, whole.out);
    }

    #[test]
    fn random_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..300), server_side: bool) {
        let mut peer = if server_side { server() } else { client() };
        if !server_side {
            peer.requests("GET", true);
        }
        peer.hears(&input);
    }

    #[test]
    fn random_frames_never_panic(
        frames in proptest::collection::vec((0u8..11, any::<u8>(), 0u32..6, proptest::collection::vec(any::<u8>(), 0..20)), 0..30),
        server_side: bool,
    ) {
        let mut peer = if server_side { server() } else { client() };
        if !server_side {
            peer.requests("GET", false);
            peer.requests("HEAD", true);
        }
        for (kind, flags, stream, payload) in frames {
            peer.hears(&raw(kind, flags, stream, &payload));
        }
    }
}

/// Consecutive data lines of one stream as one, since cuts may fall inside a frame.
fn merged(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let previous: Option<Vec<String>> = out.last().map(|last| last.split(' ').map(str::to_string).collect());
        if let (["data", stream, n, end @ ..], Some(before)) = (&words[..], previous) {
            if before.len() == 3 && before[0] == "data" && before[1] == *stream {
                let sum = n.parse::<usize>().unwrap() + before[2].parse::<usize>().unwrap();
                let suffix = if end.is_empty() { "" } else { " end" };
                *out.last_mut().unwrap() = format!("data {stream} {sum}{suffix}");
                continue;
            }
        }
        out.push(line);
    }
    out
}
