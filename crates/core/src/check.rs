//! Would this build take a resource? Asked by the controller before it delivers, by the proxy when it is delivered.
use crate::{
    Refused,
    access::Inbound,
    backend::{Backend, Shared},
    endpoints::EndpointSet,
    frontend::Frontend,
    mesh::Mesh,
};
use prost::Message;
use weft_proto::v1;

/// What is delivered, and the file that holds them all.
pub const KINDS: &[&str] = &["Mesh", "Frontend", "Backend", "Endpoints", "Inbound", "Program"];

/// `kind` is one of `KINDS`, or the type URL that ends in it.
pub fn check(kind: &str, content: &[u8]) -> Result<(), Refused> {
    let name = kind.rsplit(['.', '/']).next().unwrap_or(kind);
    match name {
        "Mesh" => Mesh::compile(&decode(kind, content)?).map(drop),
        "Frontend" => Frontend::compile(&decode(kind, content)?).map(drop),
        "Backend" => Backend::compile(&decode(kind, content)?).map(drop),
        "Endpoints" => endpoints(&decode(kind, content)?),
        "Inbound" => Inbound::compile(&decode(kind, content)?).map(drop),
        "Program" => program(&decode(kind, content)?),
        _ => Err(Refused::because(format!("{kind:?} is not a kind of resource that this build knows"))),
    }
}

/// A message of the contract, or why it is none.
pub fn decode<M: Message + Default>(kind: &str, content: &[u8]) -> Result<M, Refused> {
    M::decode(content).map_err(|error| Refused::because(format!("{kind}: not a message of the contract: {error}")))
}

fn endpoints(given: &v1::Endpoints) -> Result<(), Refused> {
    let backend = Backend::compile(&v1::Backend { port: 1, ..Default::default() })?;
    EndpointSet::next(&EndpointSet::default(), given, &Shared::new(backend)).map(drop)
}

fn program(program: &v1::Program) -> Result<(), Refused> {
    program.mesh.iter().try_for_each(|m| Mesh::compile(m).map(drop))?;
    program.frontends.iter().try_for_each(|f| Frontend::compile(f).map(drop))?;
    program.backends.iter().try_for_each(|b| Backend::compile(b).map(drop))?;
    program.endpoints.iter().try_for_each(endpoints)?;
    program.inbounds.iter().try_for_each(|i| Inbound::compile(i).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_compiled_by_name_and_by_type_url() {
        let bad_port = v1::Frontend { name: "a/b:0@*".into(), ..Default::default() }.encode_to_vec();
        for kind in ["Frontend", "type.googleapis.com/weft.v1.Frontend"] {
            assert!(check(kind, &bad_port).unwrap_err().reason.starts_with("Frontend a/b:0@*: "));
        }
        for kind in ["Mesh", "Endpoints", "Inbound", "Program"] {
            assert_eq!(check(kind, b""), Ok(()), "{kind}");
        }
        assert!(check("Backend", b"").is_err());
        assert!(check("Teapot", b"").is_err());
        assert!(KINDS.iter().all(|kind| check(kind, b"\xff\xff").is_err()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mesh = v1::Mesh { requires: vec!["mesh.new".into()], ..Default::default() };
        let program = v1::Program { mesh: Some(mesh), ..Default::default() };
        assert_eq!(check("Program", &program.encode_to_vec()).unwrap_err().missing, ["mesh.new"]);
    }
}
