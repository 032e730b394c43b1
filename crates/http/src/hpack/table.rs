//! The dynamic table (RFC 7541 §2.3.2), as both ends keep it.
//!
//! Text lies in one buffer, oldest first, as `name: value\r\n`. New text goes behind; when twice the table's size is
//! used up the live part is moved to the front, so that every entry is one slice and moving costs less than a byte
//! per byte inserted.

use std::collections::VecDeque;

use super::ENTRY_OVERHEAD;

#[derive(Copy, Clone)]
pub struct Entry<M> {
    at: u32,
    name_len: u32,
    value_len: u32,
    pub meta: M,
}

impl<M> Entry<M> {
    #[inline]
    pub fn name_len(&self) -> usize {
        self.name_len as usize
    }

    #[inline]
    pub fn value_len(&self) -> usize {
        self.value_len as usize
    }

    #[inline]
    fn size(&self) -> usize {
        self.name_len() + self.value_len() + ENTRY_OVERHEAD
    }

    #[inline]
    fn line_len(&self) -> usize {
        self.name_len() + self.value_len() + LINE_EXTRA
    }
}

/// `: ` and CRLF. Less than the 32 that RFC 7541 §4.1 counts per entry, so the text never outgrows the table's size.
pub const LINE_EXTRA: usize = 4;

pub struct Table<M> {
    text: Vec<u8>,
    /// Oldest first.
    entries: VecDeque<Entry<M>>,
    size: usize,
    max: usize,
}

impl<M: Copy> Table<M> {
    /// Allocates nothing before the first entry: most connections of a large mesh are idle.
    pub fn new(max: usize) -> Table<M> {
        Table { text: Vec::new(), entries: VecDeque::new(), size: 0, max }
    }

    pub fn max(&self) -> usize {
        self.max
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.size
    }

    /// `back` counts from the newest entry, which is 0.
    #[inline]
    pub fn get(&self, back: usize) -> Option<&Entry<M>> {
        let place = self.entries.len().checked_sub(back + 1)?;
        self.entries.get(place)
    }

    #[inline]
    pub fn get_mut(&mut self, back: usize) -> Option<&mut Entry<M>> {
        let place = self.entries.len().checked_sub(back + 1)?;
        self.entries.get_mut(place)
    }

    /// The entry as a field line.
    #[inline]
    pub fn line(&self, entry: &Entry<M>) -> &[u8] {
        let at = entry.at as usize;
        &self.text[at..at + entry.line_len()]
    }

    #[inline]
    pub fn name(&self, entry: &Entry<M>) -> &[u8] {
        &self.text[entry.at as usize..][..entry.name_len()]
    }

    #[inline]
    pub fn value(&self, entry: &Entry<M>) -> &[u8] {
        &self.text[entry.at as usize + entry.name_len() + 2..][..entry.value_len()]
    }

    /// Evicts what no longer fits. True if the entry went in: one larger than the table only empties it
    /// (RFC 7541 §4.4).
    pub fn insert(&mut self, name: &[u8], value: &[u8], meta: M) -> bool {
        let Some(at) = self.make_room(name.len(), value.len()) else { return false };
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
        self.push(at, name.len(), value.len(), meta);
        true
    }

    /// As [`Table::insert`], from a whole line.
    pub fn insert_line(&mut self, line: &[u8], name_len: usize, meta: M) {
        let value_len = line.len() - name_len - LINE_EXTRA;
        if let Some(at) = self.make_room(name_len, value_len) {
            self.text.extend_from_slice(line);
            self.push(at, name_len, value_len, meta);
        }
    }

    fn push(&mut self, at: u32, name_len: usize, value_len: usize, meta: M) {
        let entry = Entry { at, name_len: name_len as u32, value_len: value_len as u32, meta };
        self.size += entry.size();
        self.entries.push_back(entry);
    }

    /// Where the new line will start, or None if it is too large.
    fn make_room(&mut self, name_len: usize, value_len: usize) -> Option<u32> {
        let size = name_len + value_len + ENTRY_OVERHEAD;
        self.shrink_to(self.max.saturating_sub(size));
        if size > self.max {
            return None;
        }
        if self.text.len() + size > 2 * self.max {
            self.compact();
        }
        Some(self.text.len() as u32)
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size {
            match self.entries.pop_front() {
                Some(oldest) => self.size -= oldest.size(),
                None => break,
            }
        }
        if self.entries.is_empty() {
            self.text.clear();
        }
    }

    fn compact(&mut self) {
        let live = self.entries.front().map_or(self.text.len(), |oldest| oldest.at as usize);
        self.text.copy_within(live.., 0);
        self.text.truncate(self.text.len() - live);
        for entry in &mut self.entries {
            entry.at -= live as u32;
        }
    }

    pub fn set_max(&mut self, max: usize) {
        self.max = max;
        self.shrink_to(max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(table: &Table<()>) -> Vec<String> {
        let show = |entry: &Entry<()>| {
            assert_eq!(table.line(entry), [table.name(entry), b": ", table.value(entry), b"\r\n"].concat());
            String::from_utf8(table.line(entry).to_vec()).unwrap().trim_end().to_string()
        };
        (0..table.len()).map(|back| show(table.get(back).unwrap())).collect()
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let mut table = Table::new(3 * 36);
        for i in 0..10 {
            assert!(table.insert(format!("n{i}").as_bytes(), format!("v{i}").as_bytes(), ()));
        }
        assert_eq!(text(&table), ["n9: v9", "n8: v8", "n7: v7"]);
        assert_eq!(table.size(), 108);
        assert!(table.get(3).is_none());
        table.set_max(107);
        assert_eq!(text(&table), ["n9: v9", "n8: v8"]);
        assert!(!table.insert(&[b'a'; 100], b"", ()), "larger than the table");
        assert_eq!((table.len(), table.size()), (0, 0));
    }

    #[test]
    fn text_stays_within_twice_the_size_and_moves_unharmed() {
        let mut table = Table::new(400);
        for i in 0..1000usize {
            let (name, value) = (vec![b'n'; i % 7 + 1], format!("{i}").into_bytes());
            table.insert(&name, &value, ());
            assert!(table.text.len() <= 800 && table.size() <= 400);
            for back in 0..table.len() {
                let entry = table.get(back).unwrap();
                assert_eq!(table.value(entry), format!("{}", i - back).as_bytes());
                assert_eq!(table.name(entry).len(), (i - back) % 7 + 1);
            }
        }
    }
}
