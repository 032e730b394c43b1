//! A disk that is full or a reader that is gone costs lines, nothing else.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Calls a service whose app is down: each request is an event and a line of the access log.
fn program(outbound: u16, admin: u16) -> Value {
    let down = free_port();
    json!({
        "launch": {
            "workload": {"namespace": "default", "name": "a-0"},
            "outbound": [{"address": format!("127.0.0.1:{outbound}"), "frontend": "default/b:80"}],
            "admin": format!("127.0.0.1:{admin}"),
            "access_log": "ACCESS_LOG_ALL",
        },
        "mesh": {"name": "mesh"},
        "frontends": [{"name": "default/b:80@*", "hosts": ["b"], "port": 80, "default_backend": "default/b:80"}],
        "backends": [{"name": "default/b:80", "service": "default/b", "port": 80}],
        "endpoints": [{"name": "default/b:80", "endpoints": [
            {"address": "127.0.0.1", "port": down, "workload": "default/b-0", "health": "HEALTH_HEALTHY"},
        ]}],
    })
}

fn get(port: u16, path: &str) -> String {
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            break stream;
        }
        std::thread::yield_now();
    };
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn start(program: &Value, stderr: Stdio) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weft-proxy"))
        .args(["run", "--program", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(program.to_string().as_bytes()).unwrap();
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
        let (outbound, admin) = (free_port(), free_port());
        let mut child = start(&program(outbound, admin), stderr);
        for _ in 0..3 {
            assert!(get(outbound, "/").starts_with("HTTP/1.1 503 "), "{what}");
            assert!(get(admin, "/ready").starts_with("HTTP/1.1 200 "), "{what}");
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "{what}");
    }
}

#[test]
fn a_flood_of_failures_is_a_few_lines() {
    let (outbound, admin) = (free_port(), free_port());
    let mut child = start(&program(outbound, admin), Stdio::piped());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let lines = std::thread::spawn(move || stderr.lines().map_while(Result::ok).collect::<Vec<_>>());
    for _ in 0..300 {
        get(outbound, "/");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let lines = lines.join().unwrap();
    let told = lines.iter().filter(|line| line.contains(" weft-proxy: connect-failed ")).count();
    assert!((1..100).contains(&told), "{told} of {} lines", lines.len());
}
