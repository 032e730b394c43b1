//! What time does: timers that are due, idleness, and the end of connections.

use std::mem::take;

use weft_core::Reason;
use weft_core::outlier::Outcome;
use weft_core::retry::Failure;

use super::conn::{Conn, ConnId, ExchangeId, Place, Protocol};
use super::exchange::{Answer, Phase};
use super::io::ESTABLISH_US;
use super::timers::{Kind, Timer};
use super::{Engine, Step};

/// T5: an idle connection lives this long.
const IDLE_US: u64 = 3_600_000_000;
/// A connection that was accepted and carries nothing is closed earlier, or descriptors are a stranger's to take.
/// HAProxy's `timeout http-keep-alive` and nginx's `keepalive_timeout` are of this order.
const CALLER_IDLE_US: u64 = 600_000_000;

impl Engine {
    pub(super) fn handle_timers(&mut self) {
        let mut due = take(&mut self.due);
        self.wheel.expire(self.now_us, &mut due);
        for timer in due.drain(..) {
            self.fire(timer);
        }
        self.due = due;
        self.check_drain();
    }

    fn fire(&mut self, timer: Timer) {
        let Timer { kind, key, generation } = timer;
        match kind {
            Kind::Connection => self.connection_late(key, generation),
            Kind::Drain => {}
            Kind::Hold => self.accept_held(),
            Kind::Deadline => self.deadline(key),
            _ if self.exchanges[key].generation != generation => {}
            Kind::Backoff => self.later(key, Step::Try),
            Kind::Pending => self.pending_late(key),
        }
    }

    /// The timer of a place fired; whoever has it now may have other deadlines than who set it.
    fn deadline(&mut self, x: ExchangeId) {
        let now_us = self.now_us;
        let exchange = &mut self.exchanges[x];
        if exchange.armed_us > now_us {
            // An earlier deadline was armed meanwhile and has its own timer.
            return;
        }
        exchange.armed_us = 0;
        let passed = |at: u64| at > 0 && at <= now_us;
        if passed(exchange.deadline_us) {
            exchange.deadline_us = 0;
            return self.request_late(x);
        }
        if passed(exchange.try_deadline_us) {
            exchange.try_deadline_us = 0;
            if exchange.phase == Phase::Trying {
                let limit = exchange.limits.and_then(|l| l.per_try).map(|(_, limit)| limit.reason());
                self.later(x, Step::Failed(Failure::Timeout, limit.unwrap_or(Reason::UpstreamTimeout)));
            }
        }
        self.arm(x);
    }

    fn request_late(&mut self, x: ExchangeId) {
        let exchange = &self.exchanges[x];
        let reason = exchange.limits.and_then(|l| l.whole).map_or(Reason::RequestTimeout, |(_, limit)| limit.reason());
        match exchange.phase {
            Phase::Free => {}
            Phase::Responding => self.later(x, Step::Failed(Failure::Timeout, reason)),
            Phase::Waiting | Phase::Trying => {
                self.end_try(x, Outcome::Failure);
                let rule = self.exchanges[x].rule.clone();
                self.answer_later(x, Answer::Failure { reason, rule });
            }
        }
    }

    /// Configuration was not answered in time, or a name not resolved.
    fn pending_late(&mut self, x: ExchangeId) {
        let Some(key) = self.exchanges[x].awaits.take() else { return };
        if let Some(queue) = self.waiting.get_mut(&key) {
            queue.retain(|waiting| *waiting != x);
            if queue.is_empty() {
                self.waiting.remove(&key);
            }
        }
        let exchange = &self.exchanges[x];
        let late = exchange.asked_deadline_us().is_some_and(|us| self.now_us >= exchange.begun_us + us);
        self.answer_later(x, if late { Reason::DeadlineExceeded } else { Reason::ConfigPending }.into());
    }

    /// A connection's first bytes, its establishment or its linger took too long.
    fn connection_late(&mut self, id: ConnId, generation: u32) {
        let now_us = self.now_us;
        let Some(conn) = self.conn(id).filter(|c| c.generation == generation) else { return };
        let (state, place, conn_tls) = (conn.state, conn.place, conn.tls.is_some());
        let silent = matches!(conn.protocol, Protocol::Sniff);
        let partial_head = matches!(&conn.protocol, Protocol::H1Server(h1)
            if h1.exchange.is_none() && h1.attempted > 0 && now_us >= h1.head_since_us + ESTABLISH_US);
        if state.connecting || (!state.established && matches!(place, Place::Upstream(_))) {
            self.connect_failed(id);
        } else if silent && matches!(place, Place::Inbound(l) if self.is_opaque_inbound(l)) && !conn_tls {
            self.silent_caller(id);
        } else if state.lingering || (silent && matches!(place, Place::Inbound(_))) || !state.established {
            // Our own app may connect long before it asks.
            self.close(id);
        } else if partial_head {
            let mut conn = match self.conns[id as usize].take() {
                Some(conn) => conn,
                None => return,
            };
            self.write_refusal(&mut conn, 408, Reason::HeadTimeout, "the request head did not arrive in time");
            conn.state.closing = true;
            self.conns[id as usize] = Some(conn);
            self.touch(id);
        }
    }

