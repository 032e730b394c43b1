//! Byte classes, and scanning a word at a time, in safe code.
//!
//! The word tricks look for the first byte of a kind in eight at once. A subtraction per byte lane may borrow from the
//! lane above, so lanes above the first hit can lie; the first hit itself never does, and it is all that is asked for.

const TOKEN: u8 = 1;
const LOWER_TOKEN: u8 = 2;
const HOST: u8 = 4;
const HEX: u8 = 8;

/// One table of 256 bytes: four cache lines that stay warm.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        // RFC 9110 §5.6.2
        let symbol = matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        if symbol || byte.is_ascii_alphanumeric() {
            table[i] |= TOKEN;
            if !byte.is_ascii_uppercase() {
                table[i] |= LOWER_TOKEN;
            }
        }
        // RFC 3986 §3.2.2 without sub-delims and percent-encoding: no name in use has them, `a,b` is how some join two
        // Host lines, and `%61dmin` is `admin` to some and a name of its own to an access rule.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            table[i] |= HOST;
        }
        if byte.is_ascii_hexdigit() {
            table[i] |= HEX;
        }
        i += 1;
    }
    table
}

/// Position of the first byte at or after `from` that no token may hold, or the length.
#[inline]
pub fn token_end(input: &[u8], from: usize) -> usize {
    class_end(input, from, TOKEN)
}

#[inline]
fn class_end(input: &[u8], from: usize, class: u8) -> usize {
    let rest = &input[from..];
    from + rest.iter().position(|byte| CLASS[*byte as usize] & class == 0).unwrap_or(rest.len())
}

#[inline]
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && class_end(name, 0, TOKEN) == name.len()
}

/// A field name as HTTP/2 wants it (RFC 9113 §8.2.1).
#[inline]
pub fn is_lower_token(name: &[u8]) -> bool {
    !name.is_empty() && class_end(name, 0, LOWER_TOKEN) == name.len()
}

/// Position of the first byte that no host name may hold, or the length.
#[inline]
pub fn host_end(text: &[u8]) -> usize {
    class_end(text, 0, HOST)
}

#[inline]
pub fn is_hex(byte: u8) -> bool {
    CLASS[byte as usize] & HEX != 0
}

