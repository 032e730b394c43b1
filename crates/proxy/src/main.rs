//! `weft-proxy`: `run --program FILE`, `supervise --launch FILE`, and `serve --launch FILE` (the supervisor's child).

use std::process::ExitCode;

fn main() -> ExitCode {
    weft_proxy::commands::main(&std::env::args().skip(1).collect::<Vec<_>>())
}
