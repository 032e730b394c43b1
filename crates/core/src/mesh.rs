//! What holds for every proxy.
use crate::{Refused, timeouts::Timeouts};
use weft_proto::v1;

#[derive(Clone, Debug)]
pub struct Mesh {
    pub trust_domain: Box<str>,
    pub roots: Vec<Vec<u8>>,
    /// Lower case, without leading or trailing dots.
    pub suffixes: Vec<Box<str>>,
    pub refuse_unknown: bool,
    pub timeouts: Timeouts,
    pub access_log: v1::AccessLog,
}

impl Mesh {
    pub fn compile(_mesh: &v1::Mesh) -> Result<Mesh, Refused> {
        todo!()
    }
}
