//! A peer that is gone without a word: its machine lost power, or somebody pulled a cable.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

use crate::sys::{KEEP_ALIVE_AFTER, KEEP_ALIVE_EVERY, KEEP_ALIVE_PROBES, UNACKNOWLEDGED};

/// An idle connection is asked whether its peer is there. On a listener: those that it accepts inherit it.
pub fn keep_alive(socket: impl AsFd) -> io::Result<()> {
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, KEEP_ALIVE_AFTER)?;
    sockopt::set_tcp_keepintvl(&socket, KEEP_ALIVE_EVERY)?;
    Ok(sockopt::set_tcp_keepcnt(&socket, KEEP_ALIVE_PROBES)?)
}

/// What nobody acknowledges fails after `UNACKNOWLEDGED`, not after the kernel's quarter of an hour (RFC 5482). Only for
/// peers that always read: a full receive window counts as silence.
pub fn give_up_on_silence(socket: impl AsFd) -> io::Result<()> {
    keep_alive(&socket)?;
    Ok(sockopt::set_tcp_user_timeout(&socket, millis(UNACKNOWLEDGED))?)
}

fn millis(duration: Duration) -> u32 {
    duration.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_is_accepted_is_asked_and_what_is_dialled_gives_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        keep_alive(&listener).unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(sockopt::socket_keepalive(&accepted).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&accepted).unwrap(), KEEP_ALIVE_AFTER);
        assert_eq!(sockopt::tcp_user_timeout(&accepted).unwrap(), 0, "a slow reader is no lost one");
        give_up_on_silence(&dialled).unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&dialled).unwrap(), 20_000);
        assert!(sockopt::socket_keepalive(&dialled).unwrap());
    }
}
