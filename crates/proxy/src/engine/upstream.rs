//! Connections on which we ask: requests written, responses read, and what their failure proves.

use std::mem::take;
use std::os::fd::AsFd;

use weft_core::Reason;
use weft_core::retry::Failure;
use weft_http::h1::RequestKind;
use weft_http::h2::Event;
use weft_http::{Head, Known, h1};

use super::conn::{Conn, ConnId, ExchangeId, H1Client, H2, Place, Protocol, Reading};
use super::downstream::{Fed, is_unprocessed};
use super::exchange::{Exchange, Leg, Phase};
use super::{Engine, Errand, Step};

impl Engine {
    // ------------------------------------------------------------------------------------------------- writing

    /// Writes the exchange's request on the connection, with as much of its body as is here.
    pub(super) fn send_request(&mut self, x: ExchangeId, id: ConnId) {
        let exchange = &mut self.exchanges[x];
        exchange.phase = Phase::Trying;
        let end = exchange.to_app.done && exchange.to_app.waiting() == 0 && exchange.to_app.trailers.is_none();
        let Some(conn) = self.conns.get_mut(id as usize).and_then(|c| c.as_deref_mut()) else { return };
        if conn.out.capacity() == 0 {
            conn.out = self.spare.pop().unwrap_or_default();
        }
        let waiting = (conn.out.len() + conn.wire.len()) as u64;
        let stream = match &mut conn.protocol {
            Protocol::H1Client(h1) => {
                h1.request_at = conn.written + waiting;
                h1.exchange = Some(x);
                h1.reading = Reading::Head;
                h1.kind = exchange.request_kind.unwrap_or(RequestKind::Other);
                write_h1_request(exchange, end, &mut conn.out);
                exchange.to_app.end_sent = end;
                super::exchange::NO_STREAM
            }
            Protocol::H2(h2) => {
                let Some(stream) = h2.codec.open(x) else {
                    h2.going_away = true;
                    self.later(x, Step::Failed(Failure::RefusedStream, Reason::ConnectFailed));
                    return;
                };
                write_h2_request(exchange, h2, stream, end, &mut conn.out);
                exchange.to_app.end_sent = end;
                stream
            }
            _ => return,
        };
        exchange.up = Some(Leg { conn: id, stream });
        if !conn.state.dirty {
            conn.state.dirty = true;
            self.dirty.push(id);
        }
        if !end {
            // While there was no connection the caller may have been told to stop.
            if self.exchanges[x].to_app.waiting() > 0 {
                self.later(x, Step::Relay);
            }
            self.push_to_app(x);
        }
    }

    // ------------------------------------------------------------------------------------------------- HTTP/1

    pub(super) fn feed_h1_client(&mut self, id: ConnId, conn: &mut Conn, h1: &mut H1Client, input: &[u8]) -> Fed {
        let mut used = 0;
        while used < input.len() && !conn.state.paused {
            let rest = &input[used..];
            let Some(x) = h1.exchange else {
                // Bytes that nobody asked for: not a connection to trust with a request.
                return None;
            };
            let read = match h1.reading {
                Reading::Head => self.read_response(x, h1, rest),
                Reading::Body => self.read_response_body(x, conn, h1, rest),
                Reading::Raw => {
                    conn.state.paused = self.response_data(x, rest, false);
                    Ok(rest.len())
                }
                Reading::Done => return None,
            };
            match read {
                Ok(0) => break,
                Ok(n) => used += n,
                Err(malformed) => {
                    let text = format!("response of {}: {malformed}", conn.peer_address);
                    self.event("malformed", &conn.peer_address.ip().to_string(), &text);
                    h1.exchange = None;
                    self.lose(x, Failure::Reset { response_started: false }, Reason::UpstreamProtocol);
                    return None;
                }
            }
            let free = match (h1.exchange, h1.reading) {
                (Some(_), Reading::Done) => self.h1_response_over(x, h1),
                // The response was not passed on, because the request is tried again.
                (None, Reading::Done) => h1.keep_alive,
                (None, _) => false,
                (Some(_), _) => continue,
            };
            if !free {
                return None;
            }
            h1.reused = true;
            self.own_errand(id, conn, Errand::Park);
        }
        Some(used)
    }

