//! The supervisor at work: does what `plan` says, and tells it what happened. One thread, one poll; the app must be
//! started by the thread that lives longest, because the kernel ends it with its parent *thread*.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use weft_proto::v1::Launch;

use super::ending::Ending;
use super::handover::Handover;
use super::plan::{Action, Event, Plan, ProxyId, Time};
use super::processes::{self, Proxy};
use super::say::{self, Failure};
use crate::sys::{self, Compartment, SockDiag};

/// The end of the supervisor, its signals for the app, and news of children.
const SIGNALS: [i32; 7] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH];
/// How often to look whether the app listens: its start takes longer than this by far.
const LISTENS: Time = Time::from_millis(50);
/// How often to look whether the app's process group is empty: nobody tells.
const GROUP: Time = Time::from_millis(20);
/// For processes that were killed to be gone.
const KILLED_MS: u32 = 1000;

pub struct Supervisor {
    pub launch: Launch,
    pub handover: Handover,
    pub sockets: Vec<TcpListener>,
    pub env: BTreeMap<OsString, OsString>,
    pub compartment: Option<Compartment>,
    /// The running program, for what must fit to it, and the file that a proxy is started from.
    pub own_binary: PathBuf,
    pub proxy_binary: PathBuf,
    /// What an upgrade starts.
    pub new_proxy_binary: PathBuf,
}

pub struct Running {
    with: Supervisor,
    plan: Plan,
    began: Instant,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    diag: Option<SockDiag>,
    proxies: Vec<Proxy>,
    /// The app's first process, which gave its group the number.
    app: Option<Pid>,
}

/// Until everything has ended; the exit code.
pub fn run(with: Supervisor, plan: Plan) -> Result<u8, Failure> {
    let signals = signals().map_err(|e| Failure::new(format!("cannot handle signals: {e}"), ""))?;
    sys::adopt_orphans();
    let diag = SockDiag::new().ok();
    let mut running = Running { with, plan, began: Instant::now(), signals, diag, proxies: Vec::new(), app: None };
    let mut actions = running.plan.start(Time::ZERO);
    loop {
        let mut events = Vec::new();
        for action in actions {
            if let Action::Exit(code) = action {
                running.clean_up();
                return Ok(code);
            }
            running.perform(action, &mut events);
        }
        if events.is_empty() {
            events = running.wait();
        }
        let now = running.began.elapsed();
        actions = events.into_iter().flat_map(|event| running.plan.handle(now, event)).collect();
    }
}

fn signals() -> std::io::Result<SignalDelivery<UnixStream, SignalOnly>> {
    let (read, write) = UnixStream::pair()?;
    let wanted = SIGNALS.into_iter().filter(|signal| !sys::ignores(*signal)).chain([SIGCHLD]);
    SignalDelivery::with_pipe(read, write, SignalOnly, wanted)
}

impl Running {
    fn perform(&mut self, action: Action, events: &mut Vec<Event>) {
        match action {
            Action::StartProxy(id) => self.start_proxy(id, events),
            Action::StartNewProxy(id) => {
                self.with.proxy_binary.clone_from(&self.with.new_proxy_binary);
                self.start_proxy(id, events);
            }
            Action::Drain(id) => self.signal_proxy(id, Signal::TERM),
            Action::Kill(id) => self.signal_proxy(id, Signal::KILL),
            Action::Stop(id) => self.proxies.iter_mut().filter(|p| p.id == id).for_each(|p| p.tell("stop\n")),
            Action::StartApp => self.start_app(events),
            Action::TellApp(signal) => self.tell_app(signal, kill_process),
            Action::TellGroup(signal) => self.tell_app(signal, kill_process_group),
            Action::Say(text) => say::note(&text),
            Action::Restarting(text) => {
                say::note(&text);
                self.proxies.iter_mut().for_each(|proxy| proxy.tell(&format!("restarting {text}\n")));
            }
            Action::Detail(text) => say::detail(&text),
            Action::Fail(what, hint) => say::failure(&Failure::new(what, hint)),
            Action::Exit(_) => {}
        }
    }

    fn start_proxy(&mut self, id: ProxyId, events: &mut Vec<Event>) {
        match Proxy::start(id, &self.with.proxy_binary, &self.with.handover, &self.with.sockets) {
            Ok(mut proxy) => {
                proxy.tell(&app_line(self.app));
                self.proxies.push(proxy);
            }
            Err(e) => {
                let reason = format!("{}: {e}", self.with.proxy_binary.display());
                events.push(Event::ProxyEnded(id, Ending::NotStarted(reason)));
            }
        }
    }

