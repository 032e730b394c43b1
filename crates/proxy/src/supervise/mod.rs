//! `weft-proxy supervise --launch FILE`: the small parent of an app and its proxy.
//!
//! It owns the listening sockets, so that a proxy can die or be replaced without one refused connection; it starts the
//! app when the proxy is ready, and ends it when the proxy has drained. What it does next is decided in `plan`, without
//! a process or a clock; `run` does it; `handover` is what it says to the proxy child, and `child` the other side of
//! that. Read `plan` first.

pub mod app_exec;
pub mod child;
mod command;
mod ending;
mod environment;
mod handover;
mod launch_file;
mod listeners;
mod plan;
mod processes;
mod run;
mod say;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use prost::Message;
use weft_proto::v1::{App, Launch, RestartPolicy};

pub use app_exec::app_exec;
use handover::Handover;
use plan::{AppSettings, Plan, Restart, Settings};
use run::Supervisor;
use say::Failure;

use crate::sys::{self, Compartment};

/// R8, where the launch says nothing.
const DRAIN: Duration = Duration::from_secs(45);
const USAGE: u8 = 2;

#[derive(Debug, PartialEq, Eq)]
struct Options {
    launch: PathBuf,
    /// Hidden: another program as the proxy child.
    proxy_binary: Option<PathBuf>,
    /// Hidden: `launch_file` asks itself.
    translate: bool,
}

/// The arguments after `supervise`.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let done = parse(args).and_then(|options| match options.translate {
        true => launch_file::translate(&options.launch),
        false => supervise(options).map(ExitCode::from),
    });
    done.unwrap_or_else(|failure| {
        say::failure(&failure);
        ExitCode::from(failure.code)
    })
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Options, Failure> {
    let usage = |what: String| Failure::new(what, "weft-proxy supervise --launch FILE").with_code(USAGE);
    let (mut launch, mut proxy_binary, mut translate, mut args) = (None, None, false, args.into_iter());
    while let Some(arg) = args.next() {
        let place = match arg.to_str() {
            Some("--launch") => &mut launch,
            Some("--proxy-binary") => &mut proxy_binary,
            Some(launch_file::TRANSLATE) => {
                translate = true;
                continue;
            }
            _ => return Err(usage(format!("supervise does not know {}", arg.to_string_lossy()))),
        };
        let value = args.next().ok_or_else(|| usage(format!("{} needs a file", arg.to_string_lossy())))?;
        *place = Some(PathBuf::from(value));
    }
    let launch = launch.ok_or_else(|| usage("supervise needs --launch".into()))?;
    Ok(Options { launch, proxy_binary, translate })
}

fn supervise(options: Options) -> Result<u8, Failure> {
    let mut launch = launch_file::read(&options.launch)?;
    if let Some(app) = &launch.app {
        let path = app.env.get("PATH").map(OsString::from).or_else(|| std::env::var_os("PATH"));
        command::check(app, path.as_deref())?;
    }
    let sockets = listeners::bind(&mut launch)?;
    let plan = Plan::new(settings(&launch));
    run::run(supervisor(launch, sockets, options)?, plan)
}

fn supervisor(launch: Launch, sockets: Vec<std::net::TcpListener>, options: Options) -> Result<Supervisor, Failure> {
    let no_program = |e: std::io::Error| Failure::new(format!("cannot find my own program: {e}"), "");
    let own_binary = sys::own_binary().map_err(no_program)?;
    let file = std::env::current_exe().map_err(no_program)?;
    let compartment = launch.app.as_ref().and_then(|_| compartment());
    let handover = Handover {
        launch: launch.encode_to_vec(),
        uid: launch.app.as_ref().map(app_uid),
        compartment: compartment.as_ref().and_then(|c| c.path().to_str()).map(str::to_owned),
    };
    Ok(Supervisor {
        env: environment::of_app(&launch, std::env::vars_os()),
        proxy_binary: options.proxy_binary.clone().unwrap_or_else(|| own_binary.clone()),
        new_proxy_binary: options.proxy_binary.unwrap_or(file),
        own_binary,
        launch,
        handover,
        sockets,
        compartment,
    })
}

fn app_uid(app: &App) -> u32 {
    if app.uid == 0 { rustix::process::geteuid().as_raw() } else { app.uid }
}

/// Without one the app is told from other processes by its uid only: no reason to trouble anybody who did not ask.
fn compartment() -> Option<Compartment> {
    let created = Compartment::create(&format!("weft-{}", std::process::id()));
    if let Err(e) = &created {
        say::detail(&format!("the app has no compartment ({e}): all processes of its user count as the app"));
    }
    created.ok()
}

fn settings(launch: &Launch) -> Settings {
    let drain = milliseconds(launch.drain_ms).unwrap_or(DRAIN);
    Settings { drain, app: launch.app.as_ref().map(|app| app_settings(launch, app)) }
}

fn app_settings(launch: &Launch, app: &App) -> AppSettings {
    let restart = match app.restart() {
        RestartPolicy::Never => Restart::Never,
        RestartPolicy::OnFailure => Restart::OnFailure,
        RestartPolicy::Always => Restart::Always,
    };
    let port = u16::try_from(app.port).ok().filter(|port| *port != 0);
    // As the proxy will call it; an app without an inbound listener is expected on loopback.
    let inbound = launch.inbound.iter().filter_map(|l| l.app.parse::<SocketAddr>().ok());
    let listens = port.map(|port| {
        inbound.clone().find(|address| address.port() == port).unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)))
    });
    AppSettings { restart, listens, start_timeout: milliseconds(app.start_timeout_ms) }
}

/// 0 means that the launch says nothing.
fn milliseconds(value: u64) -> Option<Duration> {
    (value != 0).then(|| Duration::from_millis(value))
}

#[cfg(test)]
mod tests;
