//! Starts the two kinds of children, and hears the proxy's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weft_proto::v1::App;

use super::handover::{self, Handover, Lines, MARK};
use super::plan::{ProxyId, Said};

/// A child reads its handover first of all; one that has not in this time never will.
const HANDOVER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Proxy {
    pub id: ProxyId,
    pub pid: Pid,
    /// `None` once it is closed: then only the process's end is news.
    channel: Option<UnixStream>,
    lines: Lines,
}

impl Proxy {
    pub fn start(id: ProxyId, binary: &Path, handover: &Handover, sockets: &[TcpListener]) -> io::Result<Proxy> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(binary);
        // A group of its own: Ctrl-C at the terminal is for the supervisor, which then decides the order.
        command.arg("serve").env(MARK, "1").stdin(OwnedFd::from(theirs)).process_group(0);
        let pid = pid_of(command.spawn()?.id())?;
        ours.set_write_timeout(Some(HANDOVER))?;
        if handover::send(&ours, handover, sockets).is_err() {
            // It has ended already, or hangs. Its end is noticed as any other.
            let _ = kill_process(pid, Signal::KILL);
        }
        ours.set_nonblocking(true)?;
        Ok(Proxy { id, pid, channel: Some(ours), lines: Lines::default() })
    }

    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.channel.as_ref().map(AsFd::as_fd)
    }

    /// What it has said since the last time.
    pub fn said(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        while let Some(channel) = &mut self.channel {
            let mut buffer = [0; 256];
            match channel.read(&mut buffer) {
                Ok(length) if length > 0 => self.lines.push(&buffer[..length], |line| said.extend(word(line))),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                _ => self.channel = None,
            }
        }
        said
    }

    /// Not heard by a child that hangs; that one is killed in the end.
    pub fn tell(&mut self, line: &str) {
        if let Some(channel) = &mut self.channel {
            let _ = channel.write_all(line.as_bytes());
        }
    }
}

fn word(line: &str) -> Option<Said> {
    match line {
        "ready" => Some(Said::Ready),
        "drained" => Some(Said::Drained),
        "replace" => Some(Said::Replace),
        _ => None,
    }
}

/// Starts the app through `app-exec`, which makes itself what the app is to be and then becomes it.
pub fn start_app(
    app: &App,
    own_binary: &Path,
    env: &BTreeMap<OsString, OsString>,
    compartment: Option<&Path>,
) -> io::Result<Pid> {
    let mut command = Command::new(own_binary);
    command.arg0("weft-proxy").args(["app-exec", "--parent", &std::process::id().to_string()]);
    if app.uid != 0 {
        command.args(["--user", &format!("{}:{}", app.uid, app.gid)]);
    }
    if let Some(path) = compartment {
        command.arg("--compartment").arg(path);
    }
    command.arg("--").args(&app.command).env_clear().envs(env).process_group(0);
    if !app.directory.is_empty() {
        command.current_dir(&app.directory);
    }
    if io::stdin().is_terminal() {
        // From a background process group a read of the terminal would stop the app for ever.
        command.stdin(Stdio::null());
    }
    if !app.log_file.is_empty() {
        let log = OpenOptions::new().append(true).create(true).open(&app.log_file);
        let log = log.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", app.log_file)))?;
        command.stdout(log.try_clone()?).stderr(log);
    }
    pid_of(command.spawn()?.id())
}

fn pid_of(id: u32) -> io::Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("a process without an id"))
}
