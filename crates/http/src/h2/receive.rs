//! The receiving half: from bytes to frames to events.

use super::core::{Block, Core, CoreEvent, Phase, Rest, Slot, error};
use super::frame::{self, FrameHead, HEADER_LEN, MAX_31, PREFACE};
use super::guard::{BLOCK_FACTOR, CONTINUATIONS, HELLO_BYTES, INFORMATIONAL_HEADS, calm};
use super::settings::DEFAULT_WINDOW;
use super::streams::{Stream, UNCOUNTED};
use super::{ConnectionError, ErrorCode, Event, Fault, StreamId, message};
use crate::{Framing, Head, Kind};

type Received<'a> = Result<Option<CoreEvent<'a>>, ConnectionError>;

enum Step<'a> {
    /// The input ends inside something that is wanted whole.
    More,
    Consumed(usize),
    Event(usize, CoreEvent<'a>),
}

/// What to do with a DATA frame.
enum Verdict {
    Take(Slot),
    /// The stream is gone on our side; its bytes count for the connection.
    Drop,
    Refuse(ErrorCode),
}

impl Core {
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<CoreEvent<'a>>), ConnectionError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let result = self.next_event(input, head, out);
        if let Err(failure) = result {
            self.failure = Some(failure);
        }
        result
    }

    fn next_event<'a>(
        &mut self,
        input: &'a [u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<CoreEvent<'a>>), ConnectionError> {
        let mut at = 0;
        loop {
            if let Some(event) = self.pending() {
                return Ok((at, Some(event)));
            }
            match self.step(&input[at..], head, out)? {
                Step::More => return Ok((at, None)),
                Step::Consumed(n) => at += n,
                Step::Event(n, event) => return Ok((at + n, Some(event))),
            }
        }
    }

    fn step<'a>(&mut self, input: &'a [u8], head: &mut Head, out: &mut Vec<u8>) -> Result<Step<'a>, ConnectionError> {
        match self.rest {
            Rest::None => {}
            Rest::Data { .. } => return Ok(self.data_piece(input, out)),
            Rest::Skip(_) if input.is_empty() => return Ok(Step::More),
            Rest::Skip(left) => {
                let n = left.min(input.len());
                self.skip(left - n);
                return Ok(Step::Consumed(n));
            }
        }
        if self.phase == Phase::Preface {
            return self.preface(input);
        }
        let Some(frame) = FrameHead::parse(input) else { return Ok(Step::More) };
        self.admit(&frame)?;
        match frame.kind {
            frame::DATA => return self.data_begin(&frame, input, out),
            frame::HELLO if self.config.hello.is_none() => return Ok(self.ignore(&frame)),
            frame::HEADERS..=frame::CONTINUATION | frame::HELLO => {}
            _ => return Ok(self.ignore(&frame)),
        }
        let Some(payload) = input.get(HEADER_LEN..HEADER_LEN + frame.length) else { return Ok(Step::More) };
        let consumed = HEADER_LEN + frame.length;
        let event = self.whole_frame(&frame, payload, head, out)?;
        Ok(event.map_or(Step::Consumed(consumed), |event| Step::Event(consumed, event)))
    }

    fn skip(&mut self, n: usize) {
        self.rest = if n == 0 { Rest::None } else { Rest::Skip(n) };
    }

    /// RFC 9113 §5.5: unknown types are discarded.
    fn ignore<'a>(&mut self, frame: &FrameHead) -> Step<'a> {
        self.skip(frame.length);
        Step::Consumed(HEADER_LEN)
    }

    fn preface<'a>(&mut self, input: &[u8]) -> Result<Step<'a>, ConnectionError> {
        let n = input.len().min(PREFACE.len());
        if input[..n] != PREFACE[..n] {
            return error(ErrorCode::PROTOCOL_ERROR, "client did not send the HTTP/2 preface");
        }
        if n < PREFACE.len() {
            return Ok(Step::More);
        }
        self.phase = Phase::Settings;
        Ok(Step::Consumed(n))
    }

    /// What can be wrong with any frame, known from its head.
    #[inline]
    fn admit(&self, frame: &FrameHead) -> Result<(), ConnectionError> {
        if self.phase == Phase::Settings && (frame.kind != frame::SETTINGS || frame.has(frame::ACK)) {
            return error(ErrorCode::PROTOCOL_ERROR, "first frame is not SETTINGS");
        }
        if self.block.is_some() && frame.kind != frame::CONTINUATION {
            return error(ErrorCode::PROTOCOL_ERROR, "frame between HEADERS and CONTINUATION");
        }
        if frame.length > self.config.max_frame_size as usize {
            return error(ErrorCode::FRAME_SIZE_ERROR, "frame is larger than SETTINGS_MAX_FRAME_SIZE");
        }
        let right_size = match frame.kind {
            frame::PRIORITY => frame.length == 5,
            frame::RST_STREAM | frame::WINDOW_UPDATE => frame.length == 4,
            frame::SETTINGS if frame.has(frame::ACK) => frame.length == 0,
            frame::SETTINGS => frame.length % 6 == 0,
            frame::PING => frame.length == 8,
            frame::GOAWAY => frame.length >= 8,
            frame::HELLO => self.config.hello.is_none() || frame.length <= HELLO_BYTES,
            _ => true,
        };
        if !right_size {
            return error(ErrorCode::FRAME_SIZE_ERROR, "frame has a length its type may not have");
        }
        let right_stream = match frame.kind {
            frame::DATA | frame::HEADERS | frame::CONTINUATION | frame::PRIORITY | frame::RST_STREAM => {
                frame.stream != 0
            }
            frame::SETTINGS | frame::PING | frame::GOAWAY => frame.stream == 0,
            frame::HELLO => self.config.hello.is_none() || frame.stream == 0,
            _ => true,
        };
        if right_stream { Ok(()) } else { error(ErrorCode::PROTOCOL_ERROR, "frame on a stream its type may not use") }
    }

    fn whole_frame<'a>(
        &mut self,
        frame: &FrameHead,
        payload: &'a [u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Received<'a> {
        match frame.kind {
            frame::HEADERS => self.headers(frame, payload, head, out),
            frame::CONTINUATION => self.continuation(frame, payload, head, out),
            frame::RST_STREAM => self.reset_received(frame.stream, ErrorCode(frame::number(payload, 0))),
            frame::SETTINGS => self.settings(frame, payload, out),
            frame::PING => self.ping_received(frame, payload, out),
            frame::GOAWAY => Ok(Some(self.go_away_received(payload))),
            frame::WINDOW_UPDATE => self.window_update(frame.stream, frame::number(payload, 0) & MAX_31, out),
            frame::HELLO => self.hello(payload),
            // We announce ENABLE_PUSH 0 as a client, and a client may never push.
            frame::PUSH_PROMISE => error(ErrorCode::PROTOCOL_ERROR, "PUSH_PROMISE although push is off"),
            // PRIORITY means nothing any more (RFC 9113 §5.3.2).
            _ => Ok(None),
        }
    }

    // ---- DATA ----

    fn data_begin<'a>(
        &mut self,
        frame: &FrameHead,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step<'a>, ConnectionError> {
        let (head_len, padding) = match (frame.has(frame::PADDED), input.get(HEADER_LEN)) {
            (false, _) => (HEADER_LEN, 0),
            (true, Some(padding)) if frame.length > 0 => (HEADER_LEN + 1, *padding as usize),
            (true, None) if frame.length > 0 => return Ok(Step::More),
            (true, _) => return error(ErrorCode::FRAME_SIZE_ERROR, "padded frame without a padding length"),
        };
        let behind_head = frame.length - (head_len - HEADER_LEN);
        let Some(data) = behind_head.checked_sub(padding) else {
            return error(ErrorCode::PROTOCOL_ERROR, "padding is longer than its frame");
        };
        self.receivable -= frame.length as i64;
        if self.receivable < 0 {
            return error(ErrorCode::FLOW_CONTROL_ERROR, "DATA beyond the connection's window");
        }
        let end = frame.has(frame::END_STREAM);
        if data > 0 {
            self.guard.frame_with_content();
        } else if !end {
            self.guard.empty_frame()?;
        }
        match self.judge_data(frame, data)? {
            Verdict::Take(slot) => {
                self.release_both(slot, (frame.length - data) as u32, out);
                self.rest = Rest::Data { stream: frame.stream, left: data, padding, end };
                Ok(Step::Consumed(head_len))
            }
            Verdict::Drop => {
                self.release_connection(frame.length as u32, out);
                self.skip(behind_head);
                Ok(Step::Consumed(head_len))
            }
            Verdict::Refuse(code) => {
                self.release_connection(frame.length as u32, out);
                self.skip(behind_head);
                let event = self.stream_error(frame.stream, code, out)?;
                Ok(event.map_or(Step::Consumed(head_len), |event| Step::Event(head_len, event)))
            }
        }
    }

    fn judge_data(&mut self, frame: &FrameHead, data: usize) -> Result<Verdict, ConnectionError> {
        let Some(slot) = self.streams.find(frame.stream) else {
            if self.is_idle_id(frame.stream) {
                return error(ErrorCode::PROTOCOL_ERROR, "DATA on a stream that was never opened");
            }
            let dropped = self.may_be_dropped(frame.stream);
            return Ok(if dropped { Verdict::Drop } else { Verdict::Refuse(ErrorCode::STREAM_CLOSED) });
        };
        let end = frame.has(frame::END_STREAM);
        let stream = self.streams.at(slot);
        if stream.remote_closed {
            return Ok(Verdict::Refuse(ErrorCode::STREAM_CLOSED));
        }
        if !stream.head_received {
            return Ok(Verdict::Refuse(ErrorCode::PROTOCOL_ERROR));
        }
        stream.receivable -= frame.length as i64;
        if stream.receivable < 0 {
            return Ok(Verdict::Refuse(ErrorCode::FLOW_CONTROL_ERROR));
        }
        if stream.content_left != UNCOUNTED {
            // RFC 9113 §8.1.1: Content-Length and DATA must agree.
            match stream.content_left.checked_sub(data as u64) {
                Some(left) if left == 0 || !end => stream.content_left = left,
                _ => return Ok(Verdict::Refuse(ErrorCode::PROTOCOL_ERROR)),
            }
        }
        if !stream.bound {
            if end {
                self.close_remote(slot);
            }
            return Ok(Verdict::Drop);
        }
        Ok(Verdict::Take(slot))
    }

    /// The next piece of a DATA frame, as much as there is.
    fn data_piece<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Step<'a> {
        let Rest::Data { stream, left, padding, end } = self.rest else { return Step::Consumed(0) };
        let Some(slot) = self.streams.find(stream) else {
            // The caller reset the stream between two pieces.
            self.release_connection(left as u32, out);
            self.skip(left + padding);
            return Step::Consumed(0);
        };
        if left > 0 && input.is_empty() {
            return Step::More;
        }
        let n = left.min(input.len());
        if n < left {
            self.rest = Rest::Data { stream, left: left - n, padding, end };
        } else {
            self.skip(padding);
            if n == 0 && !end {
                return Step::Consumed(0);
            }
            if end {
                self.close_remote(slot);
            }
        }
        let end = end && n == left;
        let event = Event::Data { stream: StreamId(stream), token: slot, data: &input[..n], flow: n as u32, end };
        Step::Event(n, event)
    }

    // ---- HEADERS ----

    fn headers<'a>(&mut self, frame: &FrameHead, payload: &[u8], head: &mut Head, out: &mut Vec<u8>) -> Received<'a> {
        let mut fragment = payload;
        let mut padding = 0;
        if frame.has(frame::PADDED) {
            let Some((length, rest)) = fragment.split_first() else {
                return error(ErrorCode::FRAME_SIZE_ERROR, "padded frame without a padding length");
            };
            (padding, fragment) = (*length as usize, rest);
        }
        if frame.has(frame::WITH_PRIORITY) {
            let Some(rest) = fragment.get(5..) else {
                return error(ErrorCode::FRAME_SIZE_ERROR, "HEADERS too short for its priority");
            };
            fragment = rest;
        }
        let Some(fragment) = fragment.len().checked_sub(padding).map(|length| &fragment[..length]) else {
            return error(ErrorCode::PROTOCOL_ERROR, "padding is longer than its frame");
        };
        let end = frame.has(frame::END_STREAM);
        if frame.has(frame::END_HEADERS) {
            return self.field_list(frame.stream, fragment, end, head, out);
        }
        if fragment.is_empty() {
            self.guard.empty_frame()?;
        }
        self.block = Some(Block { stream: frame.stream, end, bytes: fragment.to_vec(), continuations: 0 });
        Ok(None)
    }

    fn continuation<'a>(
        &mut self,
        frame: &FrameHead,
        payload: &[u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Received<'a> {
        let Some(mut block) = self.block.take().filter(|block| block.stream == frame.stream) else {
            return error(ErrorCode::PROTOCOL_ERROR, "CONTINUATION that continues nothing");
        };
        block.continuations += 1;
        block.bytes.extend_from_slice(payload);
        calm(block.continuations <= CONTINUATIONS, "too many CONTINUATION frames")?;
        let bound = BLOCK_FACTOR * self.config.limits.head_bytes as usize;
        calm(block.bytes.len() <= bound, "head is far above SETTINGS_MAX_HEADER_LIST_SIZE")?;
        if frame.has(frame::END_HEADERS) {
            return self.field_list(block.stream, &block.bytes, block.end, head, out);
        }
        if payload.is_empty() {
            self.guard.empty_frame()?;
        }
        self.block = Some(block);
        Ok(None)
    }

    /// A whole block. It is decoded whatever becomes of it: the tables must stay in step.
    fn field_list<'a>(&mut self, id: u32, block: &[u8], end: bool, head: &mut Head, out: &mut Vec<u8>) -> Received<'a> {
        head.clear();
        let decoded = self.decoder.decode(block, &self.config.limits, head);
        decoded.map_err(|reason| ConnectionError { code: ErrorCode::COMPRESSION_ERROR, reason: reason.text() })?;
        self.head_received = true;
        self.guard.frame_with_content();
        head.framing = if end { Framing::None } else { Framing::Stream };
        if let Some(slot) = self.streams.find(id) {
            return match self.streams.at(slot) {
                stream if stream.remote_closed => self.stream_error(id, ErrorCode::STREAM_CLOSED, out),
                stream if stream.head_received => self.trailers(slot, id, end, head, out),
                _ => self.response(slot, id, end, head, out),
            };
        }
        if self.is_server() && id & 1 == 1 && id > self.last_peer_id {
            return self.request(id, end, head, out);
        }
        if self.is_idle_id(id) {
            return error(ErrorCode::PROTOCOL_ERROR, "HEADERS on a stream the peer may not open");
        }
        if self.may_be_dropped(id) {
            return self.guard.strain().map(|()| None);
        }
        error(ErrorCode::STREAM_CLOSED, "HEADERS on a closed stream")
    }

    fn request<'a>(&mut self, id: u32, end: bool, head: &mut Head, out: &mut Vec<u8>) -> Received<'a> {
        self.last_peer_id = id;
        if self.went_away.is_some_and(|last| id > last) {
            return Ok(None);
        }
        if self.streams.len() >= self.config.max_concurrent_streams as usize {
            self.guard.strain()?;
            return self.stream_error(id, ErrorCode::REFUSED_STREAM, out);
        }
        let length = match message::request(head, self.config.enable_connect_protocol) {
            Ok(Some(n)) if end && n > 0 => return self.refuse_request(id, Fault::LengthMismatch, end, out),
            Ok(length) => length,
            Err(fault) => return self.refuse_request(id, fault, end, out),
        };
        // The peer may not know our SETTINGS yet; the larger window then only means that it may send more once.
        let mut stream = Stream::new(id, self.config.initial_stream_window.max(DEFAULT_WINDOW));
        stream.head_received = true;
        stream.remote_closed = end;
        stream.content_left = length.unwrap_or(UNCOUNTED);
        self.streams.insert(stream);
        Ok(Some(Event::Head { stream: StreamId(id), token: None, end, informational: false }))
    }

    /// What is only too much gets an answer (RFC 6585 §5); what is wrong gets a reset.
    fn refuse_request<'a>(&mut self, id: u32, fault: Fault, end: bool, out: &mut Vec<u8>) -> Received<'a> {
        self.guard.strain()?;
        if !fault.is_excess() {
            return self.stream_error(id, ErrorCode::PROTOCOL_ERROR, out);
        }
        self.guard.reply()?;
        let mut block = Vec::new();
        self.encoder.status(&mut block, 431);
        frame::write(out, frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, id, &block);
        // RFC 9113 §8.1: NO_ERROR asks to stop sending the request without taking the answer back.
        if end { Ok(None) } else { self.stream_error(id, ErrorCode::NO_ERROR, out) }
    }

    fn response<'a>(&mut self, slot: Slot, id: u32, end: bool, head: &mut Head, out: &mut Vec<u8>) -> Received<'a> {
        let length = match message::response(head) {
            Ok(length) => length,
            Err(_) => return self.malformed(id, out),
        };
        let stream = self.streams.at(slot);
        if head.status < 200 {
            stream.informational_heads += 1;
            if end || stream.informational_heads > INFORMATIONAL_HEADS {
                return self.malformed(id, out);
            }
            head.framing = Framing::None;
            return Ok(Some(Event::Head { stream: StreamId(id), token: Some(slot), end: false, informational: true }));
        }
        stream.head_received = true;
        if !stream.answers_head && head.status != 304 {
            stream.content_left = length.unwrap_or(UNCOUNTED);
        }
        if end {
            if !matches!(stream.content_left, 0 | UNCOUNTED) {
                return self.malformed(id, out);
            }
            self.close_remote(slot);
        }
        self.guard.useful();
        Ok(Some(Event::Head { stream: StreamId(id), token: Some(slot), end, informational: false }))
    }

    fn trailers<'a>(&mut self, slot: Slot, id: u32, end: bool, head: &mut Head, out: &mut Vec<u8>) -> Received<'a> {
        let kind = if self.is_server() { Kind::Request } else { Kind::Response };
        let stream = self.streams.at(slot);
        let counted = !matches!(stream.content_left, 0 | UNCOUNTED);
        let bound = stream.bound;
        if !end || counted || message::trailers(head, kind).is_err() {
            return self.malformed(id, out);
        }
        self.close_remote(slot);
        Ok(bound.then_some(Event::Trailers { stream: StreamId(id), token: slot }))
    }

    fn malformed<'a>(&mut self, id: u32, out: &mut Vec<u8>) -> Received<'a> {
        self.guard.strain()?;
        self.stream_error(id, ErrorCode::PROTOCOL_ERROR, out)
    }

    // ---- the rest ----

    fn reset_received<'a>(&mut self, id: u32, code: ErrorCode) -> Received<'a> {
        let Some(slot) = self.streams.find(id) else {
            return if self.is_idle_id(id) {
                error(ErrorCode::PROTOCOL_ERROR, "RST_STREAM on a stream that was never opened")
            } else {
                Ok(None)
            };
        };
        let server = self.is_server();
        let stream = self.streams.at(slot);
        let bound = stream.bound;
        if server && !stream.head_sent {
            self.guard.strain()?;
        }
        self.streams.remove(id);
        Ok(bound.then_some(Event::Reset { stream: StreamId(id), token: slot, code }))
    }

    fn settings<'a>(&mut self, frame: &FrameHead, payload: &[u8], out: &mut Vec<u8>) -> Received<'a> {
        if frame.has(frame::ACK) {
            self.decoder.set_limit(self.config.header_table_size as usize);
            return Ok(None);
        }
        self.guard.reply()?;
        let before = self.peer.initial_window;
        self.peer = self.peer.updated(payload, self.config.role)?;
        self.encoder.set_max_size(self.peer.table_size as usize);
        if self.peer.initial_window > before {
            self.windows_grew()?;
        }
        self.phase = Phase::Open;
        frame::write(out, frame::SETTINGS, frame::ACK, 0, b"");
        Ok(Some(Event::SettingsReceived))
    }

    fn windows_grew(&mut self) -> Result<(), ConnectionError> {
        let initial = self.peer.initial_window;
        let mut ready = Vec::new();
        for (slot, stream) in self.streams.iter_mut() {
            if stream.overflows(initial) {
                return error(ErrorCode::FLOW_CONTROL_ERROR, "a stream's window is above 2^31-1");
            }
            if stream.waiting && stream.send_window(initial) > 0 {
                ready.push(slot);
            }
        }
        ready.into_iter().for_each(|slot| self.enqueue_writable(slot));
        Ok(())
    }

    fn window_update<'a>(&mut self, id: u32, increment: u32, out: &mut Vec<u8>) -> Received<'a> {
        if id == 0 {
            self.send_window += i64::from(increment);
            return match increment {
                0 => error(ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE of zero"),
                _ if self.send_window > i64::from(MAX_31) => {
                    error(ErrorCode::FLOW_CONTROL_ERROR, "the connection's window is above 2^31-1")
                }
                _ => Ok(None),
            };
        }
        let initial = self.peer.initial_window;
        let Some(slot) = self.streams.find(id) else {
            return if self.is_idle_id(id) {
                error(ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE on a stream that was never opened")
            } else {
                Ok(None)
            };
        };
        let stream = self.streams.at(slot);
        stream.credit += i64::from(increment);
        if increment == 0 {
            return self.malformed(id, out);
        }
        if stream.overflows(initial) {
            return self.stream_error(id, ErrorCode::FLOW_CONTROL_ERROR, out);
        }
        if stream.waiting && stream.send_window(initial) > 0 {
            self.enqueue_writable(slot);
        }
        Ok(None)
    }

    fn ping_received<'a>(&mut self, frame: &FrameHead, payload: &[u8], out: &mut Vec<u8>) -> Received<'a> {
        if frame.has(frame::ACK) {
            let mut opaque = [0; 8];
            opaque.copy_from_slice(payload);
            return Ok(Some(Event::PingAck(opaque)));
        }
        self.guard.reply()?;
        frame::write(out, frame::PING, frame::ACK, 0, payload);
        Ok(None)
    }

    fn go_away_received<'a>(&mut self, payload: &[u8]) -> CoreEvent<'a> {
        let last = frame::number(payload, 0) & MAX_31;
        self.peer_went_away = true;
        if !self.is_server() {
            let lost: Vec<_> =
                self.streams.iter_mut().filter(|(_, s)| s.id > last).map(|(slot, s)| (s.id, slot)).collect();
            for (id, _) in &lost {
                self.streams.remove(*id);
                self.reset_by_us.add(*id);
            }
            self.lost.extend(lost);
        }
        Event::GoAway { last: StreamId(last), code: ErrorCode(frame::number(payload, 4)) }
    }

    fn hello<'a>(&mut self, payload: &'a [u8]) -> Received<'a> {
        if self.hello_received || self.head_received {
            return error(ErrorCode::PROTOCOL_ERROR, "HELLO twice, or behind the first head");
        }
        self.hello_received = true;
        Ok(Some(Event::Hello(payload)))
    }
}
