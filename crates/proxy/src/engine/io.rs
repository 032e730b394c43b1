//! Bytes in and out of sockets: accept, read, open, hand to the protocol, seal, write.

use std::io::{ErrorKind, Read, Write};
use std::mem::take;

use mio::event::Event;
use mio::{Interest, Token};
use weft_core::Reason;

use super::conn::{Conn, ConnId, INPUT_MAX, OUT_LOW, Place, Protocol};
use super::timers::{Kind, Timer};
use super::{ACCEPTS, Engine, Errand, Listener, READ};

/// First bytes, handshakes and connection attempts from strangers get this long; a handshake over a slow link takes two.
pub const ESTABLISH_US: u64 = 10_000_000;
/// T14: a caller of an opaque port that says nothing for so long waits for the server to speak first.
const SILENCE_US: u64 = 100_000;
/// How much is sealed and written at once: four records.
const SEAL: usize = 64 * 1024;
/// Long enough that a proxy that is out of descriptors does not spin, short enough that nobody notices when it is over.
const ACCEPT_AGAIN_US: u64 = 50_000;
/// Reads of one connection before others have their turn.
const READS: usize = 4;

impl Engine {
    pub(super) fn accept(&mut self, listener: usize) {
        if self.is_held(listener) {
            return;
        }
        for _ in 0..ACCEPTS {
            let accepted = self.listeners[listener].socket().accept();
            match accepted {
                Ok((socket, peer)) => self.accepted(listener, socket, peer),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                // The peer was gone before we looked.
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(e) => return self.accept_later(&e),
            }
        }
        // There may be more, and readiness is told once.
        let registry = self.poll.registry();
        let token = Token(super::LISTENERS + listener);
        let _ = registry.reregister(self.listeners[listener].socket(), token, Interest::READABLE);
    }

    /// Descriptors or memory are short. Those who wait to be accepted are no new event, so they are looked for.
    fn accept_later(&mut self, error: &std::io::Error) {
        self.event("accept-failed", "listeners", &format!("{error}; trying again"));
        self.wheel.set(self.now_us + ACCEPT_AGAIN_US, Timer { kind: Kind::Hold, key: 0, generation: 0 });
    }

    /// A proxy that has just started cannot answer well yet.
    fn is_held(&self, listener: usize) -> bool {
        let lacks_program = match &self.listeners[listener] {
            Listener::Inbound { inbound, .. } => !self.config.inbounds.contains_key(inbound),
            // Whether the port is opaque is known with its frontend.
            Listener::Outbound { name, frontend, .. } => name.is_some() && frontend.is_none(),
        };
        let lacks = lacks_program || self.identity.is_none();
        self.setup.expects_identity && lacks && self.now_us < self.hold_until_us
    }

    /// Those who came while nobody was accepted.
    pub(super) fn accept_held(&mut self) {
        (0..self.listeners.len()).for_each(|listener| self.accept(listener));
    }

    fn accepted(&mut self, listener: usize, socket: mio::net::TcpStream, peer: std::net::SocketAddr) {
        let _ = socket.set_nodelay(true);
        let place = match self.listeners[listener] {
            Listener::Inbound { .. } => Place::Inbound(listener as u32),
            Listener::Outbound { .. } => Place::Outbound(listener as u32),
        };
        if matches!(place, Place::Outbound(_)) && !self.is_ours(&socket, peer) {
            return self.turn_away(socket, place, peer);
        }
        let conn = Conn::new(socket, place, Protocol::Sniff, peer, self.now_us);
        let Some(id) = self.insert(conn) else { return };
        self.shared.metrics.connections_open.add(1);
        let patience = if self.is_opaque_inbound(listener as u32) { SILENCE_US } else { ESTABLISH_US };
        self.expect_within(id, patience);
        self.begin_opaque(id, listener);
    }

    /// Somebody else's process on our outbound side: told why, where the port speaks HTTP.
    fn turn_away(&mut self, socket: mio::net::TcpStream, place: Place, peer: std::net::SocketAddr) {
        let reason = Reason::NotYourProxy;
        self.event(reason.code(), &peer.ip().to_string(), reason.advice());
        let Place::Outbound(listener) = place else { return };
        if matches!(&self.listeners[listener as usize], Listener::Outbound { frontend: Some(f), .. } if f.is_opaque()) {
            return;
        }
        let mut conn = Conn::new(socket, place, Protocol::Sniff, peer, self.now_us);
        self.write_refusal(&mut conn, reason.status(), reason, reason.advice());
        conn.state.closing = true;
        // Its request is read and thrown away, or a reset would take our answer with it.
        conn.state.lingering = true;
        if let Some(id) = self.insert(conn) {
            self.shared.metrics.connections_open.add(1);
            self.expect_within(id, ESTABLISH_US);
            self.touch(id);
        }
    }

