//! From fields to a block.

use super::hash;
use super::integer::write as write_integer;
use super::statics::{STATICS, find_name};
use super::table::Table;
use super::{DEFAULT_TABLE, ENTRY_OVERHEAD, Pseudo};
use crate::bytes::{eq_lowered, lower_word, same, word};

/// Whether a field may enter the tables of both ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// If the same field was sent before, or the same name and no entry has it: what is sent once (a request id) does
    /// not push out what recurs, yet its name costs one byte, and nobody has to list which fields recur.
    Adaptive,
    Indexed,
    WithoutIndexing,
    /// Nor may anyone who forwards it (RFC 7541 §7.1.3).
    Never,
}

/// Finding a field costs a hash and a look into a bucket, unless it comes where it came last time: heads of one kind
/// repeat in order, so each entry remembers which one followed it in a block, and a comparison with that one usually
/// settles it.
pub struct Encoder {
    table: Table<Follower>,
    /// What we are willing to use, whatever the peer allows.
    cap: usize,
    /// Entries ever inserted; an entry's id is its number.
    inserted: u32,
    /// Where fields, and names, lie in the table: buckets of [`WAYS`] by hash. Empty until the first insertion.
    buckets: Vec<[Slot; WAYS]>,
    /// Hashes of fields recently sent as literals, see [`Index::Adaptive`]. Empty until the first.
    recent: Vec<u32>,
    /// The entry that the last field of this block was found in, if any was.
    previous: Option<u32>,
    /// The entry that came first in the last block.
    first: Follower,
    /// Table sizes to announce before the next field: the smallest since the last block, and the final one.
    resized: Option<(usize, usize)>,
}

/// The id of the entry that came next in a block. A wrong one costs a comparison.
type Follower = u32;

#[derive(Copy, Clone, Default)]
struct Slot {
    tag: u32,
    id: u32,
}

/// A bucket is 32 bytes, half a cache line.
const WAYS: usize = 4;

/// A field must come again before so many others, about, to enter the table: some ten requests' worth.
const RECENT: usize = 128;

/// Fields larger than this part of the table stay out: one of them would push out everything else.
const LARGEST_PART: usize = 4;

impl Encoder {
    pub fn new(max_table: usize) -> Encoder {
        Encoder {
            table: Table::new(max_table),
            cap: max_table,
            inserted: 0,
            buckets: Vec::new(),
            recent: Vec::new(),
            previous: None,
            first: 0,
            resized: None,
        }
    }

    /// For a connection: starts at the size that holds before SETTINGS and never uses more than `cap`.
    pub(crate) fn with_cap(cap: usize) -> Encoder {
        Encoder { cap, ..Encoder::new(cap.min(DEFAULT_TABLE)) }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE. The change is announced at the start of the next block.
    pub fn set_max_size(&mut self, size: usize) {
        let size = size.min(self.cap);
        if size == self.table.max() {
            return;
        }
        self.table.set_max(size);
        let smallest = self.resized.map_or(size, |(smallest, _)| smallest.min(size));
        self.resized = Some((smallest, size));
        // Buckets are sized by the table.
        self.buckets = Vec::new();
    }

    /// To be called before each block, for speed only.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.previous = None;
    }

