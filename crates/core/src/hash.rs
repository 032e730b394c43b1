//! The hash of the compiled tables. Fixed seeds are safe here: keys come from the controller, requests only look up, so
//! nobody who sends requests can fill a bucket. Every hit is compared with the key itself.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

// Odd constants of wyhash (public domain).
const SEED: u64 = 0xa076_1d64_78bd_642f;
const MIX: u64 = 0xe703_7ed1_a0b4_28db;

const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide >> 64) as u64 ^ wide as u64
}

/// 64 bits of a byte string: eight bytes per multiplication, the last ones as an overlapping read. Never changed: which
/// side of a sticky split a caller is on is a hash, and proxies of two versions must agree.
pub fn bytes(key: &[u8]) -> u64 {
    let seed = SEED ^ key.len() as u64;
    let Some(last) = key.last_chunk::<8>() else {
        return fold(fold(seed ^ short(key), MIX), SEED);
    };
    let mut state = seed;
    let mut rest = key;
    while let Some((block, tail)) = rest.split_first_chunk::<8>() {
        state = fold(state ^ u64::from_le_bytes(*block), MIX);
        rest = tail;
    }
    fold(state ^ u64::from_le_bytes(*last), SEED)
}

/// Up to seven bytes in one word.
fn short(key: &[u8]) -> u64 {
    match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (Some(a), Some(b)) => u64::from(u32::from_le_bytes(*a)) << 32 | u64::from(u32::from_le_bytes(*b)),
        _ => key.iter().fold(0, |word, &b| word << 8 | u64::from(b)),
    }
}

/// Two hashes as one.
pub fn pair(a: u64, b: u64) -> u64 {
    fold(a ^ SEED, b ^ MIX)
}

/// For keys that are hashes already.
#[derive(Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, key: &[u8]) {
        self.0 = bytes(key);
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Keyed by a hash that was computed before.
pub type ByHash<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;

/// Keyed by bytes. `[u8]` hashes its length and then itself, and the last `write` decides: the length is in it already.
pub type ByBytes<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<AsIs>>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_of_every_length_differ() {
        let text = "/catalogue/books/0123456789/reviews?x";
        let all: HashSet<u64> = (0..text.len())
            .flat_map(|from| (from..=text.len()).map(move |to| &text.as_bytes()[from..to]))
            .map(bytes)
            .collect();
        let distinct: HashSet<&str> =
            (0..text.len()).flat_map(|from| (from..=text.len()).map(move |to| &text[from..to])).collect();
        assert_eq!(all.len(), distinct.len());
    }

    #[test]
    fn a_million_paths_hardly_collide() {
        let all: HashSet<u64> = (0..1_000_000).map(|i| bytes(format!("/route/{i}").as_bytes())).collect();
        assert_eq!(all.len(), 1_000_000);
    }

    #[test]
    fn zeroes_count() {
        assert_ne!(bytes(b""), bytes(b"\0"));
        assert_ne!(bytes(b"\0\0\0"), bytes(b"\0\0"));
        assert_ne!(pair(1, 2), pair(2, 1));
    }
}
