//! The access rules of one port, filed by the identity that they ask for, so that a caller is compared only with rules
//! that could mean it.
use crate::{
    Refused, Request,
    access::Tried,
    capability,
    field::Names,
    hash::ByHash,
    operation::{Operation, Seen},
    source::{Source, Subject},
};
use std::sync::Arc;
use weft_proto::v1;

pub(crate) struct Rule {
    pub id: Arc<str>,
    pub denies: bool,
    /// One of these, or there is none.
    sources: Vec<Source>,
    operations: Vec<Operation>,
}

#[derive(Default)]
pub(crate) struct Rules {
    deny: Filed,
    allow: Filed,
    audit: Vec<Rule>,
}

/// Rules of one action. Numbers are positions in `rules`, each list ascending.
#[derive(Default)]
struct Filed {
    rules: Vec<Rule>,
    /// By the hash of a principal, a namespace, or a service: a collision only costs a comparison.
    by_identity: ByHash<Vec<usize>>,
    /// Those that could mean anybody.
    any: Vec<usize>,
}

impl Rules {
    pub fn compile(given: &[v1::AccessRule]) -> Result<Rules, Refused> {
        let mut names = Names::default();
        let mut rules = Rules::default();
        for access in given {
            let rule = Rule::compile(access, &mut names)?;
            match (access.audit, rule.denies) {
                (true, _) => rules.audit.push(rule),
                (false, true) => rules.deny.push(rule),
                (false, false) => rules.allow.push(rule),
            }
        }
        Ok(rules)
    }

    pub fn denied_by(&self, question: &Question<'_>) -> Option<&Rule> {
        self.deny.first(question)
    }

    pub fn allowed_by(&self, question: &Question<'_>) -> Option<&Rule> {
        self.allow.first(question)
    }

    /// Every enforced rule until the one that decides, then all audit rules.
    pub fn explain(&self, question: &Question<'_>) -> Vec<Tried> {
        let mut tried = Vec::new();
        for rule in self.deny.rules.iter().chain(&self.allow.rules) {
            tried.push(question.tried(rule, false));
            if question.matches(rule) {
                break;
            }
        }
        tried.extend(self.audit.iter().map(|rule| question.tried(rule, true)));
        tried
    }

    pub fn audit(&self) -> &[Rule] {
        &self.audit
    }

    pub fn look_at_l7(&self) -> bool {
        self.operations().chain(self.audit.iter().flat_map(|r| &r.operations)).any(Operation::is_l7)
    }

    /// Audit rules refuse nothing, so they do not make a path ambiguous either.
    pub fn look_at_paths(&self) -> bool {
        self.operations().any(Operation::looks_at_paths)
    }

    fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.deny.rules.iter().chain(&self.allow.rules).flat_map(|rule| &rule.operations)
    }
}

impl Rule {
    fn compile(given: &v1::AccessRule, names: &mut Names) -> Result<Rule, Refused> {
        let who = format!("rule {}", given.rule_id);
        capability::require(&who, &given.requires)?;
        let sources = given.sources.iter().map(Source::compile).collect::<Result<_, _>>();
        let operations = given.operations.iter().map(|o| Operation::compile(o, names)).collect::<Result<_, _>>();
        Ok(Rule {
            id: given.rule_id.as_str().into(),
            // What is missing or not known denies.
            denies: given.action != v1::AccessAction::Allow as i32,
            sources: sources.map_err(|e: Refused| e.within(&who))?,
            operations: operations.map_err(|e: Refused| e.within(&who))?,
        })
    }

    /// Identities without one of which it cannot match.
    fn keys(&self) -> Option<Vec<u64>> {
        let keys: Option<Vec<Vec<u64>>> = self.sources.iter().map(Source::keys).collect();
        keys.filter(|k| !k.is_empty()).map(|k| k.concat())
    }

    fn means_caller(&self, subject: &Subject<'_>) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|s| s.matches(subject, self.denies))
    }

    fn means_operation(&self, port: u16, seen: Option<&Seen<'_>>) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|o| o.matches(port, seen, self.denies))
    }
}

impl Filed {
    fn push(&mut self, rule: Rule) {
        let number = self.rules.len();
        match rule.keys() {
            None => self.any.push(number),
            Some(keys) => keys.iter().for_each(|&key| {
                let list = self.by_identity.entry(key).or_default();
                if list.last() != Some(&number) {
                    list.push(number);
                }
            }),
        }
        self.rules.push(rule);
    }

    /// The first rule that matches, in the order of the list.
    fn first(&self, question: &Question<'_>) -> Option<&Rule> {
        let mut best = self.rules.len();
        let mut search = |list: &[usize]| {
            let sooner = list.iter().take_while(|&&n| n < best);
            best = sooner.copied().find(|&n| question.matches(&self.rules[n])).unwrap_or(best);
        };
        search(&self.any);
        if let (Some(id), false) = (question.subject.principal, self.by_identity.is_empty()) {
            let hashes = id.hashes();
            for key in [hashes.principal, hashes.service, hashes.namespace] {
                self.by_identity.get(&key).into_iter().for_each(|list| search(list));
            }
        }
        self.rules.get(best)
    }
}

/// One call, as the rules see it.
pub(crate) struct Question<'q> {
    subject: &'q Subject<'q>,
    /// None: the connection is not HTTP.
    seen: Option<Seen<'q>>,
}

