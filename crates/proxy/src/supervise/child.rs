//! The proxy child's side: the sockets and the launch that it inherits, and what it hears of its supervisor.
//!
//! ```text
//! let inherited = Inherited::from_env()?.ok_or("…")?;        // at the very start of `serve`
//! let notifier = inherited.notifier()?;                      // engine ready: notifier.ready(); drained: notifier.drained()
//! std::thread::spawn(move || match inherited.watch.wait() {  // its own thread, or poll its descriptor and `read`
//!     Told::Stop | Told::ParentGone => std::process::exit(0),
//! });
//! ```
//!
//! SIGTERM means drain: say `drained` when nothing is in flight, and go on serving the app's own requests until `Stop`.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use prost::Message;
use rustix::process::{Pid, Signal, kill_process_group};
use weft_proto::v1::Launch;

use super::handover::{self, Lines, MARK};
use crate::sys::{AppIdentity, Compartment};

/// How long to wait for the app's processes to be gone before their cgroup is left where it is.
const REMOVE_MS: u32 = 1000;

#[derive(Debug)]
pub struct Inherited {
    /// As the supervisor was given it, with the real ports and, in `fd`, the descriptors' numbers.
    pub launch: Launch,
    /// In the order of `launch.inbound` and `launch.outbound`; blocking, as they were opened.
    pub inbound: Vec<TcpListener>,
    pub outbound: Vec<TcpListener>,
    pub admin: Option<TcpListener>,
    /// Whose connections the outbound side serves, when `launch.own_app_only`.
    pub app: Option<AppIdentity>,
    pub watch: Watch,
}

impl Inherited {
    /// `None`: this process was not started by a supervisor.
    pub fn from_env() -> io::Result<Option<Inherited>> {
        if std::env::var_os(MARK).is_none() {
            return Ok(None);
        }
        let channel = io::stdin().as_fd().try_clone_to_owned()?;
        Self::from_channel(UnixStream::from(channel)).map(Some)
    }

