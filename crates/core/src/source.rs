//! The "who" of an access rule: principals, namespaces, services, addresses.
//!
//! What is not proved is never to the caller's advantage: without a principal no positive condition holds, and a negative
//! one (`not_…`) holds when it denies and does not when it allows. Namespaces and services are names within the mesh's
//! own trust domain; a principal of another one has neither.
use crate::{
    Refused, hash,
    spiffe::{SpiffeId, service_hash},
};
use std::net::IpAddr;
use weft_proto::v1;

/// Who calls, as far as the connection shows.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// As proved by the peer's SVID; None: unmeshed.
    pub principal: Option<&'a SpiffeId>,
    /// The mesh's own: `namespaces` and `services` of a rule mean names within it. Empty: not known, any.
    pub trust_domain: &'a str,
    pub source_ip: IpAddr,
    /// The service port called.
    pub port: u16,
}

impl<'a> Subject<'a> {
    /// The principal, when it is of the mesh's own trust domain.
    fn local(&self) -> Option<&'a SpiffeId> {
        let own = |id: &&SpiffeId| self.trust_domain.is_empty() || id.trust_domain() == self.trust_domain;
        self.principal.filter(own)
    }
}

pub(crate) struct Source {
    given: Conditions,
    not: Conditions,
}

/// Each empty list is no condition; within one, any element is enough.
#[derive(Default)]
struct Conditions {
    principals: Vec<Principal>,
    namespaces: Vec<Box<str>>,
    services: Vec<(Box<str>, Box<str>)>,
    ip_blocks: Vec<IpBlock>,
}

enum Principal {
    Exact(Box<str>),
    Prefix(Box<str>),
}

impl Source {
    pub fn compile(source: &v1::Source) -> Result<Source, Refused> {
        let given = Conditions::compile(&source.principals, &source.namespaces, &source.services, &source.ip_blocks)?;
        let not = Conditions::compile(
            &source.not_principals,
            &source.not_namespaces,
            &source.not_services,
            &source.not_ip_blocks,
        )?;
        if given.is_empty() && not.is_empty() {
            return Err(Refused::because("a source without any condition that this build knows"));
        }
        Ok(Source { given, not })
    }

    pub fn matches(&self, subject: &Subject<'_>, denies: bool) -> bool {
        self.given.all(subject) && !self.not.any(subject, !denies)
    }

    /// Hashes of identities without one of which this source cannot match; None: there is no such list.
    pub fn keys(&self) -> Option<Vec<u64>> {
        let given = &self.given;
        if !given.principals.is_empty() {
            let exact = |p: &Principal| match p {
                Principal::Exact(text) => Some(hash::bytes(text.as_bytes())),
                Principal::Prefix(_) => None,
            };
            return given.principals.iter().map(exact).collect();
        }
        if !given.services.is_empty() {
            return Some(given.services.iter().map(|(ns, sa)| service_hash(ns, sa)).collect());
        }
        let namespaces = given.namespaces.iter().map(|ns| hash::bytes(ns.as_bytes())).collect::<Vec<_>>();
        (!namespaces.is_empty()).then_some(namespaces)
    }
}

impl Conditions {
    fn compile(
        principals: &[String],
        namespaces: &[String],
        services: &[String],
        ip_blocks: &[String],
    ) -> Result<Conditions, Refused> {
        Ok(Conditions {
            principals: principals.iter().map(|p| Principal::compile(p)).collect::<Result<_, _>>()?,
            namespaces: namespaces.iter().map(|ns| ns.as_str().into()).collect(),
            services: services.iter().map(|s| service(s)).collect::<Result<_, _>>()?,
            ip_blocks: ip_blocks.iter().map(|b| IpBlock::parse(b)).collect::<Result<_, _>>()?,
        })
    }

    fn is_empty(&self) -> bool {
        self.principals.is_empty()
            && self.namespaces.is_empty()
            && self.services.is_empty()
            && self.ip_blocks.is_empty()
    }

