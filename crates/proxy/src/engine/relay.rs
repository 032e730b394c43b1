//! Stage `relay`: bodies both ways, each at the speed of its receiver.
//!
//! Bytes go straight into the next connection's output. What its flow control does not take waits in the exchange's
//! backlog, and while it waits, or while that output is over its limit, the source is not read: functions that take
//! data return whether their caller must stop.

use weft_http::h2::ErrorCode;
use weft_http::{Head, Known, h1};

use super::conn::{Conn, ExchangeId, OUT_HIGH, Protocol, Reading};
use super::exchange::{Backlog, Leg, Phase};
use super::message::Message;
use super::{Engine, Errand, Step};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    ToApp,
    ToCaller,
}

impl Engine {
    // ------------------------------------------------------------------------------------------------ requests

    /// Body bytes from the caller. True: stop reading.
    pub(super) fn request_data(&mut self, x: ExchangeId, data: &[u8], end: bool) -> bool {
        let exchange = &mut self.exchanges[x];
        if exchange.phase == Phase::Free || exchange.to_app.done {
            return false;
        }
        exchange.request_bytes += data.len() as u64;
        exchange.touched_us = self.now_us;
        exchange.to_app.done = end;
        let direct = exchange.keep_bytes == 0 && exchange.up.is_some();
        self.move_on(x, Way::ToApp, data, direct)
    }

    pub(super) fn request_trailers(&mut self, x: ExchangeId, head: &Head, source: &[u8]) {
        self.exchanges[x].to_app.trailers = trailers_of(head, source);
    }

    // ----------------------------------------------------------------------------------------------- responses

    /// Body bytes from the app. True: stop reading.
    pub(super) fn response_data(&mut self, x: ExchangeId, data: &[u8], end: bool) -> bool {
        let exchange = &mut self.exchanges[x];
        if exchange.phase != Phase::Responding || exchange.to_caller.done {
            return false;
        }
        exchange.response_bytes += data.len() as u64;
        exchange.touched_us = self.now_us;
        exchange.to_caller.done = end;
        self.move_on(x, Way::ToCaller, data, true)
    }

    pub(super) fn response_trailers(&mut self, x: ExchangeId, head: &Head, source: &[u8]) {
        let exchange = &mut self.exchanges[x];
        if exchange.phase == Phase::Responding {
            let grpc = head.get(head.bytes(source), b"grpc-status");
            exchange.grpc_failed |= grpc.is_some_and(is_grpc_failure);
            exchange.to_caller.trailers = trailers_of(head, source);
        }
    }

    /// Everything of the response is with the caller's connection: the exchange is over.
    pub(super) fn complete_if_over(&mut self, x: ExchangeId) {
        let exchange = &self.exchanges[x];
        let over = exchange.phase == Phase::Responding && exchange.to_caller.end_sent;
        if over && (!exchange.raw || exchange.to_app.end_sent || exchange.up.is_none()) {
            self.complete(x);
        }
    }

    // -------------------------------------------------------------------------------------------------- moving

    /// What was blocked may move again, in both directions.
    pub(super) fn relay(&mut self, x: ExchangeId) {
        if self.exchanges[x].phase == Phase::Free {
            return;
        }
        self.push_to_app(x);
        if self.exchanges[x].phase == Phase::Responding {
            self.push(x, Way::ToCaller, &[]);
            self.unchoke(x);
            self.complete_if_over(x);
        } else {
            self.unchoke(x);
        }
    }

    pub(super) fn push_to_app(&mut self, x: ExchangeId) {
        self.push(x, Way::ToApp, &[]);
    }

    fn move_on(&mut self, x: ExchangeId, way: Way, data: &[u8], direct: bool) -> bool {
        let backlog = self.backlog(x, way);
        if direct && backlog.waiting() == 0 {
            self.push(x, way, data);
        } else {
            backlog.bytes.extend_from_slice(data);
            self.push(x, way, &[]);
            self.bound_kept_body(x, way);
        }
        let stop = self.is_choked(x, way);
        if stop {
            self.wait_for_room(x, way);
        }
        stop
    }

    /// A body too long to keep is let go of: what was sent is forgotten, and with it the chance to send it again.
    fn bound_kept_body(&mut self, x: ExchangeId, way: Way) {
        let exchange = &mut self.exchanges[x];
        if way == Way::ToApp && exchange.keep_bytes > 0 && exchange.to_app.bytes.len() > exchange.keep_bytes {
            exchange.keep_bytes = 0;
            exchange.body_lost |= exchange.to_app.sent > 0;
            exchange.to_app.bytes.drain(..exchange.to_app.sent);
            exchange.to_app.sent = 0;
        }
    }

    fn backlog(&mut self, x: ExchangeId, way: Way) -> &mut Backlog {
        let exchange = &mut self.exchanges[x];
        if way == Way::ToApp { &mut exchange.to_app } else { &mut exchange.to_caller }
    }

    fn leg(&self, x: ExchangeId, way: Way) -> Option<Leg> {
        let exchange = &self.exchanges[x];
        if way == Way::ToApp { exchange.up } else { exchange.down }
    }

