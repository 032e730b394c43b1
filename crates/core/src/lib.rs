//! The decisions of the mesh, and nothing else: which route, which endpoint, whether to retry, who may call.
//!
//! The one abstraction: *compiled resources that answer questions*. A message of the contract (`weft_proto::v1`) is
//! compiled once (`Frontend::compile`, `Inbound::compile`, …) or refused with a reason; after that every question is
//! answered without allocation, locks or IO. Time is an argument (`now_us`: monotonic microseconds), and so is
//! randomness ([`rng::Rng`]). The proxy asks these very functions per request, `weft explain` asks them offline.
//!
//! Read first: [`frontend`] (outbound: what happens to a request), then [`balance`] (which endpoint gets it), then
//! [`access`] (inbound: who may call). [`table`] prints the whole pipeline.
#![forbid(unsafe_code)]

pub mod access;
pub mod action;
pub mod ask;
pub mod backend;
pub mod balance;
pub mod budget;
pub mod capability;
pub mod check;
pub mod drain;
pub mod edit;
pub mod endpoints;
mod entry;
mod field;
pub mod frontend;
mod given;
mod hash;
pub mod health;
mod index;
pub mod mesh;
mod operation;
pub mod outlier;
pub mod path;
mod pattern;
pub mod pending;
pub mod reason;
pub mod refused;
pub mod request;
pub mod resolve;
pub mod retry;
mod ring;
pub mod rng;
mod rules;
mod scratch;
pub mod simulate;
mod source;
pub mod spiffe;
pub mod split;
pub mod sticky;
pub mod table;
pub mod timeouts;

pub use reason::Reason;
pub use refused::Refused;
pub use request::{Fields, Request};
pub use rng::Rng;
