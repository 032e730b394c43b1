//! What the control side tells people, on stderr: changes of state, never what repeats.

use crate::timestamp;

pub fn info(text: &str) {
    line("info", text);
}

pub fn warn(text: &str) {
    line("warning", text);
}

fn line(level: &str, text: &str) {
    eprintln!("{} {level} weft-proxy: {}", timestamp::text(timestamp::now()), text.replace(['\n', '\r'], " "));
}
