//! Reads the launch without keeping what that takes: the reader of JSON knows the whole contract and needs 2 MB, which
//! a process that lives as long as its app should not carry. So JSON is read by a process of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use prost::Message;
use weft_proto::v1::Launch;

use super::say::Failure;
use crate::launch::read_launch;
use crate::sys;

/// The option of `supervise` that only prints the launch, as protobuf.
pub const TRANSLATE: &str = "--to-protobuf";

pub fn read(file: &Path) -> Result<Launch, Failure> {
    // Whatever goes wrong there is found again here, with its words.
    let translated = if is_json(file) { translated(file) } else { None };
    translated.map_or_else(|| read_here(file), Ok)
}

fn read_here(file: &Path) -> Result<Launch, Failure> {
    read_launch(file).map_err(|e| Failure::new(e.to_string(), ""))
}

fn is_json(file: &Path) -> bool {
    let mut start = [0; 64];
    let read = File::open(file).and_then(|mut file| file.read(&mut start));
    let first = start.iter().take(read.unwrap_or(0)).find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'{')
}

fn translated(file: &Path) -> Option<Launch> {
    let mut command = Command::new(sys::own_binary().ok()?);
    command.args(["supervise", TRANSLATE, "--launch"]).arg(file).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    output.status.success().then(|| Launch::decode(output.stdout.as_slice()).ok()).flatten()
}

/// The other side of `translated`.
pub fn translate(file: &Path) -> Result<ExitCode, Failure> {
    let launch = read_here(file)?.encode_to_vec();
    let written = std::io::stdout().write_all(&launch);
    written.map_err(|e| Failure::new(format!("cannot write the launch: {e}"), ""))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_begins_with_a_brace() {
        let file = std::env::temp_dir().join(format!("weft-launch-{}", std::process::id()));
        for (bytes, expected) in [(&b" \n{}"[..], true), (b"\x22\x01a", false), (b"", false)] {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(is_json(&file), expected, "{bytes:?}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(!is_json(&file));
        assert!(read(&file).unwrap_err().what.contains("cannot be read"));
    }
}
