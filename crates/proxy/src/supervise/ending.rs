//! How a process ended, and how that is told: in words, and as an exit code.

use std::fmt;

/// What a shell would answer for a command that cannot be run, and for one that is not there.
pub const NOT_EXECUTABLE: u8 = 126;
pub const NOT_FOUND: u8 = 127;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Code(u8),
    Signal(i32),
    NotStarted(String),
}

impl Ending {
    /// What a shell would have in `$?`.
    pub fn code(&self) -> u8 {
        match self {
            Ending::Code(code) => *code,
            Ending::Signal(signal) => of_signal(*signal),
            Ending::NotStarted(_) => NOT_EXECUTABLE,
        }
    }

    pub fn failed(&self) -> bool {
        self.code() != 0
    }
}

/// 128 + signal.
pub fn of_signal(signal: i32) -> u8 {
    128 + (signal & 0x7f) as u8
}

/// As the end of "the app …".
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Code(code) => write!(f, "ended with exit code {code}"),
            Ending::Signal(signal) => match signal_hook::low_level::signal_name(*signal) {
                Some(name) => write!(f, "was ended by {name}"),
                None => write!(f, "was ended by signal {signal}"),
            },
            Ending::NotStarted(reason) => write!(f, "could not be started: {reason}"),
        }
    }
}

impl From<rustix::process::WaitStatus> for Ending {
    fn from(status: rustix::process::WaitStatus) -> Ending {
        match (status.exit_status(), status.terminating_signal()) {
            (_, Some(signal)) => Ending::Signal(signal),
            (code, None) => Ending::Code(code.unwrap_or(0) as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_have_a_code_and_words() {
        for (ending, code, words) in [
            (Ending::Code(0), 0, "ended with exit code 0"),
            (Ending::Code(3), 3, "ended with exit code 3"),
            (Ending::Signal(9), 137, "was ended by SIGKILL"),
            (Ending::Signal(60), 188, "was ended by signal 60"),
            (Ending::NotStarted("no".into()), 126, "could not be started: no"),
        ] {
            assert_eq!((ending.code(), ending.to_string().as_str()), (code, words));
            assert_eq!(ending.failed(), code != 0);
        }
    }
}
