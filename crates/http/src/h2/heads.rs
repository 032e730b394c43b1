//! HEADERS and CONTINUATION: from a block to a request, a response or trailers.

use super::core::{Block, Core, Slot, error};
use super::frame::{self, FrameHead};
use super::guard::{BLOCK_FACTOR, CONTINUATIONS, INFORMATIONAL_HEADS, calm};
use super::receive::Received;
use super::settings::DEFAULT_WINDOW;
use super::streams::{Stream, UNCOUNTED};
use super::{ConnectionError, ErrorCode, Event, Fault, StreamId, message};
use crate::{Framing, Head, Kind};

impl Core {
    pub fn headers<'a>(
        &mut self,
        frame: &FrameHead,
        payload: &[u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Received<'a> {
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

    pub fn continuation<'a>(
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
        if let Some(slot) = self.streams.find(id).filter(|_| !self.is_idle_id(id)) {
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
        if !fault.is_excess() {
            return self.malformed(id, out);
        }
        self.guard.reply()?;
        let mut block = Vec::new();
        self.encoder.status(&mut block, 431);
        frame::write(out, frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, id, &block);
        // RFC 9113 §8.1: NO_ERROR asks to stop sending the request without taking the answer back.
        if end { self.guard.strain().map(|()| None) } else { self.stream_error(id, ErrorCode::NO_ERROR, out) }
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
        // RFC 9113 §8.1.1: such a response may announce a length and has no content. DATA in it, passed on to HTTP/1,
        // would be read as the next response.
        let bodiless = stream.answers_head || matches!(head.status, 204 | 304);
        stream.content_left = if bodiless { 0 } else { length.unwrap_or(UNCOUNTED) };
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

    pub fn malformed<'a>(&mut self, id: u32, out: &mut Vec<u8>) -> Received<'a> {
        self.stream_error(id, ErrorCode::PROTOCOL_ERROR, out)
    }
}
