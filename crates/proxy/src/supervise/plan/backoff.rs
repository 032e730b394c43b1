//! How long to wait before a process that died is started again.

use super::Time;

/// A process that lived this long was well: its next death is a first one.
pub const WELL: Time = Time::from_secs(10);
const FIRST: Time = Time::from_millis(100);
/// Short enough that a cause that goes away (a port, a file, memory) is noticed soon, long enough to cost nothing.
const LONGEST: Time = Time::from_secs(5);

/// Deaths in a row, each within `WELL` of its start.
#[derive(Debug, Default)]
pub struct Backoff {
    quick: u32,
}

impl Backoff {
    pub fn died_after(&mut self, lived: Time) -> Time {
        if lived >= WELL {
            self.quick = 0;
        }
        let wait = FIRST * 2u32.saturating_pow(self.quick.min(16));
        self.quick += 1;
        wait.min(LONGEST)
    }

    pub fn quick_deaths(&self) -> u32 {
        self.quick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_five_seconds_and_begins_anew_after_a_good_life() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8).map(|_| backoff.died_after(Time::ZERO).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.quick_deaths(), 8);
        assert_eq!(backoff.died_after(WELL).as_millis(), 100);
        assert_eq!(backoff.quick_deaths(), 1);
    }
}
