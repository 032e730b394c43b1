//! The receiving half: from bytes to frames, and the frames that concern the connection. `data` and `heads` take theirs.

use super::core::{Core, CoreEvent, Phase, Rest, error};
use super::frame::{self, FrameHead, HEADER_LEN, MAX_31, PREFACE};
use super::guard::HELLO_BYTES;
use super::{ConnectionError, ErrorCode, Event, StreamId};
use crate::Head;

pub type Received<'a> = Result<Option<CoreEvent<'a>>, ConnectionError>;

pub enum Step<'a> {
    /// The input ends inside something that is wanted whole.
    More,
    Consumed(usize),
    Event(usize, CoreEvent<'a>),
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

    pub fn skip(&mut self, n: usize) {
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
