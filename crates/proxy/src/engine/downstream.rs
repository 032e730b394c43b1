//! Connections on which we are asked: what their first bytes say, and requests in HTTP/1 and HTTP/2.

use std::mem::take;
use std::sync::Arc;

use prost::Message as _;
use weft_core::Reason;
use weft_http::h2::{ErrorCode, Event, Role};
use weft_http::{h1, h2};
use weft_proto::v1;

use super::conn::{Conn, ConnId, H1Server, H2, Peer, Place, Protocol, Reading, Tunnel};
use super::exchange::NO_STREAM;
use super::io::ESTABLISH_US;
use super::secure::Tls;
use super::timers::{Kind, Timer};
use super::{Engine, Errand, Step};

/// First byte of a TLS handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// The part of the HTTP/2 preface that no HTTP/1 request can begin with (RFC 9113 §3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What a handler says of its connection: bytes used, or that it must end.
pub(super) type Fed = Option<usize>;

impl Engine {
    /// The first bytes tell TLS from HTTP/2 from HTTP/1. False: the connection is of no use.
    pub(super) fn sniff(&mut self, conn: &mut Conn, bytes: &[u8]) -> bool {
        let first = conn.input.first().or(bytes.first()).copied();
        if first == Some(TLS_HANDSHAKE) && matches!(conn.place, Place::Inbound(_)) {
            let Some(identity) = &self.identity else { return false };
            let Ok(server) = rustls::server::UnbufferedServerConnection::new(identity.server.clone()) else {
                return false;
            };
            conn.tls = Some(Box::new(Tls::Server(server)));
            conn.state.established = false;
        }
        true
    }

    /// Plaintext of a connection whose protocol is not known yet.
    fn feed_unknown(&mut self, id: ConnId, conn: &mut Conn, input: &[u8]) -> Fed {
        if let Place::Inbound(listener) = conn.place {
            if self.is_opaque_inbound(listener) {
                conn.protocol = Protocol::Tunnel(self.tunnel_in_plain(id, conn, listener)?);
                return self.feed(id, conn, input);
            }
        }
        let compared = input.len().min(H2_PREFACE.len());
        conn.protocol = if input[..compared] != H2_PREFACE[..compared] {
            Protocol::H1Server(H1Server::default())
        } else if compared == H2_PREFACE.len() {
            let mut side = self.h2_side(Role::Server, false);
            side.codec.start(&mut conn.out);
            Protocol::H2(Box::new(side))
        } else {
            return Some(0);
        };
        self.feed(id, conn, input)
    }

    /// Hands plaintext to the protocol. None: close the connection.
    pub(super) fn feed(&mut self, id: ConnId, conn: &mut Conn, input: &[u8]) -> Fed {
        let mut protocol = std::mem::replace(&mut conn.protocol, Protocol::Sniff);
        let fed = match &mut protocol {
            Protocol::Sniff => return self.feed_unknown(id, conn, input),
            Protocol::H1Server(h1) => self.feed_h1_server(id, conn, h1, input),
            Protocol::H1Client(h1) => self.feed_h1_client(id, conn, h1, input),
            Protocol::H2(h2) => self.feed_h2(id, conn, h2, input),
            Protocol::Tunnel(tunnel) => self.feed_tunnel(id, conn, tunnel, input),
        };
        conn.protocol = protocol;
        fed
    }

    // ------------------------------------------------------------------------------------------------- HTTP/1

    fn feed_h1_server(&mut self, id: ConnId, conn: &mut Conn, h1: &mut H1Server, input: &[u8]) -> Fed {
        if conn.state.closing {
            return Some(input.len());
        }
        let mut used = 0;
        while used < input.len() && !conn.state.paused {
            let rest = &input[used..];
            match h1.reading {
                Reading::Done => break,
                Reading::Head => match self.read_request(id, conn, h1, rest) {
                    Ok(0) => break,
                    Ok(n) => used += n,
                    Err(malformed) => return self.refuse(conn, malformed, input.len()),
                },
                Reading::Body => match self.read_request_body(conn, h1, rest) {
                    Ok(0) => break,
                    Ok(n) => used += n,
                    Err(_) => {
                        self.caller_malformed(h1);
                        return Some(input.len());
                    }
                },
                Reading::Raw => {
                    let x = h1.exchange?;
                    conn.state.paused = self.request_data(x, rest, false);
                    used = input.len();
                }
            }
        }
        Some(used)
    }

