//! What the supervisor and its proxy child say to each other, over a socket that is the child's standard input.
//!
//! First, once, from the supervisor: lines of `name value`, an empty line, the sockets, the launch.
//!
//! ```text
//! weft-handover 1
//! sockets 3              how many follow, in the order inbound, outbound, admin
//! launch 412             how many bytes the launch has (protobuf; addresses with their real ports)
//! uid 1000               of the app, with own_app_only
//! compartment /sys/…     of the app, where it has one
//!
//! ***                    one byte for each 64 sockets or part of them, which come with it (SCM_RIGHTS)
//! …                      the launch
//! ```
//!
//! Unknown names are passed over, so that a supervisor may be older or newer than its child. Then lines, either way:
//!
//! | from       | line             | meaning |
//! |------------|------------------|---------|
//! | child      | `ready`          | the listeners are served, the first configuration is in force |
//! | child      | `drained`        | after SIGTERM: nothing is in flight any more |
//! | child      | `replace`        | start a new proxy from the program's file; this one will get SIGTERM |
//! | supervisor | `app <pid>`      | the app's process group, 0 for none: to be ended if the supervisor dies |
//! | supervisor | `restarting …`   | the app has ended and is started again; what to say of it |
//! | supervisor | `stop`           | end now |
//! | supervisor | (end of stream)  | the supervisor is dead: end the app, then end |

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::sys::RECEIVE_CLOSED_ON_EXEC;

const MAGIC: &str = "weft-handover 1";
/// Set for the child, which otherwise would take any standard input for the supervisor.
pub const MARK: &str = "WEFT_SUPERVISED";
/// Linux takes 253 descriptors with one message; two of these always fit.
const BATCH: usize = 64;
/// Of the lines at the start, and of any line: a limit, far above what is sent.
const LINE: usize = 8 * 1024;
const LINES: usize = 64;
/// More than any launch, so that a mistake does not take the machine's memory.
const LAUNCH: usize = 16 << 20;

/// All that a proxy child gets.
#[derive(Debug, Default)]
pub struct Handover {
    pub launch: Vec<u8>,
    pub uid: Option<u32>,
    pub compartment: Option<String>,
}

pub fn send(channel: &UnixStream, handover: &Handover, sockets: &[TcpListener]) -> io::Result<()> {
    let mut head = format!("{MAGIC}\nsockets {}\nlaunch {}\n", sockets.len(), handover.launch.len());
    head.extend(handover.uid.map(|uid| format!("uid {uid}\n")));
    head.extend(handover.compartment.as_ref().map(|path| format!("compartment {path}\n")));
    let mut writer = channel;
    writer.write_all(format!("{head}\n").as_bytes())?;
    for batch in sockets.chunks(BATCH) {
        send_sockets(channel, batch)?;
    }
    writer.write_all(&handover.launch)
}

fn send_sockets(channel: &UnixStream, sockets: &[TcpListener]) -> io::Result<()> {
    let fds: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)), "the space is for a whole batch");
    sendmsg(channel, &[IoSlice::new(b"*")], &mut control, SendFlags::empty())?;
    Ok(())
}

pub fn receive(channel: &UnixStream) -> io::Result<(Handover, Vec<TcpListener>)> {
    if read_line(channel)? != MAGIC {
        return Err(broken("the standard input is not a supervisor that I know"));
    }
    let (mut handover, mut sockets, mut length) = (Handover::default(), 0, 0);
    for _ in 0..LINES {
        let line = read_line(channel)?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("sockets", value) => sockets = number(value)?,
            ("launch", value) => length = number(value)?,
            ("uid", value) => handover.uid = Some(number(value)? as u32),
            ("compartment", value) => handover.compartment = Some(value.to_owned()),
            ("", "") => {
                let listeners = receive_sockets(channel, sockets)?;
                handover.launch = read_exactly(channel, length)?;
                return Ok((handover, listeners));
            }
            _ => {}
        }
    }
    Err(broken("the supervisor's message has no end"))
}

