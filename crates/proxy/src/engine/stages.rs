//! The life of a request, top to bottom.
//!
//! Outbound (our app calls): accept › resolve › route › balance › connect › relay › record.
//! Inbound (our app is called): accept › authenticate › authorise › deliver › relay › record.
//!
//! `relay` is `relay.rs` (bodies both ways), `record` is `record.rs`. Each stage either goes on or ends in an `Answer`
//! with the rule or reason that decided.

use std::sync::Arc;

use weft_core::access::Subject;
use weft_core::action::Action;
use weft_core::edit::{HeaderEdit, Seen};
use weft_core::frontend::{Frontend, Matched, Route, Target as RouteTarget};
use weft_core::pending::{self, Missing, Pending};
use weft_core::resolve::Resolved;
use weft_core::timeouts::{self, Limits, Timeouts};
use weft_core::{Reason, path};
use weft_http::h1::RequestKind;
use weft_http::h2::StreamId;
use weft_http::{Head, Known, Version};
use weft_proto::v1::AppProtocol;

use super::conn::{Conn, ConnId, ExchangeId, Place, PoolId};
use super::counted::Counted;
use super::exchange::{Answer, Leg, Phase, Plan, Side};
use super::message::{self, Message};
use super::pool::{PoolKey, Target};
use super::timers::{Kind, Timer};
use super::{Engine, Listener, Step, text};
use crate::shared::Signal;

/// R12.
const MAX_HOPS: u32 = 16;
/// What requests wait for while the proxy has no identity yet; no name of a frontend looks like it.
pub(super) const IDENTITY: &str = "identity";

type Stage<T = ()> = Result<T, Answer>;

impl Engine {
    /// A request head arrived. Its exchange goes through all stages here, unless it has to wait.
    pub(super) fn begin(
        &mut self,
        id: ConnId,
        stream: StreamId,
        conn: &mut Conn,
        head: &Head,
        source: &[u8],
        end: bool,
    ) -> ExchangeId {
        let x = self.accept_request(id, stream, conn, head, source, end);
        let outcome = match conn.place {
            Place::Inbound(listener) => self.inbound(x, conn, listener),
            Place::Outbound(_) | Place::Upstream(_) => self.outbound(x),
        };
        if let Err(answer) = outcome {
            self.answer_later(x, answer);
        }
        x
    }

    // ------------------------------------------------------------------------------------------------- accept

    fn accept_request(
        &mut self,
        id: ConnId,
        stream: StreamId,
        conn: &Conn,
        head: &Head,
        source: &[u8],
        end: bool,
    ) -> ExchangeId {
        let x = self.exchanges.open();
        let exchange = &mut self.exchanges[x];
        exchange.down = Some(Leg { conn: id, stream });
        (exchange.begun_us, exchange.touched_us) = (self.now_us, self.now_us);
        (exchange.side, exchange.listener) = match conn.place {
            Place::Inbound(l) => (Side::Inbound, l),
            Place::Outbound(l) => (Side::Outbound, l),
            Place::Upstream(_) => (Side::Outbound, 0),
        };
        let bytes = head.bytes(source);
        exchange.request.take_request(head, bytes);
        exchange.request_kind = Some(match head.method.of(bytes) {
            b"HEAD" => RequestKind::Head,
            b"CONNECT" => RequestKind::Connect,
            _ if head.upgrade => RequestKind::Upgrade,
            _ => RequestKind::Other,
        });
        if !head.protocol.is_empty() {
            // Extended CONNECT (RFC 8441) is an upgrade; over HTTP/1 those are GETs.
            exchange.request.method = exchange.request.store(b"GET");
            exchange.request_kind = Some(RequestKind::Upgrade);
        }
        exchange.caller_is_h10 = head.version == Version::H10;
        exchange.upgrade = head.upgrade || !head.protocol.is_empty();
        if head.upgrade {
            // The protocol's name travels as `:protocol` and becomes an Upgrade field again at the far end.
            let upgrade = head.known(bytes, Known::Upgrade).unwrap_or_default();
            exchange.request.protocol = exchange.request.store(upgrade);
        }
        let content_type = exchange.request.known(Known::ContentType);
        exchange.grpc = content_type.is_some_and(|v| v.starts_with(b"application/grpc"));
        if let weft_http::Framing::Length(n) = head.framing {
            let mut digits = [0; 20];
            exchange.request.add(b"content-length", text::decimal(n, &mut digits), Known::ContentLength);
        } else if let Some(length) = head.known(bytes, Known::ContentLength).filter(|_| head.version == Version::H2) {
            exchange.request.add(b"content-length", length, Known::ContentLength);
        }
        exchange.to_app.done = end;
        x
    }

