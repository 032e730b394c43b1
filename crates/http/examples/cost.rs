//! What one operation costs, in nanoseconds: `cargo run --release -p weft-http --example cost`.
//!
//! The budget (PERFORMANCE.md): HTTP/1 parse and write of a request and its response well under 1 µs.

use std::hint::black_box;
use std::time::Instant;

use weft_http::h1::{self, RequestKind};
use weft_http::{Head, Limits};

/// The best of ten runs of a hundredth of a second or so: on a shared machine the best is the least disturbed.
fn cost(name: &str, mut operation: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..10 {
        let rounds = 50_000;
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
Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: https\r\n\
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

fn main() {
    h1_costs();
}
