//! Who we are and whom we believe: an SVID and a trust bundle, as rustls configurations.
//!
//! [`Identity`] is the one abstraction: everything that changes when a certificate is renewed or a root rotated. Old
//! sessions are never resumed under a new one, because tickets and caches belong to it. Read `verify` next.

mod error;
mod join;
mod provider;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod verify;
mod x509;

use std::path::Path;
use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::ServerConfig;
use rustls::version::TLS13;

pub use error::{PeerFault, TlsError, explain};
pub use join::join_config;
pub use provider::provider;
pub use verify::{SvidVerifier, peer_spiffe, peer_spiffe_at};
pub use weft_core::spiffe::SpiffeId;

/// HTTP/2 with a HELLO first, between two weft proxies.
pub const ALPN_WEFT: &[u8] = b"weft/1";
/// Opaque bytes after a HELLO, likewise.
pub const ALPN_WEFT_TCP: &[u8] = b"weft-tcp/1";
/// What gRPC speaks to the controller.
const ALPN_H2: &[u8] = b"h2";

/// Sessions that a client remembers, all peers together (rustls keeps up to 8 for a name).
const CLIENT_SESSIONS: usize = 256;
/// A ticket holds the client's chain, about 1 KiB: one is enough for connections that live for an hour.
const TICKETS_PER_HANDSHAKE: usize = 1;

/// An SVID with its key, and the trust bundle, ready to use.
pub struct Identity {
    pub client: Arc<ClientConfig>,
    pub client_tcp: Arc<ClientConfig>,
    pub server: Arc<ServerConfig>,
    pub spiffe: Arc<str>,
    pub trust_domain: Arc<str>,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
    /// Leaf first.
    pub chain_der: Vec<CertificateDer<'static>>,
    pub roots: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    verifier: SvidVerifier,
}

impl Identity {
    pub fn from_pem_files(
        key: impl AsRef<Path>,
        chain: impl AsRef<Path>,
        roots: impl AsRef<Path>,
    ) -> Result<Identity, TlsError> {
        let path = key.as_ref();
        let key = PrivateKeyDer::from_pem_file(path)
            .map_err(|e| TlsError::Own(format!("{}: no private key in PEM to be read ({e})", path.display())))?;
        Identity::build(key, certificates(chain.as_ref())?, certificates(roots.as_ref())?)
    }

    /// `chain`: leaf first.
    pub fn from_der(key_pkcs8: &[u8], chain: &[Vec<u8>], roots: &[Vec<u8>]) -> Result<Identity, TlsError> {
        let owned = |all: &[Vec<u8>]| all.iter().map(|c| CertificateDer::from(c.clone())).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key_pkcs8.to_vec()));
        Identity::build(key, owned(chain), owned(roots))
    }

    fn build(
        key: PrivateKeyDer<'static>,
        chain_der: Vec<CertificateDer<'static>>,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Identity, TlsError> {
        let leaf = chain_der.first().ok_or_else(|| TlsError::Own("the certificate chain is empty".into()))?;
        let name = verify::spiffe_name(leaf).map_err(|e| ours(&e))?;
        let facts = x509::facts(leaf).ok_or_else(|| TlsError::Own("our certificate is not X.509 v3".into()))?;
        let (not_before, not_after) = (facts.not_before, facts.not_after);
        let trust_domain: Arc<str> = name.trust_domain().into();
        let verifier = SvidVerifier::new(&roots, trust_domain.clone())?;
        // With a date of its own life: what a wrong clock means is the peer's to say, and ours when we renew.
        let alive = verify::unix_time(crate::timestamp::now().clamp(not_before, not_after));
        verifier.check(leaf, &chain_der[1..], alive, webpki::KeyUsage::client_auth()).map_err(|e| ours(&e))?;
        let parts = Parts { key: &key, chain: &chain_der };
        Ok(Identity {
            client: Arc::new(parts.client(&verifier, ALPN_WEFT)?),
            client_tcp: Arc::new(parts.client(&verifier, ALPN_WEFT_TCP)?),
            server: Arc::new(parts.server(&verifier)?),
            spiffe: name.as_str().into(),
            trust_domain,
            not_before,
            not_after,
            chain_der,
            roots,
            key,
            verifier,
        })
    }

    /// For the control channel: mTLS with our SVID to the controller's, and to nobody else's.
    pub fn controller_client(&self) -> Result<ClientConfig, TlsError> {
        let verifier = self.verifier.clone().expecting(controller_id(&self.trust_domain));
        Parts { key: &self.key, chain: &self.chain_der }.client(&verifier, ALPN_H2)
    }
}

/// The controller of a trust domain.
pub fn controller_id(trust_domain: &str) -> String {
    format!("spiffe://{trust_domain}{CONTROLLER_PATH}")
}

const CONTROLLER_PATH: &str = "/ns/weft/sa/controller";

/// The key under which rustls remembers a peer's sessions: "<namespace>/<workload>" made a DNS name. It is never sent
/// (no SNI) and never checked (SPIFFE IDs are).
pub fn session_name(workload: &str) -> ServerName<'static> {
    let label = |b: u8| if b.is_ascii_alphanumeric() || b == b'-' { char::from(b) } else { '.' };
    let name: String = workload.bytes().map(label).collect();
    ServerName::try_from(name).unwrap_or_else(|_| ServerName::try_from("peer").expect("a DNS name"))
}

struct Parts<'a> {
    key: &'a PrivateKeyDer<'static>,
    chain: &'a [CertificateDer<'static>],
}

impl Parts<'_> {
    fn client(&self, verifier: &SvidVerifier, alpn: &[u8]) -> Result<ClientConfig, TlsError> {
        let mut config = ClientConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.clone()))
            .with_client_auth_cert(self.chain.to_vec(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        config.enable_sni = false;
        config.resumption = Resumption::in_memory_sessions(CLIENT_SESSIONS);
        Ok(config)
    }

    fn server(&self, verifier: &SvidVerifier) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::new(verifier.clone()))
            .with_single_cert(self.chain.to_vec(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![ALPN_WEFT.to_vec(), ALPN_WEFT_TCP.to_vec()];
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(unusable)?;
        config.send_tls13_tickets = TICKETS_PER_HANDSHAKE;
        Ok(config)
    }
}

fn unusable(error: rustls::Error) -> TlsError {
    TlsError::Own(format!("our key and certificate cannot be used: {error}"))
}

fn ours(fault: &PeerFault) -> TlsError {
    TlsError::Own(match fault {
        PeerFault::UnknownRoot => "our certificate chains to no root of our own trust bundle: which of the two is \
                                   from another mesh?"
            .into(),
        other => other.to_string().replace("peer's", "our own").replace("the peer", "this proxy"),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |e| TlsError::Own(format!("{}: no certificates in PEM to be read ({e})", path.display()));
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(|all| all.collect::<Result<_, _>>()).map_err(unreadable)?;
    if found.is_empty() {
        return Err(TlsError::Own(format!("{}: holds no certificate", path.display())));
    }
    Ok(found)
}