    fn read_response(&mut self, x: ExchangeId, h1: &mut H1Client, input: &[u8]) -> Result<usize, h1::Malformed> {
        let mut head = take(&mut self.head);
        let parsed = h1::parse_response(input, h1.kind, &self.limits, &mut head);
        if let Ok(Some(n)) = parsed {
            let informational = head.status < 200 && head.status != 101;
            if !informational {
                h1.keep_alive = head.keep_alive;
                h1.body = h1::Body::new(head.framing);
                let switched = head.status == 101 && self.exchanges[x].upgrade;
                h1.reading = match (switched, h1.body.is_done()) {
                    (true, _) => Reading::Raw,
                    (false, true) => Reading::Done,
                    (false, false) => Reading::Body,
                };
            }
            let end = h1.reading == Reading::Done;
            if self.response_head(x, &head, &input[..n], end, informational) {
                // It is tried again: this response is not passed on.
                h1.exchange = None;
                h1.keep_alive &= end;
            }
        }
        self.head = head;
        parsed.map(|n| n.unwrap_or(0))
    }

    fn read_response_body(
        &mut self,
        x: ExchangeId,
        conn: &mut Conn,
        h1: &mut H1Client,
        input: &[u8],
    ) -> Result<usize, h1::Malformed> {
        let decoded = h1.body.decode(input, &self.limits)?;
        if let Some(range) = decoded.trailers.clone() {
            let mut head = take(&mut self.head);
            let parsed = h1::parse_trailers(&input[range.clone()], &self.limits, &mut head);
            if parsed.is_ok() {
                self.response_trailers(x, &head, &input[range]);
            }
            self.head = head;
            parsed?;
        }
        if decoded.done {
            h1.reading = Reading::Done;
        }
        if !decoded.data.is_empty() || decoded.done {
            conn.state.paused = self.response_data(x, &input[decoded.data], decoded.done);
        }
        Ok(decoded.consumed)
    }

    /// The response is complete: the connection is free again, or of no more use.
    fn h1_response_over(&mut self, x: ExchangeId, h1: &mut H1Client) -> bool {
        let request_sent = self.exchanges[x].to_app.end_sent;
        h1.exchange = None;
        self.exchanges[x].up = None;
        self.complete_if_over(x);
        h1.keep_alive && request_sent
    }

    /// `fin`: the peer closed in good order; otherwise it was reset, which proves nothing.
    pub(super) fn h1_client_eof(&mut self, conn: &mut Conn, h1: &mut H1Client, fin: bool) {
        let Some(x) = h1.exchange.take() else { return };
        match h1.reading {
            Reading::Body | Reading::Raw if fin && h1.body.eof().is_ok() => {
                self.exchanges[x].up = None;
                self.response_data(x, &[], true);
                self.complete_if_over(x);
            }
            Reading::Raw if fin => {
                self.exchanges[x].up = None;
                self.response_data(x, &[], true);
                self.complete_if_over(x);
            }
            Reading::Head => {
                let failure = self.what_it_proves(conn, h1, fin);
                self.lose(x, failure, Reason::UpstreamReset);
            }
            _ => self.lose(x, Failure::Reset { response_started: true }, Reason::UpstreamReset),
        }
    }

    /// T6: the app cannot have seen a request of which it acknowledged no byte before it closed.
    fn what_it_proves(&self, conn: &Conn, h1: &H1Client, fin: bool) -> Failure {
        if conn.state.connecting {
            return Failure::ConnectFailed;
        }
        if conn.written <= h1.request_at {
            return Failure::ReusedClosedUnacked;
        }
        let acked = weft_kernel::bytes_acked(conn.socket.as_fd()).ok().filter(|_| fin && h1.reused);
        match acked {
            // The SYN counts as one byte.
            Some(acked) if acked.saturating_sub(1) <= h1.request_at => Failure::ReusedClosedUnacked,
            _ => Failure::Reset { response_started: false },
        }
    }

