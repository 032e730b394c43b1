//! The public face of a connection: the core, and the caller's token for each stream.

use super::core::{Core, CoreEvent};
use super::frame::{self, MAX_31};
use super::{Config, ConnectionError, ErrorCode, Event, HeadWriter, StreamId};
use crate::Head;

/// One HTTP/2 connection. `T` is the caller's token for a stream, for example a slab key.
pub struct Connection<T: Copy> {
    core: Core,
    /// By slot of the stream in the core's table.
    tokens: Vec<Option<T>>,
}

impl<T: Copy> Connection<T> {
    pub fn new(config: Config) -> Self {
        Connection { core: Core::new(config), tokens: Vec::new() }
    }

    /// What is sent first: the preface (client), SETTINGS, HELLO, and the connection's window.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        self.core.start(out);
    }

    /// Reads at most one event. Returns how many bytes of `input` are done with; without an event the input is used up
    /// but for a beginning that is wanted whole, and the caller comes again with more behind it: its buffer must hold
    /// `max_frame_size` + 9 bytes. An event may consume nothing, so the caller goes on until there is none, and asks
    /// with empty input too.
    ///
    /// Replies that nobody needs to decide about go to `out`. A head is decoded into `head`.
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
        head: &mut Head,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Event<'a, T>>), ConnectionError> {
        let (consumed, event) = self.core.receive(input, head, out)?;
        Ok((consumed, event.map(|event| self.with_token(event))))
    }

    #[inline]
    fn with_token<'a>(&self, event: CoreEvent<'a>) -> Event<'a, T> {
        let token = |slot: usize| self.tokens[slot].expect("the core reports bound streams only");
        match event {
            Event::Head { stream, token: slot, end, informational } => {
                Event::Head { stream, token: slot.map(token), end, informational }
            }
            Event::Trailers { stream, token: slot } => Event::Trailers { stream, token: token(slot) },
            Event::Data { stream, token: slot, data, flow, end } => {
                Event::Data { stream, token: token(slot), data, flow, end }
            }
            Event::Reset { stream, token: slot, code } => Event::Reset { stream, token: token(slot), code },
            Event::Writable { stream, token: slot } => Event::Writable { stream, token: token(slot) },
            Event::SettingsReceived => Event::SettingsReceived,
            Event::Hello(payload) => Event::Hello(payload),
            Event::GoAway { last, code } => Event::GoAway { last, code },
            Event::PingAck(payload) => Event::PingAck(payload),
        }
    }

    /// A client's new stream, or None: the peer takes no more streams now or is going away, or ids have run out. The
    /// head must follow before that of any stream opened later.
    pub fn open(&mut self, token: T) -> Option<StreamId> {
        let (id, slot) = self.core.open()?;
        self.set_token(slot, token);
        Some(StreamId(id))
    }

    /// Gives a server's new stream its token. To be called before the next `receive`.
    pub fn bind(&mut self, stream: StreamId, token: T) {
        if let Some(slot) = self.core.streams.find(stream.0) {
            self.core.streams.at(slot).bound = true;
            self.set_token(slot, token);
        }
    }

    fn set_token(&mut self, slot: usize, token: T) {
        if self.tokens.len() <= slot {
            self.tokens.resize(slot + 1, None);
        }
        self.tokens[slot] = Some(token);
    }

    pub fn begin_head<'c>(&'c mut self, stream: StreamId, out: &'c mut Vec<u8>) -> HeadWriter<'c> {
        HeadWriter::new(&mut self.core, stream.0, out, false)
    }

    pub fn begin_trailers<'c>(&'c mut self, stream: StreamId, out: &'c mut Vec<u8>) -> HeadWriter<'c> {
        HeadWriter::new(&mut self.core, stream.0, out, true)
    }

    /// Sends as much as the windows allow and returns how much that was; `end` takes effect when it was all. After
    /// less than all, [`Event::Writable`] comes when it is worth trying again.
    pub fn send_data(&mut self, stream: StreamId, data: &[u8], end: bool, out: &mut Vec<u8>) -> usize {
        self.core.send_data(stream.0, data, end, out)
    }

    /// How much `send_data` would take now.
    pub fn capacity(&self, stream: StreamId) -> usize {
        self.core.capacity(stream.0)
    }

    /// How much the peer may still send on all streams together before something is released.
    pub fn receivable(&self) -> u64 {
        self.core.receivable.max(0) as u64
    }

    /// Ends the stream at once. No more events come for it; what `receive` has handed out must still be released.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
        self.core.reset(stream.0, code, out);
    }

    /// `n` bytes handed out as [`Event::Data`] were passed on or dropped: the peer may send as much again. Due exactly
    /// once for every byte, also when the stream is long gone: the connection's window is shared.
    pub fn release(&mut self, stream: StreamId, n: u32, out: &mut Vec<u8>) {
        self.core.release(stream.0, n, out);
    }

    /// The caller has written all of `out` to the socket: replies no longer wait in memory.
    pub fn flushed(&mut self) {
        self.core.guard.flushed();
    }

    /// GOAWAY: streams the peer opens from now on are dropped, `open` returns None; streams already there go on.
    pub fn go_away(&mut self, code: ErrorCode, out: &mut Vec<u8>) {
        self.core.go_away(code, out);
    }

    /// First step of a graceful end: GOAWAY that still admits every stream (RFC 9113 §6.8). A round trip later (`ping`
    /// and its ack) comes `go_away(NO_ERROR)`, and when `is_idle` the connection can be closed.
    pub fn announce_go_away(&mut self, out: &mut Vec<u8>) {
        if self.core.went_away.is_none() {
            frame::write_go_away(out, MAX_31, ErrorCode::NO_ERROR);
        }
    }

    /// The peer has sent GOAWAY, or we have: no stream will be opened any more.
    pub fn is_going_away(&self) -> bool {
        self.core.peer_went_away || self.core.went_away.is_some()
    }

    pub fn is_idle(&self) -> bool {
        self.core.streams.len() == 0
    }

    pub fn active_streams(&self) -> u32 {
        self.core.streams.len() as u32
    }

    /// How many streams the peer lets us have open at a time.
    pub fn peer_max_streams(&self) -> u32 {
        self.core.peer.max_streams
    }

    /// The peer's SETTINGS_MAX_HEADER_LIST_SIZE, u32::MAX if it has none.
    pub fn peer_max_head_bytes(&self) -> u32 {
        self.core.peer.max_head_list
    }

    /// The peer takes extended CONNECT (RFC 8441).
    pub fn peer_connect_protocol(&self) -> bool {
        self.core.peer.connect_protocol
    }

    pub fn ping(&mut self, payload: [u8; 8], out: &mut Vec<u8>) {
        frame::write(out, frame::PING, 0, 0, &payload);
    }

    pub fn hello_received(&self) -> bool {
        self.core.hello_received
    }

    #[cfg(test)]
    pub(crate) fn queue_len(&self) -> usize {
        self.core.writable.len()
    }
}
