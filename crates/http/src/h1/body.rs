use std::ops::Range;

use super::Malformed;
use crate::{Framing, Limits};

/// Finds the payload and the end of one message body.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Body {}

/// One step of [`Body::decode`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Decoded {
    pub consumed: usize,
    /// Payload inside `input[..consumed]`.
    pub data: Range<usize>,
    pub done: bool,
    /// A whole trailer section, final CRLF included, inside `input[..consumed]`, for `parse_trailers`.
    pub trailers: Option<Range<usize>>,
}

impl Body {
    pub fn new(_framing: Framing) -> Body {
        todo!()
    }
    pub fn is_done(&self) -> bool {
        todo!()
    }
    pub fn decode(&mut self, _input: &[u8], _limits: &Limits) -> Result<Decoded, Malformed> {
        todo!()
    }
    pub fn eof(&self) -> Result<(), Malformed> {
        todo!()
    }
}
