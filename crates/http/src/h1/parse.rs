use super::Malformed;
use crate::{Head, Limits};

/// What the parser of a response must know of the request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Head,
    Connect,
    Other,
}

pub fn parse_request(_input: &[u8], _limits: &Limits, _head: &mut Head) -> Result<Option<usize>, Malformed> {
    todo!()
}

pub fn parse_response(
    _input: &[u8],
    _request: RequestKind,
    _limits: &Limits,
    _head: &mut Head,
) -> Result<Option<usize>, Malformed> {
    todo!()
}

pub fn parse_trailers(_input: &[u8], _limits: &Limits, _head: &mut Head) -> Result<(), Malformed> {
    todo!()
}

/// Cheap question before parsing again after `Ok(None)`: is there an end of a head at or after `from`, the length of
/// the input at the last attempt?
pub fn has_head_end(_input: &[u8], _from: usize) -> bool {
    todo!()
}

/// The elements of a comma-separated list (RFC 9110 §5.6.1), trimmed, empty ones left out.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(|element| element.trim_ascii()).filter(|element| !element.is_empty())
}
