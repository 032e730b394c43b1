//! What one operation costs, in nanoseconds: `cargo run --profile fat -p weft-http --example cost`
//! (the profile that is measured; without optimising across units everything takes a third longer).
//!
//! The budget: HTTP/1 parse and write of a request and its response well under 1 µs.
#![allow(clippy::disallowed_methods)] // It measures.

use std::hint::black_box;
use std::time::Instant;

use weft_http::h1::{self, RequestKind};
use weft_http::h2::{Config, Connection, ErrorCode, Event, Role, StreamId};
use weft_http::{Head, Known, Limits, huffman};

/// The best of many runs that are shorter than a time slice: on a shared machine the best is the least disturbed.
fn cost(name: &str, mut operation: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..300 {
        let rounds = 1000;
        let start = Instant::now();
        for _ in 0..rounds {
            operation();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(rounds));
    }
    println!("{best:8.1} ns  {name}");
}

const SMALL: &[u8] = b"GET /small HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: wrk/4.2\r\nAccept: */*\r\n\r\n";

const LARGE: &[u8] = b"GET /api/v1/orders/8c1f-42?page=2&sort=desc HTTP/1.1\r\nHost: orders.shop.svc.cluster.local:8080\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nCache-Control: no-cache\r\n\
Cookie: session=8e1c6f8a4b2d4f0f9c1a7e5d3b2a1c0f; theme=dark; region=eu-central-1\r\nX-Request-Id: 0d9f2c1e-57aa-4b1f-9f1e-0c3a7d5b1e22\r\n\
Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX-Forwarded-For: 192.0.2.3\r\nX-Forwarded-Proto: https\r\n\
Connection: keep-alive\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 01 Jul 2025 10:00:00 GMT\r\n\
Content-Type: text/plain\r\nContent-Length: 64\r\nConnection: keep-alive\r\n\r\n";

fn h1_costs() {
    let limits = Limits::default();
    let mut head = Head::default();
    let mut out = Vec::with_capacity(4096);
    for (name, request) in [("small request, 3 fields", SMALL), ("browser request, 12 fields", LARGE)] {
        cost(&format!("h1 parse {name}"), || {
            black_box(h1::parse_request(black_box(request), &limits, &mut head)).unwrap();
        });
        let fields = head.fields.len();
        cost(&format!("h1 write {name}, field by field"), || {
            out.clear();
            h1::write_request_line(&mut out, head.method.of(request), head.target.of(request));
            for field in &head.fields {
                h1::write_field(&mut out, field.name.of(request), field.value.of(request));
            }
            h1::end_head(&mut out);
            black_box(&out);
        });
        cost(&format!("h1 write {name}, as one run"), || {
            out.clear();
            h1::write_request_line(&mut out, head.method.of(request), head.target.of(request));
            h1::write_lines(&mut out, &head, request, 0..fields);
            h1::end_head(&mut out);
            black_box(&out);
        });
    }
    cost("h1 parse response, 5 fields", || {
        black_box(h1::parse_response(black_box(ANSWER), RequestKind::Other, &limits, &mut head)).unwrap();
    });
    cost("h1 write response, 5 fields", || {
        out.clear();
        h1::write_status_line(&mut out, head.status);
        for field in &head.fields {
            h1::write_field(&mut out, field.name.of(ANSWER), field.value.of(ANSWER));
        }
        h1::end_head(&mut out);
        black_box(&out);
    });
    let mut message = Vec::new();
    h1::write_chunk(&mut message, &[b'x'; 64]);
    h1::write_last_chunk(&mut message);
    cost("h1 decode a chunked body of 64 bytes", || {
        let mut body = h1::Body::new(weft_http::Framing::Chunked);
        black_box(body.decode(black_box(&message), &limits)).unwrap();
    });
}

/// A proxy's two sides of a mesh hop in one process: the head of an HTTP/1 request leaves as HEADERS, is received,
/// answered, and the answer is received again.
fn h2_costs() {
    for (name, request) in [("small request, 3 fields", SMALL), ("browser request, 12 fields", LARGE)] {
        let mut pair = Pair::new();
        let mut head = Head::default();
        h1::parse_request(request, &Limits::default(), &mut head).unwrap();
        let mut answer = Head::default();
        h1::parse_response(ANSWER, RequestKind::Other, &Limits::default(), &mut answer).unwrap();
        for _ in 0..100 {
            pair.exchange(&head, request, &answer);
        }
        println!("            {} and {} bytes on the wire: {name} and its response", pair.sizes.0, pair.sizes.1);
        cost(&format!("h2 whole exchange without body, both ends, {name}"), || pair.exchange(&head, request, &answer));

        let mut out = Vec::with_capacity(4096);
        cost(&format!("h2 write {name}, and forget the stream"), || {
            out.clear();
            let stream = pair.client.open(0).unwrap();
            write_request(&mut pair.client, stream, &head, request, &mut out);
            pair.client.reset(stream, ErrorCode::CANCEL, &mut out);
            black_box(&out);
        });
    }
    let mut pair = Pair::new();
    let payload = [b'x'; 16_000];
    cost("h2 send and receive 64 bytes of DATA", || pair.data(&payload[..64]));
    cost("h2 send and receive 16,000 bytes of DATA", || pair.data(&payload));
}

