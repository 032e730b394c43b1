//! From the name or address that a client used to a frontend.
use std::net::SocketAddr;

/// Immutable; built anew when the set of frontends changes. `T` is the caller's handle.
pub struct Names<T> {
    _handles: Vec<T>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Resolved<'a, T> {
    Known(&'a T),
    /// Not known, but under a mesh suffix: may be asked for.
    Ask,
    /// Not ours: passed through or refused.
    Unknown,
}

impl<T> Names<T> {
    pub fn new(_suffixes: &[Box<str>]) -> Names<T> {
        todo!()
    }
    /// A frontend: its names and port.
    pub fn add<S: AsRef<str>>(&mut self, _hosts: &[S], _port: u16, _handle: T)
    where
        T: Clone,
    {
        todo!()
    }
    /// An address of its own (loopback or virtual).
    pub fn add_address(&mut self, _address: SocketAddr, _handle: T) {
        todo!()
    }
    /// `authority`: Host or :authority, any case, with or without port.
    pub fn host(&self, _authority: &[u8]) -> Resolved<'_, T> {
        todo!()
    }
    pub fn address(&self, _address: SocketAddr) -> Resolved<'_, T> {
        todo!()
    }
    /// The key to ask for: "<namespace>/<service>:<port>" of `<service>.<namespace>.<suffix>[:port]`.
    pub fn key_to_ask(&self, _authority: &[u8], _default_port: u16) -> Option<String> {
        todo!()
    }
}

/// Host and port of an authority; the host without brackets of IPv6. None when malformed.
pub fn split_authority(_authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    todo!()
}
