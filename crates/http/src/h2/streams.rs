//! Live streams, found by id without hashing secrets: ids are odd and count up, so their own low bits spread them.

use super::frame::MAX_31;

/// No Content-Length, or one that says nothing about this body.
pub const UNCOUNTED: u64 = u64::MAX;

#[derive(Clone, Debug)]
pub struct Stream {
    pub id: u32,
    /// The send window relative to the peer's SETTINGS_INITIAL_WINDOW_SIZE, so that a change of that setting costs
    /// nothing per stream (RFC 9113 §6.9.2).
    pub credit: i64,
    /// Bytes the peer may still send.
    pub receivable: i64,
    /// Bytes released by the caller and not yet given back to the peer.
    pub owed: u32,
    /// Bytes of body still to come according to Content-Length.
    pub content_left: u64,
    pub informational_heads: u8,
    /// The caller has a token for it.
    pub bound: bool,
    pub head_received: bool,
    pub head_sent: bool,
    /// The peer has sent END_STREAM.
    pub remote_closed: bool,
    /// We have.
    pub local_closed: bool,
    /// `send_data` accepted less than offered.
    pub waiting: bool,
    /// In the queue of streams to report as writable.
    pub queued: bool,
    /// The request was HEAD: its response has no content, whatever its Content-Length.
    pub answers_head: bool,
}

impl Stream {
    #[inline]
    pub fn new(id: u32, receive_window: u32) -> Stream {
        Stream {
            id,
            credit: 0,
            receivable: i64::from(receive_window),
            owed: 0,
            content_left: UNCOUNTED,
            informational_heads: 0,
            bound: false,
            head_received: false,
            head_sent: false,
            remote_closed: false,
            local_closed: false,
            waiting: false,
            queued: false,
            answers_head: false,
        }
    }

    #[inline]
    pub fn send_window(&self, initial: u32) -> i64 {
        i64::from(initial) + self.credit
    }

    pub fn overflows(&self, initial: u32) -> bool {
        self.send_window(initial) > i64::from(MAX_31)
    }

    #[inline]
    pub fn is_closed(&self) -> bool {
        self.local_closed && self.remote_closed
    }
}

/// A slab of streams and an open-addressing index from id to slot.
#[derive(Default)]
pub struct Streams {
    slab: Vec<Stream>,
    free: Vec<u32>,
    /// (id, slot); id 0 marks an empty place. At most half full.
    index: Vec<(u32, u32)>,
    live: usize,
}

/// The first index: most connections carry few streams at a time.
const FIRST_INDEX: usize = 16;

impl Streams {
    #[inline]
    pub fn len(&self) -> usize {
        self.live
    }

    #[inline]
    fn home(&self, id: u32) -> usize {
        (id >> 1) as usize & (self.index.len() - 1)
    }

    /// Where the id is, or the empty place where it would be.
    #[inline]
    fn place(&self, id: u32) -> usize {
        let mut place = self.home(id);
        while self.index[place].0 != id && self.index[place].0 != 0 {
            place = (place + 1) & (self.index.len() - 1);
        }
        place
    }

    #[inline]
    pub fn find(&self, id: u32) -> Option<usize> {
        if self.live == 0 || id == 0 {
            return None;
        }
        let (found, slot) = self.index[self.place(id)];
        (found == id).then_some(slot as usize)
    }

    #[inline]
    pub fn at(&mut self, slot: usize) -> &mut Stream {
        &mut self.slab[slot]
    }

    #[inline]
    pub fn get(&self, id: u32) -> Option<&Stream> {
        self.find(id).map(|slot| &self.slab[slot])
    }

    /// The id must not be in the table. Returns the slot.
    pub fn insert(&mut self, stream: Stream) -> usize {
        if (self.live + 1) * 2 > self.index.len() {
            self.grow();
        }
        let id = stream.id;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = stream;
                slot
            }
            None => {
                self.slab.push(stream);
                self.slab.len() as u32 - 1
            }
        };
        let place = self.place(id);
        self.index[place] = (id, slot);
        self.live += 1;
        slot as usize
    }

    fn grow(&mut self) {
        let size = (self.index.len() * 2).max(FIRST_INDEX);
        for (id, slot) in std::mem::replace(&mut self.index, vec![(0, 0); size]) {
            if id != 0 {
                let place = self.place(id);
                self.index[place] = (id, slot);
            }
        }
    }

    /// Entries behind the freed place move up, so that searches may stop at an empty one.
    pub fn remove(&mut self, id: u32) {
        let Some(slot) = self.find(id) else { return };
        let mask = self.index.len() - 1;
        let mut gap = self.place(id);
        let mut place = (gap + 1) & mask;
        while self.index[place].0 != 0 {
            let home = self.home(self.index[place].0);
            if (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(gap) & mask) {
                self.index[gap] = self.index[place];
                gap = place;
            }
            place = (place + 1) & mask;
        }
        self.index[gap] = (0, 0);
        self.slab[slot].id = 0;
        self.free.push(slot as u32);
        self.live -= 1;
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Stream)> {
        self.slab.iter_mut().enumerate().filter(|(_, stream)| stream.id != 0)
    }
}

/// Streams that this side reset: frames for them may be on their way and mean nothing.
#[derive(Default)]
pub struct ResetByUs {
    ids: Vec<u32>,
    next: usize,
    /// The highest id that was forgotten: at and below it, any closed stream may have been one.
    forgotten: u32,
}

/// A round trip's worth of resets in a bad moment; older ones are given the benefit of the doubt.
const REMEMBERED_RESETS: usize = 128;

impl ResetByUs {
    pub fn add(&mut self, id: u32) {
        if self.ids.len() < REMEMBERED_RESETS {
            self.ids.push(id);
            return;
        }
        let oldest = std::mem::replace(&mut self.ids[self.next], id);
        self.forgotten = self.forgotten.max(oldest);
        self.next = (self.next + 1) % REMEMBERED_RESETS;
    }

    pub fn contains(&self, id: u32) -> bool {
        id <= self.forgotten || self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_table_agrees_with_a_map(steps in proptest::collection::vec((any::<bool>(), 0u32..400, 0u32..8), 1..600)) {
            let mut streams = Streams::default();
            let mut model = BTreeMap::new();
            for (insert, low, high) in steps {
                // Ids that differ only in high bits meet in one place.
                let id = (low | high << 20) * 2 + 1;
                if insert && !model.contains_key(&id) {
                    model.insert(id, streams.insert(Stream::new(id, 0)));
                } else if !insert {
                    streams.remove(id);
                    model.remove(&id);
                }
                prop_assert_eq!(streams.len(), model.len());
            }
            for (id, slot) in &model {
                prop_assert_eq!(streams.find(*id), Some(*slot));
            }
            prop_assert_eq!(streams.iter_mut().count(), model.len());
            prop_assert_eq!(streams.find(0), None);
        }
    }

    #[test]
    fn old_resets_get_the_benefit_of_the_doubt() {
        let mut resets = ResetByUs::default();
        (0..REMEMBERED_RESETS as u32).for_each(|i| resets.add(i * 2 + 101));
        assert!(resets.contains(101) && !resets.contains(99));
        resets.add(1001);
        assert!(resets.contains(101) && resets.contains(99) && resets.contains(1001) && !resets.contains(999));
    }
}
