//! `weft-proxy app-exec`: becomes the app. Between fork and exec a program may do little; a program of its own may do
//! all of it safely: join the compartment, drop privileges, ask to die with the supervisor, then exec.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::ending::{NOT_EXECUTABLE, NOT_FOUND};
use super::say::{self, Failure};
use crate::sys::{self, Compartment, Privileges};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    privileges: Privileges,
    compartment: Option<PathBuf>,
    command: Vec<OsString>,
}

/// Returns only when the app could not be started.
pub fn app_exec(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(options) = parse(args) else {
        say::failure(&Failure::new("app-exec is for weft-proxy supervise only", "run `weft-proxy supervise` instead"));
        return ExitCode::from(2);
    };
    let failure = become_app(&options);
    say::failure(&failure);
    ExitCode::from(failure.code)
}

/// `--parent PID [--user UID:GID] [--compartment PATH] -- COMMAND…`
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Options> {
    let (mut options, mut args) = (Options::default(), args.into_iter());
    loop {
        match args.next()?.to_str()? {
            "--parent" => options.privileges.parent = number(&args.next()?)?,
            "--user" => {
                let value = args.next()?;
                let (uid, gid) = value.to_str()?.split_once(':')?;
                options.privileges.user = Some((uid.parse().ok()?, gid.parse().ok()?));
            }
            "--compartment" => options.compartment = Some(args.next()?.into()),
            "--" => break,
            _ => return None,
        }
    }
    options.command = args.collect();
    (options.privileges.parent != 0 && !options.command.is_empty()).then_some(options)
}

fn number(text: &OsStr) -> Option<u32> {
    text.to_str()?.parse().ok()
}

fn become_app(options: &Options) -> Failure {
    if let Some(path) = &options.compartment {
        if let Err(e) = Compartment::open(path).and_then(|compartment| compartment.join()) {
            // Without it the proxy would not take the app's connections for the app's.
            return Failure::new(format!("cannot join {}: {e}", path.display()), "").with_code(NOT_EXECUTABLE);
        }
    }
    let mut command = Command::new(&options.command[0]);
    command.args(&options.command[1..]);
    if let Err(e) = sys::drop_privileges(&mut command, options.privileges) {
        let hint = "only root may start an app as another user";
        return Failure::new(format!("cannot start the app: {e}"), hint).with_code(NOT_EXECUTABLE);
    }
    explain(&options.command[0], &command.exec())
}

fn explain(program: &OsStr, error: &io::Error) -> Failure {
    let what = format!("cannot run {}: {error}", program.to_string_lossy());
    match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::new(what, "when the file is there, its interpreter (first line) is not").with_code(NOT_FOUND)
        }
        _ => Failure::new(what, "").with_code(NOT_EXECUTABLE),
    }
}
