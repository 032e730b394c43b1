//! HPACK (RFC 7541): field lists as indices into tables that both ends keep in step.
//!
//! The [`Decoder`] writes each field as a `name: value\r\n` line into `Head::arena` and keeps its table in that form
//! too, so an indexed field is one copy; what was learned about a field when it entered the table (which name it is,
//! whether it is sound) is kept with it and never asked again. The [`Encoder`] never compresses text (see
//! [`crate::huffman`]) and finds fields by one hash of name and value.

mod classify;
mod decoder;
mod encoder;
mod hash;
mod integer;
mod statics;
mod table;

use std::fmt;

pub use decoder::Decoder;
pub(crate) use decoder::{AUTHORITY, METHOD, PATH, PROTOCOL, SCHEME, STATUS};
pub use encoder::{Encoder, Index};

/// The pseudo-header fields of a request (RFC 9113 §8.3.1, RFC 8441 §4).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pseudo {
    Method,
    Path,
    Authority,
    Scheme,
    Protocol,
}

/// The block cannot be decoded, so the tables are out of step: COMPRESSION_ERROR, the connection is lost.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum HpackError {
    /// The block ends inside a field.
    Truncated,
    /// An integer beyond 32 bits.
    IntegerOverflow,
    /// Index 0, or beyond the tables.
    BadIndex,
    BadHuffman,
    /// A table size above what was allowed.
    SizeAboveLimit,
    /// A table size update behind a field.
    LateSizeUpdate,
    /// No table size update although the limit went down.
    MissingSizeUpdate,
}

impl HpackError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            HpackError::Truncated => "HPACK block ends inside a field",
            HpackError::IntegerOverflow => "HPACK integer is too large",
            HpackError::BadIndex => "HPACK index points nowhere",
            HpackError::BadHuffman => "HPACK Huffman code is invalid",
            HpackError::SizeAboveLimit => "HPACK table size is above SETTINGS_HEADER_TABLE_SIZE",
            HpackError::LateSizeUpdate => "HPACK table size update behind a field",
            HpackError::MissingSizeUpdate => "HPACK table was not reduced as agreed",
        }
    }
}

impl fmt::Display for HpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for HpackError {}

/// What an entry costs beyond its text (RFC 7541 §4.1).
pub(crate) const ENTRY_OVERHEAD: usize = 32;

/// The table size before any SETTINGS (RFC 9113 §6.5.2).
pub(crate) const DEFAULT_TABLE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Head, Limits};

    /// The lines of one decoded block, and how many bytes it took.
    fn transfer(encoder: &mut Encoder, decoder: &mut Decoder, fields: &[(&str, &str)]) -> (String, usize) {
        let mut block = Vec::new();
        for (name, value) in fields {
            encoder.field(&mut block, name.as_bytes(), value.as_bytes(), Index::Indexed);
        }
        let mut head = Head::default();
        decoder.decode(&block, &Limits::default(), &mut head).unwrap();
        (String::from_utf8(head.arena).unwrap(), block.len())
    }

    #[test]
    fn both_ends_stay_in_step_while_entries_come_and_go() {
        let (mut encoder, mut decoder) = (Encoder::new(DEFAULT_TABLE), Decoder::new(DEFAULT_TABLE));
        for round in 0..200 {
            let (fresh, value) = (format!("x-{round}"), "v".repeat(round));
            let fields = [("x-same", "always"), (fresh.as_str(), value.as_str())];
            let (lines, _) = transfer(&mut encoder, &mut decoder, &fields);
            assert_eq!(lines, format!("x-same: always\r\nx-{round}: {value}\r\n"));
        }
    }

    #[test]
    fn a_field_said_before_is_one_byte() {
        let (mut encoder, mut decoder) = (Encoder::new(DEFAULT_TABLE), Decoder::new(DEFAULT_TABLE));
        let fields = [("x-tenant", "blue")];
        let (first, long) = transfer(&mut encoder, &mut decoder, &fields);
        let (second, short) = transfer(&mut encoder, &mut decoder, &fields);
        assert_eq!((first, long > short, short), (second, true, 1));
    }

    #[test]
    fn the_two_faults_of_size_updates_read_differently() {
        let table = [
            (HpackError::LateSizeUpdate, "behind a field"),
            (HpackError::MissingSizeUpdate, "not reduced"),
            (HpackError::SizeAboveLimit, "above SETTINGS_HEADER_TABLE_SIZE"),
        ];
        for (error, words) in table {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
