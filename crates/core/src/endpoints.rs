//! Who serves a backend now: endpoints in stable slots, so that what was learned of one that stays is kept.
//!
//! An endpoint is the same one as long as address, port, workload and identity are. A set is immutable; the next one is
//! made from it once per process, and each loop adopts it when it comes to it.
use crate::{Refused, backend::Shared, outlier, spiffe::SpiffeId};
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use weft_proto::v1;

/// Names one endpoint for as long as it stays, and (see `Pick`) whether the request is its probe. A stale one, whose slot
/// belongs to another endpoint by now, changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct EndpointIx {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    pub(crate) probe: bool,
}

impl PartialEq for EndpointIx {
    /// The same endpoint, probed or not.
    fn eq(&self, other: &EndpointIx) -> bool {
        (self.slot, self.generation) == (other.slot, other.generation)
    }
}

impl Eq for EndpointIx {}

impl EndpointIx {
    /// Small and dense: callers keep what they know of an endpoint in a vector.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

pub struct Endpoint {
    pub address: IpAddr,
    pub port: u16,
    /// "<namespace>/<workload>"
    pub workload: Arc<str>,
    /// To be proved on connect. None: not meshed, plaintext.
    pub identity: Option<Arc<SpiffeId>>,
    /// At least 1.
    pub weight: u32,
    pub health: v1::Health,
    pub version: Arc<str>,
    pub zone: Arc<str>,
    /// Lower is preferred.
    pub priority: u32,
    pub outlier: Arc<outlier::Member>,
}

impl Endpoint {
    /// Draining takes no new requests, not even in a panic.
    pub fn draining(&self) -> bool {
        self.health == v1::Health::Draining
    }

    /// As far as the registry knows.
    pub fn healthy(&self) -> bool {
        matches!(self.health, v1::Health::Healthy | v1::Health::Unknown)
    }
}

#[derive(Default)]
pub struct EndpointSet {
    slots: Vec<Slot>,
    /// Slots by what makes an endpoint the same one.
    known: HashMap<Key, u32>,
}

#[derive(Default)]
struct Slot {
    /// Grows each time that the slot gets another endpoint.
    generation: u32,
    endpoint: Option<Arc<Endpoint>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    address: IpAddr,
    port: u16,
    workload: Arc<str>,
    identity: Box<str>,
}

impl EndpointSet {
    /// Keeps slots and outlier state of endpoints that stay. The changes are those of a group that shrank.
    pub fn next(
        previous: &EndpointSet,
        endpoints: &v1::Endpoints,
        shared: &Shared,
    ) -> Result<(EndpointSet, Vec<outlier::Change>), Refused> {
        let parsed = endpoints.endpoints.iter().map(Parsed::new).collect::<Result<Vec<_>, _>>();
        let parsed = parsed.map_err(|refused| refused.within(&format!("Endpoints {}", endpoints.name)))?;
        let mut set = EndpointSet { slots: previous.generations(), known: HashMap::with_capacity(parsed.len()) };
        let mut new = Vec::new();
        for endpoint in parsed {
            match previous.known.get(&endpoint.key) {
                _ if set.known.contains_key(&endpoint.key) => {}
                Some(&slot) => set.put(slot, endpoint, previous.slots[slot as usize].endpoint.as_ref()),
                None => new.push(endpoint),
            }
        }
        set.add(new);
        previous.outliers().filter(|(key, _)| !set.known.contains_key(key)).for_each(|(_, m)| shared.outlier.leave(m));
        let changes = set.settle(shared);
        Ok((set, changes))
    }

    /// Tells the group's outlier detection how many they are now.
    pub(crate) fn settle(&self, shared: &Shared) -> Vec<outlier::Change> {
        let members = self.iter().filter(|(_, e)| !e.draining()).count();
        shared.outlier.resize(members as u32, self.iter().map(|(_, e)| &e.outlier))
    }

    pub fn get(&self, ix: EndpointIx) -> Option<&Arc<Endpoint>> {
        let slot = self.slots.get(ix.slot as usize)?;
        slot.endpoint.as_ref().filter(|_| slot.generation == ix.generation)
    }

    pub fn iter(&self) -> impl Iterator<Item = (EndpointIx, &Arc<Endpoint>)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let ix = EndpointIx { slot: at as u32, generation: slot.generation, probe: false };
            Some((ix, slot.endpoint.as_ref()?))
        })
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// One more than the highest slot.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    fn generations(&self) -> Vec<Slot> {
        self.slots.iter().map(|slot| Slot { generation: slot.generation, endpoint: None }).collect()
    }

    fn outliers(&self) -> impl Iterator<Item = (&Key, &Arc<outlier::Member>)> {
        self.known.iter().filter_map(|(key, &slot)| {
            let endpoint = self.slots[slot as usize].endpoint.as_ref()?;
            Some((key, &endpoint.outlier))
        })
    }

    fn put(&mut self, slot: u32, parsed: Parsed, stays: Option<&Arc<Endpoint>>) {
        self.known.insert(parsed.key.clone(), slot);
        let outlier = stays.map(|endpoint| endpoint.outlier.clone());
        self.slots[slot as usize].endpoint = Some(Arc::new(parsed.into_endpoint(outlier)));
    }

    /// Into slots that are free, then into new ones.
    fn add(&mut self, new: Vec<Parsed>) {
        let mut free = 0;
        for parsed in new {
            if self.known.contains_key(&parsed.key) {
                continue;
            }
            while self.slots.get(free).is_some_and(|slot| slot.endpoint.is_some()) {
                free += 1;
            }
            if free == self.slots.len() {
                self.slots.push(Slot::default());
            }
            self.slots[free].generation = self.slots[free].generation.wrapping_add(1);
            self.put(free as u32, parsed, None);
        }
    }
}

