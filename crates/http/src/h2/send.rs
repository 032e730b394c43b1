//! The sending half: frames that the caller asks for.

use super::core::{Core, Slot};
use super::frame::{self, FrameHead, HEADER_LEN, MAX_31, PREFACE};
use super::settings::{self, DEFAULT_WINDOW};
use super::streams::Stream;
use super::{ErrorCode, Role};

impl Core {
    pub fn start(&mut self, out: &mut Vec<u8>) {
        if self.config.role == Role::Client {
            out.extend_from_slice(PREFACE);
        }
        settings::write(out, &self.config);
        if let Some(hello) = &mut self.config.hello {
            frame::write(out, frame::HELLO, 0, 0, hello);
            // Kept only as the sign that HELLO is spoken here.
            *hello = Vec::new();
        }
        let more = self.config.connection_window.saturating_sub(DEFAULT_WINDOW);
        if more > 0 {
            frame::write_window_update(out, 0, more);
        }
    }

    pub fn open(&mut self) -> Option<(u32, Slot)> {
        let full = self.streams.len() >= self.peer.max_streams as usize;
        if self.is_server() || full || self.next_id > MAX_31 || self.peer_went_away || self.went_away.is_some() {
            return None;
        }
        let id = self.next_id;
        self.next_id += 2;
        let mut stream = Stream::new(id, self.config.initial_stream_window.max(DEFAULT_WINDOW));
        stream.bound = true;
        Some((id, self.streams.insert(stream)))
    }

    #[inline]
    pub fn max_frame(&self) -> usize {
        self.peer.max_frame.min(self.config.max_frame_size) as usize
    }

    pub fn capacity(&self, id: u32) -> usize {
        let Some(stream) = self.streams.get(id).filter(|stream| !stream.local_closed) else { return 0 };
        stream.send_window(self.peer.initial_window).min(self.send_window).max(0) as usize
    }

    pub fn send_data(&mut self, id: u32, data: &[u8], end: bool, out: &mut Vec<u8>) -> usize {
        let Some(slot) = self.streams.find(id) else { return 0 };
        let (initial, max_frame) = (self.peer.initial_window, self.max_frame());
        let stream = self.streams.at(slot);
        debug_assert!(stream.head_sent && !stream.local_closed, "DATA before the head or behind the end");
        if stream.local_closed {
            return 0;
        }
        let own_window = stream.send_window(initial).max(0) as usize;
        let accepted = data.len().min(own_window).min(self.send_window.max(0) as usize);
        let whole = accepted == data.len();
        stream.credit -= accepted as i64;
        stream.waiting = !whole;
        self.send_window -= accepted as i64;
        write_data(out, id, &data[..accepted], whole && end, max_frame);
        if !whole && own_window > accepted {
            // It is the connection that holds it back: no WINDOW_UPDATE of its own will come.
            self.enqueue_writable(slot);
        }
        if whole && end {
            self.close_local(slot);
        }
        accepted
    }

    pub fn reset(&mut self, id: u32, code: ErrorCode, out: &mut Vec<u8>) {
        let Some(slot) = self.streams.find(id) else { return };
        let never_begun = !self.is_server() && !self.streams.at(slot).head_sent;
        self.streams.remove(id);
        self.reset_by_us.add(id);
        // RST_STREAM on an idle stream is a connection error (RFC 9113 §6.4).
        if !never_begun {
            frame::write_reset(out, id, code);
        }
    }

    pub fn release(&mut self, id: u32, n: u32, out: &mut Vec<u8>) {
        match self.streams.find(id) {
            Some(slot) => self.release_both(slot, n, out),
            None => self.release_connection(n, out),
        }
    }

    #[inline]
    pub fn release_both(&mut self, slot: Slot, n: u32, out: &mut Vec<u8>) {
        if n == 0 {
            return;
        }
        let window = self.config.initial_stream_window;
        let stream = self.streams.at(slot);
        if !stream.remote_closed {
            stream.owed += n;
            if stream.owed >= window.div_ceil(2) {
                frame::write_window_update(out, stream.id, stream.owed);
                stream.receivable += i64::from(stream.owed);
                stream.owed = 0;
            }
        }
        self.release_connection(n, out);
    }

    #[inline]
    pub fn release_connection(&mut self, n: u32, out: &mut Vec<u8>) {
        self.owed += n;
        if n > 0 && self.owed >= self.config.connection_window.max(DEFAULT_WINDOW) / 2 {
            frame::write_window_update(out, 0, self.owed);
            self.receivable += i64::from(self.owed);
            self.owed = 0;
        }
    }

    pub fn go_away(&mut self, code: ErrorCode, out: &mut Vec<u8>) {
        // The id may not rise again (RFC 9113 §6.8).
        let last = self.went_away.map_or(self.last_peer_id, |last| last.min(self.last_peer_id));
        self.went_away = Some(last);
        frame::write_go_away(out, last, code);
    }
}

fn write_data(out: &mut Vec<u8>, stream: u32, data: &[u8], end: bool, max_frame: usize) {
    if data.is_empty() {
        if end {
            frame::write(out, frame::DATA, frame::END_STREAM, stream, b"");
        }
        return;
    }
    out.reserve(data.len() + data.len().div_ceil(max_frame) * HEADER_LEN);
    let mut left = data;
    while !left.is_empty() {
        let (now, later) = left.split_at(left.len().min(max_frame));
        let flags = if end && later.is_empty() { frame::END_STREAM } else { 0 };
        out.extend_from_slice(&FrameHead { length: now.len(), kind: frame::DATA, flags, stream }.bytes());
        out.extend_from_slice(now);
        left = later;
    }
}