    fn signal_proxy(&self, id: ProxyId, signal: Signal) {
        for proxy in self.proxies.iter().filter(|p| p.id == id) {
            let _ = kill_process(proxy.pid, signal);
        }
    }

    fn start_app(&mut self, events: &mut Vec<Event>) {
        let Some(app) = &self.with.launch.app else { return };
        if let Some(compartment) = &self.with.compartment {
            // What the last one left behind in the background may hold its port.
            compartment.kill(KILLED_MS);
        }
        let place = self.with.compartment.as_ref().map(Compartment::path);
        match processes::start_app(app, &self.with.own_binary, &self.with.env, place) {
            Ok(pid) => self.set_app(Some(pid)),
            Err(e) => events.push(Event::AppEnded { ending: Ending::NotStarted(e.to_string()), others: false }),
        }
    }

    fn set_app(&mut self, app: Option<Pid>) {
        self.app = app;
        self.proxies.iter_mut().for_each(|proxy| proxy.tell(&app_line(app)));
    }

    fn tell_app(&self, signal: i32, send: fn(Pid, Signal) -> rustix::io::Result<()>) {
        if let (Some(pid), Some(signal)) = (self.app, Signal::from_named_raw(signal)) {
            let _ = send(pid, signal);
        }
    }

    /// Blocks until something happens or it is time for something; all that has happened.
    fn wait(&mut self) -> Vec<Event> {
        self.poll();
        let mut events = Vec::new();
        for proxy in &mut self.proxies {
            events.extend(proxy.said().into_iter().map(|said| Event::Proxy(proxy.id, said)));
        }
        let signals: Vec<i32> = self.signals.pending().collect();
        events.extend(signals.iter().filter(|s| **s != SIGCHLD).map(|signal| Event::Signal(*signal)));
        if signals.contains(&SIGCHLD) {
            self.reap(&mut events);
        }
        self.look(&mut events);
        events.push(Event::Tick);
        events
    }

    fn poll(&self) {
        let timeout = self.timeout().map(|t| Timespec { tv_sec: t.as_secs() as i64, tv_nsec: t.subsec_nanos().into() });
        let mut fds = vec![PollFd::new(self.signals.get_read(), PollFlags::IN)];
        let channels = self.proxies.iter().filter_map(Proxy::descriptor);
        fds.extend(channels.map(|channel| PollFd::from_borrowed_fd(channel, PollFlags::IN)));
        // Interrupted: by one of our signals, which is found in the pipe.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    fn timeout(&self) -> Option<Time> {
        let deadline = self.plan.deadline().map(|at| at.saturating_sub(self.began.elapsed()));
        let listens = self.plan.awaits_listener().map(|_| LISTENS);
        let group = self.plan.awaits_group().then_some(GROUP);
        [deadline, listens, group].into_iter().flatten().min()
    }

    fn reap(&mut self, events: &mut Vec<Event>) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if self.app == Some(pid) {
                let others = group_lives(pid);
                events.push(Event::AppEnded { ending: status.into(), others });
                if !others {
                    self.set_app(None);
                }
            } else if let Some(at) = self.proxies.iter().position(|proxy| proxy.pid == pid) {
                let mut proxy = self.proxies.swap_remove(at);
                events.extend(proxy.said().into_iter().map(|said| Event::Proxy(proxy.id, said)));
                events.push(Event::ProxyEnded(proxy.id, status.into()));
            }
            // Any other is an orphan: of the app, or of anybody when we are the first process of a container.
        }
    }

    /// At what nobody tells.
    fn look(&mut self, events: &mut Vec<Event>) {
        if let Some(address) = self.plan.awaits_listener() {
            // Where it cannot be seen it is not waited for.
            if self.diag.as_mut().is_none_or(|diag| diag.listens(address).unwrap_or(true)) {
                events.push(Event::AppListens);
            }
        }
        if self.plan.awaits_group() && !self.app.is_some_and(group_lives) {
            self.set_app(None);
            events.push(Event::GroupEnded);
        }
    }

    fn clean_up(&mut self) {
        if let Some(Err(e)) = self.with.compartment.as_ref().map(|c| c.kill_and_remove(KILLED_MS)) {
            say::note(&format!("cannot remove {e}"));
        }
    }
}

fn app_line(app: Option<Pid>) -> String {
    format!("app {}\n", app.map_or(0, |pid| pid.as_raw_nonzero().get()))
}

/// Not permitted to signal it: then there is somebody.
fn group_lives(group: Pid) -> bool {
    test_kill_process_group(group) != Err(rustix::io::Errno::SRCH)
}
