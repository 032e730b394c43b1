//! Connections that we opened, by where they lead, and the backends whose endpoints they lead to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use weft_core::backend::{Backend, Shared as BackendShared};
use weft_core::balance::Group;
use weft_core::endpoints::EndpointIx;
use weft_core::outlier::Change;
use weft_core::spiffe::SpiffeId;
use weft_http::h2;
use weft_proto::v1;

use super::conn::{Conn, ConnId, H1Client, H2, Place, PoolId, Protocol};
use super::secure::Tls;
use super::{Engine, Errand};
use crate::sys;

/// Streams on one connection before a second is opened: enough for every request of one batch to share a record,
/// few enough that one lost packet does not hold up everybody.
pub const STREAMS: u32 = 256;
/// What all streams between two proxies may have in flight together: 64 times what one may, so that some downloads that
/// nobody reads do not stop the calls beside them. Held in memory only while somebody does not read.
const MESH_WINDOW: u32 = 64 * h2::Config::STREAM_WINDOW;
/// A connection whose window is filled up to this by what nobody reads gets no new streams.
const CROWDED: u64 = 8 * h2::Config::STREAM_WINDOW as u64;
/// Idle HTTP/1 connections kept per destination; what is beyond is closed when its response ends.
const IDLE: usize = 512;
/// Connections to one destination. Not a breaker, only a bound on descriptors: beyond it requests are answered 503.
pub const CONNECTIONS: u32 = 16_384;
/// T5.
pub const CONNECT_TIMEOUT_MS: u64 = 5_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolKey {
    pub address: SocketAddr,
    /// To be proved; None: plaintext.
    pub identity: Option<Arc<SpiffeId>>,
    pub h2: bool,
    /// The supervised app, on the other side of `deliver`.
    pub app: bool,
}

impl PoolKey {
    pub fn app(address: SocketAddr, h2: bool) -> Self {
        PoolKey { address, identity: None, h2, app: true }
    }
}

pub struct Pool {
    pub key: PoolKey,
    /// HTTP/2: all connections. HTTP/1: the idle ones, the most recently used last.
    pub ready: Vec<ConnId>,
    pub open: u32,
    pub connect_timeout_ms: u64,
    /// Names it in events: "default/reviews-v1-0 127.0.0.1:4000".
    pub label: Arc<str>,
}

/// What the engine knows of one backend.
pub struct BackendState {
    pub key: String,
    pub backend: Arc<Backend>,
    pub group: Group,
    pub applied: Option<Arc<v1::Endpoints>>,
    /// Why endpoints are out, by their name in `Change`.
    pub ejected: HashMap<Arc<str>, Change>,
    /// By slot, with the endpoint that it is about.
    pub targets: Vec<Option<(EndpointIx, Target)>>,
}

/// Per endpoint: where its connections are and where its requests are counted.
#[derive(Clone, Copy)]
pub struct Target {
    pub pool: PoolId,
    pub series: u32,
    pub mesh: bool,
}

pub struct Backends {
    proxy_id: String,
    pub all: Vec<BackendState>,
    by_key: HashMap<String, u32>,
}

impl Backends {
    pub fn new(proxy_id: &str) -> Self {
        Backends { proxy_id: proxy_id.to_owned(), all: Vec::new(), by_key: HashMap::new() }
    }

    pub fn find(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// A new or changed backend. What was learned of its endpoints stays.
    pub fn put(&mut self, key: &str, backend: &Arc<Backend>) -> u32 {
        if let Some(index) = self.find(key) {
            let state = &mut self.all[index as usize];
            if !Arc::ptr_eq(&state.backend, backend) {
                state.backend = backend.clone();
                let shared = state.group.shared().with_backend((**backend).clone());
                state.group.reconfigure(Arc::new(shared));
                state.targets.clear();
            }
            return index;
        }
        let shared = Arc::new(BackendShared::new((**backend).clone()));
        let group = Group::new(shared, &self.proxy_id);
        let index = self.all.len() as u32;
        let state = BackendState {
            key: key.to_owned(),
            backend: backend.clone(),
            group,
            applied: None,
            ejected: HashMap::new(),
            targets: Vec::new(),
        };
        self.all.push(state);
        self.by_key.insert(key.to_owned(), index);
        index
    }
}

impl BackendState {
    /// The endpoints as the registry has them now; returns changes worth an event.
    pub fn apply(&mut self, endpoints: &Arc<v1::Endpoints>) -> Result<Vec<Change>, weft_core::Refused> {
        if self.applied.as_ref().is_some_and(|a| Arc::ptr_eq(a, endpoints)) {
            return Ok(Vec::new());
        }
        let changes = self.group.apply(endpoints)?;
        self.applied = Some(endpoints.clone());
        Ok(changes)
    }

