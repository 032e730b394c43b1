//! One connection: a socket, TLS where there is some, the protocol spoken on it, and what waits to be sent.

use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use weft_core::endpoints::EndpointIx;
use weft_core::spiffe::SpiffeId;
use weft_http::{h1, h2};

use super::secure::Tls;

/// Above this much unsent output whoever fills it is told to stop reading. Two full TLS flights of 64 KiB.
pub const OUT_HIGH: usize = 128 * 1024;
/// Below this it may go on.
pub const OUT_LOW: usize = 32 * 1024;
/// Unparsed input that a connection may hold while its request is being answered (pipelining).
pub const INPUT_MAX: usize = 64 * 1024 + 1024;

/// Keys of the engine's tables.
pub type ConnId = u32;
pub type ExchangeId = u32;
pub type PoolId = u32;

pub struct Conn {
    pub socket: TcpStream,
    pub tls: Option<Box<Tls>>,
    pub protocol: Protocol,
    pub place: Place,
    pub peer_address: SocketAddr,
    pub local_address: Option<SocketAddr>,
    /// Proved by its SVID, and what its HELLO said.
    pub peer: Option<Arc<Peer>>,
    /// Plaintext that is not parsed yet.
    pub input: Vec<u8>,
    /// The beginning of a TLS record.
    pub sealed: Vec<u8>,
    /// Plaintext to send; without TLS these are the bytes on the wire.
    pub out: Vec<u8>,
    /// Bytes on the wire that the socket did not take yet.
    pub wire: Vec<u8>,
    /// Bytes that the socket took so far: tells which requests cannot have been seen (T6).
    pub written: u64,
    pub state: State,
    /// Exchanges that stopped reading because `out` is full.
    pub choked: Vec<ExchangeId>,
    pub touched_us: u64,
    pub generation: u32,
    /// Edge: per target port, so that a request costs no look-up.
    pub series: Option<(u16, u32)>,
}

#[derive(Default, Clone, Copy)]
pub struct State {
    pub connecting: bool,
    /// The TLS handshake is done, or there is none.
    pub established: bool,
    /// The last write did not fit: wait for the socket.
    pub blocked: bool,
    /// In the list of those to flush.
    pub dirty: bool,
    /// Nothing is read until somebody resumes it.
    pub paused: bool,
    /// The socket may have more (readiness is told once).
    pub readable: bool,
    /// The event said that the peer's end has arrived: it is read up to that end, because no other event will come.
    pub hangup: bool,
    /// The peer sends no more.
    pub eof: bool,
    /// Close when everything is sent.
    pub closing: bool,
    /// Send the end of our direction when everything before it is sent (opaque bytes).
    pub half_close: bool,
    /// Whatever comes is read and thrown away until the peer's end, so that a reset does not eat the last response.
    pub lingering: bool,
    /// Our direction is closed.
    pub half_closed: bool,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Somebody calls our app: index of the inbound listener.
    Inbound(u32),
    /// Our app calls: index of the outbound listener.
    Outbound(u32),
    /// We called: an app, an endpoint, or a destination outside of the mesh.
    Upstream(PoolId),
}

pub enum Protocol {
    /// The first bytes decide between HTTP/1.1, HTTP/2 and TLS.
    Sniff,
    H1Server(H1Server),
    H1Client(H1Client),
    H2(Box<H2>),
    Tunnel(Tunnel),
}

/// A caller that speaks HTTP/1.
pub struct H1Server {
    pub exchange: Option<ExchangeId>,
    pub reading: Reading,
    pub body: h1::Body,
    /// After this exchange the connection may carry another.
    pub keep_alive: bool,
    /// How much of an unfinished head was there when it was last looked at.
    pub attempted: usize,
    /// When the first bytes of that head came.
    pub head_since_us: u64,
}

impl Default for H1Server {
    fn default() -> Self {
        let body = h1::Body::new(weft_http::Framing::None);
        H1Server { exchange: None, reading: Reading::Head, body, keep_alive: true, attempted: 0, head_since_us: 0 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    Head,
    Body,
    /// The message is complete; the next one waits until this exchange is over.
    Done,
    /// Switched protocols: bytes, until the end.
    Raw,
}

/// An app or an unmeshed endpoint that speaks HTTP/1.
pub struct H1Client {
    pub exchange: Option<ExchangeId>,
    pub reading: Reading,
    pub body: h1::Body,
    pub kind: h1::RequestKind,
    pub keep_alive: bool,
    /// It carried a request before: only then can its end race with ours (R11).
    pub reused: bool,
    /// `Conn.written` plus what was waiting when the request was added: where its first byte lies.
    pub request_at: u64,
}

impl Default for H1Client {
    fn default() -> Self {
        H1Client {
            exchange: None,
            reading: Reading::Done,
            body: h1::Body::new(weft_http::Framing::None),
            kind: h1::RequestKind::Other,
            keep_alive: true,
            reused: false,
            request_at: 0,
        }
    }
}

pub struct H2 {
    pub codec: h2::Connection<ExchangeId>,
    pub server: bool,
    /// `weft/1`: HELLO first, weft's own headers understood.
    pub mesh: bool,
    /// No new streams: it said so, or we did.
    pub going_away: bool,
}

/// Bytes both ways, without a protocol.
#[derive(Default)]
pub struct Tunnel {
    pub other: Option<ConnId>,
    /// `weft-tcp/1`: the HELLO of the peer comes first.
    pub awaits_hello: bool,
    pub series: u32,
    pub started_us: u64,
    /// On the connection to an endpoint, until it is known to have reached the app: what was sent so far. None: it has, or
    /// it was more than is kept.
    pub kept: Option<Vec<u8>>,
    /// On the connection to our app: the caller's proxy learns when the app has accepted.
    pub greets: bool,
    /// On the connection of our own app: whom it calls.
    pub call: Option<Box<OpaqueCall>>,
}

/// What the balancer wants to know at the end, and what another try needs.
pub struct OpaqueCall {
    /// Index into the engine's backends.
    pub backend: u32,
    pub endpoint: EndpointIx,
    /// Endpoints that could not be reached before this one.
    pub tried: Vec<EndpointIx>,
    /// How many more may be tried.
    pub attempts: u32,
}

/// The other proxy.
#[derive(Debug)]
pub struct Peer {
    pub identity: SpiffeId,
    pub workload: String,
    pub service: String,
    pub version: String,
    /// Its HELLO arrived.
    pub greeted: bool,
}

impl Conn {
    pub fn new(socket: TcpStream, place: Place, protocol: Protocol, peer_address: SocketAddr, now_us: u64) -> Self {
        let local_address = socket.local_addr().ok();
        Conn {
            socket,
            tls: None,
            protocol,
            place,
            peer_address,
            local_address,
            peer: None,
            input: Vec::new(),
            sealed: Vec::new(),
            out: Vec::new(),
            wire: Vec::new(),
            written: 0,
            state: State { established: true, ..State::default() },
            choked: Vec::new(),
            touched_us: now_us,
            generation: 0,
            series: None,
        }
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What is written now is for a peer that is there, and who it must be.
    pub fn is_open(&self) -> bool {
        !self.state.connecting && self.state.established
    }

    /// The exchange waits for room, or for the connection.
    pub fn choke(&mut self, x: ExchangeId) {
        if !self.choked.contains(&x) {
            self.choked.push(x);
        }
    }

    pub fn unsent(&self) -> usize {
        self.out.len() + self.wire.len()
    }
}
