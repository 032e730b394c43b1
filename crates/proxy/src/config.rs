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

#[cfg(test)]
mod tests {
    use super::*;

    const F: &str = "n/web:80@n";
    const B: &str = "n/web:80";

    fn unknown() -> Vec<String> {
        vec!["weft.telepathy".into()]
    }

    fn mesh(requires: Vec<String>) -> v1::Mesh {
        v1::Mesh { name: "mesh".into(), trust_domain: "t".into(), requires, ..Default::default() }
    }

    fn frontend(name: &str, port: u32) -> v1::Frontend {
        v1::Frontend { name: name.into(), port, ..Default::default() }
    }

    fn backend(name: &str, requires: Vec<String>) -> v1::Backend {
        v1::Backend { name: name.into(), service: "n/web".into(), port: 80, requires, ..Default::default() }
    }

    fn endpoints(name: &str) -> v1::Endpoints {
        v1::Endpoints { name: name.into(), ..Default::default() }
    }

    fn inbound(name: &str, ports: &[u32]) -> v1::Inbound {
        let port = |port: &u32| v1::InboundPort { port: *port, ..Default::default() };
        v1::Inbound { name: name.into(), ports: ports.iter().map(port).collect(), ..Default::default() }
    }

    /// The versions in force, kind by kind; what the engine has and what people are shown must be the same.
    fn versions(config: &Config) -> [Option<&str>; 5] {
        let sources = &config.sources;
        assert_eq!(config.frontends.contains_key(F), sources.frontends.contains_key(F));
        assert_eq!(config.backends.contains_key(B), sources.backends.contains_key(B));
        assert_eq!(config.endpoints.contains_key(B), sources.endpoints.contains_key(B));
        assert_eq!(config.inbounds.contains_key("n/w"), sources.inbounds.contains_key("n/w"));
        [
            sources.mesh.as_ref().map(|s| &*s.version),
            sources.frontends.get(F).map(|s| &*s.version),
            sources.backends.get(B).map(|s| &*s.version),
            sources.endpoints.get(B).map(|s| &*s.version),
            sources.inbounds.get("n/w").map(|s| &*s.version),
        ]
    }

    fn full() -> Config {
        let mut config = Config::default();
        config.set_mesh("1", mesh(vec![])).unwrap();
        config.set_frontend(F, "1", frontend("n/web:80@*", 80)).unwrap();
        config.set_backend(B, "1", backend(B, vec![])).unwrap();
        config.set_endpoints(B, "1", endpoints(B)).unwrap();
        config.set_inbound("n/w", "1", inbound("n/w", &[80])).unwrap();
        config
    }

    #[test]
    fn what_is_refused_is_named_and_the_last_good_one_stays() {
        type Set = fn(&mut Config) -> Result<(), Refused>;
        let table: [(&str, &[&str], Set); 4] = [
            ("mesh", &["weft.telepathy"], |c| c.set_mesh("2", mesh(unknown()))),
            (F, &[], |c| c.set_frontend(F, "2", frontend("n/web:80@*", 70_000))),
            (B, &["weft.telepathy"], |c| c.set_backend(B, "2", backend(B, unknown()))),
            ("n/w", &[], |c| c.set_inbound("n/w", "2", inbound("n/w", &[80, 80]))),
        ];
        for (name, missing, set) in table {
            let mut config = full();
            let (mesh, frontend) = (config.mesh.clone(), config.frontends[F].clone());
            let (backend, inbound) = (config.backends[B].clone(), config.inbounds["n/w"].clone());
            let refused = set(&mut config).unwrap_err();
            assert_eq!((refused.name.as_str(), refused.version.as_str()), (name, "2"));
            assert_eq!(refused.missing, missing, "{name}");
            assert!(missing.iter().all(|m| refused.reason.contains(m)) && !refused.reason.is_empty(), "{refused:?}");
            assert_eq!(versions(&config), [Some("1"); 5], "{name}");
            assert!(Arc::ptr_eq(&config.mesh, &mesh) && Arc::ptr_eq(&config.frontends[F], &frontend), "{name}");
            assert!(Arc::ptr_eq(&config.backends[B], &backend), "{name}");
            assert!(Arc::ptr_eq(&config.inbounds["n/w"], &inbound), "{name}");
        }
    }

