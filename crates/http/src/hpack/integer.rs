//! Integers with a prefix (RFC 7541 §5.1), and the block as a position in bytes.

use super::HpackError;

pub struct Block<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Block<'a> {
    pub fn new(bytes: &'a [u8]) -> Block<'a> {
        Block { bytes, at: 0 }
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], HpackError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..n).ok_or(HpackError::Truncated)?;
        self.at += n;
        Ok(taken)
    }

    /// An integer whose first `prefix` bits are the low ones of the next byte.
    #[inline]
    pub fn integer(&mut self, prefix: u32) -> Result<usize, HpackError> {
        let first = self.peek().ok_or(HpackError::Truncated)?;
        self.at += 1;
        let mask = (1u32 << prefix) - 1;
        let value = u32::from(first) & mask;
        if value < mask { Ok(value as usize) } else { self.long_integer(mask) }
    }

    fn long_integer(&mut self, base: u32) -> Result<usize, HpackError> {
        let mut value = u64::from(base);
        // Five bytes hold 35 bits: enough for every length we accept; more would only be zeros or overflow.
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.peek().ok_or(HpackError::Truncated)?;
            self.at += 1;
            value += u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map(|n| n as usize).map_err(|_| HpackError::IntegerOverflow);
            }
        }
        Err(HpackError::IntegerOverflow)
    }
}

/// Writes `value` behind `pattern`, the bits above the prefix.
#[inline]
pub fn write(out: &mut Vec<u8>, pattern: u8, prefix: u32, value: usize) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        return out.push(pattern | value as u8);
    }
    out.push(pattern | mask as u8);
    let mut left = value - mask;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integers_of_rfc_7541_appendix_c_1_agree() {
        let table: [(usize, u32, &[u8]); 4] = [
            (10, 5, &[0b01010]),
            (1337, 5, &[0b11111, 154, 10]),
            (42, 8, &[42]),
            (usize::MAX >> 32, 7, &[127, 128, 255, 255, 255, 15]),
        ];
        for (value, prefix, bytes) in table {
            let mut out = Vec::new();
            write(&mut out, 0, prefix, value);
            assert_eq!(out, bytes);
            assert_eq!(Block::new(bytes).integer(prefix), Ok(value));
        }
    }

    #[test]
    fn integers_beyond_32_bits_are_refused() {
        assert_eq!(Block::new(&[127, 129, 255, 255, 255, 15]).integer(7), Err(HpackError::IntegerOverflow));
        assert_eq!(Block::new(&[127, 128, 128, 128, 128, 128, 0]).integer(7), Err(HpackError::IntegerOverflow));
        assert_eq!(Block::new(&[127, 128]).integer(7), Err(HpackError::Truncated));
        assert_eq!(Block::new(&[]).integer(7), Err(HpackError::Truncated));
    }
}