    // ----------------------------------------------------------------------------------------------- outbound

    pub(super) fn outbound(&mut self, x: ExchangeId) -> Stage {
        self.exchanges[x].request.remove_known(Known::Weft);
        self.identify(x);
        if self.setup.expects_identity && self.identity.is_none() {
            return self.await_answer(x, IDENTITY.to_owned(), None);
        }
        let Some(frontend) = self.resolve(x)? else { return Ok(()) };
        if self.exchanges[x].request_kind == Some(RequestKind::Connect) {
            self.open_tunnel(x, frontend)
        } else {
            self.route(x, frontend)
        }
    }

    /// CONNECT to the proxy that we are. A service is none: after its 2xx the rest would be a tunnel, on a connection
    /// that others share (RFC 9110 §9.3.6).
    fn open_tunnel(&mut self, x: ExchangeId, frontend: Arc<Counted>) -> Stage {
        let listener = &self.listeners[self.exchanges[x].listener as usize];
        if !matches!(listener, Listener::Outbound { name: None, .. }) {
            return Err(Reason::TunnelRefused.into());
        }
        self.exchanges[x].enters = Some(frontend);
        self.later(x, Step::Enter);
        Ok(())
    }

    /// A request id, kept or made.
    fn identify(&mut self, x: ExchangeId) {
        let request = &mut self.exchanges[x].request;
        if request.known(Known::XRequestId).is_none() {
            let id = text::uuid(self.rng.next_u64(), self.rng.next_u64());
            request.add(b"x-request-id", &id, Known::XRequestId);
        }
    }

    // -------------------------------------------------------------------------------------- outbound: resolve

    /// Table `resolve`: which frontend is meant. None: it waits, or goes past the mesh.
    fn resolve(&mut self, x: ExchangeId) -> Stage<Option<Arc<Counted>>> {
        let listener = self.exchanges[x].listener as usize;
        if let Listener::Outbound { name: Some(name), frontend, port, .. } = &self.listeners[listener] {
            self.exchanges[x].port = *port;
            if let Some(frontend) = frontend {
                return Ok(Some(frontend.clone()));
            }
            let key = self.asked_key(&name.clone());
            return self.await_frontend(x, key);
        }
        let request = &self.exchanges[x].request;
        let authority = request.text(request.authority);
        match self.names.host(authority) {
            Resolved::Known(frontend) => {
                let frontend = frontend.clone();
                if !self.used.contains(&frontend.name) {
                    self.used.insert(frontend.name.clone());
                }
                self.exchanges[x].port = frontend.port;
                Ok(Some(frontend))
            }
            Resolved::Ask => {
                let port = message::port_of(authority).unwrap_or(80);
                let Some(key) = self.names.key_to_ask(authority) else { return Err(Reason::NoRoute.into()) };
                self.exchanges[x].port = port;
                let key = self.asked_key(&key);
                self.await_frontend(x, key)
            }
            Resolved::NoPort => Err(Reason::NoPort.into()),
            Resolved::Unknown => self.past_the_mesh(x).map(|()| None),
        }
    }

