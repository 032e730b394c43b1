//! Writing one head: fields are HPACK-encoded straight into the output, and the frame is closed behind them.

use super::core::{Core, Slot};
use super::frame::{self, FrameHead, HEADER_LEN};
use crate::hpack::{Index, Pseudo};
use crate::{Known, known};

/// Encodes one head into the output. Pseudo-header fields first. On a stream that is gone it writes nothing.
#[must_use = "a head must be finished"]
pub struct HeadWriter<'c> {
    core: &'c mut Core,
    out: &'c mut Vec<u8>,
    id: u32,
    /// None: the stream is gone.
    slot: Option<Slot>,
    start: usize,
    informational: bool,
    trailers: bool,
}

/// Shorter credentials could be guessed one whole value at a time by who can see sizes on a shared connection
/// (RFC 7541 §7.1.3; nghttp2 draws the line at the same length).
const GUESSABLE: usize = 20;

impl<'c> HeadWriter<'c> {
    pub(super) fn new(core: &'c mut Core, id: u32, out: &'c mut Vec<u8>, trailers: bool) -> HeadWriter<'c> {
        let slot = core.streams.find(id).filter(|slot| !core.streams.at(*slot).local_closed);
        let start = out.len();
        core.encoder.begin();
        if slot.is_some() {
            out.extend_from_slice(&[0; HEADER_LEN]);
        }
        if !core.is_server() && !trailers && slot.is_some() {
            // RFC 9113 §5.1.1: beginning a stream closes all lower ones that were not begun.
            debug_assert!(id > core.last_begun, "begin heads in the order in which the streams were opened");
            core.last_begun = id;
        }
        HeadWriter { core, out, id, slot, start, informational: false, trailers }
    }

    #[inline]
    pub fn method(&mut self, value: &[u8]) {
        if let Some(slot) = self.slot {
            self.core.streams.at(slot).answers_head = value == b"HEAD";
        }
        self.pseudo(Pseudo::Method, value);
    }

    #[inline]
    pub fn path(&mut self, value: &[u8]) {
        self.pseudo(Pseudo::Path, value);
    }

    #[inline]
    pub fn authority(&mut self, value: &[u8]) {
        self.pseudo(Pseudo::Authority, value);
    }

    #[inline]
    pub fn scheme(&mut self, value: &[u8]) {
        self.pseudo(Pseudo::Scheme, value);
    }

    /// Extended CONNECT (RFC 8441), if the peer has allowed it.
    #[inline]
    pub fn protocol(&mut self, value: &[u8]) {
        self.pseudo(Pseudo::Protocol, value);
    }

    #[inline]
    fn pseudo(&mut self, pseudo: Pseudo, value: &[u8]) {
        if self.slot.is_some() {
            self.core.encoder.pseudo(self.out, pseudo, value);
        }
    }

    /// A 1xx status makes this an informational head, behind which another one follows.
    #[inline]
    pub fn status(&mut self, status: u16) {
        self.informational = status < 200;
        if self.slot.is_some() {
            self.core.encoder.status(self.out, status);
        }
    }

    /// Lower-cases the name. The caller leaves out what speaks about an HTTP/1 connection
    /// ([`Known::is_hop_by_hop`]) and Host, which is `:authority` here.
    #[inline]
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.slot.is_some() {
            let index = || if is_guessable(name, value) { Index::Never } else { Index::Adaptive };
            self.core.encoder.field_lower_if(self.out, name, value, index);
        }
    }

    /// Never indexed, here or by anyone who forwards it.
    #[inline]
    pub fn field_sensitive(&mut self, name: &[u8], value: &[u8]) {
        if self.slot.is_some() {
            self.core.encoder.field_lower(self.out, name, value, Index::Never);
        }
    }

    /// Trailers always end the stream; informational heads never do.
    pub fn finish(self, end_stream: bool) {
        let Some(slot) = self.slot else { return };
        let end = (end_stream || self.trailers) && !self.informational;
        let flags = if end { frame::END_STREAM } else { 0 };
        close_frames(self.out, self.start, self.id, flags, self.core.max_frame());
        let stream = self.core.streams.at(slot);
        if !self.informational && !stream.head_sent {
            stream.head_sent = true;
            if self.core.is_server() {
                self.core.guard.useful();
            }
        }
        if end {
            self.core.close_local(slot);
        }
    }
}

#[inline]
fn is_guessable(name: &[u8], value: &[u8]) -> bool {
    value.len() < GUESSABLE && matches!(known(name), Known::Authorization | Known::ProxyAuthorization | Known::Cookie)
}

/// Fills in the frame head that was left open at `start`, and puts CONTINUATION heads where the peer's frame size
/// demands them.
fn close_frames(out: &mut Vec<u8>, start: usize, stream: u32, flags: u8, max_frame: usize) {
    let block = start + HEADER_LEN;
    let length = out.len() - block;
    let put = |out: &mut Vec<u8>, at: usize, frame: FrameHead| out[at..at + HEADER_LEN].copy_from_slice(&frame.bytes());
    if length <= max_frame {
        let flags = flags | frame::END_HEADERS;
        return put(out, start, FrameHead { length, kind: frame::HEADERS, flags, stream });
    }
    put(out, start, FrameHead { length: max_frame, kind: frame::HEADERS, flags, stream });
    let rest = out.split_off(block + max_frame);
    let pieces = rest.chunks(max_frame);
    let last = pieces.len() - 1;
    for (i, piece) in pieces.enumerate() {
        let flags = if i == last { frame::END_HEADERS } else { 0 };
        frame::write(out, frame::CONTINUATION, flags, stream, piece);
    }
}
