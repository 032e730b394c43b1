//! What this build understands, as a closed list of names. A rule lists what it `requires`; a name that is not here
//! refuses the resource, because a condition that vanished would be a wider rule.

pub const ALL: &[&str] = &["route.path.exact"];

/// Those of `requires` that this build lacks.
pub fn missing(requires: &[String]) -> Vec<String> {
    requires.iter().filter(|name| !ALL.contains(&name.as_str())).cloned().collect()
}
