//! Byte classes and word-at-a-time tricks, in safe code.

/// `text` must be lower-case and consist of letters, digits and `-`; `name` must be a token. Folding case by setting
/// bit 5 is then exact: it maps no other token byte onto those.
#[inline]
pub fn eq_lower(name: &[u8], text: &[u8]) -> bool {
    if name.len() != text.len() {
        return false;
    }
    let n = name.len();
    if n >= 8 {
        let mut at = 0;
        while at + 8 <= n {
            if word(name, at) | CASE != word(text, at) | CASE {
                return false;
            }
            at += 8;
        }
        return word(name, n - 8) | CASE == word(text, n - 8) | CASE;
    }
    name.iter().zip(text).all(|(a, b)| a | 0x20 == *b)
}

const CASE: u64 = 0x2020_2020_2020_2020;

#[inline]
pub fn word(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
