//! What the engine executes: an immutable snapshot of the delivered resources, compiled.
//!
//! The control side builds a new `Config` from the last one (compiled parts are shared), checks it, and hands it over
//! whole; a request sees one `Config` from its first stage to its last.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use weft_core::access::Inbound;
use weft_core::backend::Backend;
use weft_core::frontend::Frontend;
use weft_proto::v1;

/// One delivered resource as it came, for people (`/program`) and for the state directory.
#[derive(Clone, Debug)]
pub struct Source<M> {
    pub version: Arc<str>,
    pub message: Arc<M>,
}

/// Keys are the resources' names; `Frontend`s have the name under which this proxy asked.
#[derive(Clone, Default)]
pub struct Config {
    pub mesh: Arc<v1::Mesh>,
    pub frontends: HashMap<String, Arc<Frontend>>,
    /// Asked for, and the controller said that there is none. Pending is not absent.
    pub absent: HashSet<String>,
    pub backends: HashMap<String, Arc<Backend>>,
    pub endpoints: HashMap<String, Arc<v1::Endpoints>>,
    pub inbounds: HashMap<String, Arc<Inbound>>,
    pub sources: Sources,
}

#[derive(Clone, Default)]
pub struct Sources {
    pub mesh: Option<Source<v1::Mesh>>,
    pub frontends: HashMap<String, Source<v1::Frontend>>,
    pub backends: HashMap<String, Source<v1::Backend>>,
    pub endpoints: HashMap<String, Source<v1::Endpoints>>,
    pub inbounds: HashMap<String, Source<v1::Inbound>>,
}

/// Why a resource was not taken, by name; the last good one stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub name: String,
    pub version: String,
    pub reason: String,
    pub missing: Vec<String>,
}

impl Config {
    pub fn set_mesh(&mut self, version: &str, message: v1::Mesh) -> Result<(), Refused> {
        let missing = weft_core::capability::missing(&message.requires);
        if !missing.is_empty() {
            return Err(lacking(&message.name, version, missing));
        }
        let message = Arc::new(message);
        self.mesh = message.clone();
        self.sources.mesh = Some(Source { version: version.into(), message });
        Ok(())
    }

    /// `name` is what was asked for: "ns/service:port@client"; the content may be that of "@*".
    pub fn set_frontend(&mut self, name: &str, version: &str, message: v1::Frontend) -> Result<(), Refused> {
        let compiled = Frontend::compile(&message).map_err(|e| refused(name, version, e))?;
        self.absent.remove(name);
        self.frontends.insert(name.to_owned(), Arc::new(compiled));
        let source = Source { version: version.into(), message: Arc::new(message) };
        self.sources.frontends.insert(name.to_owned(), source);
        Ok(())
    }

    pub fn set_backend(&mut self, name: &str, version: &str, message: v1::Backend) -> Result<(), Refused> {
        let compiled = Backend::compile(&message).map_err(|e| refused(name, version, e))?;
        self.backends.insert(name.to_owned(), Arc::new(compiled));
        let source = Source { version: version.into(), message: Arc::new(message) };
        self.sources.backends.insert(name.to_owned(), source);
        Ok(())
    }

    pub fn set_endpoints(&mut self, name: &str, version: &str, message: v1::Endpoints) -> Result<(), Refused> {
        let message = Arc::new(message);
        self.endpoints.insert(name.to_owned(), message.clone());
        self.sources.endpoints.insert(name.to_owned(), Source { version: version.into(), message });
        Ok(())
    }

    pub fn set_inbound(&mut self, name: &str, version: &str, message: v1::Inbound) -> Result<(), Refused> {
        let compiled = Inbound::compile(&message).map_err(|e| refused(name, version, e))?;
        self.inbounds.insert(name.to_owned(), Arc::new(compiled));
        let source = Source { version: version.into(), message: Arc::new(message) };
        self.sources.inbounds.insert(name.to_owned(), source);
        Ok(())
    }

    /// The controller said that there is none (any more).
    pub fn remove_frontend(&mut self, name: &str) {
        self.frontends.remove(name);
        self.sources.frontends.remove(name);
        self.absent.insert(name.to_owned());
    }

    /// No subscription any more: neither present nor absent.
    pub fn forget_frontend(&mut self, name: &str) {
        self.frontends.remove(name);
        self.sources.frontends.remove(name);
        self.absent.remove(name);
    }

    pub fn remove_backend(&mut self, name: &str) {
        self.backends.remove(name);
        self.sources.backends.remove(name);
    }

    pub fn remove_endpoints(&mut self, name: &str) {
        self.endpoints.remove(name);
        self.sources.endpoints.remove(name);
    }

    /// A whole program from a file: the first refusal ends it, because there is no last good one.
    pub fn from_program(program: v1::Program) -> Result<Config, Refused> {
        let mut config = Config::default();
        config.set_mesh("file", program.mesh.unwrap_or_default())?;
        for m in program.endpoints {
            config.set_endpoints(&m.name.clone(), "file", m)?;
        }
        for m in program.backends {
            config.set_backend(&m.name.clone(), "file", m)?;
        }
        for m in program.frontends {
            config.set_frontend(&m.name.clone(), "file", m)?;
        }
        for m in program.inbounds {
            config.set_inbound(&m.name.clone(), "file", m)?;
        }
        Ok(config)
    }
}

fn refused(name: &str, version: &str, cause: weft_core::Refused) -> Refused {
    Refused { name: name.into(), version: version.into(), reason: cause.reason, missing: cause.missing }
}

fn lacking(name: &str, version: &str, missing: Vec<String>) -> Refused {
    let reason = format!("this proxy lacks {}; upgrade it, or remove what needs it", missing.join(", "));
    Refused { name: name.into(), version: version.into(), reason, missing }
}
