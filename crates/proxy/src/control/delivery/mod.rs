//! What the controller delivers, as a pure state machine: responses in; requests and the next `Config` out.
//!
//! ```text
//!             its backends and endpoints are here or absent
//! received ───────────────────────────────────────────────► in force      (make before break)
//!    └── otherwise it waits, and the last one stays in force
//! ```
//! A resource that cannot be used is refused by name and the last good one stays; the rest of the response is taken.
//! Endpoints and Backends come unasked with the Frontends that name them. Time is an argument, in milliseconds.

mod time;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message;
use prost_types::Any;
use weft_core::frontend::Frontend;
use weft_proto::v1;

use super::kind::Kind;
use super::subscriptions::Subscriptions;
use crate::config::{Config, Refused};

pub struct Delivery {
    node: v1::Node,
    pub config: Config,
    pub subscriptions: Subscriptions,
    inbounds: Vec<String>,
    /// Versions that we hold, by name: what a new stream is told.
    held: BTreeMap<Kind, BTreeMap<String, String>>,
    waiting: BTreeMap<String, Waiting>,
    /// Backends and Endpoints that were answered "there is none".
    absent: HashSet<(Kind, String)>,
    doomed: BTreeMap<(Kind, String), u64>,
    /// Since when nobody names it.
    loose: HashMap<String, u64>,
}

struct Waiting {
    version: String,
    message: v1::Frontend,
    needs: Vec<String>,
    /// Since it came, or since it was last asked for what is missing.
    since_ms: u64,
}

/// What follows from one response.
pub struct Handled {
    pub reply: v1::DeltaDiscoveryRequest,
    /// `config` is another one now.
    pub changed: bool,
    pub refused: Vec<Refused>,
}

impl Delivery {
    pub fn new(node: v1::Node, inbounds: Vec<String>, declared: &[String]) -> Delivery {
        let mut subscriptions = Subscriptions::default();
        declared.iter().for_each(|name| subscriptions.declare(name));
        Delivery {
            node,
            config: Config::default(),
            subscriptions,
            inbounds,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            absent: HashSet::new(),
            doomed: BTreeMap::new(),
            loose: HashMap::new(),
        }
    }

    /// Takes what a former life saved; its frontends are subscribed ahead.
    pub fn restore(&mut self, mut resources: Vec<v1::Resource>, now: u64) -> Vec<Refused> {
        resources.sort_by_key(|r| r.resource.as_ref().and_then(|any| Kind::of(&any.type_url)));
        let mut refused = Vec::new();
        for resource in resources {
            let Some(kind) = resource.resource.as_ref().and_then(|any| Kind::of(&any.type_url)) else { continue };
            if kind == Kind::Frontend {
                self.subscriptions.want(&resource.name, now);
            }
            refused.extend(self.take(kind, resource, now).err());
        }
        self.promote();
        refused
    }

    /// What `restore` takes.
    pub fn saved(config: &Config) -> Vec<v1::Resource> {
        let sources = &config.sources;
        let mut all = Vec::new();
        all.extend(sources.mesh.iter().map(|s| Kind::Mesh.resource("mesh", &s.version, &*s.message)));
        all.extend(sources.inbounds.iter().map(|(n, s)| Kind::Inbound.resource(n, &s.version, &*s.message)));
        all.extend(sources.endpoints.iter().map(|(n, s)| Kind::Endpoints.resource(n, &s.version, &*s.message)));
        all.extend(sources.backends.iter().map(|(n, s)| Kind::Backend.resource(n, &s.version, &*s.message)));
        all.extend(sources.frontends.iter().map(|(n, s)| Kind::Frontend.resource(n, &s.version, &*s.message)));
        all
    }

