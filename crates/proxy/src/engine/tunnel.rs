//! Opaque bytes: a declared TCP port, both ends of it in the mesh or one.
//!
//! Between two proxies each connection is its own mTLS connection (`weft-tcp/1`): the caller's HELLO with the target
//! port, as u16 length and message, then bytes. A server may speak first, so the far end is dialled at accept.

use prost::Message as _;
use weft_core::Reason;
use weft_core::access::Subject;
use weft_core::frontend::{Route, Target as RouteTarget};
use weft_core::outlier::Outcome;
use weft_proto::v1::{self, AppProtocol};

use super::conn::{Conn, ConnId, ExchangeId, OUT_HIGH, Place, Protocol, Tunnel};
use super::downstream::Fed;
use super::{Engine, Errand, Listener};

/// A HELLO with all that it may hold; what is longer is not one.
const HELLO_MAX: usize = 4096;

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
    fn tunnel_out(&mut self, id: ConnId, frontend: &weft_core::frontend::Frontend) -> Option<()> {
        let Route::Forward(matched) = frontend.route_opaque() else { return None };
        let RouteTarget::Split(split) = &matched.action.target else { return None };
        let key = split.pick(&mut self.rng).ok()?.backend.clone()?;
        let index = self.backends.find(&key)? as usize;
        let state = &mut self.backends.all[index];
        let pick = state.group.pick(self.now_us, &mut self.rng, &[])?;
        let endpoint = state.group.endpoint(pick.endpoint)?.clone();
        let backend = state.backend.clone();
        let series = self.source_series(&backend, &endpoint);
        let series = self.series_index(&series);
        let address = std::net::SocketAddr::new(endpoint.address, endpoint.port);
        let hello = endpoint.identity.as_ref().map(|_| self.preamble(backend.port));
        let identity = endpoint.identity.clone();
        let up = self.dial_opaque(address, identity, hello, id)?;
        self.join_tunnel(id, up, series);
        Some(())
    }

    /// CONNECT to a destination outside of the mesh: the caller's connection carries bytes from here on.
    pub(super) fn connect_tunnel(&mut self, x: ExchangeId, address: std::net::SocketAddr) {
        let up = self.caller_of_tunnel(x).and_then(|down| self.dial_opaque(address, None, None, down));
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
        first: Option<Vec<u8>>,
        other: ConnId,
    ) -> Option<ConnId> {
        let pool = self.pool(super::pool::PoolKey { address, identity: identity.clone(), h2: false, app: false });
        let tls = match identity {
            Some(_) => Some(Box::new(self.client_tls(true, &self.pools[pool as usize].label)?)),
            None => None,
        };
        let socket = mio::net::TcpStream::connect(address).ok()?;
        let _ = socket.set_nodelay(true);
        let awaits_hello = tls.is_some();
        let tunnel = Tunnel { other: Some(other), awaits_hello, started_us: self.now_us, ..Tunnel::default() };
        let mut conn = Conn::new(socket, Place::Upstream(pool), Protocol::Tunnel(tunnel), address, self.now_us);
        conn.state.connecting = true;
        conn.state.established = tls.is_none();
        conn.tls = tls;
        conn.out = first.unwrap_or_default();
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
        let up = self.dial_opaque(app, None, None, id)?;
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
        // HELLO both ways: the caller learns which workload it reached.
        let own = self.preamble(0);
        conn.out.extend_from_slice(&own);
        Some(tunnel)
    }

    /// One side sends no more: the other is told when everything before it was sent (half-close).
    pub(super) fn tunnel_eof(&mut self, conn: &mut Conn, tunnel: &mut Tunnel) -> bool {
        let Some(other) = tunnel.other else { return false };
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

    pub(super) fn tunnel_closed(&mut self, tunnel: &mut Tunnel) {
        let Some(other) = tunnel.other.take() else { return };
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