    fn read_request(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        h1: &mut H1Server,
        input: &[u8],
    ) -> Result<usize, h1::Malformed> {
        // A head that comes byte by byte is not parsed from its start for each of them.
        let attempted = std::mem::replace(&mut h1.attempted, input.len());
        if attempted > 0 && !h1::worth_parsing(input, attempted, &self.limits) {
            return Ok(0);
        }
        let mut head = take(&mut self.head);
        let parsed = h1::parse_request(input, &self.limits, &mut head);
        if let Ok(Some(n)) = parsed {
            h1.attempted = 0;
            h1.body = h1::Body::new(head.framing);
            h1.keep_alive = head.keep_alive && !self.is_draining();
            let end = h1.body.is_done();
            h1.reading = if end { Reading::Done } else { Reading::Body };
            let upgrade = head.upgrade;
            let x = self.begin(id, NO_STREAM, conn, &head, &input[..n], end && !upgrade);
            h1.exchange = Some(x);
        }
        if attempted == 0 && parsed == Ok(None) {
            self.expect_head(id, conn, h1);
        }
        self.head = head;
        parsed.map(|n| n.unwrap_or(0))
    }

    /// The rest of a head must come in time, or the connection is of no use to anybody (slow loris).
    fn expect_head(&mut self, id: ConnId, conn: &Conn, h1: &mut H1Server) {
        h1.head_since_us = self.now_us;
        let timer = Timer { kind: Kind::Connection, key: id, generation: conn.generation };
        self.wheel.set(self.now_us + ESTABLISH_US, timer);
    }

    fn read_request_body(&mut self, conn: &mut Conn, h1: &mut H1Server, input: &[u8]) -> Result<usize, h1::Malformed> {
        let decoded = h1.body.decode(input, &self.limits)?;
        let Some(x) = h1.exchange else { return Ok(decoded.consumed) };
        if let Some(range) = decoded.trailers.clone() {
            let mut head = take(&mut self.head);
            let parsed = h1::parse_trailers(&input[range.clone()], &self.limits, &mut head);
            if parsed.is_ok() {
                self.request_trailers(x, &head, &input[range]);
            }
            self.head = head;
            parsed?;
        }
        if decoded.done {
            h1.reading = Reading::Done;
        }
        if !decoded.data.is_empty() || decoded.done {
            conn.state.paused = self.request_data(x, &input[decoded.data], decoded.done);
        }
        Ok(decoded.consumed)
    }

    /// Not a request: say so once, then close. Nothing of it is forwarded.
    fn refuse(&mut self, conn: &mut Conn, malformed: h1::Malformed, len: usize) -> Fed {
        self.shared.metrics.malformed.add(1);
        let reason = if malformed.status() == 431 { Reason::HeadTooLarge } else { Reason::Malformed };
        self.write_refusal(conn, malformed.status(), reason, &malformed.to_string());
        conn.state.closing = true;
        Some(len)
    }

    fn caller_malformed(&mut self, h1: &mut H1Server) {
        self.shared.metrics.malformed.add(1);
        h1.keep_alive = false;
        if let Some(x) = h1.exchange {
            self.answer_later(x, Reason::Malformed.into());
        }
    }

    // ------------------------------------------------------------------------------------------------- HTTP/2

    fn feed_h2(&mut self, id: ConnId, conn: &mut Conn, h2: &mut H2, input: &[u8]) -> Fed {
        let mut used = 0;
        let mut head = take(&mut self.head);
        let mut alive = true;
        while alive {
            match h2.codec.receive(&input[used..], &mut head, &mut conn.out) {
                Ok((0, None)) => break,
                Ok((n, None)) => used += n,
                Ok((n, Some(event))) => {
                    used += n;
                    alive = if h2.server {
                        self.on_server_event(id, conn, h2, &head, event)
                    } else {
                        self.on_client_event(id, conn, h2, &head, event)
                    };
                }
                Err(error) => {
                    let text = format!("HTTP/2 from {}: {}", conn.peer_address, error.reason);
                    self.event("malformed", &conn.peer_address.ip().to_string(), &text);
                    self.shared.metrics.malformed.add(1);
                    h2.codec.go_away(error.code, &mut conn.out);
                    conn.state.closing = true;
                    h2.going_away = true;
                    self.fail_streams(id, conn, None);
                    self.head = head;
                    return Some(input.len());
                }
            }
        }
        self.head = head;
        alive.then_some(used)
    }

