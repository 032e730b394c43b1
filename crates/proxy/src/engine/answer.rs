//! Responses: those of the app, passed on, and those that weft makes itself; and what happens when a try fails.

use std::sync::Arc;

use weft_core::Reason;
use weft_core::outlier::Outcome;
use weft_core::retry::{self, Decision, Failure};
use weft_http::h1::RequestKind;
use weft_http::h2::ErrorCode;
use weft_http::{Head, Known, Version, h1};

use super::conn::{Conn, ExchangeId, Protocol, Reading};
use super::exchange::{Answer, Exchange, NO_STREAM, Phase, Side};
use super::timers::{Kind, Timer};
use super::{Engine, Errand, Step};

impl Engine {
    pub(super) fn answer_later(&mut self, x: ExchangeId, answer: Answer) {
        self.exchanges[x].answer = Some(answer);
        self.later(x, Step::Answer);
    }

    // ------------------------------------------------------------------------------------- the app's responses

    /// A response head arrived. True: it is not passed on, because the request is tried again.
    pub(super) fn response_head(
        &mut self,
        x: ExchangeId,
        head: &Head,
        source: &[u8],
        end: bool,
        informational: bool,
    ) -> bool {
        if self.exchanges[x].phase != Phase::Trying {
            return false;
        }
        let bytes = head.bytes(source);
        if informational {
            self.pass_head(x, head, bytes, end, true);
            return false;
        }
        self.exchanges[x].head_us = self.now_us;
        if self.retries_response(x, head, bytes) {
            return true;
        }
        if self.is_untellable(x, head) {
            self.answer_later(x, Reason::UpstreamProtocol.into());
            return true;
        }
        let exchange = &mut self.exchanges[x];
        exchange.phase = Phase::Responding;
        exchange.status = head.status;
        exchange.to_caller.done = end;
        // From here on nothing can be sent again: the kept body is let go of.
        exchange.keep_bytes = 0;
        if exchange.to_app.waiting() == 0 {
            exchange.to_app.bytes.clear();
            exchange.to_app.sent = 0;
        }
        self.learn_reason(x, head, bytes);
        self.pass_head(x, head, bytes, end, false);
        if end {
            self.exchanges[x].to_caller.end_sent = true;
        }
        false
    }

    /// A 2xx that refuses an upgrade, for a caller to whom a 2xx accepts it (RFC 8441 §4) and who is no proxy.
    fn is_untellable(&self, x: ExchangeId, head: &Head) -> bool {
        let exchange = &self.exchanges[x];
        let is_h2 = exchange.down.is_some_and(|leg| leg.stream != NO_STREAM);
        if !(exchange.upgrade && is_h2 && head.version != Version::H2 && (200..300).contains(&head.status)) {
            return false;
        }
        let conn = exchange.down.and_then(|leg| self.conns.get(leg.conn as usize)?.as_deref());
        !matches!(conn.map(|c| &c.protocol), Some(Protocol::H2(h2)) if h2.mesh)
    }

    /// The other proxy says why it answered instead of its app.
    fn learn_reason(&mut self, x: ExchangeId, head: &Head, bytes: &[u8]) {
        if head.status < 400 {
            return;
        }
        let code = head.get(bytes, b"weft-reason").and_then(|v| std::str::from_utf8(v).ok());
        if let Some(reason) = code.and_then(Reason::from_code) {
            let exchange = &mut self.exchanges[x];
            if exchange.side == Side::Outbound {
                exchange.reason = Some(reason);
                if let Some(origin) = head.get(bytes, b"weft-origin") {
                    exchange.rule = Some(String::from_utf8_lossy(origin).into());
                }
            }
        }
    }

