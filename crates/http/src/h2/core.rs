//! The state of a connection, without the caller's tokens: events carry the slot of the stream in the table, and
//! `connection` puts the token in its place.

use std::collections::VecDeque;

use super::guard::Guard;
use super::settings::{DEFAULT_WINDOW, Peer};
use super::streams::{ResetByUs, Streams};
use super::{Config, ConnectionError, ErrorCode, Event, Role, StreamId};
use crate::hpack::{DEFAULT_TABLE, Decoder, Encoder};

pub type Slot = usize;
pub type CoreEvent<'a> = Event<'a, Slot>;

pub struct Core {
    pub config: Config,
    pub peer: Peer,
    pub encoder: Encoder,
    pub decoder: Decoder,
    pub streams: Streams,
    pub guard: Guard,
    pub reset_by_us: ResetByUs,

    pub phase: Phase,
    /// The unread rest of the frame whose head was read.
    pub rest: Rest,
    /// A head that goes on in CONTINUATION frames.
    pub block: Option<Block>,
    /// The input broke the protocol: there is no going on.
    pub failure: Option<ConnectionError>,

    /// A client's next stream.
    pub next_id: u32,
    /// The last stream whose head a client has sent: those above are idle.
    pub last_begun: u32,
    /// The highest stream the peer has opened.
    pub last_peer_id: u32,
    /// The highest stream we said in GOAWAY that we would serve.
    pub went_away: Option<u32>,
    pub peer_went_away: bool,
    pub hello_received: bool,
    pub head_received: bool,

    pub send_window: i64,
    /// Bytes of DATA the peer may still send on the connection.
    pub receivable: i64,
    /// Bytes released and not yet given back.
    pub owed: u32,
    /// Streams that wait to send and have a window of their own, in the order they will be told.
    pub writable: VecDeque<u32>,
    /// Streams the peer will not process (GOAWAY), still to be reported.
    pub lost: Vec<(u32, Slot)>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A server waits for the client's preface.
    Preface,
    /// The peer's first frame must be SETTINGS.
    Settings,
    Open,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    None,
    Data { stream: u32, left: usize, padding: usize, end: bool },
    Skip(usize),
}

pub struct Block {
    pub stream: u32,
    pub end: bool,
    pub bytes: Vec<u8>,
    pub continuations: u32,
}

pub fn error<T>(code: ErrorCode, reason: &'static str) -> Result<T, ConnectionError> {
    Err(ConnectionError { code, reason })
}

impl Core {
    pub fn new(config: Config) -> Core {
        let phase = if config.role == Role::Server { Phase::Preface } else { Phase::Settings };
        Core {
            peer: Peer::default(),
            encoder: Encoder::with_cap(config.header_table_size as usize),
            // Until the peer has acknowledged our SETTINGS it may use what holds without them, or already what they say.
            decoder: Decoder::with_limit(DEFAULT_TABLE, DEFAULT_TABLE.max(config.header_table_size as usize)),
            streams: Streams::default(),
            guard: Guard::default(),
            reset_by_us: ResetByUs::default(),
            phase,
            rest: Rest::None,
            block: None,
            failure: None,
            next_id: 1,
            last_begun: 0,
            last_peer_id: 0,
            went_away: None,
            peer_went_away: false,
            hello_received: false,
            head_received: false,
            send_window: i64::from(DEFAULT_WINDOW),
            receivable: i64::from(config.connection_window.max(DEFAULT_WINDOW)),
            owed: 0,
            writable: VecDeque::new(),
            lost: Vec::new(),
            config,
        }
    }

    #[inline]
    pub fn is_server(&self) -> bool {
        self.config.role == Role::Server
    }

    /// Never opened by anyone (RFC 9113 §5.1). Even ids are a server's own, and we never push.
    #[inline]
    pub fn is_idle_id(&self, id: u32) -> bool {
        let odd = id & 1 == 1;
        !odd || id > if self.is_server() { self.last_peer_id } else { self.last_begun }
    }

    /// A closed stream whose frames may still be on their way: we reset it, or refused it by GOAWAY.
    pub fn may_be_dropped(&self, id: u32) -> bool {
        self.reset_by_us.contains(id) || (self.is_server() && self.went_away.is_some_and(|last| id > last))
    }

    pub fn close_remote(&mut self, slot: Slot) {
        let stream = self.streams.at(slot);
        stream.remote_closed = true;
        if stream.is_closed() {
            let id = stream.id;
            self.streams.remove(id);
        }
    }

    pub fn close_local(&mut self, slot: Slot) {
        let stream = self.streams.at(slot);
        stream.local_closed = true;
        if stream.is_closed() {
            let id = stream.id;
            self.streams.remove(id);
        }
    }

    /// Ends the stream with RST_STREAM; the event is for the caller, if it knows the stream. A strain whatever the peer
    /// did: who makes us reset what was not answered yet spends our work as one who resets it (CVE-2025-8671).
    pub fn stream_error<'a>(
        &mut self,
        id: u32,
        code: ErrorCode,
        out: &mut Vec<u8>,
    ) -> Result<Option<CoreEvent<'a>>, ConnectionError> {
        self.guard.strain()?;
        self.guard.reply()?;
        super::frame::write_reset(out, id, code);
        self.reset_by_us.add(id);
        let slot = self.streams.find(id).filter(|slot| self.streams.at(*slot).bound);
        self.streams.remove(id);
        Ok(slot.map(|slot| Event::Reset { stream: StreamId(id), token: slot, code }))
    }

    /// Puts a waiting stream that has a window of its own into the queue.
    pub fn enqueue_writable(&mut self, slot: Slot) {
        let stream = self.streams.at(slot);
        if stream.queued {
            return;
        }
        stream.queued = true;
        let id = stream.id;
        self.writable.push_back(id);
        // Streams that died in the queue are found when their turn comes, which may be never.
        if self.writable.len() > 2 * self.streams.len() + 16 {
            let streams = &self.streams;
            self.writable.retain(|id| streams.find(*id).is_some());
        }
    }

    /// Events that need no input.
    #[inline]
    pub fn pending<'a>(&mut self) -> Option<CoreEvent<'a>> {
        if let Some((id, slot)) = self.lost.pop() {
            return Some(Event::Reset { stream: StreamId(id), token: slot, code: ErrorCode::REFUSED_STREAM });
        }
        while self.send_window > 0 {
            let id = self.writable.pop_front()?;
            let Some(slot) = self.streams.find(id) else { continue };
            let initial = self.peer.initial_window;
            let stream = self.streams.at(slot);
            stream.queued = false;
            if stream.waiting && stream.send_window(initial) > 0 {
                stream.waiting = false;
                return Some(Event::Writable { stream: StreamId(id), token: slot });
            }
        }
        None
    }
}