/// Position of the first control byte (HTAB and DEL included) at or after `from`, or the length.
#[inline]
pub fn control_at(input: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(eight) = input.get(at..at + 8) {
        let x = word_of(eight);
        let hits = (below(x, 0x20) | equal(x, 0x7f)) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &input[at..];
    at + rest.iter().position(|byte| byte.is_ascii_control()).unwrap_or(rest.len())
}

/// Position of the first byte at or after `from` that a request-target may not hold (controls, space, non-ASCII, and
/// `#`: a fragment is never sent, and servers disagree about what a path with one means), or the length.
#[inline]
pub fn target_end(input: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(eight) = input.get(at..at + 8) {
        let x = word_of(eight);
        let hits = (below(x, 0x21) | equal(x, 0x7f) | equal(x, b'#') | x) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &input[at..];
    at + rest.iter().position(|byte| !byte.is_ascii_graphic() || *byte == b'#').unwrap_or(rest.len())
}

/// Is this a field value both versions accept: no control byte but HTAB (RFC 9110 §5.5)?
#[inline]
pub fn is_value(value: &[u8]) -> bool {
    let mut at = 0;
    loop {
        at = control_at(value, at);
        match value.get(at) {
            None => return true,
            Some(b'\t') => at += 1,
            Some(_) => return false,
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// High bit of each lane whose byte is below `bound` (at most 0x80).
#[inline]
fn below(x: u64, bound: u8) -> u64 {
    x.wrapping_sub(ONES * bound as u64) & !x
}

#[inline]
fn equal(x: u64, byte: u8) -> u64 {
    below(x ^ (ONES * byte as u64), 1)
}

#[inline]
fn word_of(eight: &[u8]) -> u64 {
    u64::from_le_bytes(eight.try_into().expect("eight bytes"))
}

#[inline]
pub fn word(bytes: &[u8], at: usize) -> u64 {
    word_of(&bytes[at..at + 8])
}

/// Eight bytes in lower case: exact for every byte, letters change and nothing else.
#[inline]
pub fn lower_word(x: u64) -> u64 {
    let low = x & !HIGH;
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let past_z = low + ONES * (0x80 - b'Z' as u64 - 1);
    x | (((from_a & !past_z & !x) & HIGH) >> 2)
}

/// `text` must be lower-case and consist of letters, digits and `-`; `name` must be a token. Folding case by setting
/// bit 5 is then exact: it maps no other token byte onto those.
#[inline]
pub fn eq_lower(name: &[u8], text: &[u8]) -> bool {
    const CASE: u64 = ONES * 0x20;
    let n = text.len();
    if name.len() != n {
        return false;
    }
    if n < 8 {
        return name.iter().zip(text).all(|(a, b)| a | 0x20 == *b);
    }
    let mut at = 0;
    while at + 8 <= n {
        if word(name, at) | CASE != word(text, at) | CASE {
            return false;
        }
        at += 8;
    }
    word(name, n - 8) | CASE == word(text, n - 8) | CASE
}

/// Are these equal but for the case of letters in `name`? `lowered` has none in upper case. Exact for every byte.
#[inline]
pub fn eq_lowered(name: &[u8], lowered: &[u8]) -> bool {
    let n = lowered.len();
    if name.len() != n {
        return false;
    }
    if n < 8 {
        return name.iter().zip(lowered).all(|(a, b)| a.to_ascii_lowercase() == *b);
    }
    let mut at = 0;
    while at + 8 < n {
        if lower_word(word(name, at)) != word(lowered, at) {
            return false;
        }
        at += 8;
    }
    lower_word(word(name, n - 8)) == word(lowered, n - 8)
}

/// Equality without a call for what is short, as names and values mostly are.
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let n = a.len();
    if n != b.len() {
        return false;
    }
    match n {
        0..8 => a.iter().zip(b).all(|(a, b)| a == b),
        8..=16 => word(a, 0) == word(b, 0) && word(a, n - 8) == word(b, n - 8),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_scans_agree_with_byte_scans_for_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..20 {
                let mut text = vec![b'a'; 20];
                text[place] = byte;
                let control = if byte.is_ascii_control() { place } else { 20 };
                let target = if byte.is_ascii_graphic() && byte != b'#' { 20 } else { place };
                assert_eq!(control_at(&text, 0), control, "{byte:#x} at {place}");
                assert_eq!(target_end(&text, 0), target, "{byte:#x} at {place}");
                assert_eq!(is_value(&text), control == 20 || byte == b'\t');
                text[place.min(18) + 1] = byte; // two hits side by side
                assert_eq!(control_at(&text, 0), control.min(if control < 20 { place } else { 20 }));
            }
            let lowered = lower_word(u64::from_le_bytes([byte, b'A', b'Z', byte, b'@', b'[', byte, 0xc1]));
            let low = byte.to_ascii_lowercase();
            assert_eq!(lowered.to_le_bytes(), [low, b'a', b'z', low, b'@', b'[', low, 0xc1]);
        }
    }

    #[test]
    fn equality_is_exact_at_every_length_and_place() {
        for n in 0..40 {
            let text: Vec<u8> = (0..n).map(|i| b'a' + i % 26).collect();
            assert!(same(&text, &text) && eq_lowered(&text.to_ascii_uppercase(), &text));
            for place in 0..n as usize {
                let mut other = text.clone();
                other[place] ^= 0x20;
                assert!(!same(&other, &text) && eq_lowered(&other, &text));
                other[place] ^= 0x80;
                assert!(!eq_lowered(&other, &text));
            }
            assert!(!same(&text, &text.repeat(2)) || n == 0);
        }
    }
}