    fn pass_head(&mut self, x: ExchangeId, head: &Head, bytes: &[u8], end: bool, informational: bool) {
        let exchange = &mut self.exchanges[x];
        let Some(leg) = exchange.down else { return };
        let Some(conn) = self.conns.get_mut(leg.conn as usize).and_then(|c| c.as_deref_mut()) else { return };
        if conn.out.capacity() == 0 {
            conn.out = self.spare.pop().unwrap_or_default();
        }
        let switched = exchange.upgrade && !informational && is_switch(head, bytes);
        let Conn { protocol, out, .. } = conn;
        match protocol {
            Protocol::H1Server(h1) => {
                if switched {
                    exchange.raw = true;
                    h1.reading = Reading::Raw;
                } else if exchange.upgrade && !informational {
                    // The upgrade was refused: the request is complete as it was.
                    exchange.to_app.done = true;
                }
                let raw = exchange.raw;
                write_h1_response(exchange, head, bytes, end, informational, &mut h1.keep_alive, out);
                if raw && !conn.input.is_empty() {
                    self.errand(leg.conn, Errand::Resume);
                }
            }
            Protocol::H2(h2) => {
                exchange.raw |= switched;
                let refused = exchange.upgrade && !switched && !informational;
                exchange.to_app.done |= refused;
                let mut writer = h2.codec.begin_head(leg.stream, out);
                writer.status(if switched { 200 } else { head.status });
                each_response_field(exchange, head, bytes, h2.mesh, |name, value| writer.field(name, value));
                if refused && h2.mesh {
                    writer.field(b"weft-upgrade", b"refused");
                }
                writer.finish(end);
            }
            _ => return,
        }
        if !conn_dirty(&mut self.conns, leg.conn) {
            self.dirty.push(leg.conn);
        }
    }

    // ----------------------------------------------------------------------------------------- retry decisions

    fn retries_response(&mut self, x: ExchangeId, head: &Head, bytes: &[u8]) -> bool {
        let exchange = &self.exchanges[x];
        let Some(policy) = exchange.plan.as_ref().map(|plan| &plan.action.retry) else { return false };
        if !policy.looks_at_responses() || (head.status < 400 && !exchange.grpc) {
            return false;
        }
        let grpc = head.known(bytes, Known::GrpcStatus).and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
        let failure = match grpc {
            Some(status) if head.status == 200 && status != 0 => Failure::GrpcStatus(status),
            _ => Failure::Status(head.status),
        };
        let after = head.known(bytes, Known::RetryAfter).and_then(|v| std::str::from_utf8(v).ok()?.parse::<u64>().ok());
        self.try_again(x, failure, after.map(|s| s * 1000))
    }

    /// Decides, asks the budget, and arranges the next try. False: the failure stands.
    fn try_again(&mut self, x: ExchangeId, failure: Failure, retry_after_ms: Option<u64>) -> bool {
        let exchange = &self.exchanges[x];
        let Some(plan) = exchange.plan.clone() else { return false };
        let tried = retry::Tried {
            attempt: exchange.attempts,
            method: exchange.request.text(exchange.request.method),
            failure,
            body_replayable: !exchange.body_lost && !exchange.raw,
            retry_after_ms,
        };
        let policy = &plan.action.retry;
        let Decision::Retry { after_ms } = retry::decide(policy, &tried, &mut self.rng) else { return false };
        if self.is_late(x, after_ms) {
            return false;
        }
        let shared = self.backends.all[plan.backend as usize].group.shared().clone();
        if !shared.budget.try_withdraw(self.now_us) {
            self.exchanges[x].reason = Some(Reason::RetryBudget);
            return false;
        }
        self.end_try(x, Outcome::Failure);
        self.count_retry(x);
        let exchange = &mut self.exchanges[x];
        exchange.to_app.sent = 0;
        exchange.to_app.end_sent = false;
        exchange.up = None;
        exchange.phase = Phase::Waiting;
        if after_ms == 0 {
            self.later(x, Step::Try);
        } else {
            let timer = Timer { kind: Kind::Backoff, key: x, generation: exchange.generation };
            self.wheel.set(self.now_us + after_ms * 1000, timer);
        }
        true
    }

    fn is_late(&self, x: ExchangeId, after_ms: u64) -> bool {
        let exchange = &self.exchanges[x];
        let whole = exchange.limits.and_then(|l| l.whole);
        whole.is_some_and(|(us, _)| self.now_us + after_ms * 1000 >= exchange.begun_us + us)
    }

    pub(super) fn next_try(&mut self, x: ExchangeId) {
        if self.exchanges[x].phase != Phase::Waiting {
            return;
        }
        if let Err(answer) = self.try_once(x) {
            self.exchanges[x].answer = Some(answer);
            self.answer(x);
        }
    }

