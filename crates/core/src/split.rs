//! Weighted backends (T4).
use crate::{Reason, Rng, edit::HeaderEdit};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Weighted {
    /// The Backend's key; None: invalid, its share is answered 500.
    pub backend: Option<Arc<str>>,
    /// Position of the key in `Frontend::backends`, for a parallel array of handles. 0 when invalid.
    pub index: u32,
    pub weight: u32,
    pub request_headers: HeaderEdit,
    pub response_headers: HeaderEdit,
    /// Why it is invalid, for people.
    pub invalid: Box<str>,
}

#[derive(Clone, Debug)]
pub struct Split {
    pub backends: Vec<Weighted>,
}

impl Split {
    /// A valid backend in proportion to its weight; `InvalidBackend` for the share of an invalid one, and when nothing has weight.
    pub fn pick(&self, _rng: &mut Rng) -> Result<&Weighted, Reason> {
        todo!()
    }
}