    /// `name` must be lower-case.
    pub fn field(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], index: Index) {
        self.announce_size(out);
        if index == Index::Never || !self.guessed(out, name, value) {
            self.unguessed(out, name, value, index);
        }
    }

    /// As [`Encoder::field`], for names as they come from HTTP/1.
    pub fn field_lower(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], index: Index) {
        self.announce_size(out);
        if index == Index::Never || !self.guessed(out, name, value) {
            self.unguessed_lower(out, name, value, index);
        }
    }

    /// As [`Encoder::field_lower`]; `index` is asked only when it matters. It must not say [`Index::Never`] of a field
    /// that was let into the table before.
    #[inline]
    pub(crate) fn field_lower_if(
        &mut self,
        out: &mut Vec<u8>,
        name: &[u8],
        value: &[u8],
        index: impl FnOnce() -> Index,
    ) {
        self.announce_size(out);
        if !self.guessed(out, name, value) {
            self.unguessed_lower(out, name, value, index());
        }
    }

    /// Writes the field's index if it is the one that came here last time.
    #[inline]
    fn guessed(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> bool {
        let previous = self.previous.and_then(|id| self.table.get(self.age(id)));
        let id = previous.map_or(self.first, |entry| entry.meta);
        let back = self.age(id);
        let Some(entry) = self.table.get(back) else { return false };
        let fits = entry.value_len() == value.len()
            && eq_lowered(name, self.table.name(entry))
            && same(value, self.table.value(entry));
        if fits {
            self.previous = Some(id);
            write_integer(out, 0x80, 7, STATICS.len() + 1 + back);
        }
        fits
    }

    /// Remembers that this entry follows the previous one.
    fn follow(&mut self, id: u32) {
        let previous = self.previous.map(|previous| self.age(previous));
        match previous.and_then(|back| self.table.get_mut(back)) {
            Some(entry) => entry.meta = id,
            None => self.first = id,
        }
        self.previous = Some(id);
    }

    fn unguessed_lower(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], index: Index) {
        let mut room = [0; 64];
        match lower(name, &mut room) {
            Some(lowered) => self.unguessed(out, lowered, value, index),
            None => self.unguessed(out, &name.to_ascii_lowercase(), value, index),
        }
    }

    fn unguessed(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], index: Index) {
        let name_hash = hash::name(name);
        if index == Index::Never {
            let place = self.name_index(name, name_hash);
            return literal(out, 0x10, 4, place, name, value);
        }
        let field_hash = hash::extend(name_hash, value);
        if let Some(back) = self.find(field_hash, name, Some(value)) {
            self.follow(self.inserted.wrapping_sub(back as u32 + 1));
            return write_integer(out, 0x80, 7, STATICS.len() + 1 + back);
        }
        let place = self.name_index(name, name_hash);
        if self.should_insert(field_hash, name.len() + value.len(), index)
            || (place == 0 && self.should_insert(name_hash, name.len() + value.len(), index))
        {
            literal(out, 0x40, 6, place, name, value);
            self.insert(name_hash, field_hash, name, value);
        } else {
            literal(out, 0, 4, place, name, value);
        }
    }

    pub fn status(&mut self, out: &mut Vec<u8>, status: u16) {
        let place = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => {
                let digits = [status / 100 % 10, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
                return self.field(out, b":status", &digits, Index::Indexed);
            }
        };
        self.announce_size(out);
        out.push(0x80 | place);
    }

    pub fn pseudo(&mut self, out: &mut Vec<u8>, pseudo: Pseudo, value: &[u8]) {
        let (name, place): (&[u8], _) = match (pseudo, value) {
            (Pseudo::Method, b"GET") => (b"", 2),
            (Pseudo::Method, b"POST") => (b"", 3),
            (Pseudo::Path, b"/") => (b"", 4),
            (Pseudo::Path, b"/index.html") => (b"", 5),
            (Pseudo::Scheme, b"http") => (b"", 6),
            (Pseudo::Scheme, b"https") => (b"", 7),
            (Pseudo::Method, _) => (b":method", 0),
            (Pseudo::Path, _) => (b":path", 0),
            (Pseudo::Authority, _) => (b":authority", 0),
            (Pseudo::Scheme, _) => (b":scheme", 0),
            (Pseudo::Protocol, _) => (b":protocol", 0),
        };
        if place == 0 {
            return self.field(out, name, value, Index::Adaptive);
        }
        self.announce_size(out);
        out.push(0x80 | place);
    }

    #[inline]
    fn announce_size(&mut self, out: &mut Vec<u8>) {
        if let Some((smallest, last)) = self.resized.take() {
            if smallest < last {
                write_integer(out, 0x20, 5, smallest);
            }
            write_integer(out, 0x20, 5, last);
        }
    }

    #[inline]
    fn name_index(&self, name: &[u8], name_hash: u64) -> usize {
        match find_name(name, name_hash) {
            0 => self.find(name_hash, name, None).map_or(0, |back| STATICS.len() + 1 + back),
            place => place,
        }
    }

    /// A live entry with this name, and this value if one is given: how many are newer.
    #[inline]
    fn find(&self, hash: u64, name: &[u8], value: Option<&[u8]>) -> Option<usize> {
        let bucket = self.buckets.get(hash as usize & self.buckets.len().wrapping_sub(1))?;
        bucket.iter().filter(|slot| slot.tag == tag(hash)).find_map(|slot| {
            let back = self.age(slot.id);
            let entry = self.table.get(back)?;
            let fits =
                same(name, self.table.name(entry)) && value.is_none_or(|value| same(value, self.table.value(entry)));
            fits.then_some(back)
        })
    }

    /// How many entries are newer than this one.
    #[inline]
    fn age(&self, id: u32) -> usize {
        self.inserted.wrapping_sub(id).wrapping_sub(1) as usize
    }

    #[inline]
    fn should_insert(&mut self, field_hash: u64, text: usize, index: Index) -> bool {
        let fits = (text + ENTRY_OVERHEAD) * LARGEST_PART <= self.table.max();
        match index {
            Index::Indexed => text + ENTRY_OVERHEAD <= self.table.max(),
            Index::Adaptive => fits && self.was_seen(field_hash),
            Index::WithoutIndexing | Index::Never => false,
        }
    }

    fn was_seen(&mut self, field_hash: u64) -> bool {
        if self.recent.is_empty() {
            self.recent.resize(RECENT, 0);
        }
        let seen = &mut self.recent[field_hash as usize % RECENT];
        std::mem::replace(seen, tag(field_hash)) == tag(field_hash)
    }

    fn insert(&mut self, name_hash: u64, field_hash: u64, name: &[u8], value: &[u8]) {
        if self.buckets.is_empty() {
            // Two slots per entry, and as many again to keep buckets from filling up; entries of 64 bytes on average.
            let slots = (self.table.max() / 64 * 4).max(64);
            self.buckets.resize((slots / WAYS).next_power_of_two(), Default::default());
        }
        if self.table.insert(name, value, 0) {
            let id = self.inserted;
            self.inserted = self.inserted.wrapping_add(1);
            self.follow(id);
            self.point(field_hash, id);
            self.point(name_hash, id);
        }
    }

    /// Makes `hash` lead to the newest entry. Takes the slot of the same hash, else that of the oldest entry: a bucket
    /// that overflows forgets, which costs bytes on the wire and no correctness.
    fn point(&mut self, hash: u64, id: u32) {
        let inserted = self.inserted;
        let mask = self.buckets.len() - 1;
        let bucket = &mut self.buckets[hash as usize & mask];
        let age = |slot: &Slot| if slot.tag == tag(hash) { u32::MAX } else { inserted.wrapping_sub(slot.id) };
        if let Some(slot) = bucket.iter_mut().max_by_key(|slot| age(slot)) {
            *slot = Slot { tag: tag(hash), id };
        }
    }
}

/// Never 0, which marks what is empty.
#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[inline]
fn literal(out: &mut Vec<u8>, pattern: u8, prefix: u32, place: usize, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 15);
    write_integer(out, pattern, prefix, place);
    if place == 0 {
        write_integer(out, 0, 7, name.len());
        out.extend_from_slice(name);
    }
    write_integer(out, 0, 7, value.len());
    out.extend_from_slice(value);
}

/// A copy of the name in lower case, or None if there is no room for it.
#[inline]
fn lower<'a>(name: &[u8], room: &'a mut [u8; 64]) -> Option<&'a [u8]> {
    let lowered = room.get_mut(..name.len())?;
    let mut to = lowered.chunks_exact_mut(8);
    let from = name.chunks_exact(8);
    let rest = from.remainder();
    for (to, from) in to.by_ref().zip(from) {
        to.copy_from_slice(&lower_word(word(from, 0)).to_le_bytes());
    }
    for (to, from) in to.into_remainder().iter_mut().zip(rest) {
        *to = from.to_ascii_lowercase();
    }
    Some(lowered)
}

#[cfg(test)]
mod tests;