    /// Writes what waits, or `data` when nothing does, to the connection of that side; what it does not take waits.
    fn push(&mut self, x: ExchangeId, way: Way, data: &[u8]) {
        let Some(leg) = self.leg(x, way) else {
            self.backlog(x, way).bytes.extend_from_slice(data);
            return;
        };
        let exchange = &mut self.exchanges[x];
        let raw = exchange.raw;
        let keep = way == Way::ToApp && exchange.keep_bytes > 0;
        let backlog = if way == Way::ToApp { &mut exchange.to_app } else { &mut exchange.to_caller };
        let Some(conn) = self.conns.get_mut(leg.conn as usize).and_then(|c| c.as_deref_mut()) else {
            // It is being handled right now: again when it is back.
            backlog.bytes.extend_from_slice(data);
            self.later(x, Step::Relay);
            return;
        };
        if way == Way::ToApp && !conn.is_open() {
            // Held back, so that a connection that never comes about has cost nothing of the body (T6).
            backlog.bytes.extend_from_slice(data);
            return conn.choke(x);
        }
        if conn.out.capacity() == 0 {
            conn.out = self.spare.pop().unwrap_or_default();
        }
        let before = conn.out.len();
        let stored = backlog.waiting() > 0;
        let bytes = if stored { &backlog.bytes[backlog.sent..] } else { data };
        let taken = match &mut conn.protocol {
            Protocol::H1Server(_) | Protocol::H1Client(_) => {
                write_h1(bytes, backlog.chunked && !raw, &mut conn.out);
                bytes.len()
            }
            Protocol::H2(h2) => {
                let end = backlog.done && backlog.trailers.is_none() && !backlog.end_sent;
                if bytes.is_empty() && !end {
                    0
                } else {
                    let taken = h2.codec.send_data(leg.stream, bytes, end, &mut conn.out);
                    backlog.end_sent |= end && taken == bytes.len();
                    taken
                }
            }
            _ => 0,
        };
        let total = bytes.len();
        // What has left and is not kept cannot be sent again.
        exchange.body_lost |= way == Way::ToApp && !keep && taken > 0;
        if stored {
            backlog.sent += taken;
            if !keep && backlog.waiting() == 0 {
                backlog.bytes.clear();
                backlog.sent = 0;
            }
        } else if keep || taken < data.len() {
            backlog.bytes.extend_from_slice(&data[if keep { 0 } else { taken }..]);
            backlog.sent += if keep { taken } else { 0 };
        }
        if backlog.done && taken == total && !backlog.end_sent {
            end_body(&mut conn.protocol, leg, backlog, raw, &mut conn.out);
            // An app behind an upgrade learns that its caller has hung up, as it would without a proxy.
            conn.state.half_close |= raw && matches!(conn.protocol, Protocol::H1Client(_));
        }
        // Nothing moved: nothing to flush, or connections that wait for each other would keep the loop busy.
        if (conn.out.len() > before || conn.state.half_close) && !conn.state.dirty {
            conn.state.dirty = true;
            self.dirty.push(leg.conn);
        }
    }

    // --------------------------------------------------------------------------------------------- backpressure

    fn is_choked(&mut self, x: ExchangeId, way: Way) -> bool {
        let exchange = &self.exchanges[x];
        let backlog = if way == Way::ToApp { &exchange.to_app } else { &exchange.to_caller };
        if backlog.done {
            return false;
        }
        let waiting = backlog.waiting();
        let full = |c: &Conn| c.unsent() > OUT_HIGH;
        let connection_full =
            self.leg(x, way).is_some_and(|l| self.conns[l.conn as usize].as_deref().is_some_and(full));
        waiting > OUT_HIGH / 2 || connection_full
    }

    fn wait_for_room(&mut self, x: ExchangeId, way: Way) {
        let Some(leg) = self.leg(x, way) else { return };
        if let Some(conn) = self.conn(leg.conn) {
            conn.choke(x);
        }
    }

    /// There is room again: sources go on, and get back the window that they used.
    pub(super) fn unchoke(&mut self, x: ExchangeId) {
        if self.exchanges[x].phase == Phase::Free {
            return;
        }
        for way in [Way::ToApp, Way::ToCaller] {
            self.push(x, way, &[]);
            if self.is_choked(x, way) {
                self.wait_for_room(x, way);
                continue;
            }
            let owed = std::mem::take(&mut self.backlog(x, way).owed);
            let source = self.leg(x, if way == Way::ToApp { Way::ToCaller } else { Way::ToApp });
            if let Some(source) = source {
                self.read_on(source, owed);
            }
        }
    }

    /// A connection is open: what was held back for it goes with the first write.
    pub(super) fn let_go(&mut self, held: Vec<ExchangeId>) {
        held.into_iter().for_each(|x| self.later(x, Step::Relay));
    }

    fn read_on(&mut self, source: Leg, owed: u32) {
        let Some(conn) = self.conn(source.conn) else { return };
        if let Protocol::H2(h2) = &mut conn.protocol {
            if owed > 0 {
                h2.codec.release(source.stream, owed, &mut conn.out);
                self.touch(source.conn);
            }
        } else if conn.state.paused {
            self.errand(source.conn, Errand::Resume);
        }
    }

