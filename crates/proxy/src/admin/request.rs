//! Who may ask: GET, by somebody who means this machine (a web page elsewhere could reach loopback by DNS rebinding).

use weft_http::h1::{self, Malformed};
use weft_http::{Head, Limits};

use super::Response;

pub enum Read {
    /// The target, without query.
    Path(String),
    Refused(Response),
    /// The head is not whole yet.
    More,
}

pub fn read(input: &[u8], max_head: usize) -> Read {
    let limits = Limits { head_bytes: max_head as u32, fields: 64, trailer_bytes: 0 };
    let mut head = Head::default();
    match h1::parse_request(input, &limits, &mut head) {
        Ok(None) => Read::More,
        Ok(Some(_)) => judge(input, &head),
        Err(malformed) => refuse_malformed(malformed),
    }
}

fn judge(input: &[u8], head: &Head) -> Read {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if head.method.of(input) != b"GET" {
        return refuse(405, "only GET: nothing can be changed here");
    }
    let host = text(head.authority.of(input));
    if !is_loopback(&host) {
        return refuse(403, "the Host must be localhost, 127.0.0.1 or [::1]");
    }
    let path = text(head.path.of(input));
    Read::Path(path.split('?').next().unwrap_or_default().to_owned())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn refuse_malformed(malformed: Malformed) -> Read {
    refuse(malformed.status(), &malformed.to_string())
}

fn refuse(status: u16, why: &str) -> Read {
    Read::Refused(Response { status, content_type: "text/plain; charset=utf-8", body: format!("{why}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> u16 {
        match read(request.as_bytes(), 8192) {
            Read::Path(_) => 200,
            Read::Refused(response) => response.status,
            Read::More => 0,
        }
    }

    #[test]
    fn only_get_from_this_machine() {
        for (request, wanted) in [
            ("GET / HTTP/1.1\r\nHost: localhost:15000\r\n\r\n", 200),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.9\r\n\r\n", 200),
            ("GET / HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", 200),
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403),
            ("GET / HTTP/1.0\r\n\r\n", 403),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
            ("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            ("\x16\x03\x01", 400),
            ("GET / HTTP/1.1\r\nHost: loc", 0),
        ] {
            assert_eq!(status(request), wanted, "{request}");
        }
        let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(9000));
        assert_eq!(status(&long), 431);
    }

    #[test]
    fn a_path_comes_without_its_query() {
        let Read::Path(path) = read(b"GET /requests/a-1?x=/y HTTP/1.1\r\nHost: localhost\r\n\r\n", 8192) else {
            panic!("a path");
        };
        assert_eq!(path, "/requests/a-1");
    }
}
