//! A connection under test, fed with frames made by hand; what it says and what it writes come back as lines of text,
//! so that a test reads as a transcript.

mod abuse;
mod flow;
mod frames;
mod link;
mod messages;

use super::frame::{self, FrameHead};
use super::*;
use crate::hpack::{Encoder, Index};
use crate::{Head, Limits, h1};

pub const END: u8 = frame::END_STREAM;
pub const WHOLE: u8 = frame::END_HEADERS;

pub fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

pub fn data(stream: u32, payload: &[u8], flags: u8) -> Vec<u8> {
    raw(frame::DATA, flags, stream, payload)
}

pub fn setting(id: u16, value: u32) -> Vec<u8> {
    raw(frame::SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

pub fn window_update(stream: u32, n: u32) -> Vec<u8> {
    raw(frame::WINDOW_UPDATE, 0, stream, &n.to_be_bytes())
}

pub fn reset(stream: u32, code: ErrorCode) -> Vec<u8> {
    raw(frame::RST_STREAM, 0, stream, &code.0.to_be_bytes())
}

/// A block that leaves the HPACK tables alone.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(4096), Vec::new());
    for (name, value) in fields {
        encoder.field(&mut out, name.as_bytes(), value.as_bytes(), Index::WithoutIndexing);
    }
    out
}

pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    raw(frame::HEADERS, flags | WHOLE, stream, &block(fields))
}

pub const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];

pub fn get(stream: u32) -> Vec<u8> {
    headers(stream, END, &GET)
}