    /// Once a second: idle connections are closed, idle streams are ended.
    pub(super) fn sweep(&mut self) {
        let now = self.now_us;
        if now >= self.next_use_us {
            self.next_use_us = now + super::USE_US;
            let used = std::mem::take(&mut self.used);
            let asked = |name: &std::sync::Arc<str>| self.asked_key(name.split('@').next().unwrap_or(name));
            let used = used.iter().map(asked).collect();
            let _ = self.shared.signals.send(crate::shared::Signal::Used(used));
        }
        let idle = |c: &Conn| match (&c.protocol, c.place) {
            (Protocol::Sniff, _) => now - c.touched_us > CALLER_IDLE_US,
            (Protocol::H1Server(h1), _) if h1.exchange.is_none() => now - c.touched_us > CALLER_IDLE_US,
            (Protocol::H1Client(h1), _) if h1.exchange.is_none() => now - c.touched_us > IDLE_US,
            (Protocol::H2(h2), _) => h2.codec.is_idle() && now - c.touched_us > IDLE_US,
            (Protocol::Tunnel(_), _) => now - c.touched_us > IDLE_US,
            _ => false,
        };
        let closing: Vec<_> =
            self.conns.iter().filter(|(_, c)| c.as_deref().is_some_and(idle)).map(|(id, _)| id).collect();
        closing.into_iter().for_each(|id| self.close(id as ConnId));
        let stuck: Vec<_> = self
            .exchanges
            .iter()
            .filter(|(_, e)| e.idle_us > 0 && e.phase != Phase::Waiting && now - e.touched_us > e.idle_us)
            .map(|(x, _)| x)
            .collect();
        for x in stuck {
            self.later(x, Step::Failed(Failure::Reset { response_started: true }, Reason::IdleTimeout));
        }
    }

    /// Ends a connection and everything that it carries.
    pub(super) fn close(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        self.conns.remove(id as usize);
        let _ = self.poll.registry().deregister(&mut conn.socket);
        if let Place::Upstream(pool) = conn.place {
            self.leave_pool(id, pool);
        } else {
            self.count_closed();
        }
        let was_open = conn.is_open();
        match &mut conn.protocol {
            Protocol::H1Server(h1) => {
                if let Some(x) = h1.exchange.take() {
                    self.caller_gone(x);
                }
            }
            Protocol::H1Client(h1) => {
                if let Some(x) = h1.exchange.take() {
                    self.lose(x, Failure::Reset { response_started: false }, Reason::UpstreamReset);
                }
            }
            Protocol::H2(_) => self.fail_streams(id, &conn, None),
            Protocol::Tunnel(tunnel) => self.tunnel_closed(tunnel, was_open),
            Protocol::Sniff => {}
        }
        for x in take(&mut conn.choked) {
            self.later(x, Step::Relay);
        }
        for buffer in [take(&mut conn.input), take(&mut conn.out), take(&mut conn.wire), take(&mut conn.sealed)] {
            self.recycle(buffer);
        }
    }

    /// Of those who called us.
    fn count_closed(&self) {
        let open = &self.shared.metrics.connections_open;
        open.set(open.get().saturating_sub(1));
    }

    /// After a panic: the connection may be out of its place for good, and its exchanges with it.
    pub(super) fn abandon(&mut self, id: ConnId) {
        if self.conn(id).is_some() {
            return self.close(id);
        }
        let affected: Vec<_> = self
            .exchanges
            .iter()
            .filter(|(_, e)| e.down.is_some_and(|l| l.conn == id) || e.up.is_some_and(|l| l.conn == id))
            .map(|(x, e)| (x, e.up.is_some_and(|l| l.conn == id)))
            .collect();
        if self.conns.contains(id as usize) {
            self.conns.remove(id as usize);
            match self.places[id as usize] {
                Place::Upstream(pool) => self.leave_pool(id, pool),
                Place::Inbound(_) | Place::Outbound(_) => self.count_closed(),
            }
        }
        for (x, up) in affected {
            if up {
                self.lose(x, Failure::Reset { response_started: true }, Reason::UpstreamReset);
            } else {
                self.caller_gone(x);
            }
        }
    }
}
