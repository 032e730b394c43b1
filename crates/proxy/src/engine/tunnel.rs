//! Opaque bytes: a declared TCP port, both ends of it in the mesh or one.
//!
//! Between two proxies each connection is its own mTLS connection (`weft-tcp/1`): the caller's HELLO with the target
//! port, as u16 length and message, then bytes; the callee's HELLO follows when its app has accepted, so that until then
//! nothing was delivered and another endpoint may be tried. A server may speak first, so the far end is dialled at accept.

use prost::Message as _;
use weft_core::Reason;
use weft_core::access::Subject;
use weft_core::endpoints::EndpointIx;
use weft_core::frontend::{Route, Target as RouteTarget};
use weft_core::outlier::Outcome;
use weft_proto::v1::{self, AppProtocol};

use super::conn::{Conn, ConnId, ExchangeId, OUT_HIGH, OpaqueCall, Place, Protocol, Tunnel};
use super::counted::Counted;
use super::downstream::Fed;
use super::{Engine, Errand, Listener};
use crate::sys;

/// A HELLO with all that it may hold; what is longer is not one.
const HELLO_MAX: usize = 4096;
/// Opaque bytes have no latency: all endpoints count the same, and the one with the fewest connections is the best.
const OPAQUE_RTT_US: u64 = 1_000;
/// As many as of a request's body.
const KEPT: usize = 64 * 1024;

impl Engine {
    /// A connection to a port that is declared opaque needs none of its bytes to be routed.
    pub(super) fn begin_opaque(&mut self, id: ConnId, listener: usize) {
        match &self.listeners[listener] {
            Listener::Outbound { frontend: Some(frontend), .. } if frontend.is_opaque() => {
                let frontend = frontend.clone();
                if self.tunnel_out(id, &frontend).is_none() {
                    self.close(id);
                }
            }
            _ => {}
        }
    }

    /// Outbound: route, balance, connect.
    fn tunnel_out(&mut self, id: ConnId, frontend: &Counted) -> Option<()> {
        let Route::Forward(matched) = frontend.route_opaque() else { return None };
        frontend.count(&matched, &self.shared.metrics);
        let RouteTarget::Split(split) = &matched.action.target else { return None };
        let key = split.pick(None, &mut self.rng).ok()?.backend.clone()?;
        let backend = self.backends.find(&key)?;
        self.backends.all[backend as usize].group.shared().budget.deposit(self.now_us);
        self.call_opaque(id, backend, Vec::new(), matched.action.retry.attempts, Vec::new())
    }

    /// Connects to an endpoint that is not among `tried`; `sent` goes first. What cannot be dialled at all is tried
    /// elsewhere at once, what fails later in `retry_opaque`.
    fn call_opaque(
        &mut self,
        down: ConnId,
        backend: u32,
        mut tried: Vec<EndpointIx>,
        attempts: u32,
        sent: Vec<u8>,
    ) -> Option<()> {
        let state = &mut self.backends.all[backend as usize];
        let picked = state.group.pick(self.now_us, &mut self.rng, &tried)?.endpoint;
        let endpoint = state.group.endpoint(picked)?.clone();
        state.group.on_start(picked, self.now_us);
        let program = state.backend.clone();
        let series = self.source_series(&program, &endpoint);
        let series = self.series_index(&series);
        let address = std::net::SocketAddr::new(endpoint.address, endpoint.port);
        let mut first = endpoint.identity.as_ref().map(|_| self.preamble(program.port)).unwrap_or_default();
        first.extend_from_slice(&sent);
        let Some(up) = self.dial_opaque(address, endpoint.identity.clone(), first, down) else {
            self.end_opaque(backend, picked, Outcome::Failure);
            tried.push(picked);
            return match attempts {
                0 => None,
                more => self.call_opaque(down, backend, tried, more - 1, sent),
            };
        };
        self.join_tunnel(down, up, series);
        if let Some(tunnel) = self.tunnel(up) {
            tunnel.kept = Some(sent);
        }
        self.tunnel(down)?.call = Some(Box::new(OpaqueCall { backend, endpoint: picked, tried, attempts }));
        Some(())
    }

    /// The endpoint's connection ended before it had reached the app: nothing was delivered, so another endpoint may
    /// be asked (T6).
    fn retry_opaque(&mut self, down: ConnId, call: OpaqueCall, sent: Vec<u8>) -> Option<()> {
        let OpaqueCall { backend, endpoint, mut tried, attempts } = call;
        let budget = self.backends.all[backend as usize].group.shared().clone();
        if attempts == 0 || !budget.budget.try_withdraw(self.now_us) {
            return None;
        }
        tried.push(endpoint);
        self.call_opaque(down, backend, tried, attempts - 1, sent)?;
        let half_closed = self.conn(down)?.state.eof;
        let up = self.tunnel(down)?.other?;
        self.conn(up)?.state.half_close = half_closed;
        Some(())
    }

