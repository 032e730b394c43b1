//! Deadlines in a wheel: setting one and finding those that are due cost the same however many there are.
//!
//! A timer is never cancelled: its owner looks what is still wanted when it fires. So that a long timeout under a high
//! rate does not fill the wheel, a place in the table of exchanges has one deadline timer, whoever uses the place; only
//! backoffs and waits carry a generation. Idleness is found by a sweep instead (`engine::idle`).

/// Precision of every timeout: below the shortest backoff (25 ms), above the cost of waking up for nothing.
const TICK_US: u64 = 4_000;
/// One turn is 4 s; what is further away goes round more than once.
const SLOTS: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    pub kind: Kind,
    pub key: u32,
    pub generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The earliest limit of an exchange: of the whole (timeouts of the route, the caller's deadline) or of this try.
    Deadline,
    /// The next try may start.
    Backoff,
    /// Configuration or a name was not answered in time.
    Pending,
    /// A connection's establishment, its linger after the last response, or its first bytes.
    Connection,
    /// The drain's end.
    Drain,
    /// Callers are held no longer.
    Hold,
}

#[derive(Clone, Copy)]
struct Entry {
    due_tick: u64,
    timer: Timer,
}

pub struct Wheel {
    slots: Vec<Vec<Entry>>,
    /// The tick that was handled last.
    tick: u64,
    count: usize,
}

impl Wheel {
    pub fn new(now_us: u64) -> Self {
        Wheel { slots: vec![Vec::new(); SLOTS], tick: now_us / TICK_US, count: 0 }
    }

    pub fn set(&mut self, at_us: u64, timer: Timer) {
        let due_tick = at_us.div_ceil(TICK_US).max(self.tick + 1);
        self.slots[(due_tick % SLOTS as u64) as usize].push(Entry { due_tick, timer });
        self.count += 1;
    }

    /// Microseconds until something may be due; None when nothing is set.
    pub fn wait_us(&self, now_us: u64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let busy = |tick: &u64| !self.slots[(tick % SLOTS as u64) as usize].is_empty();
        let next = (self.tick + 1..=self.tick + SLOTS as u64).find(busy).unwrap_or(self.tick + SLOTS as u64);
        Some((next * TICK_US).saturating_sub(now_us))
    }

    /// Moves everything that is due into `due`, in order of tick.
    pub fn expire(&mut self, now_us: u64, due: &mut Vec<Timer>) {
        let now_tick = now_us / TICK_US;
        if self.count == 0 {
            self.tick = self.tick.max(now_tick);
            return;
        }
        // After a long sleep one turn visits every slot.
        let from = self.tick.max(now_tick.saturating_sub(SLOTS as u64)) + 1;
        for tick in from..=now_tick {
            let slot = &mut self.slots[(tick % SLOTS as u64) as usize];
            let before = slot.len();
            slot.retain(|entry| {
                let is_due = entry.due_tick <= now_tick;
                if is_due {
                    due.push(entry.timer);
                }
                !is_due
            });
            self.count -= before - slot.len();
        }
        self.tick = self.tick.max(now_tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(key: u32) -> Timer {
        Timer { kind: Kind::Deadline, key, generation: 0 }
    }

    fn due_at(wheel: &mut Wheel, now_us: u64) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.expire(now_us, &mut due);
        due.iter().map(|t| t.key).collect()
    }

    #[test]
    fn fires_not_before_its_time_and_at_most_one_tick_after() {
        let mut wheel = Wheel::new(0);
        wheel.set(10_000, timer(1));
        assert!(due_at(&mut wheel, 9_999).is_empty());
        assert_eq!(due_at(&mut wheel, 10_000 + TICK_US), [1]);
        assert_eq!(wheel.wait_us(20_000), None);
    }

    #[test]
    fn a_deadline_beyond_one_turn_waits_for_its_turn() {
        let mut wheel = Wheel::new(0);
        let turn = TICK_US * SLOTS as u64;
        wheel.set(turn * 3 + 8_000, timer(7));
        for now in (0..turn * 3).step_by(turn as usize / 4) {
            assert!(due_at(&mut wheel, now).is_empty());
        }
        assert_eq!(due_at(&mut wheel, turn * 3 + 12_000), [7]);
    }

    #[test]
    fn a_long_sleep_loses_nothing() {
        let mut wheel = Wheel::new(0);
        (0..100).for_each(|k| wheel.set(u64::from(k) * 77_000, timer(k)));
        assert_eq!(due_at(&mut wheel, 3_600_000_000).len(), 100);
    }

    #[test]
    fn says_how_long_nothing_happens() {
        let mut wheel = Wheel::new(0);
        wheel.set(100_000, timer(1));
        assert_eq!(wheel.wait_us(40_000), Some(60_000));
    }
}