    /// A try failed before a response was passed on, or in the middle of one.
    pub(super) fn try_failed(&mut self, x: ExchangeId, failure: Failure, reason: Reason) {
        match self.exchanges[x].phase {
            Phase::Free => return,
            Phase::Responding => return self.truncate(x, reason),
            Phase::Waiting | Phase::Trying => {}
        }
        self.drop_upstream(x);
        let unprocessed = failure.provably_unprocessed();
        let handled = match self.exchanges[x].side {
            Side::Inbound => unprocessed && (self.resend_to_app(x) || self.refuse_stream(x, reason)),
            Side::Outbound => self.try_again(x, failure, None),
        };
        if handled {
            return;
        }
        let reason = self.exchanges[x].reason.take().unwrap_or(reason);
        self.end_try(x, Outcome::Failure);
        let rule = self.exchanges[x].rule.clone();
        self.exchanges[x].answer = Some(Answer::Failure { reason, rule });
        self.answer(x);
    }

    /// T6: the inbound proxy may send once more to its own app, on a fresh connection, what the app cannot have seen.
    fn resend_to_app(&mut self, x: ExchangeId) -> bool {
        let exchange = &mut self.exchanges[x];
        if exchange.attempts > 1 || exchange.body_lost || exchange.raw {
            return false;
        }
        exchange.attempts += 1;
        exchange.to_app.sent = 0;
        exchange.to_app.end_sent = false;
        let pool = exchange.pool;
        self.send_on(x, pool, true).is_ok()
    }

    /// T6: non-delivery is proven, so a proxy that asks may ask another endpoint, whatever the method.
    fn refuse_stream(&mut self, x: ExchangeId, reason: Reason) -> bool {
        let Some(leg) = self.exchanges[x].down else { return false };
        let is_peer = matches!(self.conn(leg.conn).map(|c| &c.protocol), Some(Protocol::H2(h2)) if h2.mesh);
        if is_peer {
            let exchange = &mut self.exchanges[x];
            (exchange.status, exchange.reason) = (reason.status(), Some(reason));
            self.reset_caller(x, ErrorCode::REFUSED_STREAM);
            self.finish_exchange(x, Outcome::Failure);
        }
        is_peer
    }

    /// The response broke off: the caller must see that it is not whole.
    fn truncate(&mut self, x: ExchangeId, reason: Reason) {
        self.exchanges[x].reason = Some(reason);
        if self.exchanges[x].down.is_none() {
            return;
        }
        self.reset_caller(x, ErrorCode::INTERNAL_ERROR);
        self.drop_upstream(x);
        self.finish_exchange(x, Outcome::Failure);
    }

    /// Lets go of the caller without the end of a message.
    fn reset_caller(&mut self, x: ExchangeId, code: ErrorCode) {
        let Some(leg) = self.exchanges[x].down.take() else { return };
        let owed = std::mem::take(&mut self.exchanges[x].to_app.owed);
        let Some(conn) = self.conn(leg.conn) else { return };
        match &mut conn.protocol {
            Protocol::H2(h2) => {
                h2.codec.release(leg.stream, owed, &mut conn.out);
                h2.codec.reset(leg.stream, code, &mut conn.out);
            }
            Protocol::H1Server(h1) => {
                // What arrived is sent; then the connection ends.
                h1.exchange = None;
                h1.keep_alive = false;
                conn.state.closing = true;
            }
            _ => return,
        }
        self.touch(leg.conn);
    }

    // ------------------------------------------------------------------------------------------- own responses

    /// Sends the answer that a stage ended in.
    pub(super) fn answer(&mut self, x: ExchangeId) {
        if matches!(self.exchanges[x].phase, Phase::Free | Phase::Responding) {
            return;
        }
        let Some(answer) = self.exchanges[x].answer.take() else { return };
        self.drop_upstream(x);
        let made = Made::of(&answer);
        let exchange = &mut self.exchanges[x];
        exchange.status = made.status;
        exchange.reason = made.reason;
        exchange.rule = made.rule.clone().or(exchange.rule.take());
        exchange.phase = Phase::Responding;
        exchange.to_caller.done = true;
        exchange.to_caller.end_sent = true;
        self.write_made(x, &made);
        if exchange_is_unread(&self.exchanges[x]) {
            self.exchanges[x].until_close = true;
        }
        self.release_caller(x);
        self.finish_exchange(x, Outcome::Neutral);
    }