    fn end_opaque(&mut self, backend: u32, endpoint: EndpointIx, outcome: Outcome) {
        let group = &mut self.backends.all[backend as usize].group;
        let change = group.on_end(endpoint, OPAQUE_RTT_US, outcome, self.now_us, &mut self.rng);
        if let Some(change) = change {
            self.tell_change(backend, &change);
        }
    }

    fn tunnel(&mut self, id: ConnId) -> Option<&mut Tunnel> {
        match &mut self.conn(id)?.protocol {
            Protocol::Tunnel(tunnel) => Some(tunnel),
            _ => None,
        }
    }

    /// CONNECT to a destination outside of the mesh: the caller's connection carries bytes from here on.
    pub(super) fn connect_tunnel(&mut self, x: ExchangeId, address: std::net::SocketAddr) {
        let up = self.caller_of_tunnel(x).and_then(|down| self.dial_opaque(address, None, Vec::new(), down));
        let Some(up) = up else { return self.no_tunnel(x) };
        let key = self.passthrough_series(address);
        let series = self.series_index(&key);
        let Some(down) = self.accept_tunnel(x) else { return };
        self.join_tunnel(down, up, series);
    }

    /// CONNECT to a service of the mesh: bytes where it is declared opaque, otherwise requests as on any connection.
    pub(super) fn enter(&mut self, x: ExchangeId) {
        let Some(frontend) = self.exchanges[x].enters.take() else { return };
        let Some(down) = self.caller_of_tunnel(x) else { return self.no_tunnel(x) };
        if frontend.is_opaque() {
            if self.tunnel_out(down, &frontend).is_none() {
                return self.no_tunnel(x);
            }
            self.accept_tunnel(x);
        } else if self.accept_tunnel(x).is_some() {
            if let Some(conn) = self.conn(down) {
                conn.protocol = Protocol::Sniff;
            }
        }
    }

    fn caller_of_tunnel(&mut self, x: ExchangeId) -> Option<ConnId> {
        let down = self.exchanges[x].down?.conn;
        matches!(self.conn(down)?.protocol, Protocol::H1Server(_)).then_some(down)
    }

    fn no_tunnel(&mut self, x: ExchangeId) {
        self.exchanges[x].answer = Some(Reason::ConnectFailed.into());
        self.answer(x);
    }

    /// Says yes to a CONNECT; its connection is the caller's to use.
    fn accept_tunnel(&mut self, x: ExchangeId) -> Option<ConnId> {
        let down = self.exchanges[x].down.take()?.conn;
        self.exchanges[x].status = 200;
        self.finish_exchange(x, Outcome::Neutral);
        let conn = self.conn(down)?;
        weft_http::h1::write_status_line(&mut conn.out, 200);
        weft_http::h1::end_head(&mut conn.out);
        self.touch(down);
        self.errand(down, Errand::Resume);
        Some(down)
    }