    /// The name under which this proxy asks: consumer routes are those of its own namespace.
    pub(super) fn asked_key(&self, name: &str) -> String {
        format!("{name}@{}", self.setup.namespace)
    }

    fn await_frontend(&mut self, x: ExchangeId, key: String) -> Stage<Option<Arc<Counted>>> {
        if let Some(frontend) = self.frontends.get(&key) {
            return Ok(Some(frontend.clone()));
        }
        if self.config.absent.contains(&key) {
            return Err(Reason::UnknownDestination.into());
        }
        self.await_answer(x, key.clone(), Some(Signal::Want(key)))?;
        Ok(None)
    }

    fn await_answer(&mut self, x: ExchangeId, key: String, ask: Option<Signal>) -> Stage {
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        let waited_us = self.now_us - self.exchanges[x].begun_us;
        let deadline_us = self.exchanges[x].asked_deadline_us();
        let for_us = match pending::decide(Missing::Frontend, waited_us, waiting, deadline_us) {
            Pending::Wait { for_us } => for_us,
            Pending::Refuse(reason) => return Err(reason.into()),
        };
        let queue = self.waiting.entry(key.clone()).or_default();
        if let Some(ask) = ask.filter(|_| queue.is_empty()) {
            let _ = self.shared.signals.send(ask);
        }
        queue.push(x);
        let exchange = &mut self.exchanges[x];
        exchange.awaits = Some(key);
        exchange.phase = Phase::Waiting;
        let timer = Timer { kind: Kind::Pending, key: x, generation: exchange.generation };
        self.wheel.set(self.now_us + for_us, timer);
        Ok(())
    }

