//! Certificate authorities for tests: chains of any name and date, in a line.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::Identity;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

/// What to put into a certificate.
pub struct Leaf {
    pub uris: Vec<String>,
    pub not_before: i64,
    pub not_after: i64,
    pub ca: bool,
}

pub struct Issued {
    pub key: Vec<u8>,
    pub chain: Vec<CertificateDer<'static>>,
}

impl Leaf {
    /// Valid for an hour.
    pub fn named(uri: &str) -> Leaf {
        let now = crate::timestamp::now();
        Leaf { uris: vec![uri.into()], not_before: now - 600, not_after: now + 3600, ca: false }
    }
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Authority { issuer: Issuer::new(params, key), root }
    }

    pub fn root(&self) -> &[u8] {
        &self.root
    }

    pub fn issue(&self, leaf: &Leaf) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let uri = |uri: &String| SanType::URI(uri.as_str().try_into().unwrap());
        params.subject_alt_names = leaf.uris.iter().map(uri).collect();
        params.not_before = OffsetDateTime::from_unix_timestamp(leaf.not_before).unwrap();
        params.not_after = OffsetDateTime::from_unix_timestamp(leaf.not_after).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if leaf.ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { key: key.serialize_der(), chain: vec![certificate.der().clone()] }
    }

    /// Of a workload that trusts this authority.
    pub fn identity(&self, uri: &str) -> Identity {
        self.identity_of(&Leaf::named(uri), std::slice::from_ref(&self.root))
    }

    pub fn identity_of(&self, leaf: &Leaf, roots: &[Vec<u8>]) -> Identity {
        let issued = self.issue(leaf);
        let chain: Vec<_> = issued.chain.iter().map(|c| c.to_vec()).collect();
        Identity::from_der(&issued.key, &chain, roots).unwrap()
    }
}
