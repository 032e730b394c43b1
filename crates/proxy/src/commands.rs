//! The binary's commands: `run` (a program from a file), `serve` (the supervisor's child), `supervise`, `app-exec`.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;
use weft_proto::v1;

use crate::access_log::AccessLog;
use crate::config::Config;
use crate::control::{self, Control, Orders};
use crate::engine::{Engine, InboundSetup, OutboundSetup, Setup};
use crate::launch;
use crate::metrics::Metrics;
use crate::shared::{Command, EngineHandle, Recent, Shared, Signal};
use crate::supervise;
use crate::supervise::child::{Inherited, Told};
use crate::sys::AppIdentity;
use crate::timestamp;

const USAGE: &str = "usage: weft-proxy run --program FILE
       weft-proxy supervise --launch FILE
       weft-proxy --version";

/// As long as Kubernetes and R8 give by default, some seconds less than what supervisors of supervisors give.
const DRAIN_MS: u64 = 45_000;

/// What went wrong and what to do, as the user reads it.
#[derive(Debug)]
pub struct Failure {
    pub error: String,
    pub hint: Option<String>,
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: error.to_string(), hint: None }
    }
}

pub fn main(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rest = || arguments[1..].iter().map(OsString::from);
    let result = match words[..] {
        ["supervise", ..] => return supervise::main(rest()),
        ["app-exec", ..] => return supervise::app_exec(rest()),
        ["run", "--program", file] => run(Path::new(file)),
        ["serve", ..] => serve(),
        ["--version"] => {
            println!("weft-proxy {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        ["--help" | "-h" | "help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.error);
            if let Some(hint) = failure.hint {
                eprintln!("\nhint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

// ------------------------------------------------------------------------------------------------------------- run

/// Everything from one file, without a controller. Ends on SIGTERM or SIGINT, after a drain.
fn run(file: &Path) -> Result<(), Failure> {
    let mut program = launch::read_program(file)?;
    let launch = program.launch.take().unwrap_or_default();
    let config = Config::from_program(program).map_err(|r| format!("{}: {}: {}", file.display(), r.name, r.reason))?;
    let listeners = Listeners::bind(&launch)?;
    let mut proxy = Proxy::start(launch, listeners, config, None)?;
    let engine = proxy.handle.clone();
    proxy.observe(move |signal| {
        if matches!(signal, Signal::Drained { .. }) {
            engine.send(Command::Stop);
        }
    })?;
    proxy.run()
}

// ----------------------------------------------------------------------------------------------------------- serve

/// The supervisor's child: sockets and launch are inherited, configuration and identity come from the controller, the
/// state directory or files.
fn serve() -> Result<(), Failure> {
    let inherited = Inherited::from_env()?;
    let Some(inherited) = inherited else {
        let hint = Some("start a workload with `weft-proxy supervise --launch FILE` or `weft run`".into());
        return Err(Failure { error: "`serve` is for the supervisor only".into(), hint });
    };
    let notifier = inherited.notifier()?;
    let Inherited { launch, inbound, outbound, admin, app, mut watch } = inherited;
    let owner = app.filter(|_| launch.own_app_only);
    let listeners = Listeners { inbound, outbound, admin };
    let workload = launch.workload.as_ref().map(|w| format!("{}/{}", w.namespace, w.name)).unwrap_or_default();
    let mut proxy = Proxy::start(launch, listeners, Config::default(), owner)?;
    proxy.observe(move |signal| {
        // A supervisor that is gone is told by `watch`.
        let _ = match signal {
            Signal::Ready => notifier.ready(),
            Signal::Drained { .. } => notifier.drained(),
            _ => Ok(()),
        };
    })?;
    let (engine, shared) = (proxy.handle.clone(), proxy.engine.shared());
    thread::Builder::new().name("parent".into()).spawn(move || {
        while let Told::Restarting(text) = watch.wait() {
            let (unix_ms, kind, subject) = (timestamp::now_ms(), "app-restarted".into(), workload.clone());
            let _ = shared.signals.send(Signal::Event(v1::EventRecord { unix_ms, kind, subject, text }));
        }
        engine.send(Command::Stop)
    })?;
    proxy.run()
}

// ------------------------------------------------------------------------------------------------- parts of both

/// Open sockets, in the order of the launch file.
pub struct Listeners {
    pub inbound: Vec<TcpListener>,
    pub outbound: Vec<TcpListener>,
    pub admin: Option<TcpListener>,
}

impl Listeners {
    pub fn bind(launch: &v1::Launch) -> Result<Listeners, Failure> {
        let bind = |address: &str| {
            TcpListener::bind(address).map_err(|e| Failure {
                error: format!("cannot listen on {address}: {e}"),
                hint: Some(format!("see who has it: ss -ltnp 'sport = :{}'", address.rsplit(':').next().unwrap_or(""))),
            })
        };
        Ok(Listeners {
            inbound: launch.inbound.iter().map(|l| bind(&l.address)).collect::<Result<_, _>>()?,
            outbound: launch.outbound.iter().map(|l| bind(&l.address)).collect::<Result<_, _>>()?,
            admin: if launch.admin.is_empty() { None } else { Some(bind(&launch.admin)?) },
        })
    }

    fn inbound_addresses(&self) -> Vec<SocketAddr> {
        self.inbound.iter().filter_map(|l| l.local_addr().ok()).collect()
    }
}

/// Engine and control side of one process.
struct Proxy {
    engine: Engine,
    handle: EngineHandle,
    log: AccessLog,
    drain_ms: u64,
    control: Option<control::Start>,
    signals: Option<mpsc::UnboundedReceiver<Signal>>,
    running: Option<Control>,
}

impl Proxy {
    fn start(
        launch: v1::Launch,
        mut listeners: Listeners,
        config: Config,
        owner: Option<AppIdentity>,
    ) -> Result<Proxy, Failure> {
        let identity = control::identity_from_files(&launch).transpose()?;
        let (listening, admin) = (listeners.inbound_addresses(), listeners.admin.take());
        let config = Arc::new(config);
        let Started { mut engine, handle, signals } = start(&launch, listeners, config.clone())?;
        let shared = engine.shared();
        let log = AccessLog::new(launch.access_log(), &launch.access_log_file, shared.clone())?;
        let lines = log.clone();
        engine.log_to(Box::new(move |record| lines.log(record)));
        engine.serve_only(owner);
        let drain_ms = if launch.drain_ms == 0 { DRAIN_MS } else { launch.drain_ms };
        let control = control::Start { launch, listening, shared, engine: handle.clone(), config, identity, admin };
        Ok(Proxy { engine, handle, log, drain_ms, control: Some(control), signals: Some(signals), running: None })
    }

    /// Starts the control side; `watch` sees what the engine says before it does.
    fn observe(&mut self, watch: impl Fn(&Signal) + Send + 'static) -> Result<(), Failure> {
        let (Some(control), Some(mut signals)) = (self.control.take(), self.signals.take()) else { return Ok(()) };
        let (forward, receiver) = mpsc::unbounded_channel();
        thread::Builder::new().name("signals".into()).spawn(move || {
            while let Some(signal) = signals.blocking_recv() {
                watch(&signal);
                if forward.send(signal).is_err() {
                    return;
                }
            }
        })?;
        self.running = Some(control::start(control, receiver)?);
        Ok(())
    }

    fn run(mut self) -> Result<(), Failure> {
        let control = self.running.take().ok_or("the control side was not started")?;
        let thread = self.listen_to_signals(control.orders())?;
        let ended = self.engine.run();
        // Lines that are under way are written; the threads end with the process.
        drop(self.engine);
        self.log.close();
        // A thread that had a bug has said so.
        let _ = control.finish();
        drop(thread);
        ended.map_err(|error| {
            let text = error.to_string();
            let (error, hint) = text.split_once("\nhint: ").map_or((&*text, None), |(e, hint)| (e, Some(hint)));
            Failure { error: error.to_owned(), hint: hint.map(str::to_owned) }
        })
    }

    fn listen_to_signals(&self, orders: Orders) -> Result<thread::JoinHandle<()>, Failure> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let (log, drain_ms, engine) = (self.log.clone(), self.drain_ms, self.handle.clone());
        let body = move || {
            let mut draining = false;
            for signal in signals.forever() {
                match signal {
                    SIGHUP => log.reopen(),
                    // A second one shortens the drain.
                    _ if draining => {
                        engine.send(Command::Stop);
                    }
                    _ => {
                        draining = true;
                        orders.drain(drain_ms);
                    }
                }
            }
        };
        Ok(thread::Builder::new().name("sigterm".into()).spawn(body)?)
    }
}

/// An engine on open sockets, not yet running.
pub struct Started {
    pub engine: Engine,
    pub handle: EngineHandle,
    pub signals: mpsc::UnboundedReceiver<Signal>,
}

pub fn start(launch: &v1::Launch, listeners: Listeners, config: Arc<Config>) -> Result<Started, Failure> {
    let (sender, signals) = mpsc::unbounded_channel();
    let epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros() as u64;
    let shared = Arc::new(Shared {
        metrics: Metrics::default(),
        recent: Recent::default(),
        signals: sender,
        epoch,
        ready: AtomicBool::new(false),
        draining: AtomicBool::new(false),
    });
    let (engine, handle) = Engine::new(setup(launch, listeners)?, shared, config)?;
    Ok(Started { engine, handle, signals })
}

fn setup(launch: &v1::Launch, listeners: Listeners) -> Result<Setup, Failure> {
    let workload = launch.workload.clone().unwrap_or_default();
    let own = format!("{}/{}", workload.namespace, workload.name);
    let mut inbound = Vec::new();
    for (socket, l) in listeners.inbound.into_iter().zip(&launch.inbound) {
        let app: SocketAddr =
            l.app.parse().map_err(|_| format!("{:?} is no address of an app: write IP:PORT", l.app))?;
        let key = if l.inbound.is_empty() { own.clone() } else { l.inbound.clone() };
        inbound.push(InboundSetup { socket, port: l.port as u16, inbound: key, app });
    }
    let outbound = listeners
        .outbound
        .into_iter()
        .zip(&launch.outbound)
        .map(|(socket, l)| OutboundSetup { socket, frontend: (!l.frontend.is_empty()).then(|| l.frontend.clone()) });
    Ok(Setup {
        inbound,
        outbound: outbound.collect(),
        namespace: workload.namespace,
        workload: workload.name,
        service: workload.service,
        version: workload.version,
        service_account: workload.service_account,
        expects_identity: launch.controller.is_some() || !launch.key_file.is_empty(),
        owner: None,
        log: None,
        log_all: launch.access_log() == v1::AccessLog::All,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_a_way_to_find_its_holder() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let listener = v1::OutboundListener { address: address.clone(), ..Default::default() };
        let launch = v1::Launch { outbound: vec![listener], ..Default::default() };
        let Err(failure) = Listeners::bind(&launch) else { panic!("the port is taken") };
        assert!(failure.error.contains(&address), "{}", failure.error);
        assert!(failure.hint.unwrap().contains("ss -ltnp"));
    }

    #[test]
    fn an_app_address_that_is_none_is_refused() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let inbound = vec![v1::InboundListener { app: "somewhere".into(), ..Default::default() }];
        let launch = v1::Launch { inbound, ..Default::default() };
        let listeners = Listeners { inbound: vec![socket], outbound: Vec::new(), admin: None };
        let Err(failure) = setup(&launch, listeners) else { panic!("no address") };
        assert!(failure.error.contains("somewhere"));
    }
}
