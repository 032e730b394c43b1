//! The systems that are not Linux: what is missing is said at each function, and nothing here guesses.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Holder, Owner, Privileges};

/// Without a close-on-exec flag for received descriptors: whoever receives here starts no programs.
pub const RECEIVE_CLOSED_ON_EXEC: rustix::net::RecvFlags = rustix::net::RecvFlags::empty();

#[derive(Debug)]
pub struct SockDiag(());

impl SockDiag {
    pub fn new() -> io::Result<SockDiag> {
        Ok(SockDiag(()))
    }

    /// An error, not `None`: with `own_app_only` the outbound side serves nobody rather than everybody.
    pub fn owner(&mut self, _local: SocketAddr, _peer: SocketAddr) -> io::Result<Option<Owner>> {
        Err(unsupported("the owner of a connection"))
    }

    /// `None`: nothing is proved, so nothing is sent twice because of it.
    pub fn bytes_acked(&mut self, _local: SocketAddr, _peer: SocketAddr) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// By connecting: the app sees a connection that is closed at once.
    pub fn listens(&mut self, address: SocketAddr) -> io::Result<bool> {
        Ok(TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_ok())
    }
}

/// There is none: the app is told from others by its uid only, and what leaves its process group outlives it.
#[derive(Debug)]
pub struct Compartment(Infallible);

impl Compartment {
    pub fn create(_name: &str) -> io::Result<Compartment> {
        Err(unsupported("a cgroup"))
    }

    pub fn open(_directory: &Path) -> io::Result<Compartment> {
        Err(unsupported("a cgroup"))
    }

    pub fn id(&self) -> u64 {
        match self.0 {}
    }

    pub fn path(&self) -> &Path {
        match self.0 {}
    }

    pub fn join(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub fn kill(&self, _wait_ms: u32) {
        match self.0 {}
    }

    pub fn kill_and_remove(&self, _wait_ms: u32) -> io::Result<()> {
        match self.0 {}
    }
}

/// A lost peer is noticed when the system gives up sending, which takes minutes.
pub fn keep_alive(socket: impl AsFd) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_keepalive(socket, true)?)
}

pub fn give_up_on_silence(socket: impl AsFd) -> io::Result<()> {
    keep_alive(socket)
}

pub fn holder(_address: SocketAddr) -> Option<Holder> {
    None
}

/// The parent's death does not reach the app here; the proxy, which sees it, ends the app's process group.
pub fn drop_privileges(command: &mut Command, wanted: Privileges) -> io::Result<()> {
    if let Some((uid, gid)) = wanted.user {
        command.uid(uid).gid(gid);
    }
    Ok(())
}

pub fn adopt_orphans() {}

/// Not asked: `nohup` has no effect on a supervised app.
pub fn ignores(_signal: i32) -> bool {
    false
}

pub fn own_binary() -> io::Result<PathBuf> {
    std::env::current_exe()
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("this system does not tell {what}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_unknown_owner_is_an_error_and_unknown_bytes_prove_nothing() {
        let (mut diag, any) = (SockDiag::new().unwrap(), SocketAddr::from(([127, 0, 0, 1], 1)));
        assert_eq!(diag.owner(any, any).unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!(diag.bytes_acked(any, any).unwrap(), None);
        assert_eq!(holder(any), None);
    }

    #[test]
    fn a_listener_is_found_by_connecting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(SockDiag::new().unwrap().listens(address).unwrap());
        drop(listener);
        assert!(!SockDiag::new().unwrap().listens(address).unwrap());
    }
}
