//! Bytes put together for one comparison: on the stack, unless they are longer than what ordinary requests have.

const SHORT: usize = 512;

pub(crate) struct Scratch {
    short: [u8; SHORT],
    len: usize,
    /// Everything, once it does not fit.
    long: Vec<u8>,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch { short: [0; SHORT], len: 0, long: Vec::new() }
    }

    pub fn push(&mut self, part: &[u8]) {
        let end = self.len + part.len();
        if let (true, Some(room)) = (self.long.is_empty(), self.short.get_mut(self.len..end)) {
            room.copy_from_slice(part);
            self.len = end;
            return;
        }
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.short[..self.len]);
        }
        self.long.extend_from_slice(part);
    }

    pub fn bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_pushed_however_long() {
        for parts in [vec![], vec![3], vec![512], vec![513], vec![500, 12, 1], vec![500, 13, 0, 700]] {
            let (mut scratch, mut expected) = (Scratch::new(), Vec::new());
            for (n, length) in parts.iter().enumerate() {
                let part = vec![n as u8; *length];
                scratch.push(&part);
                expected.extend(part);
            }
            assert_eq!(scratch.bytes(), expected, "{parts:?}");
        }
    }
}