fn receive_sockets(channel: &UnixStream, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut received: Vec<OwnedFd> = Vec::new();
    for _ in 0..count.div_ceil(BATCH) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0; 1];
        let message = recvmsg(channel, &mut [IoSliceMut::new(&mut byte)], &mut control, RECEIVE_CLOSED_ON_EXEC)?;
        if message.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                received.extend(fds);
            }
        }
    }
    if received.len() != count {
        return Err(broken("the supervisor's sockets did not arrive (is the limit of open files too low?)"));
    }
    Ok(received.into_iter().map(TcpListener::from).collect())
}

/// Byte by byte: what is read too far would take the sockets with it.
fn read_line(mut channel: &UnixStream) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0; 1]);
    while line.len() < LINE {
        channel.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return String::from_utf8(line).map_err(|_| broken("the supervisor's message is not text"));
        }
        line.push(byte[0]);
    }
    Err(broken("a line of the supervisor's message is too long"))
}

fn read_exactly(mut channel: &UnixStream, length: usize) -> io::Result<Vec<u8>> {
    if length > LAUNCH {
        return Err(broken("the supervisor's launch is too large"));
    }
    let mut bytes = vec![0; length];
    channel.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| broken("a number in the supervisor's message is none"))
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Lines that arrive in pieces. What is too long or no text is passed over, as unknown words are: the end of the stream
/// means that the other side is dead, so nobody may end it for less.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Adds what one read brought; calls `each` for every whole line.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for byte in bytes {
            if *byte != b'\n' {
                self.too_long |= self.rest.len() == LINE;
                if !self.too_long {
                    self.rest.push(*byte);
                }
                continue;
            }
            match std::str::from_utf8(&self.rest) {
                Ok(line) if !self.too_long => each(line),
                _ => {}
            }
            self.rest.clear();
            self.too_long = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed_over(handover: &Handover, sockets: &[TcpListener]) -> (Handover, Vec<TcpListener>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        send(&ours, handover, sockets).unwrap();
        receive(&theirs).unwrap()
    }

    #[test]
    fn sockets_arrive_in_their_order_with_the_launch() {
        for count in [0, 1, 64, 65, 130] {
            let sockets: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            let sent = Handover { launch: vec![7; 100_000], uid: Some(5), compartment: Some("/some where".into()) };
            let (got, received) = handed_over(&sent, &sockets);
            let addresses =
                |sockets: &[TcpListener]| -> Vec<_> { sockets.iter().map(|s| s.local_addr().unwrap()).collect() };
            assert_eq!(addresses(&received), addresses(&sockets));
            assert_eq!((got.launch, got.uid, got.compartment), (sent.launch, sent.uid, sent.compartment));
        }
    }

    #[test]
    fn unknown_lines_are_passed_over_and_nonsense_is_refused() {
        for (text, expected) in [
            ("weft-handover 1\nnew thing\nsockets 0\nlaunch 2\n\nab", Ok(b"ab".to_vec())),
            ("GET / HTTP/1.1\n\n", Err(io::ErrorKind::InvalidData)),
            ("weft-handover 1\nlaunch x\n\n", Err(io::ErrorKind::InvalidData)),
            ("weft-handover 1\nlaunch 99999999999\n\n", Err(io::ErrorKind::InvalidData)),
            ("weft-handover 1\nlaunch 9\n\nab", Err(io::ErrorKind::UnexpectedEof)),
            ("weft-handover 1\nsockets 1\nlaunch 1\n\n*a", Err(io::ErrorKind::InvalidData)),
            ("weft-handover 1\n", Err(io::ErrorKind::UnexpectedEof)),
        ] {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(text.as_bytes()).unwrap();
            drop(ours);
            let got = receive(&theirs).map(|(handover, _)| handover.launch).map_err(|e| e.kind());
            assert_eq!(got, expected, "{text:?}");
        }
    }

    #[test]
    fn lines_are_put_together_and_bounded() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        let endless = "x".repeat(LINE + 1);
        for piece in ["rea", "dy\ndrained", "\n\n", &endless, "y\nst", "op\n"] {
            lines.push(piece.as_bytes(), |line| seen.push(line.to_owned()));
        }
        lines.push(b"\xff\xfe\nlast\nst", |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["ready", "drained", "", "stop", "last"]);
        assert!(lines.rest.capacity() <= 2 * LINE);
    }
}