    /// Every list that is given has an element that the subject is.
    fn all(&self, subject: &Subject<'_>) -> bool {
        let local = || subject.local();
        (self.principals.is_empty() || subject.principal.is_some_and(|id| self.has_principal(id)))
            && (self.namespaces.is_empty() || local().is_some_and(|id| self.has_namespace(id)))
            && (self.services.is_empty() || local().is_some_and(|id| self.has_service(id)))
            && (self.ip_blocks.is_empty() || self.has_address(subject.source_ip))
    }

    /// Some list has an element that the subject is, or (`if_unknown`) might be.
    fn any(&self, subject: &Subject<'_>, if_unknown: bool) -> bool {
        let known = |id: Option<&SpiffeId>, has: &dyn Fn(&SpiffeId) -> bool| id.map_or(if_unknown, has);
        (!self.principals.is_empty() && known(subject.principal, &|id| self.has_principal(id)))
            || (!self.namespaces.is_empty() && known(subject.local(), &|id| self.has_namespace(id)))
            || (!self.services.is_empty() && known(subject.local(), &|id| self.has_service(id)))
            || self.has_address(subject.source_ip)
    }

    fn has_principal(&self, id: &SpiffeId) -> bool {
        self.principals.iter().any(|principal| match principal {
            Principal::Exact(text) => **text == *id.as_str(),
            Principal::Prefix(text) => id.as_str().starts_with(&**text),
        })
    }

    fn has_namespace(&self, id: &SpiffeId) -> bool {
        self.namespaces.iter().any(|ns| **ns == *id.namespace())
    }

    fn has_service(&self, id: &SpiffeId) -> bool {
        self.services.iter().any(|(ns, sa)| **ns == *id.namespace() && **sa == *id.service_account())
    }

    fn has_address(&self, address: IpAddr) -> bool {
        self.ip_blocks.iter().any(|block| block.contains(address))
    }
}

impl Principal {
    fn compile(text: &str) -> Result<Principal, Refused> {
        match text.strip_suffix('*') {
            Some(prefix) if !prefix.contains('*') => Ok(Principal::Prefix(prefix.into())),
            None if !text.contains('*') => Ok(Principal::Exact(SpiffeId::parse(text)?.as_str().into())),
            _ => Err(Refused::because(format!("principal {text:?}: a * may only be the last character"))),
        }
    }
}

fn service(text: &str) -> Result<(Box<str>, Box<str>), Refused> {
    match text.split_once('/') {
        Some((ns, sa)) if !ns.is_empty() && !sa.is_empty() && !sa.contains('/') => Ok((ns.into(), sa.into())),
        _ => Err(Refused::because(format!("service {text:?} is not <namespace>/<service account>"))),
    }
}

/// An address block; IPv4 and IPv4-mapped IPv6 addresses are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IpBlock {
    v6: bool,
    bits: u128,
    mask: u128,
}

impl IpBlock {
    pub fn parse(text: &str) -> Result<IpBlock, Refused> {
        let refuse = || Refused::because(format!("{text:?} is not an address block like 192.0.2.0/24"));
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let (v6, bits) = as_bits(address.to_canonical());
        let width = if v6 { 128 } else { 32 };
        let digits = |l: &&str| l.bytes().all(|b| b.is_ascii_digit());
        let length: u32 = match length {
            Some(length) => Some(length).filter(digits).and_then(|l| l.parse().ok()).ok_or_else(refuse)?,
            None => width,
        };
        if length > width {
            return Err(refuse());
        }
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        Ok(IpBlock { v6, bits: bits & mask, mask })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let (v6, bits) = as_bits(address.to_canonical());
        v6 == self.v6 && bits & self.mask == self.bits
    }
}