    fn on_server_event(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        h2: &mut H2,
        head: &weft_http::Head,
        event: Event<'_, u32>,
    ) -> bool {
        match event {
            Event::Head { stream, end, .. } => {
                if h2.mesh && !conn.peer.as_ref().is_some_and(|p| p.greeted) {
                    self.event("hello-missing", &conn.peer_address.ip().to_string(), "a request came before its HELLO");
                    return false;
                }
                let upgrade = !head.protocol.is_empty();
                let x = self.begin(id, stream, conn, head, &[], end && !upgrade);
                h2.codec.bind(stream, x);
            }
            Event::Data { stream, token, data, flow, end } => {
                if !self.is_asked(token, id, stream) {
                    h2.codec.release(stream, flow, &mut conn.out);
                } else if self.request_data(token, data, end) {
                    self.exchanges[token].to_app.owed += flow;
                } else {
                    h2.codec.release(stream, flow, &mut conn.out);
                }
            }
            Event::Trailers { token, stream } if self.is_asked(token, id, stream) => {
                self.request_trailers(token, head, &[]);
                self.request_data(token, &[], true);
            }
            Event::Reset { token, stream, .. } if self.is_asked(token, id, stream) => {
                h2.codec.release(stream, take(&mut self.exchanges[token].to_app.owed), &mut conn.out);
                self.caller_gone(token);
            }
            Event::Writable { token, stream } if self.is_asked(token, id, stream) => self.later(token, Step::Relay),
            Event::Hello(payload) => return self.on_hello(conn, payload),
            Event::GoAway { .. } => h2.going_away = true,
            // Settings and pings; and what still comes of streams that are over.
            _ => {}
        }
        true
    }

    /// Is this stream still the one that the exchange answers? Numbers are used again.
    fn is_asked(&self, x: super::conn::ExchangeId, conn: ConnId, stream: h2::StreamId) -> bool {
        self.exchanges[x].down == Some(super::exchange::Leg { conn, stream })
    }

    /// The peer says who it is; what it may say was proved by its certificate.
    pub(super) fn on_hello(&mut self, conn: &mut Conn, payload: &[u8]) -> bool {
        let Some(peer) = &conn.peer else { return true };
        let Ok(hello) = v1::Hello::decode(payload) else { return false };
        let namespace = hello.workload.split('/').next().unwrap_or_default();
        // A proxy older than the field does not name its account; what it may do depends on the SVID alone.
        let account = Some(hello.service_account.as_str()).filter(|account| !account.is_empty());
        let proved = &peer.identity;
        if namespace != proved.namespace() || account.is_some_and(|account| account != proved.service_account()) {
            let text = format!("HELLO of {} came with the identity {}", hello.workload, peer.identity.as_str());
            self.event("hello-refused", &conn.peer_address.ip().to_string(), &text);
            return false;
        }
        conn.peer = Some(Arc::new(Peer {
            identity: peer.identity.clone(),
            workload: hello.workload,
            service: hello.service,
            version: hello.version,
            greeted: true,
        }));
        true
    }

    // ---------------------------------------------------------------------------------------------------- TLS

    /// Looks at a handshake that may just have ended. False: the peer is not who it must be.
    pub(super) fn established(&mut self, id: ConnId, conn: &mut Conn) -> bool {
        if conn.state.established {
            return true;
        }
        let Some(tls) = conn.tls.as_ref().filter(|t| !t.is_handshaking()) else { return true };
        let peer = crate::tls::peer_spiffe(tls.peer_certificates());
        let identity = match peer {
            Ok(identity) => identity,
            Err(error) => {
                self.event("identity-refused", &conn.peer_address.ip().to_string(), &error.to_string());
                return false;
            }
        };
        let opaque = match tls.alpn() {
            crate::tls::ALPN_WEFT => false,
            crate::tls::ALPN_WEFT_TCP => true,
            // rustls lets a client without ALPN through (RFC 7301 leaves it open); here nothing else is spoken.
            _ => {
                let text = "the peer speaks neither weft/1 nor weft-tcp/1";
                self.event("protocol-refused", &conn.peer_address.ip().to_string(), text);
                return false;
            }
        };
        conn.state.established = true;
        match conn.place {
            Place::Inbound(_) => self.greet(conn, opaque),
            Place::Outbound(_) => return false,
            Place::Upstream(pool) => {
                let expected = self.pools[pool as usize].key.identity.clone();
                if expected.as_ref().is_none_or(|e| **e != identity) {
                    let wanted = expected.as_ref().map_or("none", |e| e.as_str());
                    let text = format!("expected {wanted}, but {} proved {}", conn.peer_address, identity.as_str());
                    self.event("identity-mismatch", &conn.peer_address.ip().to_string(), &text);
                    self.fail_place(conn, Reason::IdentityMismatch);
                    return false;
                }
            }
        }
        let (workload, service, version) = Default::default();
        conn.peer = Some(Arc::new(Peer { identity, workload, service, version, greeted: false }));
        self.let_go(take(&mut conn.choked));
        self.own_errand(id, conn, Errand::Touch);
        true
    }

