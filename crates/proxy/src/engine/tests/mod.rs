//! The engine on real sockets, with real TLS; one file per theme.

mod counts;
mod failures;
mod hostile;
mod kit;
mod one_hop;
mod pair;
mod storm;
mod taps;
