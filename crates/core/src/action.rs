//! What table `route` does with a request: edits, limits, and one of redirect, split, fixed response.
use crate::{
    Refused, capability,
    edit::{Fixed, HeaderEdit, PathEdit, Redirect, Rewrite},
    retry,
    split::Split,
    timeouts::Timeouts,
};
use std::{collections::HashMap, sync::Arc};
use weft_proto::v1;

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
pub enum Target {
    Split(Split),
    Redirect(Redirect),
    Fixed(Fixed),
}

impl Action {
    pub(crate) fn compile(action: &v1::RouteAction, backends: &mut Backends) -> Result<Action, Refused> {
        let who = format!("action of {}", action.rule_id);
        capability::require(&who, &action.requires)?;
        Self::compile_inner(action, backends).map_err(|refused| refused.within(&who))
    }

    fn compile_inner(action: &v1::RouteAction, backends: &mut Backends) -> Result<Action, Refused> {
        use v1::route_action::Target as T;
        let target = match action.target.as_ref() {
            Some(T::Redirect(redirect)) => Target::Redirect(Redirect::compile(redirect)?),
            Some(T::Fixed(fixed)) => Target::Fixed(Fixed::compile(fixed)?),
            Some(T::Split(split)) => Target::Split(Split::compile(split, &mut |key| backends.index_of(key))?),
            None => return Err(Refused::because("no target that this build knows")),
        };
        Ok(Action {
            rule_id: action.rule_id.as_str().into(),
            request_headers: HeaderEdit::compile(action.request_headers.as_ref())?,
            response_headers: HeaderEdit::compile(action.response_headers.as_ref())?,
            rewrite: action.rewrite.as_ref().map(Rewrite::compile).transpose()?,
            target,
            timeouts: action.timeouts.as_ref().map(Timeouts::compile),
            retry: retry::Policy::compile(action.retry.as_ref())?,
        })
    }

    pub(crate) fn replaces_prefix(&self) -> bool {
        let redirect = match &self.target {
            Target::Redirect(redirect) => redirect.path.as_ref(),
            _ => None,
        };
        let rewrite = self.rewrite.as_ref().and_then(|r| r.path.as_ref());
        [redirect, rewrite].into_iter().flatten().any(|edit| matches!(edit, PathEdit::Prefix(_)))
    }
}

/// The keys that a frontend names, each once, in the order of their first use.
#[derive(Default)]
pub(crate) struct Backends {
    keys: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Backends {
    pub fn index_of(&mut self, key: &str) -> (u32, Arc<str>) {
        if let Some((key, &number)) = self.numbers.get_key_value(key) {
            return (number, key.clone());
        }
        let (key, number): (Arc<str>, _) = (key.into(), self.keys.len() as u32);
        self.keys.push(key.clone());
        self.numbers.insert(key.clone(), number);
        (number, key)
    }

    pub fn into_keys(self) -> Vec<Arc<str>> {
        self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_numbered_by_first_use() {
        let mut backends = Backends::default();
        assert_eq!([backends.index_of("a").0, backends.index_of("b").0, backends.index_of("a").0], [0, 1, 0]);
        assert_eq!(backends.into_keys(), ["a".into(), "b".into()]);
    }

    #[test]
    fn an_action_that_is_not_known_is_refused() {
        let fixed = v1::FixedResponse { status: 204, ..Default::default() };
        let good = v1::RouteAction {
            rule_id: "HTTPRoute/a/b/0".into(),
            target: Some(v1::route_action::Target::Fixed(fixed)),
            ..Default::default()
        };
        assert!(Action::compile(&good, &mut Backends::default()).is_ok());
        for bad in [
            v1::RouteAction { target: None, ..good.clone() },
            v1::RouteAction { requires: vec!["route.dance".into()], ..good.clone() },
        ] {
            let refused = Action::compile(&bad, &mut Backends::default()).unwrap_err();
            assert!(refused.reason.contains("HTTPRoute/a/b/0"), "{refused}");
        }
    }
}
