//! The data loop: one thread, one readiness queue, all connections.
//!
//! A turn of the loop handles all that is ready, decides all requests that arrived, and only then writes: what several
//! requests put on one connection leaves in one TLS record and one system call. Buffers belong to the loop; an idle
//! connection has none. Read `stages.rs` first.
//!
//! One rule keeps the borrow checker and the reader content: while a connection is being handled it is out of the
//! table, so its handler may touch any other connection but must leave what concerns itself in `todo`.

pub mod answer;
pub mod commands;
pub mod conn;
pub mod counted;
pub mod downstream;
pub mod events;
pub mod exchange;
pub mod idle;
pub mod io;
pub mod message;
pub mod pool;
pub mod record;
pub mod relay;
pub mod secure;
pub mod stages;
pub mod tapping;
pub mod text;
pub mod timers;
pub mod tunnel;
pub mod upstream;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io as stdio;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use weft_core::drain::Drain;
use weft_core::resolve::Names;
use weft_core::{Reason, Rng};
use weft_http::{Head, Limits};

use crate::config::Config;
use crate::control::log;
use crate::metrics::{RuleCounter, Series};
use crate::shared::{Command, EngineHandle, Record, Shared, Signal};
use crate::sys::{self, AppIdentity, SockDiag};
use crate::tls::Identity;
use conn::{Conn, ConnId, ExchangeId, Place, PoolId};
use counted::Counted;
use exchange::Exchanges;
use pool::{Backends, Pool, PoolKey};
use timers::{Kind, Timer, Wheel};

/// What one read may bring: large enough that a short read means an empty socket, small enough for the L2 cache.
const READ: usize = 64 * 1024;
/// Readiness events of one turn: a bound on how long the first of them waits for its write.
const EVENTS: usize = 512;
/// Connections accepted in one turn, so that a flood of them does not starve those that are there.
const ACCEPTS: usize = 64;
/// Buffers kept for reuse, and the largest that is kept: memory of the loop, not of connections.
const SPARE_BUFFERS: usize = 64;
const SPARE_CAPACITY: usize = 64 * 1024;
/// How often idleness is looked for; timeouts of minutes need no better.
const SWEEP_US: u64 = 1_000_000;

/// How often the control side hears which subscriptions are in use; they are dropped after ten minutes without.
const USE_US: u64 = 60_000_000;

/// A proxy that starts leaves callers in the listen queue until it has its program and its identity, but not for longer
/// than they would wait to connect (T5): then they are told.
const HOLD_US: u64 = 4_000_000;

const WAKER: Token = Token(usize::MAX);
/// Tokens from here on are listeners.
const LISTENERS: usize = 1 << 32;

/// Where a listener's connections come from and go to.
pub enum Listener {
    Inbound { socket: TcpListener, port: u16, inbound: String, app: SocketAddr, h1: PoolId, h2: PoolId },
    Outbound { socket: TcpListener, name: Option<String>, frontend: Option<Arc<Counted>>, port: u16 },
}

impl Listener {
    fn socket(&mut self) -> &mut TcpListener {
        match self {
            Listener::Inbound { socket, .. } | Listener::Outbound { socket, .. } => socket,
        }
    }
}

/// Where access log records go; must not block.
pub type LogSink = Box<dyn FnMut(Arc<Record>) + Send>;

/// Sockets and names with which an engine starts.
pub struct Setup {
    pub inbound: Vec<InboundSetup>,
    pub outbound: Vec<OutboundSetup>,
    pub namespace: String,
    pub workload: String,
    pub service: String,
    pub version: String,
    pub service_account: String,
    /// An identity will come, from files or from the controller: what needs it waits for it.
    pub expects_identity: bool,
    /// Only the supervised app may use the outbound side.
    pub owner: Option<AppIdentity>,
    pub log: Option<LogSink>,
    pub log_all: bool,
}

pub struct InboundSetup {
    pub socket: std::net::TcpListener,
    pub port: u16,
    /// Key of the Inbound: "<namespace>/<workload>".
    pub inbound: String,
    pub app: SocketAddr,
}

pub struct OutboundSetup {
    pub socket: std::net::TcpListener,
    /// "<namespace>/<service>:<port>"; None: by Host.
    pub frontend: Option<String>,
}

/// By where a rule's id lies in memory and whether it is audited, which is cheaper than its text for every request. The
/// ids are held, so that no other is put in their place; they are let go of with the configuration.
type RuleCounters = HashMap<(usize, bool), (Arc<str>, Arc<RuleCounter>)>;

