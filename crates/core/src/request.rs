//! What a decision may see of a request: borrowed views over whatever representation the caller holds, no copies.

/// The header fields of a request. The proxy implements it over its header ranges.
pub trait Fields {
    /// Hands every value of the field `name` (lower case) to `visit`, in the order received, until it returns true
    /// (stop). Field names of the request compare without case.
    fn each<'a>(&'a self, name: &[u8], visit: &mut dyn FnMut(&'a [u8]) -> bool);
}

#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a [u8],
    /// Without the query, as received.
    pub path: &'a [u8],
    /// Without the question mark.
    pub query: &'a [u8],
    /// Without the port, as received.
    pub host: &'a [u8],
    pub fields: &'a dyn Fields,
}

/// Fields of a test, of `weft explain`, or of a request that has none.
impl Fields for [(&[u8], &[u8])] {
    fn each<'a>(&'a self, name: &[u8], visit: &mut dyn FnMut(&'a [u8]) -> bool) {
        for (n, value) in self {
            if n.eq_ignore_ascii_case(name) && visit(value) {
                return;
            }
        }
    }
}

impl<const N: usize> Fields for [(&[u8], &[u8]); N] {
    fn each<'a>(&'a self, name: &[u8], visit: &mut dyn FnMut(&'a [u8]) -> bool) {
        self.as_slice().each(name, visit);
    }
}

/// Owned fields, for tools.
impl Fields for Vec<(String, String)> {
    fn each<'a>(&'a self, name: &[u8], visit: &mut dyn FnMut(&'a [u8]) -> bool) {
        for (n, value) in self {
            if n.as_bytes().eq_ignore_ascii_case(name) && visit(value.as_bytes()) {
                return;
            }
        }
    }
}

pub const NO_FIELDS: &[(&[u8], &[u8]); 0] = &[];
