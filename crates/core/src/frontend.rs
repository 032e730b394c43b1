//! Tables `resolve` and `route` for one port of one service.
use crate::{
    Refused, Request,
    edit::{Fixed, HeaderEdit, Redirect, Rewrite},
    retry,
    split::Split,
    timeouts::Timeouts,
};
use std::sync::Arc;
use weft_proto::v1;

pub struct Frontend {
    pub name: Arc<str>,
    /// Lower case, without port.
    pub hosts: Vec<Box<str>>,
    pub port: u16,
    pub protocol: v1::AppProtocol,
    pub origin: Arc<str>,
    backends: Vec<Arc<str>>,
}

pub enum Route<'a> {
    Forward(Matched<'a>),
    /// 404 `no-route`.
    NoRoute,
    /// The service has no such port.
    NoPort,
}

/// What decided, and what is to be done.
#[derive(Clone, Copy)]
pub struct Matched<'a> {
    pub action: &'a Action,
    /// Of the entry that matched; the action's own for the default.
    pub rule_id: &'a Arc<str>,
    /// The entry's prefix, for rewrites; "/" where the entry has none.
    pub prefix: &'a [u8],
}

pub struct Action {
    pub rule_id: Arc<str>,
    pub request_headers: HeaderEdit,
    pub response_headers: HeaderEdit,
    pub rewrite: Option<Rewrite>,
    pub target: Target,
    /// None: the mesh's.
    pub timeouts: Option<Timeouts>,
    pub retry: retry::Policy,
}

pub enum Target {
    Split(Split),
    Redirect(Redirect),
    Fixed(Fixed),
}

/// One line of `weft explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub rule_id: Arc<str>,
    pub matched: bool,
    /// "path /a/b is not under /c", "header x-user is absent".
    pub why: String,
}

impl Frontend {
    pub fn compile(_frontend: &v1::Frontend) -> Result<Frontend, Refused> {
        todo!()
    }
    pub fn route(&self, _request: &Request<'_>) -> Route<'_> {
        todo!()
    }
    /// For connections that are not HTTP: the first entry without any condition.
    pub fn route_opaque(&self) -> Route<'_> {
        todo!()
    }
    /// Every rule in order until the one that matches.
    pub fn explain(&self, _request: &Request<'_>) -> Vec<Tried> {
        todo!()
    }
    /// The keys of all backends that it names, each once: what must be there before it becomes active.
    pub fn backends(&self) -> &[Arc<str>] {
        &self.backends
    }
    /// Does any rule look at the path? Then ambiguous paths are refused.
    pub fn path_safety(&self) -> bool {
        todo!()
    }
}
