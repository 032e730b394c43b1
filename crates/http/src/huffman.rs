//! The Huffman code of HPACK (RFC 7541 Appendix B).
//!
//! The code is canonical: codes of one length count up in the order of the symbols. So the lengths alone give every
//! table here, built by the compiler.
//!
//! Only decoding is on a hot path. Our encoder never compresses: `examples/cost.rs` shows that coding a 40-byte value
//! costs many times what copying it costs, to save 10 bytes that travel at gigabytes a second; and the values that
//! repeat leave as one index byte anyway. What peers send compressed is decoded a byte of lookahead at a time.

/// Length of each symbol's code. Symbol 256 is EOS, which must never appear.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];

const EOS: u16 = 256;
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

struct Tables {
    /// Code of each symbol, right-aligned.
    codes: [u32; 257],
    /// Symbols in the order of their codes.
    symbols: [u16; 257],
    /// For each length: the first code of a greater length, left-aligned in 32 bits.
    bounds: [u64; LONGEST + 1],
    /// For each length: position in `symbols` of its first code, minus that code.
    offsets: [i64; LONGEST + 1],
    /// For the next eight bits: symbol and length of a code of at most eight bits, else length 0.
    fast: [(u8, u8); 256],
}

static TABLES: Tables = tables();

const fn tables() -> Tables {
    let mut t = Tables {
        codes: [0; 257],
        symbols: [0; 257],
        bounds: [0; LONGEST + 1],
        offsets: [0; LONGEST + 1],
        fast: [(0, 0); 256],
    };
    let (mut code, mut rank, mut length) = (0u64, 0, 1);
    while length <= LONGEST {
        t.offsets[length] = rank as i64 - code as i64;
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                t.codes[symbol] = code as u32;
                t.symbols[rank] = symbol as u16;
                if length <= 8 {
                    fill_fast(&mut t.fast, code as usize, symbol as u8, length);
                }
                code += 1;
                rank += 1;
            }
            symbol += 1;
        }
        t.bounds[length] = code << (32 - length);
        code <<= 1;
        length += 1;
    }
    t
}

const fn fill_fast(fast: &mut [(u8, u8); 256], code: usize, symbol: u8, length: usize) {
    let first = code << (8 - length);
    let mut i = 0;
    while i < 1 << (8 - length) {
        fast[first + i] = (symbol, length as u8);
        i += 1;
    }
}

/// The text does not follow RFC 7541 §5.2: it holds EOS, or ends in padding that is too long or not all ones.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Invalid;

/// Appends the decoded text.
pub fn decode(input: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let start = out.len();
    out.resize(start + input.len() * 8 / SHORTEST, 0);
    let written = decode_into(input, &mut out[start..])?;
    out.truncate(start + written);
    Ok(())
}

/// `room` holds as many bytes as there can be symbols.
fn decode_into(input: &[u8], room: &mut [u8]) -> Result<usize, Invalid> {
    let mut bits = Bits { left: input, window: 0, held: 0 };
    for (written, slot) in room.iter_mut().enumerate() {
        bits.refill();
        let (symbol, length) = TABLES.fast[(bits.window >> 56) as usize];
        let (symbol, length) =
            if length != 0 { (u16::from(symbol), u32::from(length)) } else { long_code(bits.window) };
        if length > bits.held {
            return bits.is_padding().then_some(written).ok_or(Invalid);
        }
        if symbol == EOS {
            return Err(Invalid);
        }
        *slot = symbol as u8;
        bits.window <<= length;
        bits.held -= length;
    }
    bits.refill();
    bits.is_padding().then_some(room.len()).ok_or(Invalid)
}

/// Bits not yet decoded: the next `held` ones at the top of `window`, zeros below them.
struct Bits<'a> {
    left: &'a [u8],
    window: u64,
    held: u32,
}

impl Bits<'_> {
    /// Holds a whole code, if there is one left.
    #[inline]
    fn refill(&mut self) {
        if self.held as usize >= LONGEST {
            return;
        }
        if let Some((four, rest)) = self.left.split_first_chunk::<4>() {
            self.window |= u64::from(u32::from_be_bytes(*four)) << (32 - self.held);
            self.held += 32;
            self.left = rest;
            return;
        }
        while let Some((byte, rest)) = self.left.split_first() {
            self.window |= u64::from(*byte) << (56 - self.held);
            self.held += 8;
            self.left = rest;
        }
    }

    /// Fewer than eight ones and nothing else (RFC 7541 §5.2).
    fn is_padding(&self) -> bool {
        self.held < 8 && self.left.is_empty() && self.window == !(u64::MAX.checked_shr(self.held).unwrap_or(0))
    }
}

#[cold]
fn long_code(window: u64) -> (u16, u32) {
    let next = window >> 32;
    let length = (9..LONGEST).find(|length| next < TABLES.bounds[*length]).unwrap_or(LONGEST);
    let code = (next >> (32 - length)) as i64;
    (TABLES.symbols[(code + TABLES.offsets[length]) as usize], length as u32)
}

/// Appends the encoded text. For tests, and for measuring what it would cost.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut window, mut held) = (0u64, 0);
    for byte in text {
        let length = u32::from(LENGTHS[*byte as usize]);
        window = window << length | u64::from(TABLES.codes[*byte as usize]);
        held += length;
        while held >= 8 {
            held -= 8;
            out.push((window >> held) as u8);
        }
    }
    if held > 0 {
        out.push((window << (8 - held)) as u8 | (0xff >> held));
    }
}

#[cfg(test)]
mod tests;
