//! The encoder's hash: one multiplication per sixteen bytes, folded. Written so that the compiler can run it too.
//!
//! It need not resist collisions made on purpose: a bucket holds four entries and forgets the oldest, so they cost an
//! attacker's own compression and nothing else.

const SEED: u64 = 0x2d35_8dcc_aa6c_78a5;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
pub const fn name(text: &[u8]) -> u64 {
    extend(SEED, text)
}

/// The hash of a field from that of its name.
#[inline]
pub const fn extend(start: u64, text: &[u8]) -> u64 {
    let n = text.len();
    let mut hash = start;
    let mut at = 0;
    while at + 16 < n {
        hash = mix(hash ^ load8(text, at), load8(text, at + 8) ^ FACTOR);
        at += 16;
    }
    // One to sixteen bytes are left; where there are more before them, the last words overlap those.
    let (low, high) = match n {
        0 => (0, 0),
        1..=7 => (short(text), 0),
        8..=15 => (load8(text, 0), load8(text, n - 8)),
        _ => (load8(text, n - 16), load8(text, n - 8)),
    };
    // The length last and alone: beside the text one could stand for the other.
    mix(mix(hash ^ low, high ^ FACTOR), SEED ^ n as u64)
}

#[inline]
const fn mix(one: u64, two: u64) -> u64 {
    let product = one as u128 * two as u128;
    product as u64 ^ (product >> 64) as u64
}

#[inline]
const fn load8(text: &[u8], at: usize) -> u64 {
    let (_, rest) = text.split_at(at);
    match rest.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => 0,
    }
}

#[inline]
const fn load4(text: &[u8], at: usize) -> u64 {
    let (_, rest) = text.split_at(at);
    match rest.first_chunk::<4>() {
        Some(four) => u32::from_le_bytes(*four) as u64,
        None => 0,
    }
}

/// One to seven bytes.
#[inline]
const fn short(text: &[u8]) -> u64 {
    let n = text.len();
    if n >= 4 {
        return load4(text, 0) | load4(text, n - 4) << 32;
    }
    text[0] as u64 | (text[n / 2] as u64) << 8 | (text[n - 1] as u64) << 16
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_texts_of_all_lengths_differ() {
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..=7 {
            // Bytes near each other and near small lengths, which is where lengths and text could be mixed up.
            let bytes: &[u8] = if length <= 4 { b"\x00\x01\x02\x03\x04abcd" } else { b"\x00\x04a" };
            let shorter: Vec<_> = texts.iter().filter(|text| text.len() == length - 1).cloned().collect();
            let subset = shorter.iter().filter(|text| length <= 4 || text.iter().all(|byte| bytes.contains(byte)));
            let longer: Vec<Vec<u8>> =
                subset.flat_map(|text| bytes.iter().map(move |&byte| [text.as_slice(), &[byte]].concat())).collect();
            texts.extend(longer);
        }
        let seen: HashSet<u64> = texts.iter().map(|text| name(text)).collect();
        assert_eq!(seen.len(), texts.len());
    }

    #[test]
    fn every_byte_counts_in_every_branch() {
        for length in 0..=50 {
            let text = vec![b'a'; length];
            let mut seen = HashSet::from([name(&text)]);
            for place in 0..length {
                let mut other = text.clone();
                other[place] = b'b';
                assert!(seen.insert(name(&other)), "byte {place} of {length}");
            }
        }
    }

    #[test]
    fn the_length_counts_where_the_bytes_are_all_the_same() {
        let seen: HashSet<u64> = (0..=50).map(|length| name(&vec![b'a'; length])).collect();
        assert_eq!(seen.len(), 51);
    }

    #[test]
    fn a_field_is_more_than_its_name_and_value_in_a_row() {
        let field = |name_: &[u8], value: &[u8]| extend(name(name_), value);
        assert_eq!(field(b"x-a", b"1"), field(b"x-a", b"1"));
        for (one, two) in [((b"ab", b"c" as &[u8]), (b"a" as &[u8], b"bc" as &[u8])), ((b"ab", b""), (b"", b"ab"))] {
            assert_ne!(field(one.0, one.1), field(two.0, two.1), "{one:?} {two:?}");
        }
    }

    #[test]
    fn the_compiler_and_the_processor_agree() {
        const TEXTS: [&[u8]; 4] = [b"te", b"cookie", b"authorization", b"access-control-allow-origin"];
        const HASHES: [u64; 4] = [name(TEXTS[0]), name(TEXTS[1]), name(TEXTS[2]), name(TEXTS[3])];
        for (text, hash) in TEXTS.iter().zip(HASHES) {
            assert_eq!(name(std::hint::black_box(text)), hash);
        }
    }
}
