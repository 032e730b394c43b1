//! The contract between the controller (Python) and the data plane (Rust): `proto/weft/v1`, as Rust types.
//!
//! Nothing is written by hand here; read `proto/weft/v1/program.proto` first.
#![allow(clippy::all)]

pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/weft.v1.rs"));
}

/// The files' descriptor set, for JSON in and out.
#[cfg(feature = "descriptors")]
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