    fn write_made(&mut self, x: ExchangeId, made: &Made) {
        let exchange = &mut self.exchanges[x];
        let Some(leg) = exchange.down else { return };
        let Some(conn) = self.conns.get_mut(leg.conn as usize).and_then(|c| c.as_deref_mut()) else { return };
        let body: &[u8] = if exchange.request_kind == Some(RequestKind::Head) { b"" } else { &made.body };
        let mesh = matches!(&conn.protocol, Protocol::H2(h2) if h2.mesh);
        let Conn { protocol, out, .. } = conn;
        match protocol {
            Protocol::H1Server(h1) => {
                h1.keep_alive &= !exchange_is_unread(exchange);
                h1::write_status_line(out, made.status);
                made.each_field(exchange, mesh, |name, value| h1::write_field(out, name, value));
                h1::write_content_length(out, made.body.len() as u64);
                if !h1.keep_alive {
                    h1::write_field(out, b"connection", b"close");
                }
                h1::end_head(out);
                out.extend_from_slice(body);
            }
            Protocol::H2(h2) => {
                let mut writer = h2.codec.begin_head(leg.stream, out);
                let grpc = exchange.grpc && made.reason.is_some();
                writer.status(if grpc { 200 } else { made.status });
                made.each_field(exchange, mesh, |name, value| writer.field(name, value));
                if grpc {
                    writer.field(b"content-type", b"application/grpc");
                    writer.field(b"grpc-status", grpc_status(made.status));
                    writer.field(b"grpc-message", made.reason.map_or("", Reason::code).as_bytes());
                }
                let ends = body.is_empty() || grpc;
                writer.finish(ends);
                if !ends {
                    let sent = h2.codec.send_data(leg.stream, body, true, out);
                    if sent < body.len() {
                        h2.codec.reset(leg.stream, ErrorCode::NO_ERROR, out);
                    }
                }
            }
            _ => {}
        }
    }

    /// To a caller whose bytes are no request.
    pub(super) fn write_refusal(&mut self, conn: &mut Conn, status: u16, reason: Reason, text: &str) {
        let out = &mut conn.out;
        h1::write_status_line(out, status);
        h1::write_field(out, b"weft-reason", reason.code().as_bytes());
        h1::write_field(out, b"content-type", b"text/plain");
        h1::write_content_length(out, text.len() as u64 + 1);
        h1::write_field(out, b"connection", b"close");
        h1::end_head(out);
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
}

/// A response of weft's own, ready to be written in any protocol.
struct Made {
    status: u16,
    reason: Option<Reason>,
    rule: Option<Arc<str>>,
    location: Option<Vec<u8>>,
    content_type: Box<str>,
    body: Box<[u8]>,
}

impl Made {
    fn of(answer: &Answer) -> Made {
        let plain = |status, reason, rule| Made {
            status,
            reason,
            rule,
            location: None,
            content_type: "text/plain".into(),
            body: Box::default(),
        };
        match answer {
            Answer::Failure { reason, rule } => {
                let text = format!("weft: {}: {}\n", reason.code(), reason.advice());
                Made { body: text.into_bytes().into(), ..plain(reason.status(), Some(*reason), rule.clone()) }
            }
            Answer::Redirect { status, location, rule } => {
                Made { location: Some(location.clone()), ..plain(*status, None, Some(rule.clone())) }
            }
            Answer::Fixed { status, body, content_type, reason, rule } => Made {
                body: body.clone(),
                content_type: content_type.clone(),
                ..plain(*status, *reason, Some(rule.clone()))
            },
        }
    }

