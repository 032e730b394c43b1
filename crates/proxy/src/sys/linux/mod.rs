//! Linux: see each file.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

mod cgroup;
mod lost_peer;
mod message;
mod port;
mod privileges;
mod sock_diag;

pub use cgroup::Compartment;
pub use lost_peer::{give_up_on_silence, keep_alive};
pub use port::holder;
pub use privileges::{adopt_orphans, drop_privileges, ignores, own_binary};
pub use sock_diag::SockDiag;

/// Received descriptors are not for the programs that we start.
pub const RECEIVE_CLOSED_ON_EXEC: rustix::net::RecvFlags = rustix::net::RecvFlags::CMSG_CLOEXEC;

/// A connection between two IPv4 addresses is the same thing when one side made it with an IPv6 socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The address that a connection with `like` has as long as nobody is at its other end.
fn unspecified(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let mapped = canonical("[::ffff:127.0.0.1]:80".parse().unwrap());
        assert_eq!(mapped, "127.0.0.1:80".parse().unwrap());
        assert_eq!(unspecified(mapped), "0.0.0.0:0".parse().unwrap());
        assert_eq!(unspecified("[::1]:80".parse().unwrap()), "[::]:0".parse().unwrap());
    }
}
