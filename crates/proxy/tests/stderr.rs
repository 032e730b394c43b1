//! A disk that is full or a reader that is gone costs lines, nothing else.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Where a proxy of these tests listens: an address that nobody else uses, so that no other test gets the port first.
#[derive(Clone, Copy)]
struct Place(&'static str);

impl Place {
    fn outbound(self) -> String {
        format!("{}:8001", self.0)
    }

    fn admin(self) -> String {
        format!("{}:8002", self.0)
    }

    /// Nobody listens there.
    fn app(self) -> u16 {
        8003
    }
}

/// Calls a service whose app is down: each request is an event and a line of the access log.
fn program(place: Place) -> Value {
    json!({
        "launch": {
            "workload": {"namespace": "default", "name": "a-0"},
            "outbound": [{"address": place.outbound(), "frontend": "default/b:80"}],
            "admin": place.admin(),
            "access_log": "ACCESS_LOG_ALL",
        },
        "mesh": {"name": "mesh"},
        "frontends": [{"name": "default/b:80@*", "hosts": ["b"], "port": 80, "default_backend": "default/b:80"}],
        "backends": [{"name": "default/b:80", "service": "default/b", "port": 80}],
        "endpoints": [{"name": "default/b:80", "endpoints": [
            {"address": place.0, "port": place.app(), "workload": "default/b-0", "health": "HEALTH_HEALTHY"},
        ]}],
    })
}

fn get(address: &str, path: &str) -> String {
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(address) {
            break stream;
        }
        std::thread::yield_now();
    };
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Returns when it says that it is ready.
fn start(place: Place, stderr: Stdio) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weft-proxy"))
        .args(["run", "--program", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(program(place).to_string().as_bytes()).unwrap();
    while !get(&place.admin(), "/ready").starts_with("HTTP/1.1 200 ") {
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_stderr_that_takes_nothing_costs_lines_only() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let gone = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for (what, stderr) in [("a full disk", full()), ("nobody reads", gone())] {
        let place = Place("127.88.1.1");
        let mut child = start(place, stderr);
        for _ in 0..3 {
            let answer = get(&place.outbound(), "/");
            assert!(answer.starts_with("HTTP/1.1 503 "), "{what}: {answer}");
            let answer = get(&place.admin(), "/ready");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{what}: {answer}");
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "{what}");
    }
}

#[test]
fn a_flood_of_failures_is_a_few_lines() {
    let place = Place("127.88.1.2");
    let mut child = start(place, Stdio::piped());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let lines = std::thread::spawn(move || stderr.lines().map_while(Result::ok).collect::<Vec<_>>());
    for _ in 0..300 {
        get(&place.outbound(), "/");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let lines = lines.join().unwrap();
    let told = lines.iter().filter(|line| line.contains(" weft-proxy: connect-failed ")).count();
    assert!((1..100).contains(&told), "{told} of {} lines", lines.len());
}