    fn each_field(&self, exchange: &Exchange, mesh: bool, mut write: impl FnMut(&[u8], &[u8])) {
        if let Some(location) = &self.location {
            write(b"location", location);
        }
        let has_body = !self.body.is_empty();
        if has_body && (!exchange.grpc || self.reason.is_none()) {
            write(b"content-type", self.content_type.as_bytes());
        }
        if let Some(reason) = self.reason {
            write(b"weft-reason", reason.code().as_bytes());
        }
        if let Some(id) = exchange.request.known(Known::XRequestId) {
            write(b"x-request-id", id);
        }
        // Only peers learn the rule: a 403 does not teach strangers the policy.
        if let (true, Some(rule)) = (mesh, &self.rule) {
            write(b"weft-origin", rule.as_bytes());
        }
    }
}

/// Does it accept an upgrade? HTTP/1 says 101 and nothing else does; on an extended CONNECT 200 does (RFC 8441), but for
/// an app behind the other proxy that just answered.
fn is_switch(head: &Head, bytes: &[u8]) -> bool {
    match head.version {
        Version::H2 => head.status == 200 && head.get(bytes, b"weft-upgrade").is_none(),
        _ => head.status == 101,
    }
}

fn exchange_is_unread(exchange: &Exchange) -> bool {
    !exchange.to_app.done
}

fn conn_dirty(conns: &mut slab::Slab<Option<Box<Conn>>>, id: u32) -> bool {
    let Some(conn) = conns.get_mut(id as usize).and_then(|c| c.as_deref_mut()) else { return true };
    std::mem::replace(&mut conn.state.dirty, true)
}

/// gRPC over HTTP/2, "HTTP2 to gRPC status" (grpc/doc/http-grpc-status-mapping.md).
fn grpc_status(status: u16) -> &'static [u8] {
    match status {
        400 => b"13",
        401 => b"16",
        403 => b"7",
        404 => b"12",
        429 | 502 | 503 => b"14",
        504 => b"4",
        _ => b"2",
    }
}

/// Fields that travel, with the route's edits.
fn each_response_field(
    exchange: &Exchange,
    head: &Head,
    bytes: &[u8],
    mesh_caller: bool,
    mut write: impl FnMut(&[u8], &[u8]),
) {
    let plan = exchange.plan.as_ref();
    let of_backend = plan.and_then(|p| p.weighted()).map(|w| &w.response_headers);
    let edits = [plan.map(|p| &p.action.response_headers), of_backend];
    let edits = || edits.iter().flatten().filter(|e| !e.is_empty());
    // An app cannot speak for weft; only a peer's proxy is believed, and only its reason travels on to the app.
    let believed = exchange.side == Side::Outbound;
    for field in &head.fields {
        let name = field.name.of(bytes);
        let dropped = field.known.is_hop_by_hop()
            || (field.known == Known::Weft && !(believed && !mesh_caller && name.eq_ignore_ascii_case(b"weft-reason")))
            || (head.nominates && head.is_nominated(bytes, name))
            || edits().any(|e| e.drops(name));
        if !dropped {
            write(name, field.value.of(bytes));
        }
    }
    for header in edits().flat_map(|e| e.appended()) {
        write(&header.name, &header.value);
    }
    if exchange.panic {
        write(b"weft-panic", b"1");
    }
    let is_final = head.status >= 200 || head.status == 101;
    if let Some((sticky, token)) = plan.and_then(|p| p.cookie()).filter(|_| is_final) {
        let mut cookie = Vec::new();
        sticky.write_cookie(token, &mut cookie);
        write(b"set-cookie", &cookie);
    }
}

fn write_h1_response(
    exchange: &mut Exchange,
    head: &Head,
    bytes: &[u8],
    end: bool,
    informational: bool,
    keep_alive: &mut bool,
    out: &mut Vec<u8>,
) {
    let switched = exchange.raw;
    h1::write_status_line(out, if switched { 101 } else { head.status });
    each_response_field(exchange, head, bytes, false, |name, value| h1::write_field(out, name, value));
    if switched {
        h1::write_field(out, b"connection", b"upgrade");
        let upgrade = exchange.request.text(exchange.request.protocol);
        h1::write_field(out, b"upgrade", upgrade);
        return h1::end_head(out);
    }
    if informational {
        return h1::end_head(out);
    }
    let has_length = head.fields.iter().any(|f| f.known == Known::ContentLength);
    let bodiless = exchange.request_kind == Some(RequestKind::Head) || matches!(head.status, 204 | 304);
    // An HTTP/2 app may end a response without content in a frame of its own: a last chunk for it would be read as the
    // next response.
    let framed = has_length || bodiless;
    if end && !framed {
        h1::write_content_length(out, 0);
    } else if !end && !framed {
        if exchange.caller_is_h10 {
            exchange.until_close = true;
        } else {
            exchange.to_caller.chunked = true;
            h1::write_chunked(out);
        }
    }
    *keep_alive &= !exchange.until_close;
    match (*keep_alive, exchange.caller_is_h10) {
        (false, _) => h1::write_field(out, b"connection", b"close"),
        (true, true) => h1::write_field(out, b"connection", b"keep-alive"),
        (true, false) => {}
    }
    h1::end_head(out);
}
