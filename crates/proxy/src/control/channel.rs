//! The way to the controller: a unix socket (plain; the kernel says who calls) or TCP with mutual TLS.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::tls;

/// A controller in another region answers in 0.3 s; three lost SYNs take 7 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A dead controller is noticed after this and `KEEP_ALIVE_TIMEOUT`. gRPC servers count pings that come faster than
/// they allow as an attack; the controller allows them each 10 s.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest program message that is taken: a frontend of 10,000 routes has about 5 MB.
pub const MAX_MESSAGE: usize = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    /// "host:port"
    Tcp(String),
}

impl Address {
    pub fn parse(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Address::Unix(PathBuf::from(path)));
        }
        match text.rsplit_once(':').map(|(host, port)| (host.is_empty(), port.parse::<u16>())) {
            Some((false, Ok(_))) => Ok(Address::Tcp(text.to_owned())),
            _ => Err(format!("controller address {text:?} is neither <host>:<port> nor unix:<path>")),
        }
    }

    /// The listener for those without an SVID: the port after.
    pub fn join(&self) -> Address {
        match self {
            Address::Tcp(text) => {
                let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
                let port = port.parse::<u16>().unwrap_or(0).saturating_add(1);
                Address::Tcp(format!("{host}:{port}"))
            }
            unix => unix.clone(),
        }
    }

    /// Dials when it is first used, and again when it broke.
    pub fn channel(&self, tls: Option<Arc<ClientConfig>>) -> Channel {
        let endpoint = Endpoint::from_static("http://controller.weft")
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        match (self.clone(), tls) {
            (Address::Unix(path), _) => endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move { UnixStream::connect(&path).await.map(TokioIo::new).map_err(|e| at(&path.display(), e)) }
            })),
            (Address::Tcp(to), Some(tls)) => endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let (to, tls) = (to.clone(), tls.clone());
                async move { dial_tls(&to, tls).await.map(TokioIo::new).map_err(|e| at(&to, e)) }
            })),
            (Address::Tcp(to), None) => endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let error = io::Error::other(format!("{to}: there is no identity to show yet"));
                async move { Err::<TokioIo<TcpStream>, _>(error) }
            })),
        }
    }
}

async fn dial_tls(to: &str, tls: Arc<ClientConfig>) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(to).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("controller.weft").map_err(io::Error::other)?;
    TlsConnector::from(tls).connect(name, tcp).await.map_err(|e| match inner(&e) {
        Some(tls) => io::Error::other(tls::explain(tls, 0)),
        None => e,
    })
}

fn inner(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn at(place: &impl std::fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("controller at {place}: {error}"))
}

/// The innermost reason of a failed call: tonic's own words say only "transport error".
pub fn why(status: &tonic::Status) -> String {
    let mut error: &dyn std::error::Error = status;
    let mut text = match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    while let Some(source) = error.source() {
        text = source.to_string();
        error = source;
    }
    // rustls' word for a connection that just ended, with an address to read about it.
    if text.contains("close_notify") {
        return "the connection to the controller was cut".into();
    }
    // The controller's hints stand on a line of their own.
    text.replace("\nhint: ", "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_two_forms() {
        assert_eq!(Address::parse("unix:/run/weft.sock"), Ok(Address::Unix("/run/weft.sock".into())));
        let tcp = Address::parse("127.0.0.1:15010").unwrap();
        assert_eq!(tcp.join(), Address::Tcp("127.0.0.1:15011".into()));
        assert_eq!(Address::parse("[::1]:15010").unwrap().join(), Address::Tcp("[::1]:15011".into()));
        let unix = Address::Unix("/x".into());
        assert_eq!(unix.join(), unix);
        for bad in ["", "localhost", ":15010", "a:b", "127.0.0.1:70000"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_failed_call_says_where_and_why() {
        let unix = Address::Unix("/nonexistent/weft.sock".into());
        let mut client = weft_proto::v1::identity_client::IdentityClient::new(unix.channel(None));
        let status = client.sign(weft_proto::v1::SignRequest::default()).await.unwrap_err();
        let text = why(&status);
        assert!(text.contains("controller at /nonexistent/weft.sock: No such file"), "{text}");
    }
}