/// What is left for after the connection at hand is back in its place.
#[derive(Clone, Copy)]
enum Todo {
    Exchange(ExchangeId, Step),
    Conn(ConnId, Errand),
}

#[derive(Clone, Copy)]
enum Step {
    /// Send the exchange's `answer`.
    Answer,
    /// This try failed: again, or answer.
    Failed(weft_core::retry::Failure, Reason),
    /// Begin the next try.
    Try,
    /// Go through the stages (again): what it waited for is there.
    Decide,
    /// Body bytes can move again.
    Relay,
    /// CONNECT: bytes to this address from here on.
    Tunnel(SocketAddr),
    /// CONNECT to a service of the mesh.
    Enter,
}

#[derive(Clone, Copy)]
enum Errand {
    /// Handle input that was left, and read on.
    Resume,
    /// An HTTP/1 connection is free for the next request.
    Park,
    /// It has something to send.
    Touch,
    Close,
}

pub struct Engine {
    poll: Poll,
    commands: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    setup: Setup,
    /// "<namespace>/<workload>"
    own: String,
    config: Arc<Config>,
    identity: Option<Arc<Identity>>,
    /// Those of `config`, by the same keys.
    frontends: HashMap<String, Arc<Counted>>,
    names: Names<Arc<Counted>>,
    listeners: Vec<Listener>,
    conns: Slab<Option<Box<Conn>>>,
    /// By connection: what a panic must know when it has taken the connection with it.
    places: Vec<Place>,
    exchanges: Exchanges,
    pools: Slab<Pool>,
    pool_keys: HashMap<PoolKey, PoolId>,
    backends: Backends,
    series: Vec<Arc<Series>>,
    waiting: HashMap<String, Vec<ExchangeId>>,
    /// Frontends found by name since the control side was last told.
    used: HashSet<Arc<str>>,
    next_use_us: u64,
    rules: RuleCounters,
    tapping: tapping::Tapping,
    heard: events::Heard,
    /// With the generation of what it is about: numbers are used again.
    todo: VecDeque<(Todo, u32)>,
    dirty: Vec<ConnId>,
    wheel: Wheel,
    due: Vec<Timer>,
    limits: Limits,
    diag: Option<SockDiag>,
    rng: Rng,
    started: Instant,
    now_us: u64,
    /// Unix microseconds minus `now_us`.
    unix_us: u64,
    next_sweep_us: u64,
    next_generation: u32,
    drain: Option<Drain>,
    /// The timer that is set for it.
    drain_wakes_us: u64,
    told_to_leave: bool,
    drained: bool,
    /// Until then inbound connections wait to be accepted while there is no identity or no program.
    hold_until_us: u64,
    stopped: bool,
    /// All listeners are open.
    listening: bool,
    refused: Option<String>,
    /// Scratch of the loop.
    read_buffer: Vec<u8>,
    plain: Vec<u8>,
    cipher: Vec<u8>,
    head: Head,
    spare: Vec<Vec<u8>>,
    hello: Vec<u8>,
}

