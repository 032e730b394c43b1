use super::*;
use crate::{Limits, h1};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn messages_are_written_to_the_letter() {
    let table = [
        (written(|out| write_request_line(out, b"GET", b"/a")), "GET /a HTTP/1.1\r\n"),
        (written(|out| write_status_line(out, 200)), "HTTP/1.1 200 OK\r\n"),
        (written(|out| write_status_line(out, 503)), "HTTP/1.1 503 Service Unavailable\r\n"),
        (written(|out| write_status_line(out, 299)), "HTTP/1.1 299 \r\n"),
        (written(|out| write_field(out, b"a", b"b c")), "a: b c\r\n"),
        (written(|out| write_content_length(out, 0)), "content-length: 0\r\n"),
        (written(|out| write_content_length(out, u64::MAX)), "content-length: 18446744073709551615\r\n"),
        (written(write_chunked), "transfer-encoding: chunked\r\n"),
        (written(|out| write_chunk(out, &[b'x'; 26])), "1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
        (written(|out| write_chunk(out, b"")), ""),
        (written(|out| write_chunk_size(out, 0)), "0\r\n"),
        (written(|out| write_chunk_size(out, usize::MAX)), "ffffffffffffffff\r\n"),
        (written(write_last_chunk), "0\r\n\r\n"),
        (written(|out| (start_trailers(out), write_field(out, b"a", b"b"), end_head(out)).2), "0\r\na: b\r\n\r\n"),
    ];
    for (text, expected) in table {
        assert_eq!(text, expected);
    }
}

#[test]
fn a_run_of_lines_is_copied_as_it_came() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nX:  1 \t\r\nY: 2\r\nZ:\r\nV: 3 \r\n\r\n";
    let mut head = Head::default();
    h1::parse_request(input, &Limits::default(), &mut head).unwrap().unwrap();
    let run = |fields| written(|out| write_lines(out, &head, input, fields));
    assert_eq!(run(0..0), "");
    assert_eq!(run(1..2), "X: 1\r\n");
    assert_eq!(run(0..5), "Host: a\r\nX:  1 \t\r\nY: 2\r\nZ:\r\nV: 3 \r\n");
    assert_eq!(run(1..4), "X:  1 \t\r\nY: 2\r\nZ:\r\n");
}

#[test]
fn split_cookies_are_joined() {
    let joined = |lines: &str| {
        let input = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut head = Head::default();
        h1::parse_request(input.as_bytes(), &Limits::default(), &mut head).unwrap().unwrap();
        written(|out| write_cookies(out, &head, input.as_bytes()))
    };
    assert_eq!(joined(""), "");
    assert_eq!(joined("Cookie: a=b\r\n"), "cookie: a=b\r\n");
    assert_eq!(joined("Cookie: a=b\r\nX: y\r\nCookie: c=d\r\n"), "cookie: a=b; c=d\r\n");
}
