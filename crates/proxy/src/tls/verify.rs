//! Is the peer who it says it is? X509-SVID rules instead of DNS names, the same for both sides of a handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};
use weft_core::spiffe::SpiffeId;

use super::error::{PeerFault, TlsError};

use super::{provider, x509};

/// The part of rustls' verifiers, of servers and of clients, that is not about whom to believe: TLS 1.3 and nothing older,
/// with `self.algorithms`.
macro_rules! signatures_of_tls13 {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(PeerIncompatible::Tls12NotOffered.into())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            rustls::crypto::verify_tls13_signature(message, leaf, signature, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}
pub(super) use signatures_of_tls13;

/// Believes certificates that chain to one of `roots` and carry one SPIFFE ID of `trust_domain`.
#[derive(Clone, Debug)]
pub struct SvidVerifier {
    roots: Vec<TrustAnchor<'static>>,
    trust_domain: Arc<str>,
    /// Only this ID.
    expected: Option<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl SvidVerifier {
    pub fn new(roots: &[CertificateDer<'_>], trust_domain: Arc<str>) -> Result<Self, TlsError> {
        let mut anchors = Vec::with_capacity(roots.len());
        for (i, root) in roots.iter().enumerate() {
            let anchor = webpki::anchor_from_trusted_cert(root)
                .map_err(|e| TlsError::Own(format!("root {i} of the trust bundle is not a certificate ({e})")))?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() {
            return Err(TlsError::Own("the trust bundle is empty: nobody could be believed".into()));
        }
        let algorithms = provider().signature_verification_algorithms;
        Ok(SvidVerifier { roots: anchors, trust_domain, expected: None, algorithms })
    }

    pub fn expecting(mut self, id: String) -> Self {
        self.expected = Some(id);
        self
    }

    pub fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<SpiffeId, PeerFault> {
        check_chain(leaf, intermediates, &self.roots, self.algorithms, now, usage)?;
        let name = spiffe_name(leaf)?;
        if name.trust_domain() != &*self.trust_domain {
            let (theirs, ours) = (name.trust_domain().into(), self.trust_domain.to_string());
            return Err(PeerFault::ForeignTrustDomain { theirs, ours });
        }
        match &self.expected {
            Some(wanted) if wanted != name.as_str() => {
                Err(PeerFault::Unexpected { theirs: name.to_string(), wanted: wanted.clone() })
            }
            _ => Ok(name),
        }
    }
}

pub fn check_chain(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
    algorithms: WebPkiSupportedAlgorithms,
    now: UnixTime,
    usage: KeyUsage,
) -> Result<(), PeerFault> {
    let certificate = EndEntityCert::try_from(leaf).map_err(fault)?;
    certificate.verify_for_usage(algorithms.all, roots, intermediates, now, usage, None, None).map_err(fault)?;
    Ok(())
}

fn fault(error: webpki::Error) -> PeerFault {
    let unix = |t: UnixTime| t.as_secs() as i64;
    match error {
        webpki::Error::CertNotValidYet { time, not_before } => {
            PeerFault::NotYetValid { from: unix(not_before), now: unix(time) }
        }
        webpki::Error::CertExpired { time, not_after } => PeerFault::Expired { at: unix(not_after), now: unix(time) },
        webpki::Error::UnknownIssuer => PeerFault::UnknownRoot,
        other => PeerFault::Unreadable(format!("{other:?}")),
    }
}

/// The one SPIFFE ID of a certificate (X509-SVID section 2: exactly one URI name).
pub fn spiffe_name(leaf: &CertificateDer<'_>) -> Result<SpiffeId, PeerFault> {
    let facts = x509::facts(leaf).ok_or_else(|| PeerFault::Unreadable("not an X.509 v3 certificate".into()))?;
    let uri = match facts.uris[..] {
        [uri] => uri,
        [] => return Err(PeerFault::NoSpiffeId("it has no URI name".into())),
        _ => return Err(PeerFault::NoSpiffeId(format!("it has {} URI names instead of one", facts.uris.len()))),
    };
    let text = String::from_utf8_lossy(uri);
    SpiffeId::parse(&text).map_err(|why| PeerFault::NoSpiffeId(why.reason))
}

/// Who the peer of a finished handshake is. rustls does not look again at the dates of a *resumed* session's
/// certificate, so this does.
pub fn peer_spiffe(certificates: &[CertificateDer<'_>]) -> Result<SpiffeId, TlsError> {
    peer_spiffe_at(certificates, crate::timestamp::now())
}

pub fn peer_spiffe_at(certificates: &[CertificateDer<'_>], now: i64) -> Result<SpiffeId, TlsError> {
    let leaf = certificates.first().ok_or(PeerFault::NoCertificate)?;
    let name = spiffe_name(leaf)?;
    let at = x509::facts(leaf).map_or(0, |f| f.not_after);
    if now > at {
        return Err(PeerFault::Expired { at, now }.into());
    }
    Ok(name)
}

/// For dates of ours, whatever the clock says.
pub fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0) as u64))
}

impl ServerCertVerifier for SvidVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dns_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, intermediates, now, KeyUsage::server_auth())?;
        Ok(ServerCertVerified::assertion())
    }

    signatures_of_tls13!();
}

/// Without a certificate rustls refuses the handshake: `client_auth_mandatory` is true unless said otherwise.
impl ClientCertVerifier for SvidVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(leaf, intermediates, now, KeyUsage::client_auth())?;
        Ok(ClientCertVerified::assertion())
    }

    signatures_of_tls13!();
}
