//! HPACK (RFC 7541).
use crate::{Head, Limits};

pub struct Decoder {}

/// The block cannot be decoded, so the table is out of step: COMPRESSION_ERROR on the connection.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum HpackError {
    Truncated,
}

impl Decoder {
    pub fn new(_max_table: usize) -> Decoder {
        todo!()
    }
    pub fn decode(&mut self, _block: &[u8], _limits: &Limits, _head: &mut Head) -> Result<(), HpackError> {
        todo!()
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// Into the table when it was seen before, else literally: one-time values do not push out what recurs.
    Adaptive,
    Indexed,
    WithoutIndexing,
    Never,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pseudo {
    Method,
    Path,
    Authority,
    Scheme,
    Protocol,
}

pub struct Encoder {}

impl Encoder {
    pub fn new(_max_table: usize) -> Encoder {
        todo!()
    }
    pub fn set_max_size(&mut self, _size: usize) {
        todo!()
    }
    pub fn field(&mut self, _out: &mut Vec<u8>, _name: &[u8], _value: &[u8], _index: Index) {
        todo!()
    }
    pub fn field_lower(&mut self, _out: &mut Vec<u8>, _name: &[u8], _value: &[u8], _index: Index) {
        todo!()
    }
    pub fn status(&mut self, _out: &mut Vec<u8>, _status: u16) {
        todo!()
    }
    pub fn pseudo(&mut self, _out: &mut Vec<u8>, _pseudo: Pseudo, _value: &[u8]) {
        todo!()
    }
}
