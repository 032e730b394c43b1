//! What the control side tells people, on stderr: changes of state, never what repeats.

use std::io::{self, Write};

use crate::timestamp;

pub fn info(text: &str) {
    line("info", text);
}

pub fn warn(text: &str) {
    line("warning", text);
}

fn line(level: &str, text: &str) {
    put(&written(timestamp::now(), level, text));
}

/// In one write. A full disk or a pipe that nobody reads any more loses the line: `eprintln!` would end the thread.
pub fn put(line: &str) {
    if cfg!(test) {
        // Shown when the test fails.
        return eprintln!("{line}");
    }
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// One line, whatever a peer wrote into `text`.
fn written(unix: i64, level: &str, text: &str) -> String {
    format!("{} {level} weft-proxy: {}", timestamp::text(unix), text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_line_ends_stays_one_line() {
        let line = "1970-01-01T00:00:01Z warning weft-proxy: a";
        for (text, rest) in [("a", ""), ("a\nb", " b"), ("a\r\nb", "  b"), ("a\rb\n", " b ")] {
            assert_eq!(written(1, "warning", text), format!("{line}{rest}"), "{text:?}");
        }
    }
}
