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

#[cfg(test)]
mod tests {
    use super::*;

    fn all(fields: &dyn Fields, name: &str, stop_after: usize) -> Vec<String> {
        let mut found = Vec::new();
        fields.each(name.as_bytes(), &mut |value| {
            found.push(String::from_utf8_lossy(value).into_owned());
            found.len() == stop_after
        });
        found
    }

    #[test]
    fn values_come_in_order_whatever_the_case_until_stopped() {
        let borrowed: [(&[u8], &[u8]); 3] = [(b"X-A", b"1"), (b"x-b", b"2"), (b"x-a", b"3")];
        let owned: Vec<(String, String)> =
            [("X-A", "1"), ("x-b", "2"), ("x-a", "3")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        for fields in [&borrowed as &dyn Fields, &owned] {
            assert_eq!(all(fields, "x-a", 0), ["1", "3"]);
            assert_eq!(all(fields, "x-a", 1), ["1"]);
            assert!(all(fields, "x-c", 0).is_empty());
        }
    }
}
