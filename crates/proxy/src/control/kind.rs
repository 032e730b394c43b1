//! The five types of delivered resources.

use prost::Message;
use prost_types::Any;
use weft_proto::v1;

/// In the order in which they come into force: what is named before what names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Mesh,
    Inbound,
    Endpoints,
    Backend,
    Frontend,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Mesh, Kind::Inbound, Kind::Endpoints, Kind::Backend, Kind::Frontend];

    pub fn url(self) -> &'static str {
        match self {
            Kind::Mesh => "type.googleapis.com/weft.v1.Mesh",
            Kind::Inbound => "type.googleapis.com/weft.v1.Inbound",
            Kind::Endpoints => "type.googleapis.com/weft.v1.Endpoints",
            Kind::Backend => "type.googleapis.com/weft.v1.Backend",
            Kind::Frontend => "type.googleapis.com/weft.v1.Frontend",
        }
    }

    pub fn of(url: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.url() == url)
    }

    pub fn resource(self, name: &str, version: &str, message: &impl Message) -> v1::Resource {
        let any = Any { type_url: self.url().into(), value: message.encode_to_vec() };
        v1::Resource { name: name.into(), version: version.into(), resource: Some(any) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_url() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.url()), Some(kind));
        }
        assert_eq!(Kind::of("type.googleapis.com/envoy.config.cluster.v3.Cluster"), None);
    }
}