fn as_bits(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (false, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (true, u128::from(v6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// "principals=a namespaces=b,c not_services=d/e"
    fn source(text: &str) -> v1::Source {
        let mut source = v1::Source::default();
        for part in text.split_whitespace() {
            let (name, values) = part.split_once('=').unwrap();
            let values = list(&values.replace(',', " "));
            match name {
                "principals" => source.principals = values,
                "namespaces" => source.namespaces = values,
                "services" => source.services = values,
                "ip_blocks" => source.ip_blocks = values,
                "not_principals" => source.not_principals = values,
                "not_namespaces" => source.not_namespaces = values,
                "not_services" => source.not_services = values,
                "not_ip_blocks" => source.not_ip_blocks = values,
                other => panic!("{other}"),
            }
        }
        source
    }

    const A: &str = "spiffe://mesh/ns/shop/sa/cart";
    const FOREIGN: &str = "spiffe://other/ns/shop/sa/cart";

    #[test]
    fn who_matches_when_allowing_and_when_denying() {
        for (conditions, principal, allows, denies) in [
            ("principals=spiffe://mesh/ns/shop/sa/cart", A, true, true),
            ("principals=spiffe://mesh/ns/shop/sa/cart", FOREIGN, false, false),
            ("principals=spiffe://mesh/ns/shop/sa/cart", "", false, false),
            ("principals=spiffe://mesh/ns/shop/*", A, true, true),
            ("principals=*", A, true, true),
            ("principals=*", "", false, false),
            ("namespaces=prod,shop", A, true, true),
            ("namespaces=shop", FOREIGN, false, false),
            ("namespaces=prod", A, false, false),
            ("services=shop/cart", A, true, true),
            ("services=shop/cart", FOREIGN, false, false),
            ("services=cart/shop", A, false, false),
            ("ip_blocks=192.0.2.0/24", "", true, true),
            ("ip_blocks=198.51.100.0/24", "", false, false),
            ("namespaces=shop ip_blocks=198.51.100.0/24", A, false, false),
            ("not_principals=spiffe://mesh/ns/shop/sa/cart", A, false, false),
            ("not_principals=spiffe://mesh/ns/shop/sa/x", A, true, true),
            ("not_principals=spiffe://mesh/ns/shop/sa/x", "", false, true),
            ("not_namespaces=shop", A, false, false),
            ("not_namespaces=prod", A, true, true),
            ("not_namespaces=prod", "", false, true),
            ("not_namespaces=prod", FOREIGN, false, true),
            ("not_services=shop/x", "", false, true),
            ("not_ip_blocks=192.0.2.0/24", A, false, false),
            ("not_ip_blocks=203.0.113.0/24", "", true, true),
            ("namespaces=shop not_services=shop/cart", A, false, false),
        ] {
            let compiled = Source::compile(&source(conditions)).unwrap();
            let id = (!principal.is_empty()).then(|| SpiffeId::parse(principal).unwrap());
            let subject = Subject {
                principal: id.as_ref(),
                trust_domain: "mesh",
                source_ip: "192.0.2.1".parse().unwrap(),
                port: 80,
            };
            assert_eq!(compiled.matches(&subject, false), allows, "allow {conditions} {principal:?}");
            assert_eq!(compiled.matches(&subject, true), denies, "deny {conditions} {principal:?}");
        }
    }

    #[test]
    fn keys_are_those_of_the_narrowest_list() {
        let id = SpiffeId::parse(A).unwrap().hashes();
        for (conditions, keys) in [
            ("principals=spiffe://mesh/ns/shop/sa/cart namespaces=x", Some(vec![id.principal])),
            ("services=shop/cart namespaces=x", Some(vec![id.service])),
            ("namespaces=shop", Some(vec![id.namespace])),
            ("principals=*", None),
            ("ip_blocks=192.0.2.0/24", None),
            ("not_namespaces=shop", None),
        ] {
            assert_eq!(Source::compile(&source(conditions)).unwrap().keys(), keys, "{conditions}");
        }
    }

    #[test]
    fn blocks_contain_their_addresses() {
        for (block, address, contains) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "203.0.113.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true),
        ] {
            let parsed = IpBlock::parse(block).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), contains, "{block} {address}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for conditions in [
            "",
            "principals=x",
            "principals=spiffe://*/ns/a",
            "services=a",
            "services=a/b/c",
            "ip_blocks=192.0.2.0/33",
            "ip_blocks=192.0.2.0/+8",
            "ip_blocks=ten",
        ] {
            assert!(Source::compile(&source(conditions)).is_err(), "{conditions}");
        }
    }
}