    #[test]
    fn a_refused_first_one_leaves_nothing() {
        let mut config = Config::default();
        assert!(config.set_mesh("1", mesh(unknown())).is_err());
        assert!(config.set_frontend(F, "1", frontend(F, 0)).is_err());
        assert!(config.set_backend(B, "1", backend(B, unknown())).is_err());
        assert!(config.set_inbound("n/w", "1", inbound("n/w", &[80, 80])).is_err());
        assert_eq!(versions(&config), [None; 5]);
        assert_eq!(*config.mesh, v1::Mesh::default());
    }

    #[test]
    fn a_frontend_has_the_name_that_was_asked_for() {
        let config = full();
        assert_eq!(config.frontends.keys().collect::<Vec<_>>(), [F]);
        assert_eq!(config.sources.frontends[F].message.name, "n/web:80@*");
    }

    #[test]
    fn removed_is_absent_and_forgotten_is_neither() {
        let states = |c: &Config| (versions(c)[1].is_some(), c.absent.contains(F));
        let mut config = full();
        assert_eq!(states(&config), (true, false));
        config.remove_frontend(F);
        assert_eq!(states(&config), (false, true));
        assert!(config.set_frontend(F, "2", frontend(F, 0)).is_err());
        assert_eq!(states(&config), (false, true), "a refused one does not end the absence");
        config.set_frontend(F, "3", frontend(F, 80)).unwrap();
        assert_eq!(states(&config), (true, false));
        config.forget_frontend(F);
        assert_eq!(states(&config), (false, false));
        config.remove_frontend(F);
        config.forget_frontend(F);
        assert_eq!(states(&config), (false, false));
    }

    #[test]
    fn a_backend_and_its_endpoints_go_one_by_one() {
        let mut config = full();
        config.remove_backend(B);
        assert_eq!(versions(&config), [Some("1"), Some("1"), None, Some("1"), Some("1")]);
        config.remove_endpoints(B);
        assert_eq!(versions(&config), [Some("1"), Some("1"), None, None, Some("1")]);
    }

    #[test]
    fn a_copy_shares_what_is_compiled_and_changes_alone() {
        let old = full();
        let mut new = old.clone();
        new.set_backend(B, "2", backend(B, vec![])).unwrap();
        assert_eq!((versions(&old)[2], versions(&new)[2]), (Some("1"), Some("2")));
        assert!(Arc::ptr_eq(&old.frontends[F], &new.frontends[F]));
    }

    fn program() -> v1::Program {
        v1::Program {
            mesh: Some(mesh(vec![])),
            frontends: vec![frontend(F, 80)],
            backends: vec![backend(B, vec![])],
            endpoints: vec![endpoints(B)],
            inbounds: vec![inbound("n/w", &[80])],
            ..Default::default()
        }
    }

    #[test]
    fn a_program_is_taken_whole() {
        let config = Config::from_program(program()).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(versions(&config), [Some("file"); 5]);
        let bare = Config::from_program(v1::Program::default()).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(versions(&bare), [Some("file"), None, None, None, None]);
    }

    #[test]
    fn a_program_ends_at_its_first_refusal() {
        type Mend = fn(&mut v1::Program);
        // Each step mends what was refused before it.
        let mut bad = program();
        bad.mesh = Some(mesh(unknown()));
        bad.backends.push(backend("n/bad:80", unknown()));
        bad.frontends.push(frontend("n/bad:80@n", 0));
        bad.frontends.push(frontend("n/worse:80@n", 0));
        bad.inbounds.push(inbound("n/bad", &[80, 80]));
        let mends: [(&str, Mend); 5] = [
            ("mesh", |p| p.mesh = None),
            ("n/bad:80", |p| drop(p.backends.pop())),
            ("n/bad:80@n", |p| drop(p.frontends.remove(1))),
            ("n/worse:80@n", |p| drop(p.frontends.pop())),
            ("n/bad", |p| drop(p.inbounds.pop())),
        ];
        for (name, mend) in mends {
            let refused = Config::from_program(bad.clone()).err().map(|e| (e.name, e.version));
            assert_eq!(refused, Some((name.to_owned(), "file".to_owned())));
            mend(&mut bad);
        }
        assert!(Config::from_program(bad).is_ok());
    }
}