    /// T15: unknown destinations pass, or are refused where the mesh says so.
    fn past_the_mesh(&mut self, x: ExchangeId) -> Stage {
        if self.config.mesh.refuse_unknown {
            return Err(Reason::UnknownDestination.into());
        }
        let request = &self.exchanges[x].request;
        let authority = request.text(request.authority);
        let host = String::from_utf8_lossy(request.host()).into_owned();
        let default_port = if self.exchanges[x].request_kind == Some(RequestKind::Connect) { 443 } else { 80 };
        let port = message::port_of(authority).unwrap_or(default_port);
        if host.is_empty() {
            return Err(Reason::UnknownDestination.into());
        }
        self.exchanges[x].port = port;
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return self.pass_through(x, std::net::SocketAddr::new(ip, port));
        }
        let name = format!("{host}:{port}");
        self.await_answer(x, name.clone(), Some(Signal::Lookup(name)))
    }

    /// A destination outside of the mesh, by address.
    pub(super) fn pass_through(&mut self, x: ExchangeId, address: std::net::SocketAddr) -> Stage {
        if self.is_own_listener(address) {
            return Err(Reason::LoopDetected.into());
        }
        if self.exchanges[x].request_kind == Some(RequestKind::Connect) {
            self.later(x, Step::Tunnel(address));
            return Ok(());
        }
        let pool = self.pool(PoolKey { address, identity: None, h2: false, app: false });
        if self.exchanges[x].series.is_none() {
            let key = self.passthrough_series(address);
            self.exchanges[x].series = Some(self.series_index(&key));
        }
        self.send_on(x, pool, false)
    }

    fn is_own_listener(&self, address: std::net::SocketAddr) -> bool {
        self.listeners.iter().any(|l| match l {
            Listener::Inbound { socket, .. } | Listener::Outbound { socket, .. } => {
                socket.local_addr().is_ok_and(|a| a == address)
            }
        })
    }

    // ---------------------------------------------------------------------------------------- outbound: route

    /// Table `route`: filters, then a weighted backend, a redirect or a fixed response.
    fn route(&mut self, x: ExchangeId, frontend: Arc<Counted>) -> Stage {
        let outcome = self.route_by(x, &frontend);
        self.exchanges[x].frontend = Some(frontend);
        outcome
    }

    fn route_by(&mut self, x: ExchangeId, frontend: &Counted) -> Stage {
        let exchange = &mut self.exchanges[x];
        let request = exchange.request.as_request();
        if frontend.path_safety() && path::ambiguous(request.path) {
            return Err(Answer::Failure { reason: Reason::AmbiguousPath, rule: Some(frontend.origin.clone()) });
        }
        let matched = match frontend.route(&request) {
            Route::Forward(matched) => matched,
            Route::NoRoute => {
                return Err(Answer::Failure { reason: Reason::NoRoute, rule: Some(frontend.origin.clone()) });
            }
            Route::NoPort => return Err(Reason::NoPort.into()),
        };
        exchange.rule = Some(matched.rule_id.clone());
        frontend.count(&matched, &self.shared.metrics);
        self.act(x, frontend, matched)
    }

    fn act(&mut self, x: ExchangeId, frontend: &Frontend, matched: Matched<'_>) -> Stage {
        let exchange = &mut self.exchanges[x];
        let (action, prefix) = (matched.action, matched.prefix.len());
        let rule = || matched.rule_id.clone();
        match &action.target {
            RouteTarget::Redirect(redirect) => {
                let request = &exchange.request;
                let path = request.text(request.path);
                let seen = Seen {
                    scheme: "http",
                    host: request.host(),
                    port: message::port_of(request.text(request.authority)).unwrap_or(frontend.port),
                    path_and_query: path,
                    matched_prefix: &path[..prefix.min(path.len())],
                };
                let mut location = Vec::new();
                redirect.location(&seen, &mut location);
                Err(Answer::Redirect { status: redirect.status, location, rule: rule() })
            }
            RouteTarget::Fixed(fixed) => Err(Answer::Fixed {
                status: fixed.status,
                body: fixed.body.clone(),
                content_type: fixed.content_type.clone(),
                reason: fixed.reason,
                rule: rule(),
            }),
            RouteTarget::Split(split) => {
                let refused = |reason| Answer::Failure { reason, rule: Some(rule()) };
                let caller = split.caller(&exchange.request, &mut self.rng);
                let weighted = split.pick(caller.point(), &mut self.rng).map_err(refused)?;
                let Some(key) = &weighted.backend else { return Err(refused(Reason::InvalidBackend)) };
                let Some(backend) = self.backends.find(key) else { return Err(refused(Reason::NoEndpoints)) };
                let at = split.backends.iter().position(|w| std::ptr::eq(w, weighted)).unwrap_or(0) as u32;
                self.edit_request(x, action, &weighted.request_headers, prefix);
                self.exchanges[x].plan = Some(Plan { action: action.clone(), weighted: at, backend, caller });
                self.set_limits(x, action);
                self.refuse_late(x)?;
                self.backends.all[backend as usize].group.shared().budget.deposit(self.now_us);
                self.try_once(x)
            }
        }
    }

    /// Filters of the rule, then of the chosen backend.
    fn edit_request(&mut self, x: ExchangeId, action: &Action, of_backend: &HeaderEdit, prefix: usize) {
        let request = &mut self.exchanges[x].request;
        if let Some(rewrite) = &action.rewrite {
            if let Some(host) = &rewrite.host {
                request.authority = request.store(host);
            }
            if rewrite.path.is_some() {
                let mut path = self.spare.pop().unwrap_or_default();
                let old = request.text(request.path);
                rewrite.rewritten_path(&old[..prefix.min(old.len())], old, &mut path);
                request.path = request.store(&path);
                path.clear();
                self.spare.push(path);
            }
        }
        apply_edit(request, &action.request_headers);
        apply_edit(request, of_backend);
    }

    fn set_limits(&mut self, x: ExchangeId, action: &Action) {
        let mesh = self.config.mesh.timeouts.as_ref().map(Timeouts::compile);
        let timeouts = action.timeouts.or(mesh).unwrap_or(Timeouts::DEFAULT);
        let exchange = &mut self.exchanges[x];
        let limits = Limits::of(&timeouts, action.retry.per_try_timeout_ms, exchange.asked_deadline_us());
        exchange.idle_us = timeouts.stream_idle_us(exchange.upgrade || exchange.grpc);
        let keeps = action.retry.attempts > 0 && action.retry.body_bytes > 0;
        exchange.keep_bytes = if keeps && !exchange.upgrade { action.retry.body_bytes as usize } else { 0 };
        exchange.limits = Some(limits);
        if let Some((us, _)) = limits.whole {
            exchange.deadline_us = exchange.begun_us + us;
            self.arm(x);
        }
    }

    /// T5: late work is dropped, not done for nobody.
    fn refuse_late(&self, x: ExchangeId) -> Stage {
        let exchange = &self.exchanges[x];
        match exchange.limits.and_then(|limits| limits.whole) {
            Some((us, limit)) if self.now_us >= exchange.begun_us + us => {
                Err(Answer::Failure { reason: limit.reason(), rule: exchange.rule.clone() })
            }
            _ => Ok(()),
        }
    }

    // ------------------------------------------------------------------------------ outbound: balance, connect

    /// Tables `balance` and `connect`: an endpoint, and a connection to it.
    pub(super) fn try_once(&mut self, x: ExchangeId) -> Stage {
        let Some(plan) = self.exchanges[x].plan.as_ref() else { return Err(Reason::NoEndpoints.into()) };
        let index = plan.backend as usize;
        let state = &mut self.backends.all[index];
        let exchange = &mut self.exchanges[x];
        let Some(pick) = state.group.pick(self.now_us, &mut self.rng, &exchange.tried) else {
            return Err(Answer::Failure { reason: Reason::NoEndpoints, rule: exchange.rule.clone() });
        };
        state.group.on_start(pick.endpoint, self.now_us);
        exchange.endpoint = Some(pick.endpoint);
        // A route may lead to another port than the one that was called.
        exchange.port = state.backend.port;
        exchange.panic = pick.panic;
        exchange.attempts += 1;
        exchange.try_us = self.now_us;
        let target = match state.target(pick.endpoint) {
            Some(target) => target,
            None => self.target(index, pick.endpoint),
        };
        let exchange = &mut self.exchanges[x];
        exchange.series = Some(target.series);
        self.arm_try(x);
        let fresh = self.exchanges[x].attempts > 1;
        self.send_on(x, target.pool, fresh)
    }

    fn arm_try(&mut self, x: ExchangeId) {
        let exchange = &mut self.exchanges[x];
        let limit = exchange.limits.and_then(|l| l.per_try);
        exchange.try_deadline_us = limit.map_or(0, |(us, _)| self.now_us + us);
        self.arm(x);
    }

    /// Sees to it that the exchange is looked at when its next deadline passes.
    pub(super) fn arm(&mut self, x: ExchangeId) {
        let exchange = &mut self.exchanges[x];
        let Some(due_us) = exchange.next_deadline_us() else { return };
        if exchange.armed_us == 0 || due_us < exchange.armed_us {
            exchange.armed_us = due_us;
            self.wheel.set(due_us, Timer { kind: Kind::Deadline, key: x, generation: 0 });
        }
    }

    fn target(&mut self, index: usize, endpoint: weft_core::endpoints::EndpointIx) -> Target {
        let state = &self.backends.all[index];
        let Some(found) = state.group.endpoint(endpoint).cloned() else {
            return Target { pool: 0, series: 0, mesh: false };
        };
        let backend = state.backend.clone();
        let mesh = found.identity.is_some();
        let h2 = mesh || matches!(backend.protocol, AppProtocol::Http2 | AppProtocol::Grpc);
        let address = std::net::SocketAddr::new(found.address, found.port);
        let pool = self.pool(PoolKey { address, identity: found.identity.clone(), h2, app: false });
        let entry = &mut self.pools[pool as usize];
        entry.label = format!("{} {address}", found.workload).into();
        if backend.connect_timeout_ms > 0 {
            entry.connect_timeout_ms = backend.connect_timeout_ms;
        }
        let key = self.source_series(&backend, &found);
        let series = self.series_index(&key);
        let target = Target { pool, series, mesh };
        self.backends.all[index].remember(endpoint, target);
        target
    }

    /// Table `connect`: puts the request on a connection of the pool.
    pub(super) fn send_on(&mut self, x: ExchangeId, pool: PoolId, fresh: bool) -> Stage {
        self.exchanges[x].pool = pool;
        let Some(conn) = self.connection(pool, fresh) else {
            let failure = weft_core::retry::Failure::ConnectFailed;
            self.exchanges[x].phase = Phase::Trying;
            self.later(x, Step::Failed(failure, Reason::ConnectFailed));
            return Ok(());
        };
        self.send_request(x, conn);
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------ inbound

    fn inbound(&mut self, x: ExchangeId, conn: &mut Conn, listener: u32) -> Stage {
        if conn.peer.is_none() {
            // What only proxies say means nothing from others.
            self.exchanges[x].request.remove_known(Known::Weft);
        }
        let port = self.target_port(x, conn, listener);
        self.exchanges[x].port = port;
        self.identify(x);
        self.count_inbound(x, conn, port);
        self.limit_hops(x)?;
        if self.exchanges[x].request_kind == Some(RequestKind::Connect) {
            return Err(Reason::TunnelRefused.into());
        }
        self.authorise(x, conn, listener, port)?;
        self.deliver(x, conn, listener, port)
    }

    /// The port that the caller named, carried between proxies; an unmeshed caller means the listener's.
    fn target_port(&self, x: ExchangeId, conn: &Conn, listener: u32) -> u16 {
        let Listener::Inbound { port, .. } = &self.listeners[listener as usize] else { return 0 };
        let named = self.exchanges[x].request.get(b"weft-port").filter(|_| conn.peer.is_some());
        named.and_then(|v| std::str::from_utf8(v).ok()?.parse().ok()).unwrap_or(*port)
    }

    fn limit_hops(&mut self, x: ExchangeId) -> Stage {
        let hops = self.exchanges[x].request.get(b"weft-hops");
        let hops: Option<u32> = hops.and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
        if hops.unwrap_or(0) > MAX_HOPS { Err(Reason::LoopDetected.into()) } else { Ok(()) }
    }

    // ----------------------------------------------------------------------- inbound: authenticate, authorise

    /// Tables `authenticate` and `authorise`. Who calls was proved when the connection was made; without `Inbound`
    /// everything is closed.
    fn authorise(&mut self, x: ExchangeId, conn: &Conn, listener: u32, port: u16) -> Stage {
        let Listener::Inbound { inbound, .. } = &self.listeners[listener as usize] else {
            return Err(Reason::NoInbound.into());
        };
        let config = self.config.clone();
        let Some(rules) = config.inbounds.get(inbound) else { return Err(Reason::NoInbound.into()) };
        let Some(rules) = rules.port(port) else { return Err(Reason::NoPort.into()) };
        let refused = |reason, rule: &Arc<str>| Err(Answer::Failure { reason, rule: Some(rule.clone()) });
        if let Err(reason) = rules.tls_verdict(conn.peer.is_some()) {
            return refused(reason, &rules.tls_origin);
        }
        let request = self.exchanges[x].request.as_request();
        if rules.path_safety && path::ambiguous(request.path) {
            return refused(Reason::AmbiguousPath, &rules.tls_origin);
        }
        let subject = Subject {
            principal: conn.peer.as_ref().map(|p| &p.identity),
            trust_domain: &config.mesh.trust_domain,
            source_ip: conn.peer_address.ip(),
            port,
        };
        let verdict = rules.authorise(&subject, Some(&request));
        let (allow, rule) = (verdict.allow(), verdict.rule.clone());
        let audited: Vec<_> = verdict.audited.iter().map(|a| a.rule.clone()).collect();
        self.count_rule(&rule, false);
        audited.iter().for_each(|a| self.count_rule(a, true));
        let exchange = &mut self.exchanges[x];
        exchange.audited = audited;
        exchange.rule = Some(rule.clone());
        let timeouts = rules.timeouts.unwrap_or(Timeouts::DEFAULT);
        exchange.idle_us = timeouts.stream_idle_us(exchange.upgrade || exchange.grpc);
        let request = &exchange.request;
        let travelled = request.get(b"weft-deadline-ms").and_then(timeouts::parse_deadline_ms);
        // A caller without a proxy has only its own word for it.
        let deadline = travelled.or_else(|| exchange.asked_deadline_us());
        let limits = Limits::of(&timeouts, 0, deadline);
        exchange.limits = Some(limits);
        if let Some((us, _)) = limits.whole {
            exchange.deadline_us = exchange.begun_us + us;
            self.arm(x);
        }
        if allow { self.refuse_late(x) } else { refused(Reason::AccessDenied, &rule) }
    }

    // ----------------------------------------------------------------------------------------- inbound: deliver

    /// Table `deliver`: what the app may rely on is written, and the request goes to its own port.
    fn deliver(&mut self, x: ExchangeId, conn: &Conn, listener: u32, port: u16) -> Stage {
        let Some((h1, h2, app_is_h2)) = self.app_pools(listener, port) else {
            return Err(Reason::UnknownDestination.into());
        };
        let request = &mut self.exchanges[x].request;
        // The wire says which protocol the caller spoke; it is restored, never guessed.
        let spoken_h2 = matches!(request.get(b"weft-protocol"), Some(b"h2" | b"grpc"));
        request.remove_known(Known::Weft);
        if let Some(peer) = &conn.peer {
            request.add(b"weft-principal", peer.identity.as_str().as_bytes(), Known::Weft);
        }
        text::forwarded_for(request, conn.peer_address.ip());
        let exchange = &mut self.exchanges[x];
        exchange.try_us = self.now_us;
        exchange.tell_grpc_what_is_left();
        exchange.attempts = 1;
        let h2_caller = conn.peer.is_none() && exchange.down.is_some_and(|d| d.stream.0 != 0);
        let speak_h2 = app_is_h2.unwrap_or(spoken_h2 || h2_caller);
        self.send_on(x, if speak_h2 { h2 } else { h1 }, false)
    }

    /// Pools of the app's port, and whether it is declared to speak HTTP/2 (None: whatever the caller spoke).
    fn app_pools(&self, listener: u32, port: u16) -> Option<(PoolId, PoolId, Option<bool>)> {
        let Listener::Inbound { inbound: ours, .. } = &self.listeners[listener as usize] else { return None };
        let found = self.listeners.iter().find_map(|l| match l {
            Listener::Inbound { port: p, inbound, h1, h2, .. } if *p == port && inbound == ours => Some((*h1, *h2)),
            _ => None,
        });
        let (h1, h2) = found?;
        let protocol = self.config.inbounds.get(ours)?.port(port)?.protocol;
        let declared = match protocol {
            AppProtocol::Http1 => Some(false),
            AppProtocol::Http2 | AppProtocol::Grpc => Some(true),
            _ => None,
        };
        Some((h1, h2, declared))
    }
}

fn apply_edit(request: &mut Message, edit: &HeaderEdit) {
    if edit.is_empty() {
        return;
    }
    request.retain(|name| !edit.drops(name));
    for header in edit.appended() {
        request.add(&header.name, &header.value, weft_http::known(&header.lower));
    }
}