    /// Explicit mode serves the workload's own app only.
    fn is_ours(&mut self, socket: &mio::net::TcpStream, peer: std::net::SocketAddr) -> bool {
        let Some(app) = &self.setup.owner else { return true };
        let (Some(diag), Ok(local)) = (self.diag.as_mut(), socket.local_addr()) else { return false };
        matches!(diag.owner(local, peer), Ok(Some(found)) if app.owns(&found))
    }

    pub(super) fn insert(&mut self, mut conn: Conn) -> Option<ConnId> {
        let entry = self.conns.vacant_entry();
        let id = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut conn.socket, Token(id), interest).ok()?;
        conn.generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        if self.places.len() <= id {
            self.places.resize(id + 1, conn.place);
        }
        self.places[id] = conn.place;
        entry.insert(Some(Box::new(conn)));
        Some(id as ConnId)
    }

    pub(super) fn expect_within(&mut self, id: ConnId, us: u64) {
        let Some(generation) = self.conn(id).map(|c| c.generation) else { return };
        let timer = Timer { kind: Kind::Connection, key: id, generation };
        self.wheel.set(self.now_us + us, timer);
    }

    pub(super) fn on_event(&mut self, id: ConnId, event: &Event) {
        let Some(conn) = self.conn(id) else { return };
        if conn.state.connecting && (event.is_writable() || event.is_error()) {
            if !self.connected(id) {
                return;
            }
        } else if event.is_writable() && conn.state.blocked {
            conn.state.blocked = false;
            self.touch(id);
        }
        if let Some(conn) = self.conn(id) {
            conn.state.hangup |= event.is_read_closed() || event.is_error();
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(id);
        }
    }

    fn connected(&mut self, id: ConnId) -> bool {
        let Some(conn) = self.conn(id) else { return false };
        let failed = conn.socket.take_error().ok().flatten().is_some();
        match conn.socket.peer_addr() {
            Ok(_) if !failed => {
                conn.state.connecting = false;
                conn.state.blocked = false;
                conn.local_address = conn.socket.local_addr().ok();
                let held = if conn.is_open() { take(&mut conn.choked) } else { Vec::new() };
                self.let_go(held);
                self.tunnel_connected(id);
                self.touch(id);
                true
            }
            // Still under way: writable was said for something else.
            Err(e) if e.kind() == ErrorKind::NotConnected && !failed => false,
            _ => {
                self.connect_failed(id);
                false
            }
        }
    }

    /// Reads until the socket is empty or others should have their turn.
    pub(super) fn read(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        conn.state.readable = true;
        let mut buffer = take(&mut self.read_buffer);
        let alive = self.read_into(id, &mut conn, &mut buffer);
        self.read_buffer = buffer;
        self.put_back(id, conn, alive);
    }

    fn put_back(&mut self, id: ConnId, conn: Box<Conn>, alive: bool) {
        let leaves = conn.state.closing && !conn.state.half_closed;
        let has_output = !conn.out.is_empty() || !conn.wire.is_empty() || leaves;
        let needs_flush = has_output && !conn.state.dirty;
        if let Some(slot) = self.conns.get_mut(id as usize) {
            *slot = Some(conn);
        }
        if !alive {
            self.close(id);
        } else if needs_flush {
            self.touch(id);
        }
    }

    fn read_into(&mut self, id: ConnId, conn: &mut Conn, buffer: &mut [u8]) -> bool {
        for _ in 0..READS {
            if conn.state.paused || conn.state.eof || !conn.state.readable {
                return true;
            }
            match conn.socket.read(buffer) {
                Ok(0) => {
                    conn.state.eof = true;
                    conn.state.readable = false;
                    return self.on_eof(id, conn);
                }
                Ok(n) => {
                    // A short read emptied the socket: no second one just to see EAGAIN (epoll(7), question 9), but
                    // for an end that came with the same event.
                    conn.state.readable = n == buffer.len() || conn.state.hangup;
                    conn.touched_us = self.now_us;
                    if !self.received(id, conn, &mut buffer[..n]) {
                        return false;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    conn.state.readable = false;
                    return true;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    conn.state.eof = true;
                    conn.state.readable = false;
                    return self.on_reset(id, conn);
                }
            }
        }
        if conn.state.readable {
            self.own_errand(id, conn, Errand::Resume);
        }
        true
    }

    /// Ciphertext or plaintext arrived.
    fn received(&mut self, id: ConnId, conn: &mut Conn, bytes: &mut [u8]) -> bool {
        if conn.state.lingering {
            return true;
        }
        if conn.tls.is_none() && matches!(conn.protocol, Protocol::Sniff) && !self.sniff(conn, bytes) {
            return false;
        }
        if conn.tls.is_some() {
            return self.received_sealed(id, conn, bytes);
        }
        if conn.input.is_empty() {
            let Some(used) = self.feed(id, conn, bytes) else { return false };
            if used < bytes.len() {
                let mut input = self.buffer();
                input.extend_from_slice(&bytes[used..]);
                conn.input = input;
            }
        } else {
            conn.input.extend_from_slice(bytes);
            return self.feed_input(id, conn);
        }
        self.bound_input(conn);
        true
    }

    fn bound_input(&mut self, conn: &mut Conn) {
        if conn.input.len() >= INPUT_MAX {
            conn.state.paused = true;
        }
    }

    /// Offers the kept input again.
    pub(super) fn feed_input(&mut self, id: ConnId, conn: &mut Conn) -> bool {
        let mut input = take(&mut conn.input);
        let Some(used) = self.feed(id, conn, &input) else { return false };
        if used == input.len() {
            self.recycle(input);
        } else {
            input.drain(..used);
            conn.input = input;
            self.bound_input(conn);
        }
        true
    }

    fn received_sealed(&mut self, id: ConnId, conn: &mut Conn, bytes: &mut [u8]) -> bool {
        let mut plain = if conn.input.is_empty() { take(&mut self.plain) } else { take(&mut conn.input) };
        let opened = if conn.sealed.is_empty() {
            let opened = self.open(conn, bytes, &mut plain);
            if let Some(consumed) = opened.filter(|c| *c < bytes.len()) {
                let mut sealed = self.buffer();
                sealed.extend_from_slice(&bytes[consumed..]);
                conn.sealed = sealed;
            }
            opened
        } else {
            let mut sealed = take(&mut conn.sealed);
            sealed.extend_from_slice(bytes);
            let opened = self.open(conn, &mut sealed, &mut plain);
            if let Some(consumed) = opened {
                sealed.drain(..consumed);
                conn.sealed = sealed;
            }
            opened
        };
        let alive = opened.is_some() && self.established(id, conn);
        let used = if alive && !plain.is_empty() { self.feed(id, conn, &plain) } else { Some(plain.len()) };
        if let Some(used) = used.filter(|u| *u < plain.len()) {
            let mut input = self.buffer();
            input.extend_from_slice(&plain[used..]);
            conn.input = input;
            self.bound_input(conn);
        }
        plain.clear();
        self.plain = plain;
        if conn.sealed.is_empty() && conn.sealed.capacity() > 0 {
            let sealed = take(&mut conn.sealed);
            self.recycle(sealed);
        }
        let end = alive && used.is_some() && conn.state.eof && conn.input.is_empty() && !self.on_eof(id, conn);
        alive && used.is_some() && !end
    }

    /// Consumed bytes, or None when TLS failed.
    fn open(&mut self, conn: &mut Conn, sealed: &mut [u8], plain: &mut Vec<u8>) -> Option<usize> {
        let tls = conn.tls.as_mut()?;
        match tls.open(sealed, plain, &mut conn.wire) {
            Ok(opened) => {
                conn.state.eof |= opened.closed;
                Some(opened.consumed)
            }
            Err(error) => {
                self.tls_failed(conn, &error);
                None
            }
        }
    }

    /// Handles kept input of a connection that may go on, and reads what it did not.
    pub(super) fn resume(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        conn.state.paused = false;
        let mut alive = conn.input.is_empty() || self.feed_input(id, &mut conn);
        if alive && conn.state.readable && !conn.state.paused {
            let mut buffer = take(&mut self.read_buffer);
            alive = self.read_into(id, &mut conn, &mut buffer);
            self.read_buffer = buffer;
        } else if alive && conn.state.eof && !conn.state.paused {
            alive = self.on_eof(id, &mut conn);
        }
        self.put_back(id, conn, alive);
    }

    /// Seals and writes what waits; tells those that were waiting for room.
    pub(super) fn flush(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.get_mut(id as usize).and_then(Option::take) else { return };
        conn.state.dirty = false;
        let alive = conn.state.connecting || self.write_out(&mut conn);
        if conn.unsent() <= OUT_LOW {
            self.tunnel_drained(&mut conn);
        }
        if conn.state.half_close && conn.unsent() == 0 {
            self.half_close(&mut conn);
        }
        let drained = conn.unsent() <= OUT_LOW && conn.is_open();
        if drained && !conn.choked.is_empty() {
            let choked = take(&mut conn.choked);
            self.conns[id as usize] = Some(conn);
            choked.into_iter().for_each(|x| self.unchoke(x));
            conn = match self.conns.get_mut(id as usize).and_then(Option::take) {
                Some(conn) => conn,
                None => return,
            };
        }
        let finished = conn.state.closing && !conn.state.half_closed && conn.unsent() == 0;
        self.conns[id as usize] = Some(conn);
        match (alive, finished) {
            (false, _) => self.write_failed(id),
            (true, true) => self.finish(id),
            _ => {}
        }
    }

    /// False when the connection is broken.
    fn write_out(&mut self, conn: &mut Conn) -> bool {
        if !conn.wire.is_empty() {
            let mut wire = take(&mut conn.wire);
            let alive = self.write_some(conn, &mut wire);
            conn.wire = wire;
            if !alive || !conn.wire.is_empty() {
                return alive;
            }
            let wire = take(&mut conn.wire);
            self.recycle(wire);
        }
        if conn.out.is_empty() || (conn.is_tls() && !conn.state.established) {
            return true;
        }
        let mut out = take(&mut conn.out);
        let alive = if conn.is_tls() { self.seal_out(conn, &mut out) } else { self.write_some(conn, &mut out) };
        if let Protocol::H2(h2) = &mut conn.protocol {
            h2.codec.flushed();
        }
        if out.is_empty() {
            self.recycle(out);
        } else {
            conn.out = out;
        }
        alive
    }

    fn seal_out(&mut self, conn: &mut Conn, out: &mut Vec<u8>) -> bool {
        let mut done = 0;
        let mut alive = true;
        let mut cipher = take(&mut self.cipher);
        while done < out.len() && alive && conn.wire.is_empty() {
            let end = (done + SEAL).min(out.len());
            cipher.clear();
            let Some(tls) = conn.tls.as_mut() else { break };
            alive = tls.seal(&out[done..end], &mut cipher).is_ok();
            done = end;
            alive = alive && self.write_some(conn, &mut cipher);
            if !cipher.is_empty() {
                let mut wire = self.buffer();
                wire.extend_from_slice(&cipher);
                conn.wire = wire;
            }
        }
        self.cipher = cipher;
        out.drain(..done);
        alive
    }

    /// Writes as much as the socket takes and removes it from `bytes`.
    fn write_some(&mut self, conn: &mut Conn, bytes: &mut Vec<u8>) -> bool {
        let mut done = 0;
        while done < bytes.len() && !conn.state.blocked {
            match conn.socket.write(&bytes[done..]) {
                Ok(n) => done += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => conn.state.blocked = true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        conn.written += done as u64;
        conn.touched_us = self.now_us;
        if done == bytes.len() {
            bytes.clear();
        } else {
            bytes.drain(..done);
        }
        true
    }

    /// The end of our direction of an opaque connection.
    fn half_close(&mut self, conn: &mut Conn) {
        conn.state.half_close = false;
        if let Some(tls) = conn.tls.as_mut() {
            tls.close(&mut conn.wire);
            let wire = take(&mut conn.wire);
            let _ = conn.socket.write(&wire);
        } else {
            let _ = conn.socket.shutdown(std::net::Shutdown::Write);
        }
    }

    /// Everything is sent on a connection that was to close.
    fn finish(&mut self, id: ConnId) {
        let Some(conn) = self.conn(id) else { return };
        if conn.state.eof || matches!(conn.place, Place::Upstream(_)) {
            return self.close(id);
        }
        (conn.state.lingering, conn.state.half_closed) = (true, true);
        if let Some(tls) = conn.tls.as_mut() {
            tls.close(&mut conn.wire);
            let wire = take(&mut conn.wire);
            let _ = conn.socket.write(&wire);
        }
        let _ = conn.socket.shutdown(std::net::Shutdown::Write);
        // As long as nginx's lingering_timeout: a client that still sends gets our answer instead of a reset.
        self.expect_within(id, 5_000_000);
        self.errand(id, Errand::Resume);
    }

    fn write_failed(&mut self, id: ConnId) {
        // What the peer said before it went away may still be there: a response to a request that it did not read
        // to the end.
        if let Some(conn) = self.conn(id) {
            conn.out.clear();
            conn.wire.clear();
            if !conn.state.eof && matches!(conn.place, Place::Upstream(_)) {
                conn.state.closing = true;
                self.read(id);
            }
        }
        self.close(id);
    }

    fn tls_failed(&mut self, conn: &Conn, error: &rustls::Error) {
        let text = format!(
            "TLS with {}: {}",
            conn.peer_address,
            crate::tls::explain(error, ((self.unix_us + self.now_us) / 1_000_000) as i64)
        );
        self.event("tls-failed", &conn.peer_address.ip().to_string(), &text);
        self.fail_place(conn, Reason::IdentityMismatch);
    }
}

/// One read always fits.
const _: () = assert!(INPUT_MAX > READ);