    #[inline]
    pub fn target(&self, ix: EndpointIx) -> Option<Target> {
        let (known, target) = self.targets.get(ix.slot()).copied().flatten()?;
        (known == ix).then_some(target)
    }

    pub fn remember(&mut self, ix: EndpointIx, target: Target) {
        if self.targets.len() <= ix.slot() {
            self.targets.resize(ix.slot() + 1, None);
        }
        self.targets[ix.slot()] = Some((ix, target));
    }
}

impl Engine {
    /// The pool that leads there, made when it is new.
    pub(super) fn pool(&mut self, key: PoolKey) -> PoolId {
        if let Some(id) = self.pool_keys.get(&key) {
            return *id;
        }
        let label: Arc<str> = key.address.to_string().into();
        let pool = Pool { key: key.clone(), ready: Vec::new(), open: 0, connect_timeout_ms: CONNECT_TIMEOUT_MS, label };
        let id = self.pools.insert(pool) as PoolId;
        self.pool_keys.insert(key, id);
        id
    }

    /// A connection that can take one more request; a new one when none is free. None: the limit is reached, or the
    /// system refuses at once.
    pub(super) fn connection(&mut self, pool: PoolId, fresh: bool) -> Option<ConnId> {
        if self.pools[pool as usize].key.h2 {
            if let Some(found) = self.shared_connection(pool) {
                return Some(found);
            }
        } else if !fresh {
            while let Some(id) = self.pools[pool as usize].ready.pop() {
                if self.conn(id).is_some_and(|c| !c.state.eof && !c.state.closing) {
                    return Some(id);
                }
            }
        }
        self.dial(pool)
    }

    /// HTTP/2: the first connection with room, so that requests gather instead of spreading.
    fn shared_connection(&mut self, pool: PoolId) -> Option<ConnId> {
        for i in 0..self.pools[pool as usize].ready.len() {
            let id = self.pools[pool as usize].ready[i];
            let Some(Protocol::H2(h2)) = self.conn(id).map(|c| &c.protocol) else { continue };
            let crowded = h2.mesh && h2.codec.receivable() < CROWDED;
            if !h2.going_away && !crowded && h2.codec.active_streams() < STREAMS.min(h2.codec.peer_max_streams()) {
                return Some(id);
            }
        }
        None
    }

    fn dial(&mut self, pool_id: PoolId) -> Option<ConnId> {
        let pool = &self.pools[pool_id as usize];
        if pool.open >= CONNECTIONS {
            return None;
        }
        let key = pool.key.clone();
        let timeout_us = pool.connect_timeout_ms * 1000;
        let tls = match &key.identity {
            Some(_) => Some(Box::new(self.client_tls(false, &pool.label)?)),
            None => None,
        };
        let socket = TcpStream::connect(key.address).ok()?;
        let _ = socket.set_nodelay(true);
        let mesh = tls.is_some();
        if !key.address.ip().is_loopback() {
            // A proxy reads all that comes; an app may take its time.
            let _ = if mesh && key.h2 { sys::give_up_on_silence(&socket) } else { sys::keep_alive(&socket) };
        }
        let protocol = if key.h2 {
            Protocol::H2(Box::new(self.h2_side(h2::Role::Client, mesh)))
        } else {
            Protocol::H1Client(H1Client::default())
        };
        let mut conn = Conn::new(socket, Place::Upstream(pool_id), protocol, key.address, self.now_us);
        conn.state.connecting = true;
        conn.state.established = tls.is_none();
        conn.tls = tls;
        conn.out = self.buffer();
        if let Protocol::H2(h2) = &mut conn.protocol {
            h2.codec.start(&mut conn.out);
        }
        self.start_handshake(&mut conn)?;
        let id = self.insert(conn)?;
        let pool = &mut self.pools[pool_id as usize];
        pool.open += 1;
        if key.h2 {
            pool.ready.push(id);
        }
        self.expect_within(id, timeout_us);
        Some(id)
    }