    // ------------------------------------------------------------------------------------------------- its end

    /// The caller hung up or reset its stream: what it asked for is stopped.
    pub(super) fn caller_gone(&mut self, x: ExchangeId) {
        if self.exchanges[x].phase == Phase::Free {
            return;
        }
        self.exchanges[x].down = None;
        self.exchanges[x].reason.get_or_insert(weft_core::Reason::ClientGone);
        self.drop_upstream(x);
        self.finish_exchange(x, weft_core::outlier::Outcome::Neutral);
    }

    /// Lets go of the connection or stream that the request was sent on.
    pub(super) fn drop_upstream(&mut self, x: ExchangeId) {
        let Some(leg) = self.exchanges[x].up.take() else { return };
        let owed = std::mem::take(&mut self.exchanges[x].to_caller.owed);
        let Some(conn) = self.conn(leg.conn) else {
            return;
        };
        match &mut conn.protocol {
            Protocol::H2(h2) => {
                h2.codec.release(leg.stream, owed, &mut conn.out);
                h2.codec.reset(leg.stream, ErrorCode::CANCEL, &mut conn.out);
                self.touch(leg.conn);
            }
            Protocol::H1Client(h1) => {
                h1.exchange = None;
                self.errand(leg.conn, Errand::Close);
            }
            _ => {}
        }
    }

    /// The response is all with the caller: both connections are told, the exchange is recorded and forgotten.
    fn complete(&mut self, x: ExchangeId) {
        self.drop_upstream(x);
        self.release_caller(x);
        let failed = self.exchanges[x].status >= 500 || self.exchanges[x].grpc_failed;
        use weft_core::outlier::Outcome;
        self.finish_exchange(x, if failed { Outcome::Failure } else { Outcome::Success });
    }

    /// The caller's connection may carry its next request, or ends.
    pub(super) fn release_caller(&mut self, x: ExchangeId) {
        let Some(leg) = self.exchanges[x].down.take() else { return };
        let owed = std::mem::take(&mut self.exchanges[x].to_app.owed);
        let request_done = self.exchanges[x].to_app.done;
        let until_close = self.exchanges[x].until_close || self.exchanges[x].raw;
        let Some(conn) = self.conn(leg.conn) else { return };
        match &mut conn.protocol {
            Protocol::H1Server(h1) => {
                h1.exchange = None;
                let unread = h1.reading != Reading::Done;
                if h1.keep_alive && !unread && !until_close && !conn.state.eof {
                    h1.reading = Reading::Head;
                    if !conn.input.is_empty() || conn.state.paused || conn.state.readable {
                        self.errand(leg.conn, Errand::Resume);
                    }
                } else {
                    conn.state.closing = true;
                }
            }
            Protocol::H2(h2) => {
                h2.codec.release(leg.stream, owed, &mut conn.out);
                if !request_done {
                    h2.codec.reset(leg.stream, ErrorCode::NO_ERROR, &mut conn.out);
                }
                conn.state.closing |= h2.going_away && h2.codec.is_idle();
            }
            _ => {}
        }
        self.touch(leg.conn);
    }
}

fn write_h1(bytes: &[u8], chunked: bool, out: &mut Vec<u8>) {
    if bytes.is_empty() {
    } else if chunked {
        h1::write_chunk(out, bytes);
    } else {
        out.extend_from_slice(bytes);
    }
}

/// All bytes are sent, the end is not.
fn end_body(protocol: &mut Protocol, leg: Leg, backlog: &mut Backlog, raw: bool, out: &mut Vec<u8>) {
    backlog.end_sent = true;
    match (protocol, backlog.trailers.take()) {
        (Protocol::H2(h2), Some(trailers)) => {
            let mut writer = h2.codec.begin_trailers(leg.stream, out);
            for field in &trailers.fields {
                writer.field(trailers.text(field.name), trailers.text(field.value));
            }
            writer.finish(true);
        }
        (Protocol::H2(h2), None) => {
            h2.codec.send_data(leg.stream, &[], true, out);
        }
        (_, Some(trailers)) if backlog.chunked && !raw => {
            h1::start_trailers(out);
            for field in &trailers.fields {
                h1::write_field(out, trailers.text(field.name), trailers.text(field.value));
            }
            h1::end_head(out);
        }
        (_, _) if backlog.chunked && !raw => h1::write_last_chunk(out),
        _ => {}
    }
}

fn trailers_of(head: &Head, source: &[u8]) -> Option<Box<Message>> {
    let bytes = head.bytes(source);
    let mut trailers = Box::new(Message::default());
    for field in head.fields.iter().filter(|f| f.known != Known::Weft && !f.known.is_hop_by_hop()) {
        trailers.add(field.name.of(bytes), field.value.of(bytes), field.known);
    }
    (!trailers.fields.is_empty()).then_some(trailers)
}

/// Statuses that speak of the server, not of the call: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
fn is_grpc_failure(status: &[u8]) -> bool {
    matches!(status, b"2" | b"4" | b"13" | b"14" | b"15")
}
