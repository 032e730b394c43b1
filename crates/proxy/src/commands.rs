//! The binary's commands.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use weft_proto::v1;

use crate::config::Config;
use crate::engine::{Engine, InboundSetup, OutboundSetup, Setup};
use crate::launch;
use crate::metrics::Metrics;
use crate::shared::{Command, EngineHandle, Recent, Shared, Signal};
use crate::tls::Identity;

const USAGE: &str = "usage: weft-proxy run --program FILE
       weft-proxy supervise --launch FILE
       weft-proxy serve --launch FILE
       weft-proxy --version";

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
    let result = match words[..] {
        ["run", "--program", file] => run(Path::new(file)),
        ["--version"] => {
            println!("weft-proxy {}", env!("CARGO_PKG_VERSION"));
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

/// `run --program FILE`: everything from one file, without a controller.
fn run(file: &Path) -> Result<(), Failure> {
    let mut program = launch::read_program(file)?;
    let launch = program.launch.take().unwrap_or_default();
    let identity = own_identity(&launch)?;
    let config = Config::from_program(program).map_err(|r| format!("{}: {}: {}", file.display(), r.name, r.reason))?;
    let listeners = Listeners::bind(&launch)?;
    let (mut engine, handle, _signals) = start(&launch, listeners, Arc::new(config))?;
    if let Some(identity) = identity {
        handle.send(Command::Identity(Arc::new(identity)));
    }
    engine.run()?;
    Ok(())
}

fn own_identity(launch: &v1::Launch) -> Result<Option<Identity>, Failure> {
    if launch.key_file.is_empty() {
        return Ok(None);
    }
    Ok(Some(Identity::from_pem_files(&launch.key_file, &launch.certificate_file, &launch.roots_file)?))
}

/// Open sockets, in the order of the launch file.
pub struct Listeners {
    pub inbound: Vec<TcpListener>,
    pub outbound: Vec<TcpListener>,
}

impl Listeners {
    pub fn bind(launch: &v1::Launch) -> Result<Listeners, Failure> {
        let bind = |address: &str| {
            TcpListener::bind(address).map_err(|e| Failure::from(format!("cannot listen on {address}: {e}")))
        };
        Ok(Listeners {
            inbound: launch.inbound.iter().map(|l| bind(&l.address)).collect::<Result<_, _>>()?,
            outbound: launch.outbound.iter().map(|l| bind(&l.address)).collect::<Result<_, _>>()?,
        })
    }
}

type Started = (Engine, EngineHandle, tokio::sync::mpsc::UnboundedReceiver<Signal>);

/// An engine on open sockets, not yet running.
pub fn start(launch: &v1::Launch, listeners: Listeners, config: Arc<Config>) -> Result<Started, Failure> {
    let (signals, receiver) = tokio::sync::mpsc::unbounded_channel();
    let epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros() as u64;
    let shared = Arc::new(Shared {
        metrics: Metrics::default(),
        recent: Recent::default(),
        signals,
        epoch,
        ready: AtomicBool::new(false),
        draining: AtomicBool::new(false),
    });
    let setup = setup(launch, listeners)?;
    let (engine, handle) = Engine::new(setup, shared, config)?;
    Ok((engine, handle, receiver))
}

fn setup(launch: &v1::Launch, listeners: Listeners) -> Result<Setup, Failure> {
    let workload = launch.workload.clone().unwrap_or_default();
    let own = format!("{}/{}", workload.namespace, workload.name);
    let mut inbound = Vec::new();
    for (socket, l) in listeners.inbound.into_iter().zip(&launch.inbound) {
        let app: SocketAddr = l.app.parse().map_err(|_| format!("{:?} is no address of an app: write IP:PORT", l.app))?;
        let key = if l.inbound.is_empty() { own.clone() } else { l.inbound.clone() };
        inbound.push(InboundSetup { socket, port: l.port as u16, inbound: key, app });
    }
    let outbound = listeners.outbound.into_iter().zip(&launch.outbound).map(|(socket, l)| OutboundSetup {
        socket,
        frontend: (!l.frontend.is_empty()).then(|| l.frontend.clone()),
    });
    Ok(Setup {
        inbound,
        outbound: outbound.collect(),
        namespace: workload.namespace,
        workload: workload.name,
        service: workload.service,
        version: workload.version,
        service_account: workload.service_account,
        owner: None,
        log: None,
        log_all: launch.access_log() == v1::AccessLog::All,
    })
}
