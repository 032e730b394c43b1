//! Counts over a sliding window, for several loops at once: a ring of slots, each an atomic that knows its own time.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Slots that a window covers whole, at any time.
pub(crate) const SLOTS: u32 = 10;
/// More than `SLOTS` and one begun, so that a cell is not reused while it counts; a power of two.
const CELLS: usize = 16;

/// A cell holds its slot's number (32 bits, wrapping) and its count (32 bits), so that a stale one is seen as such.
#[derive(Default)]
pub(crate) struct Ring([AtomicU64; CELLS]);

impl Ring {
    pub fn add(&self, slot: u32) {
        let cell = &self.0[slot as usize % CELLS];
        let next = |old: u64| match unpack(old) {
            (had, count) if had == slot => pack(slot, count.saturating_add(1)),
            _ => pack(slot, 1),
        };
        let _ = cell.fetch_update(Relaxed, Relaxed, |old| Some(next(old)));
    }

    pub fn take_back(&self, slot: u32) {
        let _ = self.0[slot as usize % CELLS].fetch_update(Relaxed, Relaxed, |old| {
            let (had, count) = unpack(old);
            (had == slot && count > 0).then(|| pack(slot, count - 1))
        });
    }

    /// Over the `n` newest slots, and the little that another loop's clock may be ahead.
    pub fn sum(&self, slot: u32, n: u32) -> u64 {
        let counts = self.0.iter().map(|cell| unpack(cell.load(Relaxed)));
        let recent = |at: u32| slot.wrapping_sub(at) < n || at.wrapping_sub(slot) < CELLS as u32 - n;
        counts.filter(|&(at, _)| recent(at)).map(|(_, count)| u64::from(count)).sum()
    }

    pub fn clear(&self) {
        self.0.iter().for_each(|cell| cell.store(0, Relaxed));
    }
}

/// The number of the slot at `now_us` when a slot lasts `slot_us`.
pub(crate) fn slot_at(now_us: u64, slot_us: u64) -> u32 {
    (now_us / slot_us.max(1)) as u32
}

fn pack(slot: u32, count: u32) -> u64 {
    u64::from(slot) << 32 | u64::from(count)
}

fn unpack(cell: u64) -> (u32, u32) {
    ((cell >> 32) as u32, cell as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older_than_its_slots() {
        let ring = Ring::default();
        (0..3).for_each(|_| ring.add(100));
        ring.add(105);
        for (slot, n, sum) in [(105, 10, 4), (109, 10, 4), (110, 10, 1), (110, 11, 4), (116, 10, 0)] {
            assert_eq!(ring.sum(slot, n), sum, "{slot} {n}");
        }
        ring.add(116);
        assert_eq!(ring.sum(116, 10), 1);
        ring.take_back(116);
        ring.take_back(116);
        assert_eq!(ring.sum(116, 10), 0);
        ring.add(116);
        ring.clear();
        assert_eq!(ring.sum(116, 10), 0);
    }

    #[test]
    fn slot_numbers_may_wrap() {
        let ring = Ring::default();
        ring.add(u32::MAX);
        ring.add(3);
        assert_eq!(ring.sum(3, 10), 2);
        assert_eq!(ring.sum(9, 10), 1);
    }
}