    pub fn from_channel(channel: UnixStream) -> io::Result<Inherited> {
        let (handover, mut sockets) = handover::receive(&channel)?;
        let mut launch = Launch::decode(handover.launch.as_slice()).map_err(io::Error::other)?;
        let expected = launch.inbound.len() + launch.outbound.len() + usize::from(!launch.admin.is_empty());
        if sockets.len() != expected {
            let what = format!("{} sockets for {expected} listeners", sockets.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let admin = if launch.admin.is_empty() { None } else { sockets.pop() };
        let outbound = sockets.split_off(launch.inbound.len());
        number(&mut launch, &sockets, &outbound);
        let compartment = handover.compartment.map(|path| Compartment::open(Path::new(&path))).transpose()?;
        let app = handover.uid.map(|uid| AppIdentity::new(uid, compartment.as_ref()));
        let leftovers = Leftovers { group: None, compartment };
        let watch = Watch { channel, lines: Lines::default(), leftovers };
        Ok(Inherited { launch, inbound: sockets, outbound, admin, app, watch })
    }

    pub fn notifier(&self) -> io::Result<Notifier> {
        Ok(Notifier { channel: self.watch.channel.try_clone()? })
    }
}

fn number(launch: &mut Launch, inbound: &[TcpListener], outbound: &[TcpListener]) {
    let descriptor = |socket: &TcpListener| socket.as_raw_fd().unsigned_abs();
    for (listener, socket) in launch.inbound.iter_mut().zip(inbound) {
        listener.fd = descriptor(socket);
    }
    for (listener, socket) in launch.outbound.iter_mut().zip(outbound) {
        listener.fd = descriptor(socket);
    }
}

/// What the child says. Errors mean that the supervisor is dead, which `Watch` tells too: they may be passed over.
#[derive(Debug)]
pub struct Notifier {
    channel: UnixStream,
}

impl Notifier {
    /// The listeners are served and the first configuration is in force: the app may be started.
    pub fn ready(&self) -> io::Result<()> {
        self.say("ready\n")
    }

    /// Nothing is in flight any more: the app may be ended.
    pub fn drained(&self) -> io::Result<()> {
        self.say("drained\n")
    }

    /// R9: a new proxy is to be started from the program's file and to take over.
    pub fn replace(&self) -> io::Result<()> {
        self.say("replace\n")
    }

    fn say(&self, line: &str) -> io::Result<()> {
        (&self.channel).write_all(line.as_bytes())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Stop,
    /// The app has ended, how, and when it is started again.
    Restarting(String),
    /// The supervisor is dead, and what was left of the app has been ended.
    ParentGone,
}

/// Hears of the supervisor's end, and of its wish that this process ends.
#[derive(Debug)]
pub struct Watch {
    channel: UnixStream,
    lines: Lines,
    leftovers: Leftovers,
}

/// What a dead supervisor cannot end itself.
#[derive(Debug)]
struct Leftovers {
    group: Option<Pid>,
    compartment: Option<Compartment>,
}

impl Watch {
    /// Blocks until there is something to do.
    pub fn wait(&mut self) -> Told {
        loop {
            match self.read() {
                Ok(Some(told)) => return told,
                Ok(None) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return self.parent_gone(),
            }
        }
    }

    /// One read of the descriptor, for those who poll it.
    pub fn read(&mut self) -> io::Result<Option<Told>> {
        let mut buffer = [0; 256];
        let length = self.channel.read(&mut buffer)?;
        let (mut told, leftovers) = (None, &mut self.leftovers);
        self.lines.push(&buffer[..length], |line| match line.split_once(' ').unwrap_or((line, "")) {
            ("stop", _) => told = Some(Told::Stop),
            ("app", pid) => leftovers.group = pid.parse().ok().and_then(Pid::from_raw),
            ("restarting", text) if told.is_none() => told = Some(Told::Restarting(text.to_owned())),
            _ => {}
        });
        if length == 0 {
            return Ok(Some(self.parent_gone()));
        }
        Ok(told)
    }

    fn parent_gone(&mut self) -> Told {
        if let Some(group) = self.leftovers.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(compartment) = self.leftovers.compartment.take() {
            let _ = compartment.kill_and_remove(REMOVE_MS);
        }
        Told::ParentGone
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use weft_proto::v1::{InboundListener, OutboundListener};

    use super::super::handover::Handover;
    use super::super::listeners;
    use super::*;

    fn inherited(handover: impl FnOnce(&Launch) -> Handover) -> (UnixStream, io::Result<Inherited>) {
        let address = "127.0.0.1:0".to_owned();
        let mut launch = Launch {
            inbound: vec![InboundListener { address: address.clone(), ..Default::default() }],
            outbound: vec![OutboundListener { address: address.clone(), ..Default::default() }; 2],
            admin: address,
            ..Default::default()
        };
        let sockets = listeners::bind(&mut launch).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        handover::send(&ours, &handover(&launch), &sockets).unwrap();
        (ours, Inherited::from_channel(theirs))
    }

    fn with_launch(launch: &Launch) -> Handover {
        Handover { launch: launch.encode_to_vec(), ..Default::default() }
    }

    #[test]
    fn every_listener_has_its_socket() {
        let (_ours, inherited) = inherited(|launch| Handover { uid: Some(7), ..with_launch(launch) });
        let inherited = inherited.unwrap();
        let address = |socket: &TcpListener| socket.local_addr().unwrap().to_string();
        assert_eq!(address(&inherited.inbound[0]), inherited.launch.inbound[0].address);
        for (socket, listener) in inherited.outbound.iter().zip(&inherited.launch.outbound) {
            assert_eq!(address(socket), listener.address);
            assert_eq!(socket.as_raw_fd().unsigned_abs(), listener.fd);
        }
        assert_eq!(address(inherited.admin.as_ref().unwrap()), inherited.launch.admin);
        assert_eq!(inherited.app, Some(AppIdentity::new(7, None)));
    }

    #[test]
    fn a_wrong_number_of_sockets_is_refused() {
        let (_ours, inherited) = inherited(|_| with_launch(&Launch::default()));
        assert_eq!(inherited.unwrap_err().to_string(), "4 sockets for 0 listeners");
    }

    #[test]
    fn tells_the_supervisor_and_hears_it() {
        let (mut ours, inherited) = inherited(with_launch);
        let mut inherited = inherited.unwrap();
        let notifier = inherited.notifier().unwrap();
        notifier.ready().unwrap();
        notifier.drained().unwrap();
        let mut heard = [0; 14];
        ours.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ready\ndrained\n");
        ours.write_all(b"something new\nrestarting the app ended\n").unwrap();
        assert_eq!(inherited.watch.wait(), Told::Restarting("the app ended".into()));
        ours.write_all(b"restarting the app ended\nstop\n").unwrap();
        assert_eq!(inherited.watch.wait(), Told::Stop);
    }

    #[test]
    fn the_death_of_the_supervisor_ends_the_apps_process_group() {
        let (mut ours, inherited) = inherited(with_launch);
        let mut app = Command::new("cat").stdin(std::process::Stdio::piped()).process_group(0).spawn().unwrap();
        writeln!(ours, "app {}", app.id()).unwrap();
        drop(ours);
        assert_eq!(inherited.unwrap().watch.wait(), Told::ParentGone);
        assert_eq!(app.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_process_without_a_supervisor_inherits_nothing() {
        assert!(Inherited::from_env().unwrap().is_none());
    }
}