impl Engine {
    /// Opens the readiness queue and registers the listeners. Errors are those of the system, with the address.
    pub fn new(setup: Setup, shared: Arc<Shared>, config: Arc<Config>) -> stdio::Result<(Engine, EngineHandle)> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKER)?);
        let (sender, commands) = mpsc::channel();
        let seed = random_seed();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let hello = hello_of(&setup);
        let own = format!("{}/{}", setup.namespace, setup.workload);
        let mut engine = Engine {
            poll,
            commands,
            shared,
            frontends: HashMap::new(),
            names: Names::new(&[]),
            config: Arc::default(),
            identity: None,
            listeners: Vec::new(),
            conns: Slab::with_capacity(64),
            places: Vec::new(),
            exchanges: Exchanges::default(),
            pools: Slab::new(),
            pool_keys: HashMap::new(),
            backends: Backends::new(&own),
            series: Vec::new(),
            waiting: HashMap::new(),
            used: HashSet::new(),
            next_use_us: USE_US,
            rules: HashMap::new(),
            tapping: tapping::Tapping::default(),
            heard: events::Heard::default(),
            todo: VecDeque::new(),
            dirty: Vec::new(),
            wheel: Wheel::new(0),
            due: Vec::new(),
            limits: Limits::default(),
            diag: SockDiag::new().ok(),
            rng: Rng::new(seed),
            started: Instant::now(),
            now_us: 0,
            unix_us: since_epoch.as_micros() as u64,
            next_sweep_us: SWEEP_US,
            next_generation: 1,
            drain: None,
            drain_wakes_us: 0,
            told_to_leave: false,
            drained: false,
            hold_until_us: HOLD_US,
            stopped: false,
            listening: false,
            refused: None,
            read_buffer: vec![0; READ],
            plain: Vec::new(),
            cipher: Vec::new(),
            head: Head::default(),
            spare: Vec::new(),
            hello,
            own,
            setup,
        };
        engine.listen()?;
        engine.adopt(config);
        Ok((engine, EngineHandle { commands: sender, waker }))
    }

    /// Where access log records go; must not block.
    pub fn log_to(&mut self, log: LogSink) {
        self.setup.log = Some(log);
    }

    /// Only this app may use the outbound side; None: whoever connects.
    pub fn serve_only(&mut self, app: Option<AppIdentity>) {
        self.setup.owner = app;
    }

    pub fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    fn listen(&mut self) -> stdio::Result<()> {
        for inbound in std::mem::take(&mut self.setup.inbound) {
            let h1 = self.pool(PoolKey::app(inbound.app, false));
            let h2 = self.pool(PoolKey::app(inbound.app, true));
            let InboundSetup { socket, port, inbound, app } = inbound;
            let socket = register(&self.poll, socket, self.listeners.len())?;
            self.listeners.push(Listener::Inbound { socket, port, inbound, app, h1, h2 });
        }
        for outbound in std::mem::take(&mut self.setup.outbound) {
            let socket = register(&self.poll, outbound.socket, self.listeners.len())?;
            let port = outbound.frontend.as_deref().and_then(port_of_key).unwrap_or(0);
            self.listeners.push(Listener::Outbound { socket, name: outbound.frontend, frontend: None, port });
        }
        Ok(())
    }

    /// Runs until it is stopped or drained. An error is one of the system, or says why the controller refuses us.
    pub fn run(&mut self) -> stdio::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        self.tick();
        self.handle_commands();
        self.wheel.set(self.hold_until_us, Timer { kind: Kind::Hold, key: 0, generation: 0 });
        self.listening = true;
        self.tell_ready();
        while !self.stopped {
            if let Some(why) = self.refused.take() {
                return Err(stdio::Error::other(why));
            }
            let timeout = self.until_next();
            match self.poll.poll(&mut events, timeout) {
                Err(e) if e.kind() == stdio::ErrorKind::Interrupted => continue,
                other => other?,
            }
            self.tick();
            self.turn(&events);
        }
        Ok(())
    }

    /// An app that starts before its proxy may say who it is would run without the mesh, and in vain where the
    /// controller refuses it.
    fn tell_ready(&mut self) {
        let nobody = self.setup.expects_identity && self.identity.is_none();
        if self.listening && !nobody && !self.shared.ready.swap(true, Ordering::AcqRel) {
            let _ = self.shared.signals.send(Signal::Ready);
        }
    }

    fn turn(&mut self, events: &Events) {
        // Commands first: a connection must not be decided by what was replaced before it came.
        if events.iter().any(|event| event.token() == WAKER) {
            self.handle_commands();
        }
        for event in events {
            match event.token() {
                WAKER => {}
                Token(t) if t >= LISTENERS => self.accept(t - LISTENERS),
                Token(t) => self.guarded(t as ConnId, |engine, id| engine.on_event(id, event)),
            }
            self.catch_up();
        }
        self.handle_timers();
        if self.now_us >= self.next_sweep_us {
            self.next_sweep_us = self.now_us + SWEEP_US;
            self.sweep();
            self.summarise_events();
        }
        self.settle();
    }

    /// Decides what is left and writes what is there, until both are nothing.
    fn settle(&mut self) {
        loop {
            self.catch_up();
            if self.dirty.is_empty() {
                return;
            }
            let mut dirty = std::mem::take(&mut self.dirty);
            for id in dirty.drain(..) {
                self.guarded(id, Engine::flush);
            }
            if self.dirty.is_empty() {
                self.dirty = dirty;
            }
        }
    }

    fn catch_up(&mut self) {
        while let Some((todo, generation)) = self.todo.pop_front() {
            match todo {
                Todo::Exchange(x, step) if self.exchanges[x].generation == generation => self.take_step(x, step),
                Todo::Conn(c, errand) if self.conn(c).is_some_and(|c| c.generation == generation) => {
                    self.guarded(c, |engine, c| engine.run_errand(c, errand));
                }
                // What it was about is over.
                _ => {}
            }
        }
    }

    fn take_step(&mut self, x: ExchangeId, step: Step) {
        match step {
            Step::Answer => self.answer(x),
            Step::Failed(failure, reason) => self.try_failed(x, failure, reason),
            Step::Try => self.next_try(x),
            Step::Decide => self.decide_again(x),
            Step::Relay => self.relay(x),
            Step::Tunnel(address) => self.connect_tunnel(x, address),
            Step::Enter => self.enter(x),
        }
    }

    fn run_errand(&mut self, id: ConnId, errand: Errand) {
        match errand {
            Errand::Resume => self.resume(id),
            Errand::Park => self.park(id),
            Errand::Touch => self.touch(id),
            Errand::Close => self.close(id),
        }
    }

    /// Leaves a step of an exchange for after the connection at hand.
    fn later(&mut self, x: ExchangeId, step: Step) {
        self.todo.push_back((Todo::Exchange(x, step), self.exchanges[x].generation));
    }

    /// Leaves an errand for a connection that is in its place.
    fn errand(&mut self, id: ConnId, errand: Errand) {
        if let Some(generation) = self.conn(id).map(|c| c.generation) {
            self.todo.push_back((Todo::Conn(id, errand), generation));
        }
    }

    /// Leaves an errand for the connection at hand.
    fn own_errand(&mut self, id: ConnId, conn: &Conn, errand: Errand) {
        self.todo.push_back((Todo::Conn(id, errand), conn.generation));
    }

    /// A panic while one connection is handled ends that connection, and no other.
    fn guarded(&mut self, id: ConnId, handle: impl FnOnce(&mut Engine, ConnId)) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handle(self, id)));
        if result.is_err() {
            self.shared.metrics.panics.add(1);
            log::put("weft: a connection was ended by an internal error (please report the lines above)");
            self.restore_scratch();
            self.abandon(id);
        }
    }

    /// What a panic in the middle of a handler may have taken with it.
    fn restore_scratch(&mut self) {
        if self.read_buffer.len() != READ {
            self.read_buffer = vec![0; READ];
        }
    }

    fn tick(&mut self) {
        self.now_us = self.started.elapsed().as_micros() as u64;
    }

    fn until_next(&self) -> Option<Duration> {
        let sweep = self.next_sweep_us.saturating_sub(self.now_us);
        let idle = self.conns.is_empty() && self.drain.is_none();
        let timer = self.wheel.wait_us(self.now_us);
        let next = match (timer, idle) {
            (Some(t), true) => t,
            (Some(t), false) => t.min(sweep),
            (None, true) => return None,
            (None, false) => sweep,
        };
        // Round up: a wait that ends a moment early only wakes twice.
        Some(Duration::from_micros(next.max(1)).max(Duration::from_millis(1)))
    }

    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && (1..=SPARE_CAPACITY).contains(&buffer.capacity()) {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    #[inline]
    fn conn(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(id as usize)?.as_deref_mut()
    }

    /// It has something to send.
    #[inline]
    fn touch(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id as usize).and_then(|c| c.as_deref_mut()) {
            if !conn.state.dirty {
                conn.state.dirty = true;
                self.dirty.push(id);
            }
        }
    }
}

fn register(poll: &Poll, socket: std::net::TcpListener, index: usize) -> stdio::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    sys::keep_alive(&socket)?;
    let mut socket = TcpListener::from_std(socket);
    poll.registry().register(&mut socket, Token(LISTENERS + index), Interest::READABLE)?;
    Ok(socket)
}

/// "<namespace>/<service>:<port>[…]" → port
pub fn port_of_key(key: &str) -> Option<u16> {
    let digits: String = key.rsplit(':').next()?.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds its hash maps from the system's randomness; so is each loop.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn hello_of(setup: &Setup) -> Vec<u8> {
    use prost::Message;
    let hello = weft_proto::v1::Hello {
        workload: format!("{}/{}", setup.namespace, setup.workload),
        service: setup.service.clone(),
        version: setup.version.clone(),
        capabilities: weft_core::capability::ALL.iter().map(|c| (*c).to_owned()).collect(),
        target_port: 0,
        service_account: setup.service_account.clone(),
    };
    hello.encode_to_vec()
}
