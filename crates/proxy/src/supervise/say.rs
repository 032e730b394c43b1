//! The supervisor's own words, on stderr: "weft: …" between the app's lines, "error: …" with a hint when nothing runs.

use std::io::Write;

/// Why nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub what: String,
    /// Empty: there is nothing that could be done about it from here.
    pub hint: String,
    pub code: u8,
}

impl Failure {
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { what: what.into(), hint: hint.into(), code: 1 }
    }

    pub fn with_code(self, code: u8) -> Failure {
        Failure { code, ..self }
    }

    fn text(&self) -> String {
        match self.hint.as_str() {
            "" => format!("error: {}\n", self.what),
            hint => format!("error: {}\n\nhint: {hint}\n", self.what),
        }
    }
}

pub fn note(text: &str) {
    put(&format!("weft: {text}\n"));
}

/// Only with WEFT_LOG=debug.
pub fn detail(text: &str) {
    if std::env::var_os("WEFT_LOG").is_some_and(|level| level == "debug") {
        note(text);
    }
}

pub fn failure(failure: &Failure) {
    put(&failure.text());
}

/// In one write, so that it stays in one piece; a terminal that is gone (SIGHUP) is no reason to panic.
fn put(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_hint_after_a_blank_line() {
        assert_eq!(Failure::new("no", "yes").text(), "error: no\n\nhint: yes\n");
        assert_eq!(Failure::new("no", "").with_code(2).text(), "error: no\n");
    }
}
