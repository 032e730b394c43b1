//! A supervisor as a process, with everything that it and its children print as one transcript to wait on.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Longer than anything takes on a busy machine: only a hang gets here.
const HANG: Duration = Duration::from_secs(60);

pub struct Supervisor {
    child: Child,
    transcript: BufReader<UnixStream>,
    seen: String,
    pub directory: PathBuf,
}

/// A launch with one listener of each kind, ports of the kernel's choice, and `app` as the app.
pub fn launch(app: Value) -> Value {
    json!({
        "workload": {"namespace": "default", "name": "reviews-0", "service": "reviews"},
        "inbound": [{"address": "127.0.0.1:0", "port": 9080, "app": "127.0.0.1:9001"}],
        "outbound": [
            {"address": "127.0.0.1:0", "frontend": "default/ratings:9080", "env": "ratings"},
            {"address": "127.0.0.1:0"},
        ],
        "admin": "127.0.0.1:0",
        "drain_ms": 20_000,
        "app": app,
    })
}

pub fn sh(script: &str) -> Value {
    json!({"command": ["sh", "-c", script]})
}

/// Tells where its listeners are, and stays: `exec` so that a signal reaches what waits.
pub fn addresses_then(script: &str) -> Value {
    sh(&format!("echo ratings $RATINGS_HOST:$RATINGS_PORT; {script}"))
}

pub fn start(launch: &Value) -> Supervisor {
    start_with(launch, "")
}

pub fn start_with(launch: &Value, fake_proxy: &str) -> Supervisor {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("weft-supervise-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("launch.json");
    std::fs::write(&file, launch.to_string()).unwrap();
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/supervise/fake_proxy.py");
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(HANG)).unwrap();
    let output = || Stdio::from(OwnedFd::from(theirs.try_clone().unwrap()));
    let child = Command::new(env!("CARGO_BIN_EXE_weft-proxy"))
        .args(["supervise", "--launch"])
        .arg(file)
        .arg("--proxy-binary")
        .arg(fake)
        .env("FAKE_PROXY", fake_proxy)
        .env("TEST_DIRECTORY", &directory)
        .env("WEFT_TOKEN", "secret")
        .env("WEFT_LOG", "debug")
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .unwrap();
    Supervisor { child, transcript: BufReader::new(ours), seen: String::new(), directory }
}

impl Supervisor {
    /// Waits for a line with this in it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            match self.transcript.read_line(&mut line) {
                Ok(0) => panic!("the end, and no {text:?} in:\n{}", self.seen),
                Err(e) => panic!("no {text:?} ({e}) in:\n{}", self.seen),
                Ok(_) => self.seen.push_str(&line),
            }
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the supervisor and all that it started have closed their output; exit code and whole transcript.
    pub fn end(mut self) -> (i32, String) {
        let mut rest = String::new();
        let read = self.transcript.read_to_string(&mut rest);
        self.seen.push_str(&rest);
        if let Err(e) = read.map_err(|e| e.kind()) {
            let hint = if e == ErrorKind::WouldBlock { "something is left" } else { "" };
            panic!("{e}: {hint}:\n{}", self.seen);
        }
        let status = self.child.wait().unwrap();
        let _ = std::fs::remove_dir_all(&self.directory);
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // After a failed test; its children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to the fake proxy, which answered with its process id.
pub struct Connection {
    pub pid: String,
    stream: TcpStream,
}

pub fn connect(address: &str) -> Connection {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    let mut pid = String::new();
    BufReader::new(&stream).read_line(&mut pid).unwrap();
    Connection { pid: pid.trim_end().to_owned(), stream }
}

impl Connection {
    pub fn say(mut self, word: &str) -> String {
        self.stream.write_all(format!("{word}\n").as_bytes()).unwrap();
        self.pid
    }
}
