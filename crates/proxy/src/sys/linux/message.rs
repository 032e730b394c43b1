//! The bytes of sock_diag: one exact question about one TCP socket, and the answer.
//!
//! Layouts: `struct inet_diag_req_v2`, `struct inet_diag_msg` (linux/inet_diag.h), `struct nlmsghdr`, `struct rtattr`
//! (linux/netlink.h). Addresses and ports are in network order, all else in the machine's own.

use std::io;
use std::net::{IpAddr, SocketAddr};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const ENOENT: i32 = 2;
/// "I do not know the socket's cookie": INET_DIAG_NOCOOKIE, twice.
const NO_COOKIE: [u8; 8] = [0xff; 8];

pub const INET_DIAG_INFO: u16 = 2;
pub const INET_DIAG_CGROUP_ID: u16 = 21;
/// Where `tcpi_bytes_acked` stands in `struct tcp_info` (since Linux 4.1).
const BYTES_ACKED: usize = 120;

const HEADER: usize = 16;
/// Length of `struct inet_diag_msg`, and of the request after its header.
const ANSWER: usize = 72;
const QUESTION: usize = 56;

/// TCP states as the kernel numbers them.
pub const TIME_WAIT: u8 = 6;
pub const LISTEN: u8 = 10;

/// Asks for the socket whose own address is `own` and whose other end is `far`. Without such a connection the kernel
/// answers with a listener on `own`, if there is one: compare `Answer::state` and `Answer::far_port`.
pub fn question(sequence: u32, own: SocketAddr, far: SocketAddr, extension: Option<u16>) -> [u8; HEADER + QUESTION] {
    let mut out = [0; HEADER + QUESTION];
    put(&mut out, 0, &((HEADER + QUESTION) as u32).to_ne_bytes());
    put(&mut out, 4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(&mut out, 6, &NLM_F_REQUEST.to_ne_bytes());
    put(&mut out, 8, &sequence.to_ne_bytes());
    out[HEADER] = if own.is_ipv4() { AF_INET } else { AF_INET6 };
    out[HEADER + 1] = IPPROTO_TCP;
    out[HEADER + 2] = extension.map_or(0, |e| 1 << (e - 1));
    put(&mut out, HEADER + 4, &u32::MAX.to_ne_bytes());
    put(&mut out, HEADER + 8, &own.port().to_be_bytes());
    put(&mut out, HEADER + 10, &far.port().to_be_bytes());
    put_address(&mut out, HEADER + 12, own.ip());
    put_address(&mut out, HEADER + 28, far.ip());
    put(&mut out, HEADER + 48, &NO_COOKIE);
    out
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_address(out: &mut [u8], at: usize, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => put(out, at, &v4.octets()),
        IpAddr::V6(v6) => put(out, at, &v6.octets()),
    }
}

/// `struct inet_diag_msg`, as far as anybody here wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    pub state: u8,
    pub own_port: u16,
    pub far_port: u16,
    pub uid: u32,
    pub inode: u32,
    attributes: &'a [u8],
}

/// What one datagram from the kernel says to question `sequence`.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    Socket(Answer<'a>),
    NoSuchSocket,
    /// An answer to a question that was given up.
    Stale,
}

pub fn parse(datagram: &[u8], sequence: u32) -> io::Result<Reply<'_>> {
    let (length, kind) = (u32_at(datagram, 0)? as usize, u16_at(datagram, 4)?);
    if u32_at(datagram, 8)? != sequence {
        return Ok(Reply::Stale);
    }
    match kind {
        SOCK_DIAG_BY_FAMILY => {
            let body = datagram.get(HEADER..length).ok_or_else(truncated)?;
            Ok(Reply::Socket(answer(body)?))
        }
        NLMSG_ERROR => match u32_at(datagram, HEADER)? as i32 {
            error if error == -ENOENT => Ok(Reply::NoSuchSocket),
            error => Err(io::Error::from_raw_os_error(-error)),
        },
        _ => Ok(Reply::Stale),
    }
}

fn answer(body: &[u8]) -> io::Result<Answer<'_>> {
    Ok(Answer {
        state: *body.get(1).ok_or_else(truncated)?,
        own_port: u16_at(body, 4)?.to_be(),
        far_port: u16_at(body, 6)?.to_be(),
        uid: u32_at(body, 64)?,
        inode: u32_at(body, 68)?,
        attributes: body.get(ANSWER..).ok_or_else(truncated)?,
    })
}

impl<'a> Answer<'a> {
    pub fn cgroup(&self) -> Option<u64> {
        u64_at(self.attribute(INET_DIAG_CGROUP_ID)?, 0)
    }

