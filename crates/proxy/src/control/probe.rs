//! One question to the app: does it take a connection, answer a path, or say SERVING?

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use weft_proto::v1::health_check::Kind;

use super::channel::why;
use super::health::Target;

/// "HTTP/1.1 200"
const STATUS_LINE: usize = 12;
const GRPC_CHECK: &str = "/grpc.health.v1.Health/Check";
const SERVING: i32 = 1;

/// `Err`: why not, for people ("GET /healthz: connection refused").
pub async fn probe(target: &Target, timeout: Duration) -> Result<(), String> {
    let (what, asking) = match target.check.kind.clone().unwrap_or(Kind::Tcp(true)) {
        Kind::Tcp(_) => (format!("connect to {}", target.app), Asking::Tcp),
        Kind::HttpPath(path) => (format!("GET {path}"), Asking::Http(path)),
        Kind::GrpcService(service) => (format!("gRPC health of {service:?}"), Asking::Grpc(service)),
    };
    let answer = tokio::time::timeout(timeout, ask(target.app, asking)).await;
    let answer = answer.unwrap_or_else(|_| Err(format!("no answer in {} ms", timeout.as_millis())));
    answer.map_err(|why| format!("{what}: {why}"))
}

enum Asking {
    Tcp,
    Http(String),
    Grpc(String),
}

async fn ask(app: SocketAddr, asking: Asking) -> Result<(), String> {
    match asking {
        Asking::Tcp => TcpStream::connect(app).await.map(drop).map_err(|e| refusal(&e)),
        Asking::Http(path) => http(app, &path).await,
        Asking::Grpc(service) => grpc(app, service).await,
    }
}

/// 2xx and 3xx are well, as for Kubernetes' probes.
async fn http(app: SocketAddr, path: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(app).await.map_err(|e| refusal(&e))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {app}\r\nUser-Agent: weft-health\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| refusal(&e))?;
    let mut line = [0; STATUS_LINE];
    stream.read_exact(&mut line).await.map_err(|_| "the connection ended before a status line".to_owned())?;
    let line = String::from_utf8_lossy(&line).into_owned();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..)).and_then(|s| s.parse::<u16>().ok());
    match status {
        Some(200..=399) => Ok(()),
        Some(status) => Err(format!("status {status}")),
        None => Err("the answer is not HTTP/1.1".into()),
    }
}

fn refusal(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".into(),
        _ => error.to_string(),
    }
}

/// grpc.health.v1, as far as it is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct HealthRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

async fn grpc(app: SocketAddr, service: String) -> Result<(), String> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{app}")).map_err(|e| e.to_string())?;
    let mut grpc = Grpc::new(endpoint.connect_lazy());
    grpc.ready().await.map_err(|e| e.to_string())?;
    let codec = tonic_prost::ProstCodec::<HealthRequest, HealthResponse>::default();
    let request = tonic::Request::new(HealthRequest { service });
    let answer = grpc.unary(request, PathAndQuery::from_static(GRPC_CHECK), codec).await.map_err(|e| why(&e))?;
    match answer.into_inner().status {
        SERVING => Ok(()),
        other => Err(format!("status {other} (1 is SERVING)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use weft_proto::v1;

    const SECOND: Duration = Duration::from_secs(1);

    fn target(app: SocketAddr, kind: Kind) -> Target {
        Target { app, check: v1::HealthCheck { kind: Some(kind), ..Default::default() } }
    }

    /// An app that answers each connection with these bytes.
    async fn app(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 256];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn an_http_status_below_400_is_well() {
        for (answer, wanted) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Ok(())),
            ("HTTP/1.0 302 Found\r\n\r\n", Ok(())),
            ("HTTP/1.1 503 No\r\n\r\n", Err("GET /healthz: status 503")),
            ("SSH-2.0-OpenSSH_9\r\n", Err("GET /healthz: the answer is not HTTP/1.1")),
            ("HTTP", Err("GET /healthz: the connection ended before a status line")),
        ] {
            let target = target(app(answer).await, Kind::HttpPath("/healthz".into()));
            assert_eq!(probe(&target, SECOND).await, wanted.map_err(str::to_owned), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_silent_app_is_not_waited_for() {
        let target = target(app("").await, Kind::HttpPath("/h".into()));
        let result = probe(&target, Duration::from_millis(20)).await;
        assert_eq!(result, Err("GET /h: no answer in 20 ms".into()));
    }

    #[tokio::test]
    async fn a_port_that_takes_connections_is_enough_without_a_check() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(probe(&target(address, Kind::Tcp(true)), SECOND).await, Ok(()));
        drop(listener);
        let refused = probe(&target(address, Kind::Tcp(true)), SECOND).await.unwrap_err();
        assert_eq!(refused, format!("connect to {address}: connection refused"));
        let refused = probe(&target(address, Kind::GrpcService("x".into())), SECOND).await.unwrap_err();
        assert!(refused.starts_with("gRPC health of \"x\": "), "{refused}");
    }
}
