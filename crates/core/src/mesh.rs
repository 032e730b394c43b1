//! What holds for every proxy: trust, the suffixes of names, and defaults.
use crate::{Refused, capability, timeouts::Timeouts};
use weft_proto::v1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    pub trust_domain: Box<str>,
    /// DER certificates.
    pub roots: Vec<Vec<u8>>,
    /// Lower case, without dots around.
    pub suffixes: Vec<Box<str>>,
    pub refuse_unknown: bool,
    pub timeouts: Timeouts,
    pub access_log: v1::AccessLog,
}

impl Mesh {
    pub fn compile(mesh: &v1::Mesh) -> Result<Mesh, Refused> {
        capability::require("Mesh", &mesh.requires)?;
        let access_log = v1::AccessLog::try_from(mesh.access_log)
            .map_err(|_| Refused::because(format!("Mesh: access log mode {} is not known", mesh.access_log)))?;
        Ok(Mesh {
            trust_domain: mesh.trust_domain.as_str().into(),
            roots: mesh.roots.clone(),
            suffixes: mesh.suffixes.iter().map(|s| suffix(s)).collect::<Result<_, _>>()?,
            refuse_unknown: mesh.refuse_unknown,
            timeouts: mesh.timeouts.as_ref().map_or(Timeouts::DEFAULT, Timeouts::compile),
            access_log,
        })
    }
}

fn suffix(given: &str) -> Result<Box<str>, Refused> {
    let name = given.trim_matches('.').to_ascii_lowercase();
    if name.is_empty() {
        // It would make every name one of ours.
        return Err(Refused::because("Mesh: an empty name suffix"));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_normal_forms() {
        let mesh = Mesh::compile(&v1::Mesh { suffixes: vec![".Mesh".into()], ..Default::default() }).unwrap();
        assert_eq!(*mesh.suffixes[0], *"mesh");
        assert_eq!(mesh.timeouts, Timeouts::DEFAULT);
        assert_eq!(mesh.access_log, v1::AccessLog::Errors);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for mesh in [
            v1::Mesh { suffixes: vec![".".into()], ..Default::default() },
            v1::Mesh { access_log: 9, ..Default::default() },
            v1::Mesh { requires: vec!["mesh.from-the-future".into()], ..Default::default() },
        ] {
            assert!(Mesh::compile(&mesh).is_err(), "{mesh:?}");
        }
    }
}