    pub fn bytes_acked(&self) -> Option<u64> {
        u64_at(self.attribute(INET_DIAG_INFO)?, BYTES_ACKED)
    }

    /// Payload of the attribute of this type: a list of (length, type, payload), each padded to four bytes.
    fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        loop {
            let length = usize::from(u16_at(rest, 0).ok()?);
            if u16_at(rest, 2).ok()? == wanted {
                return rest.get(4..length);
            }
            rest = rest.get(length.max(4).next_multiple_of(4)..)?;
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    let found = bytes.get(at..at + 2).ok_or_else(truncated)?;
    Ok(u16::from_ne_bytes([found[0], found[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    let found = bytes.get(at..at + 4).ok_or_else(truncated)?;
    Ok(u32::from_ne_bytes([found[0], found[1], found[2], found[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "sock_diag answered with less than a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        put(&mut out, 0, &((HEADER + body.len()) as u32).to_ne_bytes());
        put(&mut out, 4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        put(&mut out, 8, &sequence.to_ne_bytes());
        out.extend_from_slice(body);
        out
    }

    fn socket(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = vec![0; ANSWER];
        body[1] = 1;
        put(&mut body, 4, &4000u16.to_be_bytes());
        put(&mut body, 6, &9080u16.to_be_bytes());
        put(&mut body, 64, &1000u32.to_ne_bytes());
        put(&mut body, 68, &77u32.to_ne_bytes());
        for (kind, payload) in attributes {
            body.extend_from_slice(&((payload.len() + 4) as u16).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(payload);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    #[test]
    fn a_question_names_both_ends_in_network_order() {
        let bytes = question(7, "127.0.0.1:4000".parse().unwrap(), "127.1.2.3:9080".parse().unwrap(), Some(2));
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[16..20], [AF_INET, IPPROTO_TCP, 0b10, 0]);
        assert_eq!(bytes[24..28], [0x0f, 0xa0, 0x23, 0x78]);
        assert_eq!((&bytes[28..32], &bytes[44..48]), (&[127, 0, 0, 1][..], &[127, 1, 2, 3][..]));
        assert_eq!(question(7, "[::1]:1".parse().unwrap(), "[::1]:2".parse().unwrap(), None)[16], AF_INET6);
    }

    #[test]
    fn an_answer_has_uid_inode_ports_and_the_attributes_in_any_order() {
        let mut info = vec![0; 248];
        put(&mut info, BYTES_ACKED, &4711u64.to_ne_bytes());
        let body = socket(&[(8, vec![3]), (INET_DIAG_CGROUP_ID, 99u64.to_ne_bytes().into()), (INET_DIAG_INFO, info)]);
        let datagram = reply(5, &body);
        let Reply::Socket(answer) = parse(&datagram, 5).unwrap() else { panic!("no socket") };
        assert_eq!((answer.uid, answer.inode, answer.own_port, answer.far_port), (1000, 77, 4000, 9080));
        assert_eq!((answer.cgroup(), answer.bytes_acked()), (Some(99), Some(4711)));
    }

    #[test]
    fn attributes_that_are_missing_or_cut_are_none() {
        for attributes in [vec![], vec![(INET_DIAG_CGROUP_ID, vec![1, 2, 3])], vec![(INET_DIAG_INFO, vec![0; 104])]] {
            let datagram = reply(5, &socket(&attributes));
            let Reply::Socket(answer) = parse(&datagram, 5).unwrap() else { panic!("no socket") };
            assert_eq!((answer.cgroup(), answer.bytes_acked()), (None, None), "{attributes:?}");
        }
    }

    #[test]
    fn not_found_is_an_answer_and_other_errors_are_errors() {
        for (code, expected) in [(ENOENT, Ok(Reply::NoSuchSocket)), (1, Err(io::ErrorKind::PermissionDenied))] {
            let mut datagram = reply(1, &(-code).to_ne_bytes());
            put(&mut datagram, 4, &NLMSG_ERROR.to_ne_bytes());
            assert_eq!(parse(&datagram, 1).map_err(|e| e.kind()), expected);
        }
    }

    #[test]
    fn what_is_not_the_answer_to_this_question_is_passed_over_and_a_short_one_refused() {
        let datagram = reply(4, &socket(&[]));
        assert_eq!(parse(&datagram, 5).unwrap(), Reply::Stale);
        for length in 0..HEADER + ANSWER {
            let cut = parse(&datagram[..length], 4).map_err(|e| e.kind());
            assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof), "{length}");
        }
    }
}
