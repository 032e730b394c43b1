//! What can only be asked of the kernel with unsafe code. Each function is one system call behind a safe signature.
//!
//! The one crate besides the Python glue where `unsafe` may be written; each block says why it is sound.

use std::io;
use std::os::fd::BorrowedFd;

/// Where `tcpi_bytes_acked` stands in `struct tcp_info` (linux/tcp.h, since Linux 4.1).
#[cfg(target_os = "linux")]
const BYTES_ACKED: usize = 120;

/// How many bytes the peer's kernel acknowledged since the connection began; the SYN counts as one.
///
/// Unlike a question by address (sock_diag), this still answers after the connection was reset, when the kernel no
/// longer finds it by its addresses. Errors: those of getsockopt(2); `Unsupported` where there is no such count.
#[cfg(target_os = "linux")]
pub fn bytes_acked(socket: BorrowedFd<'_>) -> io::Result<u64> {
    use std::os::fd::AsRawFd;
    let mut info = [0u8; 256];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed and so open; the kernel writes at most `length` bytes to `info`, which is as
    // long as `length` says, and sets `length` to what it wrote.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut length),
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let field = info[..length as usize].get(BYTES_ACKED..BYTES_ACKED + 8);
    let bytes: [u8; 8] = field.and_then(|b| b.try_into().ok()).ok_or(io::ErrorKind::Unsupported)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(not(target_os = "linux"))]
pub fn bytes_acked(_socket: BorrowedFd<'_>) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn counts_what_the_peer_acknowledged_even_after_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"12345").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        server.write_all(b"x").unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        client.write_all(b"lost").unwrap();
        // The reset arrives; whatever the read says, the count stays.
        let _ = client.read(&mut [0; 1]);
        assert_eq!(bytes_acked(client.as_fd()).unwrap(), 1 + 5);
    }
}
