//! What the control side tells people, on stderr: changes of state, never what repeats.

use crate::timestamp;

pub fn info(text: &str) {
    line("info", text);
}

pub fn warn(text: &str) {
    line("warning", text);
}

fn line(level: &str, text: &str) {
    eprintln!("{}", written(timestamp::now(), level, text));
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