struct Pair {
    client: Connection<u32>,
    server: Connection<u32>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    received: Head,
    upload: StreamId,
    sizes: (usize, usize),
}

impl Pair {
    fn new() -> Pair {
        let mut pair = Pair {
            client: Connection::new(Config::new(Role::Client)),
            server: Connection::new(Config::new(Role::Server)),
            to_server: Vec::with_capacity(65_536),
            to_client: Vec::with_capacity(65_536),
            received: Head::default(),
            upload: StreamId(0),
            sizes: (0, 0),
        };
        pair.client.start(&mut pair.to_server);
        pair.server.start(&mut pair.to_client);
        pair.upload = pair.client.open(0).unwrap();
        let mut writer = pair.client.begin_head(pair.upload, &mut pair.to_server);
        writer.method(b"POST");
        writer.scheme(b"http");
        writer.authority(b"a");
        writer.path(b"/upload");
        writer.finish(false);
        pair.serve();
        pair.answer();
        pair
    }

    /// The server hears what there is; returns the last new stream.
    fn serve(&mut self) -> Option<StreamId> {
        let (mut at, mut opened) = (0, None);
        loop {
            let (n, event) =
                self.server.receive(&self.to_server[at..], &mut self.received, &mut self.to_client).unwrap();
            at += n;
            match event {
                None => break,
                Some(Event::Head { stream, .. }) => {
                    self.server.bind(stream, 0);
                    opened = Some(stream);
                }
                Some(Event::Data { stream, flow, .. }) => self.server.release(stream, flow, &mut self.to_client),
                Some(other) => drop(black_box(other)),
            }
        }
        self.to_server.clear();
        opened
    }

    fn answer(&mut self) {
        let mut at = 0;
        loop {
            let (n, event) =
                self.client.receive(&self.to_client[at..], &mut self.received, &mut self.to_server).unwrap();
            at += n;
            if event.is_none() {
                break;
            }
        }
        self.to_client.clear();
        self.client.flushed();
        self.server.flushed();
    }

    fn exchange(&mut self, request: &Head, request_bytes: &[u8], answer: &Head) {
        let stream = self.client.open(0).unwrap();
        write_request(&mut self.client, stream, request, request_bytes, &mut self.to_server);
        self.sizes.0 = self.to_server.len();
        let stream = self.serve().unwrap();
        let mut writer = self.server.begin_head(stream, &mut self.to_client);
        writer.status(answer.status);
        for field in answer.fields.iter().filter(|field| !field.known.is_hop_by_hop()) {
            if field.known != Known::ContentLength {
                writer.field(field.name.of(ANSWER), field.value.of(ANSWER));
            }
        }
        writer.finish(true);
        self.sizes.1 = self.to_client.len();
        self.answer();
    }

    fn data(&mut self, payload: &[u8]) {
        assert_eq!(self.client.send_data(self.upload, payload, false, &mut self.to_server), payload.len());
        self.serve();
        self.answer();
    }
}

fn write_request(client: &mut Connection<u32>, stream: StreamId, head: &Head, bytes: &[u8], out: &mut Vec<u8>) {
    let mut writer = client.begin_head(stream, out);
    writer.method(head.method.of(bytes));
    writer.scheme(b"http");
    writer.authority(head.authority.of(bytes));
    writer.path(head.path.of(bytes));
    for field in head.fields.iter().filter(|field| !field.known.is_hop_by_hop() && field.known != Known::Host) {
        writer.field(field.name.of(bytes), field.value.of(bytes));
    }
    writer.finish(true);
}

/// Why the encoder does not compress.
fn huffman_costs() {
    let text = b"0d9f2c1e-57aa-4b1f-9f1e-0c3a7d5b1e22-path/to";
    let (mut coded, mut out) = (Vec::new(), Vec::with_capacity(256));
    huffman::encode(text, &mut coded);
    println!("            {} bytes of text, {} compressed", text.len(), coded.len());
    cost("copy the text", || {
        out.clear();
        out.extend_from_slice(black_box(text));
        black_box(&out);
    });
    cost("Huffman encode the text", || {
        out.clear();
        huffman::encode(black_box(text), &mut out);
        black_box(&out);
    });
    cost("Huffman decode the text", || {
        out.clear();
        huffman::decode(black_box(&coded), &mut out).unwrap();
        black_box(&out);
    });
}

fn main() {
    h1_costs();
    h2_costs();
    huffman_costs();
}
