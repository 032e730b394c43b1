//! DATA frames: who pays for the bytes, and the payload piece by piece as it arrives.

use super::core::{Core, Rest, Slot, error};
use super::frame::{self, FrameHead, HEADER_LEN};
use super::receive::Step;
use super::streams::UNCOUNTED;
use super::{ConnectionError, ErrorCode, Event, StreamId};

/// What to do with a DATA frame.
enum Verdict {
    Take(Slot),
    /// The stream is gone on our side; its bytes count for the connection.
    Drop,
    Refuse(ErrorCode),
}

impl Core {
    pub fn data_begin<'a>(
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
        if self.is_idle_id(frame.stream) {
            return error(ErrorCode::PROTOCOL_ERROR, "DATA on a stream that was never opened");
        }
        let Some(slot) = self.streams.find(frame.stream) else {
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
    pub fn data_piece<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Step<'a> {
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
}
