//! Candidates of a pick, by priority: how much of the load each priority gets, and drawing one of its endpoints.
use crate::Rng;

/// A priority gets its whole share until 1/1.4 = 72 % of it are healthy (Envoy's overprovisioning factor).
const OVERPROVISIONING_PERCENT: u64 = 140;

/// The endpoints of one priority that may be picked.
#[derive(Default)]
pub(super) struct Level {
    /// Slots, in the group's order.
    pub slots: Vec<u32>,
    /// Running sums of weights; empty when all weigh the same.
    sums: Vec<u64>,
    /// Percent of the load, this and all levels before.
    pub up_to: u64,
}

impl Level {
    pub fn new(slots: Vec<u32>, weight: impl Fn(u32) -> u32, up_to: u64) -> Level {
        let first = slots.first().map(|&slot| weight(slot));
        let same = slots.iter().all(|&slot| Some(weight(slot)) == first);
        let mut sum = 0;
        let mut running = |&slot: &u32| {
            sum += u64::from(weight(slot));
            sum
        };
        let sums = if same { Vec::new() } else { slots.iter().map(&mut running).collect() };
        Level { slots, sums, up_to }
    }

    /// A position, with the weights' odds.
    pub fn sample(&self, rng: &mut Rng) -> usize {
        match self.sums.last() {
            None => rng.below(self.slots.len() as u64) as usize,
            Some(&sum) => self.at(rng.below(sum)),
        }
    }

    /// The position of the `turn`th turn. With weights, turns are spread over the sum by the golden ratio, so that an
    /// endpoint with three quarters of the weight is not asked three times in a row.
    pub fn turn(&self, turn: u64) -> usize {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        match self.sums.last() {
            None => (turn % self.slots.len().max(1) as u64) as usize,
            Some(&sum) => {
                let fraction = u128::from(turn.wrapping_mul(GOLDEN));
                self.at(((fraction * u128::from(sum)) >> 64) as u64)
            }
        }
    }

    fn at(&self, point: u64) -> usize {
        self.sums.partition_point(|&sum| sum <= point)
    }
}

/// How much of the load each priority gets, in percent, given how many of how many of each are healthy; and whether
/// that is everything it could wish for (the sum of what they can carry reaches 100 %).
///
/// Envoy's priority levels: each can carry 1.4 times its healthy share; the first takes what it can, the next the rest.
pub(super) fn shares(levels: &[(u64, u64)]) -> (Vec<u64>, bool) {
    let can_carry = |&(healthy, all): &(u64, u64)| match all {
        0 => 0,
        all => (healthy * OVERPROVISIONING_PERCENT / all).min(100),
    };
    let carry: Vec<u64> = levels.iter().map(can_carry).collect();
    let total: u64 = carry.iter().sum::<u64>().min(100);
    let mut left = 100;
    let mut shares: Vec<u64> = carry
        .iter()
        .map(|&c| {
            let share = (c * 100).checked_div(total).unwrap_or(0).min(left);
            left -= share;
            share
        })
        .collect();
    // What division lost goes to the first that can carry anything.
    if let Some(first) = carry.iter().position(|&c| c > 0) {
        shares[first] += left;
    }
    (shares, total >= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in Envoy's documentation of priority levels, for a second level that is all healthy, and more.
    #[test]
    fn priorities_spill_as_in_envoy() {
        for (levels, expected, enough) in [
            (vec![(100, 100), (100, 100)], vec![100, 0], true),
            (vec![(72, 100), (100, 100)], vec![100, 0], true),
            (vec![(71, 100), (100, 100)], vec![99, 1], true),
            (vec![(50, 100), (100, 100)], vec![70, 30], true),
            (vec![(25, 100), (100, 100)], vec![35, 65], true),
            (vec![(0, 100), (100, 100)], vec![0, 100], true),
            (vec![(25, 100), (25, 100)], vec![50, 50], false),
            (vec![(50, 100)], vec![100], false),
            (vec![(0, 100)], vec![0], false),
            (vec![(0, 100), (5, 100), (5, 100)], vec![0, 50, 50], false),
            (vec![(1, 100), (1, 100), (1, 100)], vec![34, 33, 33], false),
        ] {
            assert_eq!(shares(&levels), (expected, enough), "{levels:?}");
        }
    }

    fn counts(level: &Level, mut draw: impl FnMut(u64) -> usize, n: u64) -> Vec<u64> {
        let mut counts = vec![0; level.slots.len()];
        (0..n).for_each(|i| counts[draw(i)] += 1);
        counts
    }

    #[test]
    fn weights_are_odds() {
        let mut rng = Rng::new(1);
        let level = Level::new(vec![0, 1, 2], |slot| [1, 0x10, 3][slot as usize], 100);
        let drawn = counts(&level, |_| level.sample(&mut rng), 20_000);
        for (count, weight) in drawn.iter().zip([1, 16, 3]) {
            assert!(count.abs_diff(weight * 1_000) < 300, "{drawn:?}");
        }
        let turned = counts(&level, |i| level.turn(i), 20_000);
        for (count, weight) in turned.iter().zip([1, 16, 3]) {
            assert!(count.abs_diff(weight * 1_000) < 5, "{turned:?}");
        }
    }

    #[test]
    fn equal_weights_take_turns() {
        let level = Level::new(vec![4, 5, 6], |_| 7, 100);
        let turns: Vec<usize> = (0..6).map(|i| level.turn(i)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }
}
