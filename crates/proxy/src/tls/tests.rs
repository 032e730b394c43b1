//! Whole handshakes in memory: who is believed, and what the other side is told.

use std::sync::Arc;

use rustls::client::{ClientConfig, ClientConnection};
use rustls::server::{ServerConfig, ServerConnection};
use rustls::{Error, HandshakeKind};

use super::testing::{Authority, Issued, Leaf};
use super::*;

const WEB: &str = "spiffe://td/ns/default/sa/web";
const API: &str = "spiffe://td/ns/default/sa/api";

struct Shaken {
    client: ClientConnection,
    server: ServerConnection,
    /// The first error of each side.
    client_error: Option<Error>,
    server_error: Option<Error>,
}

fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Shaken {
    let mut shaken = Shaken {
        client: ClientConnection::new(client.clone(), session_name("default/api-1")).unwrap(),
        server: ServerConnection::new(server.clone()).unwrap(),
        client_error: None,
        server_error: None,
    };
    for _ in 0..4 {
        let mut bytes = Vec::new();
        while shaken.client.wants_write() {
            shaken.client.write_tls(&mut bytes).unwrap();
        }
        shaken.server.read_tls(&mut bytes.as_slice()).unwrap();
        shaken.server_error = shaken.server_error.or(shaken.server.process_new_packets().err());
        bytes.clear();
        while shaken.server.wants_write() {
            shaken.server.write_tls(&mut bytes).unwrap();
        }
        shaken.client.read_tls(&mut bytes.as_slice()).unwrap();
        shaken.client_error = shaken.client_error.or(shaken.client.process_new_packets().err());
    }
    shaken
}

/// A client whose own certificate nobody has looked at.
fn client_with(issued: &Issued, trusts: &Authority) -> Arc<ClientConfig> {
    let verifier = SvidVerifier::new(&[trusts.root().into()], "td".into()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.key.clone()));
    Arc::new(Parts { key: &key, chain: &issued.chain }.client(&verifier, ALPN_WEFT).unwrap())
}

#[test]
fn both_sides_learn_who_the_other_is() {
    let authority = Authority::new("root");
    let (web, api) = (authority.identity(WEB), authority.identity(API));
    let shaken = shake(&web.client, &api.server);
    assert_eq!((&shaken.client_error, &shaken.server_error), (&None, &None));
    let server_sees = peer_spiffe(shaken.server.peer_certificates().unwrap()).unwrap();
    let client_sees = peer_spiffe(shaken.client.peer_certificates().unwrap()).unwrap();
    assert_eq!((server_sees.as_str(), client_sees.as_str()), (WEB, API));
    assert_eq!(shaken.client.alpn_protocol(), Some(ALPN_WEFT));
    assert_eq!(shake(&web.client_tcp, &api.server).server.alpn_protocol(), Some(ALPN_WEFT_TCP));
    let suite = shaken.client.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    let group = shaken.client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn a_resumed_session_still_knows_the_peer() {
    let authority = Authority::new("root");
    let (web, api) = (authority.identity(WEB), authority.identity(API));
    assert_eq!(shake(&web.client, &api.server).client.handshake_kind(), Some(HandshakeKind::Full));
    let shaken = shake(&web.client, &api.server);
    assert_eq!(shaken.server.handshake_kind(), Some(HandshakeKind::Resumed));
    let server_sees = peer_spiffe(shaken.server.peer_certificates().unwrap()).unwrap();
    let client_sees = peer_spiffe(shaken.client.peer_certificates().unwrap()).unwrap();
    assert_eq!((server_sees.as_str(), client_sees.as_str()), (WEB, API));
    let renewed = authority.identity(API);
    assert_eq!(shake(&web.client, &renewed.server).server.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn a_resumed_session_does_not_outlive_its_certificate() {
    let issued = Authority::new("root").issue(&Leaf::named(WEB));
    let end = x509::facts(&issued.chain[0]).unwrap().not_after;
    assert!(peer_spiffe_at(&issued.chain, end).is_ok());
    assert_eq!(
        peer_spiffe_at(&issued.chain, end + 1),
        Err(TlsError::Peer(PeerFault::Expired { at: end, now: end + 1 }))
    );
    assert_eq!(peer_spiffe(&[]), Err(TlsError::Peer(PeerFault::NoCertificate)));
}

/// What the server says about a client's certificate, and the client about the server's refusal.
#[test]
fn a_wrong_certificate_is_refused_with_the_reason() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let api = ours.identity(API);
    let dated = |from: i64, to: i64| {
        let now = crate::timestamp::now();
        Leaf { not_before: now + from, not_after: now + to, ..Leaf::named(WEB) }
    };
    let uris = |uris: &[&str]| Leaf { uris: uris.iter().map(|u| u.to_string()).collect(), ..Leaf::named(WEB) };
    let cases: [(&Authority, Leaf, &str, &str); 8] = [
        (&ours, uris(&["spiffe://elsewhere/ns/a/sa/b"]), "is of trust domain elsewhere, this proxy of td", "its log"),
        (&other, uris(&[WEB]), "chains to no root of our trust bundle", "does not trust our certificate's root"),
        (&ours, dated(-7200, -3600), "peer's certificate expired at", "check both clocks"),
        (&ours, dated(3600, 7200), "peer's certificate is not valid before", "check both clocks"),
        (&ours, uris(&[]), "no SVID (it has no URI name)", "its log"),
        (&ours, uris(&[WEB, API]), "it has 2 URI names instead of one", "its log"),
        (&ours, uris(&["https://td/web"]), "does not begin with spiffe://", "its log"),
        (&ours, Leaf { ca: true, ..Leaf::named(WEB) }, "CaUsedAsEndEntity", ""),
    ];
    for (authority, leaf, server_says, client_says) in cases {
        let shaken = shake(&client_with(&authority.issue(&leaf), &ours), &api.server);
        let server = explain(&shaken.server_error.expect(server_says), 0);
        assert!(server.contains(server_says), "{server_says}: {server}");
        let client = explain(&shaken.client_error.expect(server_says), 0);
        assert!(client.contains(client_says), "{client_says}: {client}");
    }
}

#[test]
fn a_client_looks_at_the_server_just_as_closely() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let web = ours.identity(WEB);
    let cases = [
        (other.identity(API), "chains to no root of our trust bundle"),
        (ours.identity("spiffe://elsewhere/ns/a/sa/b"), "is of trust domain elsewhere"),
    ];
    for (api, says) in cases {
        let error = explain(&shake(&web.client, &api.server).client_error.expect(says), 0);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let authority = Authority::new("root");
    let api = authority.identity(API);
    let mut anonymous = ClientConfig::builder_with_provider(provider().clone())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(api.verifier.clone()))
        .with_no_client_auth();
    anonymous.alpn_protocols = vec![ALPN_WEFT.to_vec()];
    let shaken = shake(&Arc::new(anonymous), &api.server);
    let server = explain(&shaken.server_error.unwrap(), 0);
    assert!(server.starts_with("peer sent no certificate: it must be in the mesh"), "{server}");
    let client = explain(&shaken.client_error.unwrap(), 0);
    assert_eq!(client, "peer demands a certificate and we sent none");
}

#[test]
fn two_roots_overlap_while_one_is_rotated() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let both = [old.root().to_vec(), new.root().to_vec()];
    let web = old.identity_of(&Leaf::named(WEB), &both);
    let api = new.identity_of(&Leaf::named(API), &both);
    let shaken = shake(&web.client, &api.server);
    assert_eq!((shaken.client_error, shaken.server_error), (None, None));
}