    // ------------------------------------------------------------------------------------------------- HTTP/2

    pub(super) fn on_client_event(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        h2: &mut H2,
        head: &Head,
        event: Event<'_, u32>,
    ) -> bool {
        match event {
            Event::Head { stream, token: Some(x), end, informational } if self.is_leg(x, id, stream) => {
                if self.response_head(x, head, &[], end, informational) {
                    h2.codec.reset(stream, weft_http::h2::ErrorCode::CANCEL, &mut conn.out);
                } else if end && !informational {
                    self.h2_response_over(conn, h2, x, stream);
                }
            }
            Event::Data { stream, token, data, flow, end } => {
                if !self.is_leg(token, id, stream) {
                    h2.codec.release(stream, flow, &mut conn.out);
                    return true;
                }
                if self.response_data(token, data, end) {
                    self.exchanges[token].to_caller.owed += flow;
                } else {
                    h2.codec.release(stream, flow, &mut conn.out);
                }
                if end {
                    self.h2_response_over(conn, h2, token, stream);
                }
            }
            Event::Trailers { token, stream } if self.is_leg(token, id, stream) => {
                self.response_trailers(token, head, &[]);
                self.response_data(token, &[], true);
                self.h2_response_over(conn, h2, token, stream);
            }
            Event::Reset { token, code, stream } if self.is_leg(token, id, stream) => {
                h2.codec.release(stream, take(&mut self.exchanges[token].to_caller.owed), &mut conn.out);
                let started = self.exchanges[token].phase == Phase::Responding;
                let unprocessed = is_unprocessed(code) && !started;
                let failure =
                    if unprocessed { Failure::RefusedStream } else { Failure::Reset { response_started: started } };
                // A mesh peer refuses a stream when it could not reach its app.
                let no_app = unprocessed && h2.mesh;
                self.lose(token, failure, if no_app { Reason::ConnectFailed } else { Reason::UpstreamReset });
            }
            Event::Writable { token, stream } if self.is_leg(token, id, stream) => self.later(token, Step::Relay),
            Event::Hello(payload) => return self.on_hello(conn, payload),
            // Streams that it promises not to have seen follow as REFUSED_STREAM.
            Event::GoAway { .. } => {
                h2.going_away = true;
                conn.state.closing |= h2.codec.is_idle();
            }
            // Settings and pings; and what still comes of streams that are over.
            _ => {}
        }
        true
    }

    /// Is this stream still the one on which the exchange asks? Numbers are used again.
    fn is_leg(&self, x: ExchangeId, conn: ConnId, stream: weft_http::h2::StreamId) -> bool {
        self.exchanges[x].up == Some(Leg { conn, stream })
    }

    fn h2_response_over(&mut self, conn: &mut Conn, h2: &mut H2, x: ExchangeId, stream: weft_http::h2::StreamId) {
        let owed = take(&mut self.exchanges[x].to_caller.owed);
        h2.codec.release(stream, owed, &mut conn.out);
        if !self.exchanges[x].raw && !self.exchanges[x].to_app.end_sent {
            h2.codec.reset(stream, weft_http::h2::ErrorCode::CANCEL, &mut conn.out);
        }
        if !self.exchanges[x].raw || self.exchanges[x].to_app.end_sent {
            self.exchanges[x].up = None;
        }
        self.complete_if_over(x);
        conn.state.closing |= h2.going_away && h2.codec.is_idle();
    }

    // ------------------------------------------------------------------------------------------------ failures

    /// The exchange's connection or stream is gone; what follows is decided when the connection is back in its place.
    pub(super) fn lose(&mut self, x: ExchangeId, failure: Failure, reason: Reason) {
        self.exchanges[x].up = None;
        self.later(x, Step::Failed(failure, reason));
    }

