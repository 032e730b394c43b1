//! From a block to a [`Head`].

use super::classify::{self, Meta, Name};
use super::integer::Block;
use super::statics::STATICS;
use super::table::{LINE_EXTRA, Table};
use super::{ENTRY_OVERHEAD, HpackError, Pseudo};
use crate::fault::Fault;
use crate::{Field, Head, Known, Limits, Span, huffman};

pub struct Decoder {
    table: Table<Meta>,
    /// What we allow the peer's encoder.
    limit: usize,
    /// The limit went below the table's size: the next block must begin by reducing it (RFC 7541 §4.2).
    must_reduce: bool,
}

/// A field whose line lies in the arena.
struct Line {
    start: usize,
    name_len: usize,
    sensitive: bool,
}

impl Decoder {
    pub fn new(max_table: usize) -> Decoder {
        Decoder::with_limit(max_table, max_table)
    }

    /// A table of `max_table` that the peer's encoder may change up to `limit`.
    pub(crate) fn with_limit(max_table: usize, limit: usize) -> Decoder {
        Decoder { table: Table::new(max_table), limit, must_reduce: false }
    }

    /// What the peer's encoder may use from now on: when it has acknowledged our SETTINGS.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.must_reduce = self.table.max() > limit;
    }

    /// Appends a block's fields to `head`. What makes the list no message is noted in the head and decoding goes on:
    /// the tables must stay in step. Over the limits nothing more is stored, so a field that costs one byte on the wire
    /// costs no memory here.
    pub fn decode(&mut self, block: &[u8], limits: &Limits, head: &mut Head) -> Result<(), HpackError> {
        let mut block = Block::new(block);
        self.size_updates(&mut block)?;
        while let Some(first) = block.peek() {
            if first & 0x80 != 0 {
                let index = block.integer(7)?;
                self.indexed(index, limits, head)?;
            } else if first & 0x40 != 0 {
                let index = block.integer(6)?;
                self.literal(&mut block, index, limits, head, Literal::Inserted)?;
            } else if first & 0x20 != 0 {
                return Err(HpackError::LateSizeUpdate);
            } else {
                let index = block.integer(4)?;
                let kind = if first & 0x10 != 0 { Literal::Never } else { Literal::Passing };
                self.literal(&mut block, index, limits, head, kind)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn size_updates(&mut self, block: &mut Block) -> Result<(), HpackError> {
        while matches!(block.peek(), Some(first) if first & 0xe0 == 0x20) {
            let size = block.integer(5)?;
            if size > self.limit {
                return Err(HpackError::SizeAboveLimit);
            }
            self.table.set_max(size);
            self.must_reduce = false;
        }
        if self.must_reduce { Err(HpackError::MissingSizeUpdate) } else { Ok(()) }
    }

    #[inline]
    fn indexed(&mut self, index: usize, limits: &Limits, head: &mut Head) -> Result<(), HpackError> {
        let start = head.arena.len();
        if let Some(entry) = index.checked_sub(1).and_then(|place| STATICS.get(place)) {
            if admit(head, limits, entry.name.len() + entry.value.len()) {
                write_line(&mut head.arena, entry.name.as_bytes(), entry.value.as_bytes());
                let meta = Meta { name: entry.kind, fault: static_fault(entry.kind) };
                accept(head, limits, Line { start, name_len: entry.name.len(), sensitive: false }, meta);
            }
            return Ok(());
        }
        let back = index.checked_sub(STATICS.len() + 1).ok_or(HpackError::BadIndex)?;
        let entry = self.table.get(back).ok_or(HpackError::BadIndex)?;
        if admit(head, limits, entry.name_len() + entry.value_len()) {
            head.arena.extend_from_slice(self.table.line(entry));
            accept(head, limits, Line { start, name_len: entry.name_len(), sensitive: false }, entry.meta);
        }
        Ok(())
    }

    fn literal(
        &mut self,
        block: &mut Block,
        index: usize,
        limits: &Limits,
        head: &mut Head,
        kind: Literal,
    ) -> Result<(), HpackError> {
        let start = head.arena.len();
        let name = if index == 0 {
            read_text(block, &mut head.arena)?;
            classify::name(&head.arena[start..])
        } else {
            self.copy_name(index, &mut head.arena)?
        };
        let name_len = head.arena.len() - start;
        head.arena.extend_from_slice(b": ");
        let value_start = head.arena.len();
        read_text(block, &mut head.arena)?;
        let meta = classify::meta(name, &head.arena[value_start..]);
        head.arena.extend_from_slice(b"\r\n");
        if kind == Literal::Inserted {
            self.table.insert_line(&head.arena[start..], name_len, meta);
        }
        if admit(head, limits, head.arena.len() - start - LINE_EXTRA) {
            accept(head, limits, Line { start, name_len, sensitive: kind == Literal::Never }, meta);
        } else {
            head.arena.truncate(start);
        }
        Ok(())
    }

    #[inline]
    fn copy_name(&self, index: usize, arena: &mut Vec<u8>) -> Result<Name, HpackError> {
        if let Some(entry) = STATICS.get(index - 1) {
            arena.extend_from_slice(entry.name.as_bytes());
            return Ok(entry.kind);
        }
        let entry = self.table.get(index - STATICS.len() - 1).ok_or(HpackError::BadIndex)?;
        arena.extend_from_slice(self.table.name(entry));
        Ok(entry.meta.name)
    }
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Literal {
    Inserted,
    Passing,
    Never,
}

/// The only fault in the static table is a name that no HTTP/2 message may hold.
#[inline]
fn static_fault(name: Name) -> Option<Fault> {
    match name {
        Name::Refused(fault) => Some(fault),
        _ => None,
    }
}

#[inline]
fn read_text(block: &mut Block, arena: &mut Vec<u8>) -> Result<(), HpackError> {
    let compressed = block.peek().ok_or(HpackError::Truncated)? & 0x80 != 0;
    let length = block.integer(7)?;
    let text = block.take(length)?;
    if compressed {
        return huffman::decode(text, arena).map_err(|_| HpackError::BadHuffman);
    }
    arena.extend_from_slice(text);
    Ok(())
}

#[inline]
fn write_line(arena: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    arena.extend_from_slice(name);
    arena.extend_from_slice(b": ");
    arena.extend_from_slice(value);
    arena.extend_from_slice(b"\r\n");
}

/// Counts the field (RFC 9113 §6.5.2). False if it is one too many to store.
#[inline]
fn admit(head: &mut Head, limits: &Limits, text: usize) -> bool {
    head.list_size = head.list_size.saturating_add((text + ENTRY_OVERHEAD) as u32);
    if head.list_size > limits.head_bytes {
        head.fault = head.fault.or(Some(Fault::TooLarge));
        return false;
    }
    true
}

#[inline]
fn accept(head: &mut Head, limits: &Limits, line: Line, meta: Meta) {
    if meta.fault.is_some() {
        head.fault = head.fault.or(meta.fault);
    }
    let name = Span::new(line.start, line.start + line.name_len);
    let value = Span::new(line.start + line.name_len + 2, head.arena.len() - 2);
    match meta.name {
        Name::Regular(known) => push(head, limits, Field { name, value, known, sensitive: line.sensitive }),
        Name::Pseudo(pseudo) => set_pseudo(head, pseudo, value),
        Name::Status => {
            note_pseudo(head, STATUS);
            head.status = classify::status(value.of(&head.arena)).unwrap_or(0);
        }
        Name::Refused(_) => push(head, limits, Field { name, value, known: Known::Other, sensitive: line.sensitive }),
    }
}

#[inline]
fn push(head: &mut Head, limits: &Limits, field: Field) {
    if head.fields.len() < limits.fields as usize {
        head.fields.push(field);
    } else {
        head.fault = head.fault.or(Some(Fault::TooManyFields));
    }
}

pub const METHOD: u8 = 1;
pub const PATH: u8 = 2;
pub const AUTHORITY: u8 = 4;
pub const SCHEME: u8 = 8;
pub const PROTOCOL: u8 = 16;
pub const STATUS: u8 = 32;

#[inline]
fn set_pseudo(head: &mut Head, pseudo: Pseudo, value: Span) {
    let bit = match pseudo {
        Pseudo::Method => (head.method = value, METHOD).1,
        Pseudo::Path => (head.target = value, PATH).1,
        Pseudo::Authority => (head.authority = value, AUTHORITY).1,
        Pseudo::Scheme => (head.scheme = value, SCHEME).1,
        Pseudo::Protocol => (head.protocol = value, PROTOCOL).1,
    };
    note_pseudo(head, bit);
}

#[inline]
fn note_pseudo(head: &mut Head, bit: u8) {
    if head.pseudo & bit != 0 {
        head.fault = head.fault.or(Some(Fault::DuplicatePseudo));
    }
    if !head.fields.is_empty() {
        head.fault = head.fault.or(Some(Fault::PseudoAfterField));
    }
    head.pseudo |= bit;
}

#[cfg(test)]
mod tests;
