//! Paths that app and policy could read differently.

/// Does the path (without query) have a spelling that some server normalises and another does not?
pub fn ambiguous(_path: &[u8]) -> bool {
    todo!()
}
