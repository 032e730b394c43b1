//! Why a resource was not accepted. The controller gets this as `weft.v1.Rejected`; the last good version stays.
use std::fmt;

/// One sentence that says what is wrong and where, and the capabilities that the resource requires and this build lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: String,
    pub missing: Vec<String>,
}

impl Refused {
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), missing: Vec::new() }
    }

    pub fn missing(who: &str, missing: Vec<String>) -> Self {
        let reason = format!("{who} requires what this build does not know: {}", missing.join(", "));
        Self { reason, missing }
    }

    /// Says where: "Frontend default/web:80@*: …".
    pub fn within(mut self, place: &str) -> Self {
        self.reason = format!("{place}: {}", self.reason);
        self
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_place_and_what_is_missing() {
        let refused = Refused::missing("rule R/a/b/0", vec!["route.new".into()]).within("Frontend a/b:1@*");
        assert_eq!(
            refused.to_string(),
            "Frontend a/b:1@*: rule R/a/b/0 requires what this build does not know: route.new"
        );
        assert_eq!(refused.missing, ["route.new"]);
    }
}
