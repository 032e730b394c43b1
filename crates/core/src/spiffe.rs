//! Identities: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, parsed once per connection.
//!
//! The SPIFFE-ID standard (§2) says: a trust domain of `[a-z0-9.-_]`; path segments of `[a-zA-Z0-9.-_]`, none empty or a
//! dot segment; no trailing slash, query, fragment, port or user; at most 2048 bytes. Of all valid SPIFFE IDs we take
//! only our own form: what cannot be told apart by namespace and account is nobody.
use crate::{Refused, hash};
use std::fmt;

/// §2.3: 2048 bytes must be supported and not be exceeded; a trust domain has at most 255.
const MAX_BYTES: usize = 2048;
const MAX_DOMAIN_BYTES: usize = 255;
const SCHEME: &str = "spiffe://";

/// A valid identity, with the hashes of its parts, so that a check against a hundred rules hashes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    /// Where the trust domain, the namespace end in `text`.
    domain_end: usize,
    namespace_end: usize,
    hash: Hashes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hashes {
    pub principal: u64,
    pub namespace: u64,
    pub service: u64,
}

impl SpiffeId {
    pub fn parse(text: &str) -> Result<SpiffeId, Refused> {
        let refuse = |why: &str| Err(Refused::because(format!("identity {text:?}: {why}")));
        if text.len() > MAX_BYTES {
            return Err(Refused::because("identity: longer than 2048 bytes"));
        }
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return refuse("does not begin with spiffe://");
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let &[domain, "ns", namespace, "sa", account] = parts.as_slice() else {
            return refuse("is not spiffe://<trust domain>/ns/<namespace>/sa/<service account>");
        };
        if !valid_domain(domain) {
            return refuse("the trust domain may hold lower-case letters, digits, dot, dash, underscore");
        }
        if !valid_segment(namespace) || !valid_segment(account) {
            return refuse("a path segment may hold letters, digits, dot, dash, underscore");
        }
        let domain_end = SCHEME.len() + domain.len();
        Ok(SpiffeId {
            text: text.into(),
            domain_end,
            namespace_end: domain_end + "/ns/".len() + namespace.len(),
            hash: Hashes {
                principal: hash::bytes(text.as_bytes()),
                namespace: hash::bytes(namespace.as_bytes()),
                service: service_hash(namespace, account),
            },
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn trust_domain(&self) -> &str {
        &self.text[SCHEME.len()..self.domain_end]
    }

    pub fn namespace(&self) -> &str {
        &self.text[self.domain_end + "/ns/".len()..self.namespace_end]
    }

    pub fn service_account(&self) -> &str {
        &self.text[self.namespace_end + "/sa/".len()..]
    }

    pub(crate) fn hashes(&self) -> Hashes {
        self.hash
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What `Hashes::service` is for "<namespace>/<service account>".
pub(crate) fn service_hash(namespace: &str, account: &str) -> u64 {
    hash::pair(hash::bytes(namespace.as_bytes()), hash::bytes(account.as_bytes()))
}

fn valid_domain(domain: &str) -> bool {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    (1..=MAX_DOMAIN_BYTES).contains(&domain.len()) && domain.bytes().all(allowed)
}

fn valid_segment(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let id = SpiffeId::parse("spiffe://mesh-1.local/ns/default/sa/reviews").unwrap();
        assert_eq!(id.trust_domain(), "mesh-1.local");
        assert_eq!(id.namespace(), "default");
        assert_eq!(id.service_account(), "reviews");
        assert_eq!(id.to_string(), "spiffe://mesh-1.local/ns/default/sa/reviews");
        assert_eq!(id.hashes().service, service_hash("default", "reviews"));
    }

    #[test]
    fn everything_else_is_nobody() {
        for text in [
            "",
            "spiffe://",
            "spiffe://td",
            "spiffe://td/ns/a/sa/",
            "spiffe://td/ns//sa/b",
            "spiffe://td/ns/a/sa/b/",
            "spiffe://td/ns/a/sa/b/c",
            "spiffe://td/ns/../sa/b",
            "spiffe://td/ns/a/sa/b?x",
            "spiffe://td/ns/a/sa/b#x",
            "spiffe://td:1/ns/a/sa/b",
            "spiffe://u@td/ns/a/sa/b",
            "spiffe://TD/ns/a/sa/b",
            "SPIFFE://td/ns/a/sa/b",
            "spiffe:///ns/a/sa/b",
            "spiffe://td/sa/b/ns/a",
            "spiffe://td/ns/a%2f/sa/b",
            "https://td/ns/a/sa/b",
        ] {
            assert!(SpiffeId::parse(text).is_err(), "{text}");
        }
        let long = format!("spiffe://td/ns/a/sa/{}", "b".repeat(MAX_BYTES));
        assert!(SpiffeId::parse(&long).is_err());
    }
}
