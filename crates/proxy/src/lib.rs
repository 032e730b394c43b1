//! The data plane's shell around `weft-core`: sockets, TLS, pools, timers.
//!
//! One *engine* thread (`engine`) carries all traffic. One *control* thread (`control`, `admin`) talks to the
//! controller and to people. They share what `shared` declares and nothing else: the control side sends commands, the
//! engine sends signals, counters are read where they lie. `supervise` is the small parent process that owns the
//! sockets and the app. Read `engine/stages.rs` first: the life of a request, top to bottom.

pub mod access_log;
pub mod admin;
pub mod commands;
pub mod config;
pub mod control;
pub mod engine;
pub mod launch;
pub mod metrics;
pub mod shared;
pub mod supervise;
pub mod sys;
pub mod tap;
pub mod timestamp;
pub mod tls;