    pub(super) fn connect_failed(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        self.fail_place(&conn, Reason::ConnectFailed);
        self.end_exchanges(id, &mut conn);
        self.conns[id as usize] = Some(conn);
        self.close(id);
    }

    /// All exchanges of a connection that never came about.
    fn end_exchanges(&mut self, id: ConnId, conn: &mut Conn) {
        match &mut conn.protocol {
            Protocol::H1Client(h1) => {
                if let Some(x) = h1.exchange.take() {
                    self.lose(x, Failure::ConnectFailed, Reason::ConnectFailed);
                }
            }
            _ => self.fail_streams(id, conn, None),
        }
    }

    /// A fact about a destination that is worth telling.
    pub(super) fn fail_place(&mut self, conn: &Conn, reason: Reason) {
        if let Place::Upstream(pool) = conn.place {
            let label = self.pools[pool as usize].label.clone();
            self.event(reason.code(), &label, reason.advice());
        }
    }
}

fn write_h1_request(exchange: &mut Exchange, end: bool, out: &mut Vec<u8>) {
    let request = &exchange.request;
    h1::write_request_line(out, request.text(request.method), request.text(request.path));
    h1::write_field(out, b"host", request.text(request.authority));
    let mut has_length = false;
    for field in &request.fields {
        has_length |= field.known == Known::ContentLength;
        h1::write_field(out, request.text(field.name), request.text(field.value));
    }
    if exchange.upgrade {
        h1::write_field(out, b"connection", b"upgrade");
        h1::write_field(out, b"upgrade", request.text(request.protocol));
    } else if !end && !has_length {
        h1::write_chunked(out);
    } else if end && !has_length && expects_length(request.text(request.method)) {
        h1::write_content_length(out, 0);
    }
    if exchange.grpc {
        h1::write_field(out, b"te", b"trailers");
    }
    h1::end_head(out);
    exchange.to_app.chunked = !exchange.upgrade && !end && !has_length;
}

/// RFC 9110 §8.6: these say 0 when they have no content.
fn expects_length(method: &[u8]) -> bool {
    matches!(method, b"POST" | b"PUT" | b"PATCH")
}

fn write_h2_request(exchange: &Exchange, h2: &mut H2, stream: weft_http::h2::StreamId, end: bool, out: &mut Vec<u8>) {
    let request = &exchange.request;
    let mesh = h2.mesh;
    let mut head = h2.codec.begin_head(stream, out);
    let upgrade = exchange.upgrade;
    head.method(if upgrade { b"CONNECT" } else { request.text(request.method) });
    head.scheme(b"http");
    head.authority(request.text(request.authority));
    head.path(request.text(request.path));
    if upgrade {
        head.protocol(request.text(request.protocol));
    }
    for field in &request.fields {
        let (name, value) = (request.text(field.name), request.text(field.value));
        if field.sensitive { head.field_sensitive(name, value) } else { head.field(name, value) }
    }
    if exchange.grpc {
        head.field(b"te", b"trailers");
    }
    if mesh {
        let mut digits = [0; 20];
        head.field(b"weft-port", super::text::decimal(u64::from(exchange.port), &mut digits));
        let spoken = match (exchange.grpc, exchange.down.is_some_and(|d| d.stream.0 != 0)) {
            (true, _) => &b"grpc"[..],
            (false, true) => b"h2",
            (false, false) => b"h1",
        };
        head.field(b"weft-protocol", spoken);
        head.field(b"weft-hops", b"1");
        if exchange.attempts > 1 {
            head.field(b"weft-attempt", super::text::decimal(u64::from(exchange.attempts), &mut digits));
        }
        if let Some(left) = exchange.deadline_left_ms() {
            head.field(b"weft-deadline-ms", super::text::decimal(left, &mut digits));
        }
    }
    head.finish(end);
}