    /// The client's first flight waits in `wire` until the socket is connected.
    pub(super) fn start_handshake(&mut self, conn: &mut Conn) -> Option<()> {
        if let Some(tls) = conn.tls.as_mut() {
            let mut plain = Vec::new();
            tls.open(&mut [], &mut plain, &mut conn.wire).ok()?;
        }
        Some(())
    }

    pub(super) fn client_tls(&self, opaque: bool, session: &str) -> Option<Tls> {
        let identity = self.identity.as_ref()?;
        let config = if opaque { &identity.client_tcp } else { &identity.client };
        let name = crate::tls::session_name(session);
        rustls::client::UnbufferedClientConnection::new(config.clone(), name).ok().map(Tls::Client)
    }

    pub(super) fn h2_side(&self, role: h2::Role, mesh: bool) -> H2 {
        let mut config = h2::Config::new(role);
        config.limits = self.limits;
        config.enable_connect_protocol = true;
        config.max_concurrent_streams = 1000;
        if mesh {
            config.hello = Some(self.hello.clone());
            config.connection_window = MESH_WINDOW;
        }
        H2 { codec: h2::Connection::new(config), server: role == h2::Role::Server, mesh, going_away: false }
    }

    /// An HTTP/1 connection whose exchange is over, and that may carry another.
    pub(super) fn park(&mut self, id: ConnId) {
        let Some(Place::Upstream(pool)) = self.conn(id).map(|c| c.place) else { return };
        let pool = &mut self.pools[pool as usize];
        if pool.ready.len() >= IDLE {
            self.errand(id, Errand::Close);
        } else {
            pool.ready.push(id);
        }
    }

    /// It is no longer there for new requests.
    pub(super) fn leave_pool(&mut self, id: ConnId, pool: PoolId) {
        let pool = &mut self.pools[pool as usize];
        pool.open = pool.open.saturating_sub(1);
        pool.ready.retain(|c| *c != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::Rng;
    use weft_core::outlier::Outcome;

    fn backend(connect_timeout_ms: u64) -> Arc<Backend> {
        let given = v1::Backend { name: "default/b:80".into(), port: 80, connect_timeout_ms, ..Default::default() };
        Arc::new(Backend::compile(&given).unwrap())
    }

    #[test]
    fn another_policy_keeps_who_is_out_and_asks_for_new_targets() {
        let endpoint = |n: u32| v1::Endpoint { address: "127.0.0.1".into(), port: n, ..Default::default() };
        let endpoints = v1::Endpoints { name: "default/b:80".into(), endpoints: vec![endpoint(1), endpoint(2)] };
        let mut backends = Backends::new("default/a-0");
        let mut rng = Rng::new(1);
        let index = backends.put("default/b:80", &backend(100)) as usize;
        backends.all[index].apply(&Arc::new(endpoints)).unwrap();
        let group = &mut backends.all[index].group;
        let failing = group.pick(0, &mut rng, &[]).unwrap().endpoint;
        for _ in 0..5 {
            group.on_start(failing, 1);
            group.on_end(failing, 1, Outcome::Failure, 1, &mut rng);
        }
        assert_eq!(group.shared().outlier.ejected(), 1);
        backends.all[index].remember(failing, Target { pool: 0, series: 0, mesh: false });
        backends.put("default/b:80", &backend(200));
        assert_eq!(backends.all[index].group.shared().outlier.ejected(), 1);
        assert!(backends.all[index].target(failing).is_none(), "its protocol and timeouts may be others");
    }
}
