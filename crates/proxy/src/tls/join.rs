//! The first call to a controller, before there is an SVID: all that is known of it is its root's hash.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use webpki::KeyUsage;

use super::error::{PeerFault, TlsError};
use super::{ALPN_H2, controller_id, provider, verify};

/// Server-authenticated TLS to a controller whose chain ends in the root with this SHA-256 (64 hex digits).
pub fn join_config(root_sha256: &str) -> Result<ClientConfig, TlsError> {
    let verifier = PinnedRoot {
        sha256: hex(root_sha256)
            .ok_or_else(|| TlsError::Own(format!("root_sha256 {root_sha256:?}: wanted 64 hexadecimal digits")))?,
        algorithms: provider().signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider().clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(super::unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}

#[derive(Debug)]
struct PinnedRoot {
    sha256: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedRoot {
    fn check(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], now: UnixTime) -> Result<(), PeerFault> {
        let (root, intermediates) = rest.split_last().ok_or(PeerFault::UnknownRoot)?;
        if aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, root).as_ref() != self.sha256 {
            return Err(PeerFault::UnknownRoot);
        }
        let anchor = webpki::anchor_from_trusted_cert(root).map_err(|e| PeerFault::Unreadable(e.to_string()))?;
        let usage = KeyUsage::server_auth();
        verify::check_chain(leaf, intermediates, &[anchor], self.algorithms, now, usage)?;
        let name = verify::spiffe_name(leaf)?;
        let wanted = controller_id(name.trust_domain());
        match name.as_str() == wanted {
            true => Ok(()),
            false => Err(PeerFault::Unexpected { theirs: name.to_string(), wanted }),
        }
    }
}

impl ServerCertVerifier for PinnedRoot {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dns_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    verify::signatures_of_tls13!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Authority, Leaf};
    use crate::tls::verify::unix_time;

    fn pinned(root: &[u8]) -> PinnedRoot {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, root);
        let text: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        PinnedRoot { sha256: hex(&text).unwrap(), algorithms: provider().signature_verification_algorithms }
    }

    #[test]
    fn only_the_controller_under_the_pinned_root_is_believed() {
        let (ours, other) = (Authority::new("ours"), Authority::new("other"));
        let now = unix_time(crate::timestamp::now());
        let check = |authority: &Authority, uri: &str, root: &[u8]| {
            let issued = authority.issue(&Leaf::named(uri));
            pinned(ours.root()).check(&issued.chain[0], &[CertificateDer::from(root.to_vec())], now)
        };
        let controller = "spiffe://td/ns/weft/sa/controller";
        assert_eq!(check(&ours, controller, ours.root()), Ok(()));
        assert_eq!(check(&other, controller, other.root()), Err(PeerFault::UnknownRoot));
        assert_eq!(check(&other, controller, ours.root()), Err(PeerFault::UnknownRoot));
        let workload = check(&ours, "spiffe://td/ns/weft/sa/web", ours.root());
        assert!(matches!(workload, Err(PeerFault::Unexpected { .. })), "{workload:?}");
    }

    #[test]
    fn a_hash_has_64_hexadecimal_digits() {
        assert!(hex(&"0f".repeat(32)).is_some());
        for bad in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            assert!(join_config(bad).is_err(), "{bad}");
        }
    }
}
