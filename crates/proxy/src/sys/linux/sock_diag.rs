//! Who owns the other end of a loopback connection, and how much of ours was acknowledged.
//!
//! One netlink socket, kept open; a question is one send and one receive, about 2 µs together.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::message::{self, Answer, Reply};
use super::{canonical, unspecified};
use crate::sys::Owner;

/// An answer is about 400 bytes (`tcp_info` is the bulk of it); kernels add fields at the end.
const ANSWER_MAX: usize = 4096;

#[derive(Debug)]
pub struct SockDiag {
    socket: OwnedFd,
    sequence: u32,
}

impl SockDiag {
    /// Fails where the kernel has no tcp_diag (it would answer every question with "no such socket") and in sandboxes
    /// that do not know this family.
    pub fn new() -> io::Result<SockDiag> {
        let kind = (AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC);
        let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
        let mut diag = SockDiag { socket, sequence: 0 };
        let known = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        if diag.listens(known.local_addr()?)? {
            return Ok(diag);
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the kernel has no tcp_diag (module inet_diag, tcp_diag)"))
    }

    /// Who made the connection that we accepted as `local` from `peer`. `None`: nobody on this machine has it (any
    /// more); a socket that its process has closed already has no owner, whatever uid the kernel shows for it.
    pub fn owner(&mut self, local: SocketAddr, peer: SocketAddr) -> io::Result<Option<Owner>> {
        self.connection(peer, local, None, |answer| {
            let owned = answer.inode != 0 && answer.state != message::TIME_WAIT;
            owned.then(|| Owner { uid: answer.uid, cgroup: answer.cgroup(), inode: answer.inode })
        })
    }

    /// `tcpi_bytes_acked` of a connection of ours: what the far kernel has acknowledged. On a connection that *we* opened
    /// the SYN counts as one byte. Known until the connection leaves CLOSE_WAIT: after an RST the answer is `None`,
    /// which proves nothing.
    pub fn bytes_acked(&mut self, local: SocketAddr, peer: SocketAddr) -> io::Result<Option<u64>> {
        let info = Some(message::INET_DIAG_INFO);
        self.connection(local, peer, info, |answer| answer.bytes_acked())
    }

    /// Does anybody accept connections at `address`? Nobody is disturbed by the question.
    pub fn listens(&mut self, address: SocketAddr) -> io::Result<bool> {
        let address = canonical(address);
        let found = self.ask(address, unspecified(address), None, |answer| Some(answer.state == message::LISTEN))?;
        Ok(found == Some(true))
    }

    /// Only of the very connection: a listener on the same port is not an answer.
    fn connection<T>(
        &mut self,
        own: SocketAddr,
        far: SocketAddr,
        extension: Option<u16>,
        take: impl FnOnce(&Answer) -> Option<T>,
    ) -> io::Result<Option<T>> {
        self.ask(canonical(own), canonical(far), extension, |answer| {
            let same = answer.state != message::LISTEN && answer.far_port == far.port();
            if same { take(answer) } else { None }
        })
    }

    fn ask<T>(
        &mut self,
        own: SocketAddr,
        far: SocketAddr,
        extension: Option<u16>,
        take: impl FnOnce(&Answer) -> Option<T>,
    ) -> io::Result<Option<T>> {
        self.sequence = self.sequence.wrapping_add(1);
        let question = message::question(self.sequence, own, far, extension);
        rustix::net::send(&self.socket, &question, SendFlags::empty())?;
        let mut buffer = [0; ANSWER_MAX];
        loop {
            // The kernel has answered before `send` returned; that is why nothing here can block for long.
            let (length, _) =
                rustix::io::retry_on_intr(|| rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT))?;
            match message::parse(&buffer[..length], self.sequence)? {
                Reply::Socket(answer) => return Ok(take(&answer)),
                Reply::NoSuchSocket => return Ok(None),
                Reply::Stale => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// A listener, a connection to it, and its accepted end.
    fn pair(listen: &str, connect: Option<&str>) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind(listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = connect.map_or(listener.local_addr().unwrap(), |ip| SocketAddr::new(ip.parse().unwrap(), port));
        let client = TcpStream::connect(target).unwrap();
        let accepted = listener.accept().unwrap().0;
        (listener, client, accepted)
    }

    fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
        (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
    }

    fn own_uid() -> u32 {
        std::fs::metadata("/proc/self").unwrap().uid()
    }

    #[test]
    fn the_owner_of_an_accepted_connection_is_who_connected() {
        let mut diag = SockDiag::new().unwrap();
        let cases = [("127.0.0.1:0", None), ("127.9.8.7:0", None), ("[::1]:0", None), ("[::]:0", Some("127.0.0.1"))];
        for (listen, connect) in cases {
            let (_listener, client, accepted) = pair(listen, connect);
            let (local, peer) = ends(&accepted);
            let owner = diag.owner(local, peer).unwrap().unwrap();
            assert_eq!(owner.uid, own_uid(), "{listen}");
            assert!(owner.cgroup.is_some_and(|id| id > 0), "{listen}: {owner:?}");
            let fd = std::os::fd::AsRawFd::as_raw_fd(&client);
            let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
            assert_eq!(link.to_str().unwrap(), format!("socket:[{}]", owner.inode));
        }
    }

    #[test]
    fn a_connection_that_its_process_has_closed_has_no_owner() {
        let mut diag = SockDiag::new().unwrap();
        let (_listener, client, accepted) = pair("127.0.0.1:0", None);
        let (local, peer) = ends(&accepted);
        drop(client);
        assert_eq!(diag.owner(local, peer).unwrap(), None);
    }

    #[test]
    fn a_listener_on_the_clients_port_is_not_the_client() {
        let mut diag = SockDiag::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listening = listener.local_addr().unwrap();
        assert_eq!(diag.owner("127.0.0.1:1".parse().unwrap(), listening).unwrap(), None);
        assert_eq!(diag.bytes_acked(listening, "127.0.0.1:1".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn acknowledged_bytes_are_counted_with_the_syn_and_beyond_the_peers_fin() {
        let mut diag = SockDiag::new().unwrap();
        let (_listener, mut client, mut accepted) = pair("127.0.0.1:0", None);
        let (local, peer) = ends(&client);
        assert_eq!(diag.bytes_acked(local, peer).unwrap(), Some(1));
        client.write_all(b"hello").unwrap();
        accepted.read_exact(&mut [0; 5]).unwrap();
        // The reply carries the acknowledgement.
        accepted.write_all(b"!").unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
        assert_eq!(diag.bytes_acked(local, peer).unwrap(), Some(6));
        accepted.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(diag.bytes_acked(local, peer).unwrap(), Some(6), "in CLOSE_WAIT");
    }

    #[test]
    fn a_listener_is_seen_without_being_connected_to() {
        let mut diag = SockDiag::new().unwrap();
        // An address that no other test listens on: ports are used again at once.
        let ask = "127.77.1.1";
        for (listen, expected) in
            [("127.77.1.1:0", true), ("0.0.0.0:0", true), ("[::]:0", true), ("[::1]:0", false), ("127.77.1.2:0", false)]
        {
            let listener = TcpListener::bind(listen).unwrap();
            let address = SocketAddr::new(ask.parse().unwrap(), listener.local_addr().unwrap().port());
            assert_eq!(diag.listens(address).unwrap(), expected, "{listen}");
            drop(listener);
            assert!(!diag.listens(address).unwrap(), "{listen} after close");
        }
    }
}
