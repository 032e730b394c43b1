//! Generates the contract's Rust types from `proto/weft/v1`, without a protoc on the machine.
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let files = ["weft/v1/program.proto", "weft/v1/discovery.proto", "weft/v1/control.proto"];
    println!("cargo:rerun-if-changed={}", root.display());
    let descriptors = protox::compile(files, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    let client = env::var_os("CARGO_FEATURE_CLIENT").is_some();
    tonic_prost_build::configure().build_server(false).build_client(client).compile_fds(descriptors)?;
    Ok(())
}