impl<'q> Question<'q> {
    pub fn new(subject: &'q Subject<'q>, request: Option<&'q Request<'q>>) -> Question<'q> {
        Question { subject, seen: request.map(Seen::new) }
    }

    pub fn matches(&self, rule: &Rule) -> bool {
        rule.means_caller(self.subject) && rule.means_operation(self.subject.port, self.seen.as_ref())
    }

    fn tried(&self, rule: &Rule, audit: bool) -> Tried {
        let why = if !rule.means_caller(self.subject) {
            "the caller is none of its sources"
        } else if !rule.means_operation(self.subject.port, self.seen.as_ref()) {
            "the request is none of its operations"
        } else {
            ""
        };
        Tried { rule_id: rule.id.clone(), denies: rule.denies, audit, matched: why.is_empty(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{request::NO_FIELDS, spiffe::SpiffeId};
    use proptest::prelude::*;

    fn subject(principal: Option<&SpiffeId>) -> Subject<'_> {
        Subject { principal, trust_domain: "mesh", source_ip: [192, 0, 2, 1].into(), port: 80 }
    }

    fn id(namespace: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://mesh/ns/{namespace}/sa/x")).unwrap()
    }

    fn any_rule() -> impl Strategy<Value = v1::AccessRule> {
        let names = || prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..3);
        (names(), names(), names(), any::<bool>(), prop::sample::select(vec!["", "GET", "POST"])).prop_map(
            |(namespaces, principals, not, deny, method)| {
                let principals = principals.iter().map(|n| format!("spiffe://mesh/ns/{n}/sa/x")).collect();
                let strings = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
                let given = v1::Source { principals, namespaces: strings(namespaces), ..Default::default() };
                let not = v1::Source { not_namespaces: strings(not), ..Default::default() };
                let sources = [given, not].into_iter().filter(|s| *s != v1::Source::default()).collect();
                let operation = v1::Operation { methods: vec![method.to_owned()], ..Default::default() };
                v1::AccessRule {
                    action: if deny { v1::AccessAction::Deny } else { v1::AccessAction::Allow } as i32,
                    sources,
                    operations: if method.is_empty() { vec![] } else { vec![operation] },
                    ..Default::default()
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn filing_by_identity_changes_no_answer(
            given in prop::collection::vec(any_rule(), 0..30),
            namespace in prop::sample::select(vec!["a", "b", "c", "d", ""]),
        ) {
            let numbered = |(i, r): (usize, v1::AccessRule)| v1::AccessRule { rule_id: i.to_string(), ..r };
            let given: Vec<_> = given.into_iter().enumerate().map(numbered).collect();
            let rules = Rules::compile(&given).unwrap();
            let id = (!namespace.is_empty()).then(|| id(namespace));
            let subject = subject(id.as_ref());
            let request = Request { method: b"GET", path: b"/", query: b"", host: b"web", fields: NO_FIELDS };
            let question = Question::new(&subject, Some(&request));
            let decided = rules.denied_by(&question).or_else(|| rules.allowed_by(&question));
            let walked = rules.explain(&question).into_iter().find(|t| t.matched);
            prop_assert_eq!(decided.map(|r| (r.id.clone(), r.denies)), walked.map(|t| (t.rule_id, t.denies)));
        }
    }

    #[test]
    fn a_rule_for_anybody_keeps_its_place_among_those_for_somebody() {
        let rule = |id: &str, namespaces: &[&str]| {
            let namespaces = namespaces.iter().map(|s| s.to_string()).collect();
            let source = v1::Source { namespaces, ..Default::default() };
            let sources = if source == v1::Source::default() { vec![] } else { vec![source] };
            v1::AccessRule { rule_id: id.into(), action: v1::AccessAction::Allow as i32, sources, ..Default::default() }
        };
        for (list, decides) in [
            (vec![rule("a", &["shop"]), rule("b", &[])], "a"),
            (vec![rule("b", &[]), rule("a", &["shop"])], "b"),
            (vec![rule("a", &["prod"]), rule("b", &["prod", "shop"]), rule("c", &["shop"])], "b"),
        ] {
            let (rules, id) = (Rules::compile(&list).unwrap(), id("shop"));
            let subject = subject(Some(&id));
            assert_eq!(&*rules.allowed_by(&Question::new(&subject, None)).unwrap().id, decides);
        }
    }

    #[test]
    fn explain_names_what_did_not_match() {
        let source = v1::Source { namespaces: vec!["prod".into()], ..Default::default() };
        let operation = v1::Operation { methods: vec!["POST".into()], ..Default::default() };
        let rule = |id: &str, sources, operations| v1::AccessRule {
            rule_id: id.into(),
            sources,
            operations,
            ..Default::default()
        };
        let rules =
            [rule("who", vec![source], vec![]), rule("what", vec![], vec![operation]), rule("all", vec![], vec![])];
        let rules = Rules::compile(&rules).unwrap();
        let (subject, request) =
            (subject(None), Request { method: b"GET", path: b"/", query: b"", host: b"", fields: NO_FIELDS });
        let tried = rules.explain(&Question::new(&subject, Some(&request)));
        let why: Vec<_> = tried.iter().map(|t| (&*t.rule_id, t.why)).collect();
        let expected = [
            ("who", "the caller is none of its sources"),
            ("what", "the request is none of its operations"),
            ("all", ""),
        ];
        assert_eq!(why, expected);
    }
}
