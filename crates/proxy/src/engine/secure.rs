//! TLS of one connection over the loop's own buffers (rustls' unbuffered API): records are opened in place and sealed
//! straight into what is written, so an idle connection holds no buffer.

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

/// Largest plaintext of one record (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;
/// Header, inner content type and tag: what one TLS 1.3 record adds, rounded up.
const RECORD_OVERHEAD: usize = 5 + 1 + 16 + 10;
/// Room for one handshake message at first; rustls says when it needs more.
const HANDSHAKE: usize = 4096;

pub enum Tls {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What became of some ciphertext.
#[derive(Debug, Default, Clone, Copy)]
pub struct Opened {
    /// Bytes of the input that are done with; the rest is the beginning of a record.
    pub consumed: usize,
    /// The peer said that it sends no more (close_notify).
    pub closed: bool,
}

enum Step {
    Again,
    NeedsInput,
    Closed,
}

impl Tls {
    /// Opens all complete records of `input` in place, appends their plaintext to `plain` and whatever the protocol has
    /// to answer (handshake, tickets, key updates) to `wire`.
    pub fn open(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<Opened, rustls::Error> {
        let mut consumed = 0;
        loop {
            let rest = &mut input[consumed..];
            let (discard, step) = match self {
                Tls::Client(c) => step(c.process_tls_records(rest), plain, wire),
                Tls::Server(c) => step(c.process_tls_records(rest), plain, wire),
            };
            consumed += discard;
            match step? {
                Step::Again => {}
                Step::NeedsInput => return Ok(Opened { consumed, closed: false }),
                Step::Closed => return Ok(Opened { consumed, closed: true }),
            }
        }
    }

    /// Seals `plain` as records appended to `wire`. Only after the handshake.
    pub fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<(), rustls::Error> {
        let records = plain.len().div_ceil(RECORD).max(1);
        let start = wire.len();
        wire.resize(start + plain.len() + records * RECORD_OVERHEAD, 0);
        let written = match self {
            Tls::Client(c) => encrypt(c.process_tls_records(&mut []), plain, &mut wire[start..]),
            Tls::Server(c) => encrypt(c.process_tls_records(&mut []), plain, &mut wire[start..]),
        };
        wire.truncate(start + *written.as_ref().unwrap_or(&0));
        written.map(|_| ())
    }

    /// Says that we send no more, where the handshake got that far.
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        let start = wire.len();
        wire.resize(start + 64, 0);
        let written = match self {
            Tls::Client(c) => close_notify(c.process_tls_records(&mut []), &mut wire[start..]),
            Tls::Server(c) => close_notify(c.process_tls_records(&mut []), &mut wire[start..]),
        };
        wire.truncate(start + written);
    }

    pub fn is_handshaking(&self) -> bool {
        match self {
            Tls::Client(c) => c.is_handshaking(),
            Tls::Server(c) => c.is_handshaking(),
        }
    }

    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        let certificates = match self {
            Tls::Client(c) => c.peer_certificates(),
            Tls::Server(c) => c.peer_certificates(),
        };
        certificates.unwrap_or_default()
    }

    pub fn alpn(&self) -> &[u8] {
        let protocol = match self {
            Tls::Client(c) => c.alpn_protocol(),
            Tls::Server(c) => c.alpn_protocol(),
        };
        protocol.unwrap_or_default()
    }
}

fn step<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plain: &mut Vec<u8>,
    wire: &mut Vec<u8>,
) -> (usize, Result<Step, rustls::Error>) {
    let mut discard = status.discard;
    let state = match status.state {
        Ok(state) => state,
        Err(error) => return (discard, Err(error)),
    };
    let step = match state {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    Err(error) => return (discard, Err(error)),
                }
            }
            Step::Again
        }
        ConnectionState::EncodeTlsData(mut data) => {
            if let Err(error) = encode(wire, |out| data.encode(out)) {
                return (discard, Err(error));
            }
            Step::Again
        }
        ConnectionState::TransmitTlsData(data) => {
            // It is in `wire`, which leaves before anything that we seal later.
            data.done();
            Step::Again
        }
        ConnectionState::PeerClosed | ConnectionState::Closed => Step::Closed,
        _ => Step::NeedsInput,
    };
    (discard, Ok(step))
}

fn encode(
    wire: &mut Vec<u8>,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), rustls::Error> {
    let start = wire.len();
    let mut room = HANDSHAKE;
    loop {
        wire.resize(start + room, 0);
        match write(&mut wire[start..]) {
            Ok(n) => {
                wire.truncate(start + n);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(need)) => room = need.required_size,
            // Already encoded: nothing is left to say.
            Err(_) => {
                wire.truncate(start);
                return Ok(());
            }
        }
    }
}

fn encrypt<D>(status: UnbufferedStatus<'_, '_, D>, plain: &[u8], out: &mut [u8]) -> Result<usize, rustls::Error> {
    match status.state? {
        ConnectionState::WriteTraffic(mut traffic) => traffic.encrypt(plain, out).map_err(|error| match error {
            EncryptError::InsufficientSize(_) => rustls::Error::General("no room for a record".into()),
            EncryptError::EncryptExhausted => rustls::Error::EncryptError,
        }),
        _ => Err(rustls::Error::HandshakeNotComplete),
    }
}

fn close_notify<D>(status: UnbufferedStatus<'_, '_, D>, out: &mut [u8]) -> usize {
    match status.state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.queue_close_notify(out).unwrap_or(0),
        _ => 0,
    }
}