#[test]
fn the_controllers_channel_is_for_the_controller_only() {
    let authority = Authority::new("root");
    let web = authority.identity(WEB);
    let client = Arc::new(web.controller_client().unwrap());
    let serves = |uri: &str| {
        let mut server = (*authority.identity(uri).server).clone();
        server.alpn_protocols = vec![b"h2".to_vec()];
        shake(&client, &Arc::new(server)).client_error
    };
    assert_eq!(serves(&controller_id("td")), None);
    let error = explain(&serves(API).unwrap(), 0);
    assert!(
        error.contains("peer is spiffe://td/ns/default/sa/api, wanted spiffe://td/ns/weft/sa/controller"),
        "{error}"
    );
}

#[test]
fn our_own_files_are_checked_before_they_are_used() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let issued = ours.issue(&Leaf::named(WEB));
    let chain = [issued.chain[0].to_vec()];
    let error = |key: &[u8], chain: &[Vec<u8>], roots: &[Vec<u8>]| {
        Identity::from_der(key, chain, roots).err().expect("refused").to_string()
    };
    let root = [ours.root().to_vec()];
    assert!(Identity::from_der(&issued.key, &chain, &root).is_ok());
    assert!(error(&issued.key, &chain, &[other.root().to_vec()]).contains("no root of our own trust bundle"));
    assert!(error(&issued.key, &chain, &[]).contains("bundle is empty"));
    assert!(error(&issued.key, &[], &root).contains("chain is empty"));
    assert!(error(&issued.key, &[b"junk".to_vec()], &root).contains("our own certificate cannot be used"));
    assert!(error(&other.issue(&Leaf::named(WEB)).key, &chain, &root).contains("our key and certificate"));
    let missing = Identity::from_pem_files("/nonexistent/key", "", "").err().expect("refused").to_string();
    assert!(missing.starts_with("/nonexistent/key: no private key"), "{missing}");
}

/// An expired SVID from the state directory can still be loaded: renewal needs it, and says so if it fails.
#[test]
fn an_expired_identity_of_ours_can_be_loaded() {
    let authority = Authority::new("root");
    let now = crate::timestamp::now();
    let expired = Leaf { not_before: now - 7200, not_after: now - 3600, ..Leaf::named(WEB) };
    assert_eq!(authority.identity_of(&expired, &[authority.root().to_vec()]).not_after, now - 3600);
}

#[test]
fn session_names_keep_workloads_apart() {
    let name = |w: &str| session_name(w).to_str().into_owned();
    assert_eq!(name("default/reviews-v1-0"), "default.reviews-v1-0");
    assert_ne!(name("a/b"), name("a/c"));
    assert_eq!(name(""), "peer");
}