    /// The server's side of a new mTLS connection.
    fn greet(&mut self, conn: &mut Conn, opaque: bool) {
        conn.protocol = if opaque {
            Protocol::Tunnel(Tunnel { awaits_hello: true, started_us: self.now_us, ..Tunnel::default() })
        } else {
            let mut side = self.h2_side(h2::Role::Server, true);
            side.codec.start(&mut conn.out);
            Protocol::H2(Box::new(side))
        };
    }

    // ----------------------------------------------------------------------------------------------- its end

    /// The peer sends no more. False: the connection is over.
    pub(super) fn on_eof(&mut self, id: ConnId, conn: &mut Conn) -> bool {
        if conn.state.lingering {
            return false;
        }
        let mut protocol = std::mem::replace(&mut conn.protocol, Protocol::Sniff);
        let alive = match &mut protocol {
            Protocol::Sniff => false,
            Protocol::H1Server(h1) => self.h1_server_eof(conn, h1),
            Protocol::H1Client(h1) => {
                self.h1_client_eof(conn, h1, true);
                false
            }
            Protocol::H2(_) => {
                self.fail_streams(id, conn, None);
                false
            }
            Protocol::Tunnel(tunnel) => self.tunnel_eof(conn, tunnel),
        };
        conn.protocol = protocol;
        alive
    }

    /// A caller that half-closes still gets its response (RFC 9112 §9.6 leaves it to us; curl and netcat do this).
    fn h1_server_eof(&mut self, conn: &mut Conn, h1: &mut H1Server) -> bool {
        h1.keep_alive = false;
        match (h1.reading, h1.exchange) {
            (Reading::Done, Some(_)) => true,
            (Reading::Raw, Some(x)) => {
                self.request_data(x, &[], true);
                true
            }
            (Reading::Body, Some(x)) => {
                h1.exchange = None;
                self.caller_gone(x);
                false
            }
            _ => conn.unsent() > 0 && conn.state.closing,
        }
    }

    pub(super) fn on_reset(&mut self, id: ConnId, conn: &mut Conn) -> bool {
        let mut protocol = std::mem::replace(&mut conn.protocol, Protocol::Sniff);
        match &mut protocol {
            Protocol::H1Server(h1) => {
                if let Some(x) = h1.exchange.take() {
                    self.caller_gone(x);
                }
            }
            Protocol::H1Client(h1) => self.h1_client_eof(conn, h1, false),
            Protocol::H2(_) => self.fail_streams(id, conn, None),
            Protocol::Tunnel(_) | Protocol::Sniff => {}
        }
        conn.protocol = protocol;
        false
    }

    /// Ends what a connection carries, because it ends: all exchanges, or those above the last stream that the peer
    /// promises to have seen.
    pub(super) fn fail_streams(&mut self, id: ConnId, conn: &Conn, above: Option<h2::StreamId>) {
        use weft_core::retry::Failure;
        let affected: Vec<_> = self
            .exchanges
            .iter()
            .filter_map(|(x, e)| {
                let down = e.down.is_some_and(|l| l.conn == id) && above.is_none();
                let up = e.up.is_some_and(|l| l.conn == id && above.is_none_or(|last| l.stream > last));
                (down || up).then_some((x, up))
            })
            .collect();
        for (x, up) in affected {
            if !up {
                self.caller_gone(x);
                continue;
            }
            let started = self.exchanges[x].phase == super::exchange::Phase::Responding;
            let failure = match above {
                Some(_) => Failure::GoAwayUnprocessed,
                // The handshake never ended: nothing of the request left.
                None if conn.state.connecting || !conn.state.established => Failure::ConnectFailed,
                None => Failure::Reset { response_started: started },
            };
            let reason = if failure == Failure::ConnectFailed { Reason::ConnectFailed } else { Reason::UpstreamReset };
            self.exchanges[x].up = None;
            self.later(x, Step::Failed(failure, reason));
        }
    }
}

/// Codes of a stream reset that prove that the app saw nothing (RFC 9113 §8.7).
pub(super) fn is_unprocessed(code: ErrorCode) -> bool {
    code == ErrorCode::REFUSED_STREAM
}
