//! What goes wrong with certificates, in sentences that say who, what and what next.

use std::fmt;

use rustls::{AlertDescription, CertificateError, Error, OtherError};

use crate::timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// A key, certificate or bundle of ours.
    Own(String),
    Peer(PeerFault),
}

/// Why a peer was not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerFault {
    NoCertificate,
    Unreadable(String),
    UnknownRoot,
    NotYetValid {
        from: i64,
        now: i64,
    },
    Expired {
        at: i64,
        now: i64,
    },
    /// Not an SVID: how many names it has, or what is wrong with the one.
    NoSpiffeId(String),
    ForeignTrustDomain {
        theirs: String,
        ours: String,
    },
    /// A sound SVID, but of somebody else.
    Unexpected {
        theirs: String,
        wanted: String,
    },
}

impl std::error::Error for TlsError {}
impl std::error::Error for PeerFault {}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Own(text) => f.write_str(text),
            TlsError::Peer(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for PeerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use PeerFault::*;
        let date = timestamp::text;
        match self {
            NoCertificate => f.write_str("peer sent no certificate: it must be in the mesh to call this port"),
            Unreadable(why) => write!(f, "peer's certificate cannot be used ({why}): it must renew it"),
            UnknownRoot => f.write_str(
                "peer's certificate chains to no root of our trust bundle: is it of another mesh, or has one side \
                 not got the new root yet?",
            ),
            NotYetValid { from, now } => write!(
                f,
                "peer's certificate is not valid before {}, and it is {} here: check both clocks",
                date(*from),
                date(*now)
            ),
            Expired { at, now } => write!(
                f,
                "peer's certificate expired at {}, and it is {} here: check both clocks, and whether the peer can \
                 reach its controller to renew",
                date(*at),
                date(*now)
            ),
            NoSpiffeId(why) => write!(f, "peer's certificate is no SVID ({why}): it must come from the mesh's CA"),
            ForeignTrustDomain { theirs, ours } => write!(
                f,
                "peer is of trust domain {theirs}, this proxy of {ours}: they are two meshes and not federated"
            ),
            Unexpected { theirs, wanted } => {
                write!(f, "peer is {theirs}, wanted {wanted}: is something else listening at that address?")
            }
        }
    }
}

impl From<PeerFault> for TlsError {
    fn from(fault: PeerFault) -> Self {
        TlsError::Peer(fault)
    }
}

/// For rustls, which chooses the alert by the variant: the peer shall learn which of the two it is.
impl From<PeerFault> for Error {
    fn from(fault: PeerFault) -> Self {
        use super::verify::unix_time as unix;
        Error::InvalidCertificate(match fault {
            PeerFault::NotYetValid { from, now } => {
                CertificateError::NotValidYetContext { time: unix(now), not_before: unix(from) }
            }
            PeerFault::Expired { at, now } => CertificateError::ExpiredContext { time: unix(now), not_after: unix(at) },
            PeerFault::UnknownRoot => CertificateError::UnknownIssuer,
            other => CertificateError::Other(OtherError(std::sync::Arc::new(other))),
        })
    }
}

/// A failed handshake in our words. `not_after` is that of our own certificate, for when the peer refused it.
pub fn explain(error: &Error, not_after: i64) -> String {
    match error {
        Error::NoCertificatesPresented => PeerFault::NoCertificate.to_string(),
        Error::InvalidCertificate(e) => explain_certificate(e),
        Error::AlertReceived(alert) => explain_alert(*alert, not_after),
        Error::NoApplicationProtocol | Error::PeerIncompatible(_) => {
            format!("peer speaks another TLS ({error}): weft needs TLS 1.3 and the protocol weft/1 or weft-tcp/1")
        }
        Error::InvalidMessage(_) => format!("peer does not speak TLS on this port ({error})"),
        other => format!("TLS with the peer failed: {other}"),
    }
}

fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::NotValidYetContext { time, not_before } => {
            PeerFault::NotYetValid { from: not_before.as_secs() as i64, now: time.as_secs() as i64 }.to_string()
        }
        CertificateError::ExpiredContext { time, not_after } => {
            PeerFault::Expired { at: not_after.as_secs() as i64, now: time.as_secs() as i64 }.to_string()
        }
        CertificateError::UnknownIssuer => PeerFault::UnknownRoot.to_string(),
        CertificateError::Other(OtherError(inner)) => inner.to_string(),
        other => PeerFault::Unreadable(other.to_string()).to_string(),
    }
}

fn explain_alert(alert: AlertDescription, not_after: i64) -> String {
    match alert {
        AlertDescription::CertificateExpired => format!(
            "peer says that our certificate is not valid now; it is until {}: check both clocks",
            timestamp::text(not_after)
        ),
        AlertDescription::UnknownCA => "peer does not trust our certificate's root: is it of another mesh, or has it \
                                        not got the new root yet?"
            .into(),
        AlertDescription::CertificateRequired => "peer demands a certificate and we sent none".into(),
        AlertDescription::NoApplicationProtocol => "peer is no weft proxy: it does not know weft/1".into(),
        AlertDescription::CertificateUnknown | AlertDescription::BadCertificate => {
            "peer refuses our certificate: its log says why".into()
        }
        other => format!("peer ended the TLS handshake: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rustls_carries_comes_out_as_it_went_in() {
        let faults = [
            PeerFault::NotYetValid { from: 1000, now: 900 },
            PeerFault::Expired { at: 1000, now: 1100 },
            PeerFault::UnknownRoot,
            PeerFault::NoSpiffeId("it has no URI name".into()),
            PeerFault::ForeignTrustDomain { theirs: "a".into(), ours: "b".into() },
        ];
        for fault in faults {
            assert_eq!(explain(&fault.clone().into(), 0), fault.to_string());
        }
    }

    #[test]
    fn a_clock_is_named_by_whose_it_is() {
        let theirs = explain(&PeerFault::NotYetValid { from: 1000, now: 900 }.into(), 0);
        assert!(theirs.starts_with("peer's certificate is not valid before 1970-01-01T00:16:40Z"), "{theirs}");
        assert!(theirs.ends_with("check both clocks"), "{theirs}");
        let ours = explain(&Error::AlertReceived(AlertDescription::CertificateExpired), 86_400);
        assert!(ours.contains("our certificate") && ours.contains("1970-01-02") && ours.contains("clocks"), "{ours}");
    }
}