    /// The first requests of a stream. What is held is told with its version ("": known as absent), so that only news is
    /// sent; but the Mesh is always asked anew: its answer shows that the controller is there. Backends and Endpoints are
    /// not subscribed, because the Frontends bring them.
    pub fn open(&self) -> Vec<v1::DeltaDiscoveryRequest> {
        let mut requests = Vec::new();
        for kind in Kind::ALL {
            let mut versions = self.held.get(&kind).cloned().unwrap_or_default();
            let names = match kind {
                Kind::Mesh => {
                    versions.clear();
                    vec!["mesh".to_owned()]
                }
                Kind::Inbound => self.inbounds.clone(),
                Kind::Endpoints | Kind::Backend if versions.is_empty() => continue,
                Kind::Endpoints | Kind::Backend => Vec::new(),
                Kind::Frontend => {
                    versions.extend(self.config.absent.iter().map(|name| (name.clone(), String::new())));
                    self.subscriptions.names()
                }
            };
            let mut request = subscribe(kind, names);
            request.initial_resource_versions = versions.into_iter().collect();
            requests.push(request);
        }
        if let Some(first) = requests.first_mut() {
            first.node = Some(self.node.clone());
        }
        requests
    }

    /// Traffic asks for a frontend. True: `config` is another one, because a rarely used one made room.
    pub fn want(&mut self, name: &str, now: u64) -> (Option<v1::DeltaDiscoveryRequest>, bool) {
        let change = self.subscriptions.want(name, now);
        let changed = self.forget(&change.unsubscribe);
        if change.subscribe.is_empty() {
            return (None, changed);
        }
        let mut request = subscribe(Kind::Frontend, change.subscribe);
        request.resource_names_unsubscribe = change.unsubscribe;
        (Some(request), changed)
    }

    pub fn handle(&mut self, response: v1::DeltaDiscoveryResponse, now: u64) -> Handled {
        let mut reply = v1::DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        };
        let Some(kind) = Kind::of(&response.type_url) else {
            let text = format!("this proxy knows no resources of type {:?}", response.type_url);
            reply.error_detail = Some(v1::Status { code: INVALID_ARGUMENT, message: text, details: vec![] });
            return Handled { reply, changed: false, refused: vec![] };
        };
        let (mut changed, mut refused) = (false, Vec::new());
        for resource in response.resources {
            match self.take(kind, resource, now) {
                Ok(took) => changed |= took,
                Err(e) => refused.push(e),
            }
        }
        for name in response.removed_resources {
            changed |= self.remove(kind, &name, now);
        }
        changed |= self.promote();
        reply.error_detail = nack(&refused);
        Handled { reply, changed, refused }
    }

    fn take(&mut self, kind: Kind, resource: v1::Resource, now: u64) -> Result<bool, Refused> {
        let (name, version) = (resource.name, resource.version);
        let any = resource.resource.unwrap_or_default();
        if any.type_url != kind.url() {
            return Err(refused(&name, &version, format!("its content is of type {:?}", any.type_url)));
        }
        if self.held.get(&kind).and_then(|held| held.get(&name)) == Some(&version) {
            self.doomed.remove(&(kind, name));
            return Ok(false);
        }
        match kind {
            Kind::Mesh => self.config.set_mesh(&version, decode(&name, &version, &any)?)?,
            Kind::Inbound if !self.inbounds.contains(&name) => return Ok(false),
            Kind::Inbound => self.config.set_inbound(&name, &version, decode(&name, &version, &any)?)?,
            Kind::Endpoints => self.config.set_endpoints(&name, &version, decode(&name, &version, &any)?)?,
            Kind::Backend => self.config.set_backend(&name, &version, decode(&name, &version, &any)?)?,
            Kind::Frontend if !self.subscriptions.contains(&name) => return Ok(false),
            Kind::Frontend => self.stage(&name, &version, decode(&name, &version, &any)?, now)?,
        }
        self.absent.remove(&(kind, name.clone()));
        self.doomed.remove(&(kind, name.clone()));
        self.held.entry(kind).or_default().insert(name, version);
        // A frontend is in force only after `promote`.
        Ok(kind != Kind::Frontend)
    }

    fn stage(&mut self, name: &str, version: &str, message: v1::Frontend, now: u64) -> Result<(), Refused> {
        let compiled = Frontend::compile(&message).map_err(|e| Refused {
            name: name.into(),
            version: version.into(),
            reason: e.reason,
            missing: e.missing,
        })?;
        let needs = compiled.backends().iter().map(|b| b.to_string()).collect();
        let waiting = Waiting { version: version.into(), message, needs, since_ms: now };
        self.waiting.insert(name.to_owned(), waiting);
        Ok(())
    }

    /// Frontends whose needs are met come into force.
    fn promote(&mut self) -> bool {
        let ready: Vec<String> =
            self.waiting.iter().filter(|(_, w)| self.missing(w).next().is_none()).map(|(n, _)| n.clone()).collect();
        for name in &ready {
            if let Some(w) = self.waiting.remove(name) {
                // It compiled when it came.
                let _ = self.config.set_frontend(name, &w.version, w.message);
            }
        }
        !ready.is_empty()
    }

    fn missing<'a>(&'a self, waiting: &'a Waiting) -> impl Iterator<Item = (Kind, &'a String)> {
        let answered = |kind: Kind, name: &String| match kind {
            Kind::Backend => self.config.backends.contains_key(name) || self.absent.contains(&(kind, name.clone())),
            _ => self.config.endpoints.contains_key(name) || self.absent.contains(&(kind, name.clone())),
        };
        let both = waiting.needs.iter().flat_map(|n| [(Kind::Backend, n), (Kind::Endpoints, n)]);
        both.filter(move |(kind, name)| !answered(*kind, name))
    }

    fn remove(&mut self, kind: Kind, name: &str, now: u64) -> bool {
        self.held.get_mut(&kind).map(|held| held.remove(name));
        match kind {
            Kind::Frontend if !self.subscriptions.contains(name) => return false,
            Kind::Frontend => {
                self.waiting.remove(name);
                self.config.remove_frontend(name);
            }
            Kind::Backend | Kind::Endpoints => {
                self.absent.insert((kind, name.to_owned()));
                self.doomed.insert((kind, name.to_owned()), now);
                return self.end_doomed(now);
            }
            // Neither is ever taken back: without an Inbound the workload would be closed, without a Mesh blind.
            Kind::Inbound | Kind::Mesh => return false,
        }
        true
    }

    fn forget(&mut self, frontends: &[String]) -> bool {
        for name in frontends {
            self.waiting.remove(name);
            self.config.forget_frontend(name);
            self.held.get_mut(&Kind::Frontend).map(|held| held.remove(name));
        }
        !frontends.is_empty()
    }
}