    /// HELLO of an opaque connection.
    fn preamble(&self, port: u16) -> Vec<u8> {
        let mut hello = v1::Hello::decode(&self.hello[..]).unwrap_or_default();
        hello.target_port = u32::from(port);
        let message = hello.encode_to_vec();
        let mut bytes = (message.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(&message);
        bytes
    }

    fn dial_opaque(
        &mut self,
        address: std::net::SocketAddr,
        identity: Option<std::sync::Arc<weft_core::spiffe::SpiffeId>>,
        first: Vec<u8>,
        other: ConnId,
    ) -> Option<ConnId> {
        let pool = self.pool(super::pool::PoolKey { address, identity: identity.clone(), h2: false, app: false });
        let tls = match identity {
            Some(_) => Some(Box::new(self.client_tls(true, &self.pools[pool as usize].label)?)),
            None => None,
        };
        let socket = mio::net::TcpStream::connect(address).ok()?;
        let _ = socket.set_nodelay(true);
        if !address.ip().is_loopback() {
            let _ = sys::keep_alive(&socket);
        }
        let awaits_hello = tls.is_some();
        let tunnel = Tunnel { other: Some(other), awaits_hello, started_us: self.now_us, ..Tunnel::default() };
        let mut conn = Conn::new(socket, Place::Upstream(pool), Protocol::Tunnel(tunnel), address, self.now_us);
        conn.state.connecting = true;
        conn.state.established = tls.is_none();
        conn.tls = tls;
        conn.out = first;
        self.start_handshake(&mut conn)?;
        let timeout_us = self.pools[pool as usize].connect_timeout_ms * 1000;
        self.pools[pool as usize].open += 1;
        let id = self.insert(conn)?;
        self.expect_within(id, timeout_us);
        Some(id)
    }

    fn join_tunnel(&mut self, down: ConnId, up: ConnId, series: u32) {
        self.series[series as usize].connections.add(1);
        let now_us = self.now_us;
        if let Some(conn) = self.conn(down) {
            conn.protocol =
                Protocol::Tunnel(Tunnel { other: Some(up), series, started_us: now_us, ..Tunnel::default() });
        }
        if let Some(Protocol::Tunnel(tunnel)) = self.conn(up).map(|c| &mut c.protocol) {
            tunnel.series = series;
        }
    }

    // ------------------------------------------------------------------------------------------------- inbound

    pub(super) fn is_opaque_inbound(&self, listener: u32) -> bool {
        let Listener::Inbound { inbound, port, .. } = &self.listeners[listener as usize] else { return false };
        let port = self.config.inbounds.get(inbound).and_then(|i| i.port(*port));
        port.is_some_and(|p| matches!(p.protocol, AppProtocol::Tcp | AppProtocol::Tls))
    }

    /// A caller that stays silent: the server speaks first.
    pub(super) fn silent_caller(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        let tunnel = match conn.place {
            Place::Inbound(listener) => self.tunnel_in_plain(id, &mut conn, listener),
            _ => None,
        };
        let open = tunnel.is_some();
        if let Some(tunnel) = tunnel {
            conn.protocol = Protocol::Tunnel(tunnel);
        }
        self.conns[id as usize] = Some(conn);
        if !open {
            self.close(id);
        }
    }

    /// An unmeshed caller on a port that is declared opaque. None: refused.
    pub(super) fn tunnel_in_plain(&mut self, id: ConnId, conn: &mut Conn, listener: u32) -> Option<Tunnel> {
        let Listener::Inbound { port, .. } = &self.listeners[listener as usize] else { return None };
        let port = *port;
        self.tunnel_in(id, conn, listener, port)
    }

    /// authenticate, authorise and deliver for bytes: one verdict for the connection.
    fn tunnel_in(&mut self, id: ConnId, conn: &mut Conn, listener: u32, port: u16) -> Option<Tunnel> {
        let Listener::Inbound { inbound, .. } = &self.listeners[listener as usize] else { return None };
        let config = self.config.clone();
        let inbound = inbound.clone();
        let rules = config.inbounds.get(&inbound)?.port(port)?;
        if !matches!(rules.protocol, AppProtocol::Tcp | AppProtocol::Tls) {
            // Bytes past all that is said of requests: paths, policies, whose word a header is.
            let text = format!("port {port} is not declared opaque");
            self.event("protocol-refused", &conn.peer_address.ip().to_string(), &text);
            return None;
        }
        if let Err(reason) = rules.tls_verdict(conn.peer.is_some()) {
            return self.refuse_opaque(conn, reason, &rules.tls_origin);
        }
        let subject = Subject {
            principal: conn.peer.as_ref().map(|p| &p.identity),
            trust_domain: &config.mesh.trust_domain,
            source_ip: conn.peer_address.ip(),
            port,
        };
        let verdict = rules.authorise(&subject, None);
        let (allow, rule) = (verdict.allow(), verdict.rule.clone());
        self.count_rule(&rule, false);
        if !allow {
            return self.refuse_opaque(conn, Reason::AccessDenied, &rule);
        }
        let app = self.listeners.iter().find_map(|l| match l {
            Listener::Inbound { port: p, inbound: i, app, .. } if *p == port && *i == inbound => Some(*app),
            _ => None,
        })?;
        let mut key = self.destination_series(conn, port);
        key.protocol = "tcp";
        let series = self.series_index(&key);
        let up = self.dial_opaque(app, None, Vec::new(), id)?;
        self.series[series as usize].connections.add(1);
        if let Some(Protocol::Tunnel(tunnel)) = self.conn(up).map(|c| &mut c.protocol) {
            tunnel.series = series;
        }
        Some(Tunnel { other: Some(up), series, started_us: self.now_us, ..Tunnel::default() })
    }

    fn refuse_opaque(&mut self, conn: &Conn, reason: Reason, rule: &str) -> Option<Tunnel> {
        let who = conn.peer.as_ref().map_or_else(|| conn.peer_address.to_string(), |p| p.identity.as_str().to_owned());
        self.event(reason.code(), &who, &format!("{rule}: {}", reason.advice()));
        None
    }

    // --------------------------------------------------------------------------------------------------- bytes

    pub(super) fn feed_tunnel(&mut self, id: ConnId, conn: &mut Conn, tunnel: &mut Tunnel, input: &[u8]) -> Fed {
        let mut used = 0;
        if tunnel.awaits_hello {
            let Some(length) = input.get(..2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]]))) else {
                return Some(0);
            };
            if length > HELLO_MAX {
                return None;
            }
            let Some(message) = input.get(2..2 + length) else { return Some(0) };
            used = 2 + length;
            tunnel.awaits_hello = false;
            match conn.place {
                Place::Upstream(_) => self.on_hello(conn, message).then_some(())?,
                _ => *tunnel = self.greeted_opaque(id, conn, message)?,
            }
        }
        let bytes = &input[used..];
        let other = tunnel.other?;
        let up = matches!(conn.place, Place::Upstream(_));
        if up {
            // It speaks, or has said its HELLO: it has reached the app.
            tunnel.kept = None;
        }
        if let Some(series) = self.series.get(tunnel.series as usize) {
            if up {
                series.response_bytes.add(bytes.len() as u64)
            } else {
                series.request_bytes.add(bytes.len() as u64)
            }
        }
        if !bytes.is_empty() {
            let target = self.conn(other)?;
            target.out.extend_from_slice(bytes);
            keep(target, bytes);
            conn.state.paused = target.unsent() > OUT_HIGH;
            self.touch(other);
        }
        Some(input.len())
    }

    fn greeted_opaque(&mut self, id: ConnId, conn: &mut Conn, message: &[u8]) -> Option<Tunnel> {
        let hello = v1::Hello::decode(message).ok()?;
        if !self.on_hello(conn, message) {
            return None;
        }
        let Place::Inbound(listener) = conn.place else { return None };
        let tunnel = self.tunnel_in(id, conn, listener, u16::try_from(hello.target_port).ok()?)?;
        self.tunnel(tunnel.other?)?.greets = true;
        Some(tunnel)
    }

    /// The app has accepted: HELLO the other way, so that the caller's proxy knows that its bytes arrive, and where.
    pub(super) fn tunnel_connected(&mut self, id: ConnId) {
        let Some(tunnel) = self.tunnel(id).filter(|tunnel| tunnel.greets) else { return };
        let Some(other) = tunnel.other else { return };
        let own = self.preamble(0);
        if let Some(conn) = self.conn(other) {
            conn.out.extend_from_slice(&own);
            self.touch(other);
        }
    }

    /// One side sends no more: the other is told when everything before it was sent (half-close).
    pub(super) fn tunnel_eof(&mut self, conn: &mut Conn, tunnel: &mut Tunnel) -> bool {
        let Some(other) = tunnel.other else { return false };
        if tunnel.awaits_hello {
            // It never reached the app; that is no end of what the app says.
            return false;
        }
        let Some(target) = self.conn(other) else { return false };
        if target.state.eof {
            target.state.closing = true;
            self.touch(other);
            return conn.unsent() > 0 && {
                conn.state.closing = true;
                true
            };
        }
        target.state.half_close = true;
        self.touch(other);
        true
    }

    /// Output drained below its limit: the other side may be read again.
    pub(super) fn tunnel_drained(&mut self, conn: &mut Conn) {
        let Protocol::Tunnel(tunnel) = &conn.protocol else { return };
        if let Some(other) = tunnel.other {
            if self.conn(other).is_some_and(|c| c.state.paused) {
                self.errand(other, Errand::Resume);
            }
        }
    }

    /// One of the two connections is gone; `was_open`: it had been there, and its peer was who it must be.
    pub(super) fn tunnel_closed(&mut self, tunnel: &mut Tunnel, was_open: bool) {
        let reached = was_open && !tunnel.awaits_hello;
        if let Some(call) = tunnel.call.take() {
            // Our app hung up: that says nothing about the endpoint.
            self.end_opaque(call.backend, call.endpoint, Outcome::Neutral);
        }
        let Some(other) = tunnel.other.take() else { return };
        if let Some(call) = self.tunnel(other).and_then(|t| t.call.take()) {
            let outcome = if reached { Outcome::Success } else { Outcome::Failure };
            self.end_opaque(call.backend, call.endpoint, outcome);
            let kept = tunnel.kept.take().filter(|_| !reached);
            if kept.is_some_and(|sent| self.retry_opaque(other, *call, sent).is_some()) {
                return;
            }
        }
        let now_us = self.now_us;
        if let Some(conn) = self.conn(other) {
            conn.state.closing = true;
            let first = if let Protocol::Tunnel(t) = &mut conn.protocol { t.other.take() } else { None };
            self.touch(other);
            if first.is_some() {
                if let Some(series) = self.series.get(tunnel.series as usize) {
                    series.latency_sum_us.add(now_us - tunnel.started_us);
                }
            }
        }
    }
}

/// Until a connection has reached its app, what it carries is kept.
fn keep(conn: &mut Conn, bytes: &[u8]) {
    let open = conn.is_open();
    let Protocol::Tunnel(tunnel) = &mut conn.protocol else { return };
    let reached = open && !tunnel.awaits_hello;
    match &mut tunnel.kept {
        Some(kept) if !reached && kept.len() + bytes.len() <= KEPT => kept.extend_from_slice(bytes),
        kept => *kept = None,
    }
}
