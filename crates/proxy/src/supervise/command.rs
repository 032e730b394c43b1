//! Looks for the app's program before anything is started, so that a wrong name is one clear line.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use weft_proto::v1::App;

use super::ending::{NOT_EXECUTABLE, NOT_FOUND};
use super::say::Failure;

/// `path` is the app's PATH. Only a look: `exec` searches again, as the app's user.
pub fn check(app: &App, path: Option<&OsStr>) -> Result<(), Failure> {
    let Some(program) = app.command.first().filter(|c| !c.is_empty()) else {
        return Err(Failure::new("app.command: is empty", "name the program to run: `weft run … -- COMMAND`"));
    };
    if !app.directory.is_empty() && !Path::new(&app.directory).is_dir() {
        return Err(Failure::new(format!("app.directory: there is no directory {}", app.directory), ""));
    }
    if app.uid != 0 && app.gid == 0 {
        return Err(Failure::new("app.gid: is needed with app.uid", "the app would keep the supervisor's group"));
    }
    if let Some(part) = app.command.iter().chain(app.env.keys()).chain(app.env.values()).find(|p| p.contains('\0')) {
        return Err(Failure::new(format!("app: {part:?} has a NUL in it"), ""));
    }
    let candidates = candidates(program, &app.directory, path);
    if candidates.iter().any(|file| executable(file)) {
        return Ok(());
    }
    Err(explain(program, candidates.into_iter().find(|file| file.exists())))
}

/// A name with a slash is a file, seen from the app's directory; any other is looked for along PATH.
fn candidates(program: &str, directory: &str, path: Option<&OsStr>) -> Vec<PathBuf> {
    let directory = Path::new(directory);
    if program.contains('/') {
        return vec![directory.join(program)];
    }
    path.map_or_else(Vec::new, |path| std::env::split_paths(path).map(|p| directory.join(p).join(program)).collect())
}

fn executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn explain(program: &str, found: Option<PathBuf>) -> Failure {
    match found {
        Some(file) if file.is_dir() => {
            Failure::new(format!("{} is a directory, not a program", file.display()), "").with_code(NOT_EXECUTABLE)
        }
        Some(file) => Failure::new(
            format!("{} is not executable", file.display()),
            format!("chmod +x {}, or run it with its interpreter", file.display()),
        )
        .with_code(NOT_EXECUTABLE),
        None if program.contains('/') => {
            Failure::new(format!("there is no file {program}"), "relative names start at the app's directory")
                .with_code(NOT_FOUND)
        }
        None => {
            Failure::new(format!("command not found: {program}"), "it is in no directory of PATH; give its whole path")
                .with_code(NOT_FOUND)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(command: &[&str]) -> App {
        App { command: command.iter().map(|c| (*c).into()).collect(), ..Default::default() }
    }

    fn refusal(app: &App, path: &str) -> (String, u8) {
        let failure = check(app, Some(OsStr::new(path))).unwrap_err();
        (failure.what, failure.code)
    }

    #[test]
    fn finds_programs_as_exec_does() {
        check(&app(&["sh"]), Some(OsStr::new("/nonexistent:/bin"))).unwrap();
        check(&app(&["/bin/sh"]), None).unwrap();
        check(&App { directory: "/bin".into(), ..app(&["./sh"]) }, None).unwrap();
        check(&App { directory: "/".into(), ..app(&["sh"]) }, Some(OsStr::new("bin"))).unwrap();
    }

    #[test]
    fn says_what_is_wrong_with_a_command() {
        for (app, expected, code) in [
            (app(&["no-such-program"]), "command not found: no-such-program", 127),
            (app(&["./no-such-file"]), "there is no file ./no-such-file", 127),
            (app(&["/etc/passwd"]), "/etc/passwd is not executable", 126),
            (app(&["/etc"]), "/etc is a directory, not a program", 126),
            (app(&[]), "app.command: is empty", 1),
            (app(&[""]), "app.command: is empty", 1),
            (App { directory: "/nowhere".into(), ..app(&["sh"]) }, "app.directory: there is no directory /nowhere", 1),
            (App { uid: 1000, ..app(&["sh"]) }, "app.gid: is needed with app.uid", 1),
            (app(&["sh", "a\0b"]), "app: \"a\\0b\" has a NUL in it", 1),
        ] {
            assert_eq!(refusal(&app, "/bin"), (expected.to_owned(), code));
        }
    }
}