/// google.rpc.Code
const INVALID_ARGUMENT: i32 = 3;

fn nack(all: &[Refused]) -> Option<v1::Status> {
    let detail = |r: &Refused| {
        let rejected = v1::Rejected {
            name: r.name.clone(),
            version: r.version.clone(),
            reason: r.reason.clone(),
            missing: r.missing.clone(),
        };
        Any { type_url: REJECTED.into(), value: rejected.encode_to_vec() }
    };
    let names: Vec<&str> = all.iter().map(|r| r.name.as_str()).collect();
    (!all.is_empty()).then(|| v1::Status {
        code: INVALID_ARGUMENT,
        message: format!("refused {}", names.join(", ")),
        details: all.iter().map(detail).collect(),
    })
}

const REJECTED: &str = "type.googleapis.com/weft.v1.Rejected";

fn subscribe(kind: Kind, names: Vec<String>) -> v1::DeltaDiscoveryRequest {
    v1::DeltaDiscoveryRequest { type_url: kind.url().into(), resource_names_subscribe: names, ..Default::default() }
}

fn unsubscribe(kind: Kind, names: Vec<String>) -> v1::DeltaDiscoveryRequest {
    v1::DeltaDiscoveryRequest { type_url: kind.url().into(), resource_names_unsubscribe: names, ..Default::default() }
}

fn decode<M: Message + Default>(name: &str, version: &str, any: &Any) -> Result<M, Refused> {
    M::decode(any.value.as_slice()).map_err(|e| refused(name, version, format!("it cannot be decoded ({e})")))
}

fn refused(name: &str, version: &str, reason: String) -> Refused {
    Refused { name: name.into(), version: version.into(), reason, missing: Vec::new() }
}
