//! HTTP/2 (RFC 9113): one [`Connection`] for both roles, bytes in, events and bytes out.
use crate::{Head, Limits};

pub use crate::fault::Fault;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

#[derive(Clone, Debug)]
pub struct Config {
    pub role: Role,
    pub max_concurrent_streams: u32,
    pub initial_stream_window: u32,
    pub connection_window: u32,
    pub max_frame_size: u32,
    pub header_table_size: u32,
    pub limits: Limits,
    pub enable_connect_protocol: bool,
    pub hello: Option<Vec<u8>>,
}

impl Config {
    /// The defaults for this role, each with its reason beside it.
    pub fn new(_role: Role) -> Config {
        todo!()
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    pub const NO_ERROR: ErrorCode = ErrorCode(0);
    pub const PROTOCOL_ERROR: ErrorCode = ErrorCode(1);
    pub const INTERNAL_ERROR: ErrorCode = ErrorCode(2);
    pub const FLOW_CONTROL_ERROR: ErrorCode = ErrorCode(3);
    pub const SETTINGS_TIMEOUT: ErrorCode = ErrorCode(4);
    pub const STREAM_CLOSED: ErrorCode = ErrorCode(5);
    pub const FRAME_SIZE_ERROR: ErrorCode = ErrorCode(6);
    pub const REFUSED_STREAM: ErrorCode = ErrorCode(7);
    pub const CANCEL: ErrorCode = ErrorCode(8);
    pub const COMPRESSION_ERROR: ErrorCode = ErrorCode(9);
    pub const CONNECT_ERROR: ErrorCode = ErrorCode(10);
    pub const ENHANCE_YOUR_CALM: ErrorCode = ErrorCode(11);
    pub const INADEQUATE_SECURITY: ErrorCode = ErrorCode(12);
    pub const HTTP_1_1_REQUIRED: ErrorCode = ErrorCode(13);
}

/// The connection is lost: send GOAWAY with `code` (`go_away`), write out, close.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ConnectionError {
    pub code: ErrorCode,
    /// What the peer did, for the log.
    pub reason: &'static str,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Event<'a, T> {
    /// A head is in `head`. `token` is None for a new request on a server: `bind` it before the next `receive`.
    Head {
        stream: StreamId,
        token: Option<T>,
        end: bool,
        informational: bool,
    },
    /// The trailers are in `head`; the peer has ended the stream.
    Trailers {
        stream: StreamId,
        token: T,
    },
    /// `flow` bytes are to be released once `data` has been passed on or dropped.
    Data {
        stream: StreamId,
        token: T,
        data: &'a [u8],
        flow: u32,
        end: bool,
    },
    /// The stream is gone, by the peer's RST_STREAM or by a violation that this side answered with RST_STREAM.
    Reset {
        stream: StreamId,
        token: T,
        code: ErrorCode,
    },
    /// A stream on which `send_data` had accepted less than offered can send again.
    Writable {
        stream: StreamId,
        token: T,
    },
    SettingsReceived,
    /// The payload of the peer's HELLO. Never before SETTINGS, never after the first head, at most once.
    Hello(&'a [u8]),
    /// Streams of ours above `last` were not processed: one `Reset` with REFUSED_STREAM follows for each.
    GoAway {
        last: StreamId,
        code: ErrorCode,
    },
    PingAck([u8; 8]),
}

pub struct Connection<T: Copy> {
    _t: std::marker::PhantomData<T>,
}

impl<T: Copy> Connection<T> {
    pub fn new(_config: Config) -> Self {
        todo!()
    }
    pub fn start(&mut self, _out: &mut Vec<u8>) {
        todo!()
    }
    pub fn receive<'a>(
        &mut self,
        _input: &'a [u8],
        _head: &mut Head,
        _out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Event<'a, T>>), ConnectionError> {
        todo!()
    }
    pub fn open(&mut self, _token: T) -> Option<StreamId> {
        todo!()
    }
    pub fn bind(&mut self, _stream: StreamId, _token: T) {
        todo!()
    }
    pub fn begin_head<'c>(&'c mut self, _stream: StreamId, _out: &'c mut Vec<u8>) -> HeadWriter<'c> {
        todo!()
    }
    pub fn begin_trailers<'c>(&'c mut self, _stream: StreamId, _out: &'c mut Vec<u8>) -> HeadWriter<'c> {
        todo!()
    }
    pub fn send_data(&mut self, _stream: StreamId, _data: &[u8], _end: bool, _out: &mut Vec<u8>) -> usize {
        todo!()
    }
    pub fn capacity(&self, _stream: StreamId) -> usize {
        todo!()
    }
    pub fn reset(&mut self, _stream: StreamId, _code: ErrorCode, _out: &mut Vec<u8>) {
        todo!()
    }
    pub fn release(&mut self, _stream: StreamId, _n: u32, _out: &mut Vec<u8>) {
        todo!()
    }
    /// The caller has written all of `out` to the socket: replies no longer wait in memory.
    pub fn flushed(&mut self) {
        todo!()
    }
    /// GOAWAY with the last stream this side has seen; new streams of the peer are ignored from now on.
    pub fn go_away(&mut self, _code: ErrorCode, _out: &mut Vec<u8>) {
        todo!()
    }
    /// First step of a graceful end: GOAWAY that still admits every stream (RFC 9113 §6.8). Wait a round trip
    /// (`ping` and its ack), then `go_away(NO_ERROR)`, then close when `is_idle`.
    pub fn announce_go_away(&mut self, _out: &mut Vec<u8>) {
        todo!()
    }
    pub fn is_idle(&self) -> bool {
        todo!()
    }
    pub fn active_streams(&self) -> u32 {
        todo!()
    }
    pub fn peer_max_streams(&self) -> u32 {
        todo!()
    }
    pub fn ping(&mut self, _payload: [u8; 8], _out: &mut Vec<u8>) {
        todo!()
    }
    pub fn hello_received(&self) -> bool {
        todo!()
    }
}

/// Encodes one head straight into the output.
#[must_use = "a head must be finished"]
pub struct HeadWriter<'c> {
    _out: &'c mut Vec<u8>,
}

impl HeadWriter<'_> {
    pub fn method(&mut self, _value: &[u8]) {
        todo!()
    }
    pub fn path(&mut self, _value: &[u8]) {
        todo!()
    }
    pub fn authority(&mut self, _value: &[u8]) {
        todo!()
    }
    pub fn scheme(&mut self, _value: &[u8]) {
        todo!()
    }
    pub fn protocol(&mut self, _value: &[u8]) {
        todo!()
    }
    pub fn status(&mut self, _status: u16) {
        todo!()
    }
    /// Lower-cases the name.
    pub fn field(&mut self, _name: &[u8], _value: &[u8]) {
        todo!()
    }
    /// Never indexed, here or by anyone who forwards it.
    pub fn field_sensitive(&mut self, _name: &[u8], _value: &[u8]) {
        todo!()
    }
    pub fn finish(self, _end_stream: bool) {
        todo!()
    }
}