pub fn post(stream: u32) -> Vec<u8> {
    headers(stream, 0, &[(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")])
}

/// Request heads plus fields.
pub fn with<'a>(start: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [start, more].concat()
}

pub struct Peer {
    pub connection: Connection<u32>,
    pub out: Vec<u8>,
    pub head: Head,
    /// Input not yet consumed.
    pub pending: Vec<u8>,
    /// Whether new requests get a token: their own id.
    pub binds: bool,
    /// Whether data is released as soon as it is handed out.
    pub releases: bool,
}

pub fn server() -> Peer {
    server_with(Config::new(Role::Server))
}

/// A server that has been greeted; its own greeting is forgotten.
pub fn server_with(config: Config) -> Peer {
    let mut peer = Peer::new(config);
    let greeting = [&PREFACE[..], &raw(frame::SETTINGS, 0, 0, b"")].concat();
    assert_eq!(peer.hears(&greeting), ["settings"]);
    peer.hears(&raw(frame::SETTINGS, frame::ACK, 0, b""));
    peer.out.clear();
    peer
}

pub fn client() -> Peer {
    client_with(Config::new(Role::Client))
}

pub fn client_with(config: Config) -> Peer {
    let mut peer = Peer::new(config);
    assert_eq!(peer.hears(&raw(frame::SETTINGS, 0, 0, b"")), ["settings"]);
    peer.hears(&raw(frame::SETTINGS, frame::ACK, 0, b""));
    peer.out.clear();
    peer
}

impl Peer {
    pub fn new(config: Config) -> Peer {
        let mut connection = Connection::new(config);
        let mut out = Vec::new();
        connection.start(&mut out);
        Peer { connection, out, head: Head::default(), pending: Vec::new(), binds: true, releases: true }
    }

    /// What the connection says to this input, one line per event; an error is the last line.
    pub fn hears(&mut self, input: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(input);
        let input = std::mem::take(&mut self.pending);
        let (mut at, mut lines) = (0, Vec::new());
        loop {
            match self.connection.receive(&input[at..], &mut self.head, &mut self.out) {
                Err(error) => {
                    lines.push(format!("error {}", error.code));
                    return lines;
                }
                Ok((n, None)) => {
                    self.pending = input[at + n..].to_vec();
                    return lines;
                }
                Ok((n, Some(event))) => {
                    at += n;
                    lines.push(describe(&event, &self.head));
                    self.obey(event);
                }
            }
        }
    }

    fn obey(&mut self, event: Event<u32>) {
        match event {
            Event::Head { stream, token: None, .. } if self.binds => self.connection.bind(stream, stream.0),
            Event::Data { stream, flow, .. } if self.releases => self.connection.release(stream, flow, &mut self.out),
            _ => {}
        }
    }

    /// What it has written since the last time, one line per frame.
    pub fn wrote(&mut self) -> Vec<String> {
        let out = std::mem::take(&mut self.out);
        frames(&out)
    }

    /// A client's request; returns the stream.
    pub fn requests(&mut self, method: &str, end: bool) -> u32 {
        let stream = self.connection.open(0).expect("a stream");
        let mut writer = self.connection.begin_head(stream, &mut self.out);
        writer.method(method.as_bytes());
        writer.scheme(b"http");
        writer.authority(b"a");
        writer.path(b"/");
        writer.finish(end);
        self.connection.bind(stream, stream.0);
        stream.0
    }

    pub fn responds(&mut self, stream: u32, status: u16, end: bool) {
        let mut writer = self.connection.begin_head(StreamId(stream), &mut self.out);
        writer.status(status);
        writer.finish(end);
    }

    pub fn sends(&mut self, stream: u32, data: &[u8], end: bool) -> usize {
        self.connection.send_data(StreamId(stream), data, end, &mut self.out)
    }
}

fn describe(event: &Event<u32>, head: &Head) -> String {
    let text = |span: crate::Span| String::from_utf8_lossy(span.of(&head.arena)).into_owned();
    let ended = |end: &bool| if *end { " end" } else { "" };
    let rest = || head.fields.iter().map(|f| format!(" {}={}", text(f.name), text(f.value))).collect::<String>();
    match event {
        Event::Head { stream, token: None, end, .. } => {
            let line = [head.method, head.authority, head.path].map(text).join(" ");
            format!("request {} {line}{}{}", stream.0, rest(), ended(end))
        }
        Event::Head { stream, token: Some(token), end, informational } => {
            assert_eq!((stream.0, *informational), (*token, head.status < 200));
            format!("response {} {}{}{}", stream.0, head.status, rest(), ended(end))
        }
        Event::Trailers { stream, token } => {
            assert_eq!(stream.0, *token);
            format!("trailers {}{}", stream.0, rest())
        }
        Event::Data { stream, token, data, flow, end } => {
            assert_eq!((stream.0, data.len()), (*token, *flow as usize));
            format!("data {} {}{}", stream.0, data.len(), ended(end))
        }
        Event::Reset { stream, token, code } => {
            assert_eq!(stream.0, *token);
            format!("reset {} {code}", stream.0)
        }
        Event::Writable { stream, .. } => format!("writable {}", stream.0),
        Event::SettingsReceived => "settings".into(),
        Event::Hello(payload) => format!("hello {}", String::from_utf8_lossy(payload)),
        Event::GoAway { last, code } => format!("goaway {} {code}", last.0),
        Event::PingAck(payload) => format!("pong {}", payload[0]),
    }
}

/// Frames as lines.
pub fn frames(mut out: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(rest) = out.strip_prefix(PREFACE) {
        lines.push("PREFACE".to_string());
        out = rest;
    }
    while let Some(head) = FrameHead::parse(out) {
        let payload = &out[9..9 + head.length];
        out = &out[9 + head.length..];
        let code = |at| ErrorCode(frame::number(payload, at));
        let (s, n) = (head.stream, head.length);
        let end = if head.has(END) { " end" } else { "" };
        let open = if head.has(WHOLE) { "" } else { " more" };
        lines.push(match head.kind {
            frame::DATA => format!("DATA {s} {n}{end}"),
            frame::HEADERS => format!("HEADERS {s}{end}{open}"),
            frame::CONTINUATION => format!("CONTINUATION {s} {n}{open}"),
            frame::RST_STREAM => format!("RST_STREAM {s} {}", code(0)),
            frame::SETTINGS if head.has(frame::ACK) => "SETTINGS ack".into(),
            frame::SETTINGS => format!("SETTINGS {}", n / 6),
            frame::PING if head.has(frame::ACK) => format!("PING ack {}", payload[0]),
            frame::PING => format!("PING {}", payload[0]),
            frame::GOAWAY => format!("GOAWAY {} {}", frame::number(payload, 0), code(4)),
            frame::WINDOW_UPDATE => format!("WINDOW_UPDATE {s} {}", frame::number(payload, 0)),
            frame::HELLO => format!("HELLO {}", String::from_utf8_lossy(payload)),
            kind => format!("{kind:#x} {s} {n}"),
        });
    }
    assert!(out.is_empty(), "half a frame was written");
    lines
}

/// Copies a decoded head to HTTP/1, to see that its arena is good for it.
pub fn as_h1(head: &Head) -> String {
    let mut out = Vec::new();
    h1::write_lines(&mut out, head, &head.arena, 0..head.fields.len());
    String::from_utf8(out).unwrap()
}

pub fn small_limits() -> Limits {
    Limits { head_bytes: 2000, fields: 10, trailer_bytes: 500 }
}