/// An endpoint of the contract, read.
struct Parsed {
    key: Key,
    identity: Option<Arc<SpiffeId>>,
    weight: u32,
    health: v1::Health,
    version: Arc<str>,
    zone: Arc<str>,
    priority: u32,
}

impl Parsed {
    fn new(given: &v1::Endpoint) -> Result<Parsed, Refused> {
        let address: IpAddr = given
            .address
            .parse()
            .map_err(|_| Refused::because(format!("{:?} of {} is not an address", given.address, given.workload)))?;
        // An identity that cannot be read must not become "none": that would be plaintext.
        let identity = match given.identity.as_str() {
            "" => None,
            text => Some(Arc::new(SpiffeId::parse(text)?)),
        };
        let key = Key {
            address,
            port: crate::frontend::port(given.port)?,
            workload: given.workload.as_str().into(),
            identity: given.identity.as_str().into(),
        };
        Ok(Parsed {
            key,
            identity,
            weight: given.weight.max(1),
            health: v1::Health::try_from(given.health).unwrap_or(v1::Health::Unhealthy),
            version: given.version.as_str().into(),
            zone: given.zone.as_str().into(),
            priority: given.priority,
        })
    }

    fn into_endpoint(self, outlier: Option<Arc<outlier::Member>>) -> Endpoint {
        let Key { address, port, workload, .. } = self.key;
        let named = || {
            let socket = std::net::SocketAddr::new(address, port);
            Arc::new(outlier::Member::new(format!("{workload} {socket}").into()))
        };
        Endpoint {
            address,
            port,
            outlier: outlier.unwrap_or_else(named),
            workload,
            identity: self.identity,
            weight: self.weight,
            health: self.health,
            version: self.version,
            zone: self.zone,
            priority: self.priority,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    fn shared() -> Shared {
        Shared::new(Backend::compile(&v1::Backend { port: 80, ..Default::default() }).unwrap())
    }

    fn named(names: &[&str]) -> v1::Endpoints {
        let endpoint = |name: &&str| v1::Endpoint {
            address: "192.0.2.1".into(),
            port: 8080,
            workload: name.to_string(),
            identity: "spiffe://mesh/ns/default/sa/web".into(),
            ..Default::default()
        };
        v1::Endpoints { name: "default/web:80".into(), endpoints: names.iter().map(endpoint).collect() }
    }

    fn next(previous: &EndpointSet, given: &v1::Endpoints, shared: &Shared) -> EndpointSet {
        EndpointSet::next(previous, given, shared).unwrap().0
    }

    fn find(set: &EndpointSet, name: &str) -> EndpointIx {
        set.iter().find(|(_, e)| &*e.workload == name).unwrap().0
    }

    #[test]
    fn those_that_stay_keep_slot_and_state_and_new_ones_take_free_slots() {
        let shared = shared();
        let first = next(&EndpointSet::default(), &named(&["a", "b", "c"]), &shared);
        let second = next(&first, &named(&["c", "d", "a", "e"]), &shared);
        for name in ["a", "c"] {
            let (was, is) = (find(&first, name), find(&second, name));
            assert_eq!(was, is, "{name}");
            assert!(Arc::ptr_eq(&first.get(was).unwrap().outlier, &second.get(is).unwrap().outlier));
        }
        let (b, d) = (find(&first, "b"), find(&second, "d"));
        assert_eq!((b.slot, second.slots(), second.len()), (d.slot, 4, 4));
        assert!(b != d && second.get(b).is_none());
    }

    #[test]
    fn another_identity_is_another_endpoint_and_another_health_is_not() {
        let shared = shared();
        let first = next(&EndpointSet::default(), &named(&["a"]), &shared);
        let mut given = named(&["a"]);
        given.endpoints[0].health = v1::Health::Unhealthy as i32;
        let second = next(&first, &given, &shared);
        assert_eq!(find(&first, "a"), find(&second, "a"));
        assert!(!second.get(find(&second, "a")).unwrap().healthy());
        given.endpoints[0].identity.clear();
        let third = next(&second, &given, &shared);
        assert_ne!(find(&second, "a"), find(&third, "a"));
        assert!(third.get(find(&third, "a")).unwrap().identity.is_none());
    }

    #[test]
    fn draining_ones_are_no_members_of_the_group() {
        let shared = shared();
        let mut given = named(&["a", "b", "c"]);
        given.endpoints[0].health = v1::Health::Draining as i32;
        next(&EndpointSet::default(), &given, &shared);
        assert_eq!(shared.outlier.members(), 2);
    }
}
