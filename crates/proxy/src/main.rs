//! `weft-proxy`: `run --program FILE`, `supervise --launch FILE`, `serve --launch FILE` (the supervisor's child).
fn main() {}
