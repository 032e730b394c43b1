//! What a process tells people and Prometheus about itself: HTTP/1.1 on loopback, GET only, changes nothing.
//!
//! `pages` says what there is; `prometheus` writes `/metrics`; this file moves bytes.

mod pages;
mod prometheus;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use weft_http::h1;

use crate::control::hub::Hub;
use crate::control::log;

/// Open at the same time: Prometheus, a few people and a health check need five.
const MAX_CONNECTIONS: usize = 64;
/// From the first byte to the last: a page of 4,096 series has 10 MB and goes over loopback.
const TIMEOUT: Duration = Duration::from_secs(10);
/// curl and Prometheus send under 1 KiB.
const MAX_HEAD: usize = 8 << 10;

pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// Until the control side ends. Not a loopback address: served to nobody, and said so.
pub async fn serve(listener: std::net::TcpListener, hub: Arc<Hub>) {
    let address = match listener.local_addr() {
        Ok(address) if address.ip().is_loopback() => address,
        Ok(address) => return log::warn(&format!("admin: {address} is no loopback address, not served")),
        Err(e) => return log::warn(&format!("admin: {e}")),
    };
    let opened = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
    let listener = match opened {
        Ok(listener) => listener,
        Err(e) => return log::warn(&format!("admin {address}: {e}")),
    };
    hub.admin.send_replace(Some(address));
    let mut open = Open::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let hub = hub.clone();
                open.add(tokio::spawn(async move {
                    // A client that is slow or gone is its own affair.
                    let _ = tokio::time::timeout(TIMEOUT, answer(stream, &hub)).await;
                }));
            }
            // Out of descriptors: there will be some again.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The oldest goes when there are too many: who opens connections and says nothing must not keep a health check waiting.
#[derive(Default)]
struct Open(VecDeque<AbortHandle>);

impl Open {
    fn add(&mut self, connection: tokio::task::JoinHandle<()>) {
        self.0.retain(|other| !other.is_finished());
        if self.0.len() == MAX_CONNECTIONS {
            self.0.pop_front().inspect(AbortHandle::abort);
        }
        self.0.push_back(connection.abort_handle());
    }
}

async fn answer(mut stream: TcpStream, hub: &Hub) -> std::io::Result<()> {
    let mut input = Vec::with_capacity(1 << 10);
    let response = loop {
        match request::read(&input, MAX_HEAD) {
            request::Read::Path(path) => break pages::page(hub, &path).await,
            request::Read::Refused(response) => break response,
            request::Read::More => {
                if stream.read_buf(&mut input).await? == 0 {
                    return Ok(());
                }
            }
        }
    };
    stream.write_all(&bytes(&response)).await?;
    stream.shutdown().await
}

fn bytes(response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(response.body.len() + 256);
    h1::write_status_line(&mut out, response.status);
    h1::write_field(&mut out, b"content-type", response.content_type.as_bytes());
    // Pages of a browser on this machine must not be able to read it.
    h1::write_field(&mut out, b"x-content-type-options", b"nosniff");
    h1::write_field(&mut out, b"cache-control", b"no-store");
    h1::write_field(&mut out, b"connection", b"close");
    h1::write_content_length(&mut out, response.body.len() as u64);
    h1::end_head(&mut out);
    out.extend_from_slice(response.body.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::testing::{kit, launch};

    #[test]
    fn a_response_is_whole_and_closed_to_web_pages() {
        let response = Response { status: 404, content_type: "text/plain", body: "none\n".into() };
        let text = String::from_utf8(bytes(&response)).unwrap().to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("http/1.1 404 "), "{head}");
        let lines = [
            "content-type: text/plain",
            "content-length: 5",
            "connection: close",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
        ];
        for line in lines {
            assert!(head.lines().any(|l| l == line), "{line} in\n{head}");
        }
        assert_eq!(body, "none\n");
    }

    async fn asked(request: &str) -> String {
        let kit = kit(launch());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, kit.hub.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(*kit.hub.admin.borrow(), Some(address));
        serving.abort();
        answer
    }

    #[tokio::test]
    async fn each_connection_gets_one_answer() {
        let table = [
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 "),
            ("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 "),
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 "),
        ];
        for (request, start) in table {
            let answer = asked(request).await;
            assert!(answer.starts_with(start), "{request}: {answer}");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_keeps_nobody_waiting() {
        let kit = kit(launch());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, kit.hub.clone()));
        let mut idle = Vec::new();
        for _ in 0..2 * MAX_CONNECTIONS {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let began = tokio::time::Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && began.elapsed() < TIMEOUT / 2, "{answer}");
        serving.abort();
    }

    #[tokio::test]
    async fn an_address_that_others_reach_is_not_served() {
        let kit = kit(launch());
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        tokio::time::timeout(TIMEOUT, serve(listener, kit.hub.clone())).await.unwrap();
        assert_eq!(*kit.hub.admin.borrow(), None);
    }
}
