//! Runs `tests/vectors/*.json`; `tests/test_vectors.py` runs the same through Python. The format: tests/vectors/README.md.
#![allow(clippy::disallowed_methods)] // The questions are files.
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use weft_core::{
    Rng,
    access::{Inbound, Subject, Would},
    ask::{self, Answer, Asked, Deadline},
    budget, check,
    frontend::Frontend,
    mesh::Mesh,
    outlier::State,
    path,
    retry::{self, Decision, Tried},
    simulate::{self, Behaviour, Load, Report},
    spiffe::SpiffeId,
    timeouts::Timeouts,
};
use weft_proto::v1;

struct File {
    name: String,
    content: Value,
    pool: DescriptorPool,
}

#[test]
fn every_case_is_answered_as_expected() {
    let mut wrong = Vec::new();
    for file in files() {
        for case in list(&file.content["cases"]) {
            let answer = file.answer(case);
            let place = format!("{}: {}", file.name, text(&case["name"]));
            compare(&case["expect"], &answer, &place, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_policy_says_what_the_other_side_does_and_shows_what_happens_in_doubt() {
    let files = files();
    let silent = files.iter().find(|file| file.name == "silence").unwrap();
    let silence: BTreeSet<&str> = list(&silent.content["cases"]).iter().map(|case| text(&case["name"])).collect();
    for file in &files {
        let names: Vec<&str> = list(&file.content["cases"]).iter().map(|case| text(&case["name"])).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{}: two cases of one name", file.name);
        for policy in list(&file.content["policies"]) {
            let said = |key: &str| text(&policy["other_side"][key]).len() > 3;
            assert!(silence.contains(text(&policy["silence_shown_by"])), "{policy}");
            assert!(["unmeshed", "older", "silent"].into_iter().all(said), "{policy}");
            assert!(["outbound", "inbound", "both"].contains(&text(&policy["side"])), "{policy}");
            assert!(["open", "closed"].contains(&text(&policy["uncertain"])), "{policy}");
            assert!(names.contains(&text(&policy["shown_by"])), "{policy}");
        }
    }
}

fn files() -> Vec<File> {
    let pool = DescriptorPool::decode(weft_proto::DESCRIPTORS).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    assert!(paths.len() > 10, "the vectors are not where they should be");
    let read = |path: &Path| File {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        content: serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(),
        pool: pool.clone(),
    };
    paths.iter().map(|path| read(path)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// An object of `expect` speaks only of the keys that it has; {"min", "max"} is a range, {"contains"} a part of a text.
fn compare(expected: &Value, actual: &Value, place: &str, wrong: &mut Vec<String>) {
    let right = match (expected, actual) {
        (Value::Object(range), Value::Number(n)) if range.contains_key("min") => {
            (number(&range["min"])..=number(&range["max"])).contains(&n.as_u64().unwrap_or(u64::MAX))
        }
        (Value::Object(part), Value::String(whole)) if part.contains_key("contains") => {
            whole.contains(text(&part["contains"]))
        }
        (Value::Object(keys), Value::Object(answers)) => {
            for (key, value) in keys {
                let answer = answers.get(key).unwrap_or(&Value::Null);
                compare(value, answer, &format!("{place}: {key}"), wrong);
            }
            return;
        }
        (expected, actual) => expected == actual,
    };
    if !right {
        wrong.push(format!("{place}: expected {expected}, got {actual}"));
    }
}

impl File {
    fn answer(&self, case: &Value) -> Value {
        match text(&case["ask"]) {
            "route" => self.route(case),
            "route-opaque" => routed(ask::route_opaque(&self.frontend(&case["frontend"]), 1)),
            "split" => self.split(case),
            "authorise" => self.authorise(case),
            "tls" => self.tls(case),
            "retry" => self.retry(case),
            "retry-budget" => self.retry_budget(case),
            "first-limit" => self.first_limit(case),
            "ambiguous-path" => ambiguous_path(case),
            "resolve" => self.resolve(case),
            "simulate" => self.simulate(case),
            "check" => self.check(case),
            "health" => json!({"state": self.health(case)}),
            "silence" => self.silence(case),
            other => panic!("{}: no question {other:?}", self.name),
        }
    }

    /// A message of the contract from protobuf JSON.
    fn bytes(&self, kind: &str, json: &Value) -> Vec<u8> {
        let descriptor = self.pool.get_message_by_name(&format!("weft.v1.{kind}")).unwrap();
        DynamicMessage::deserialize(descriptor, json)
            .unwrap_or_else(|e| panic!("{}: {e}: {json}", self.name))
            .encode_to_vec()
    }

    fn message<M: Message + Default>(&self, kind: &str, json: &Value) -> M {
        M::decode(self.bytes(kind, json).as_slice()).unwrap()
    }

    fn optional<M: Message + Default>(&self, kind: &str, json: &Value) -> Option<M> {
        (!json.is_null()).then(|| self.message(kind, json))
    }

    fn resource(&self, name: &Value) -> &Value {
        &self.content["resources"][text(name)]
    }

    fn frontend(&self, name: &Value) -> Frontend {
        Frontend::compile(&self.message("Frontend", self.resource(name))).unwrap()
    }

    fn inbound(&self, name: &Value) -> Inbound {
        Inbound::compile(&self.message("Inbound", self.resource(name))).unwrap()
    }

    fn route(&self, case: &Value) -> Value {
        routed(ask::route(&self.frontend(&case["frontend"]), &asked(&case["request"]), "http", 1))
    }

    fn split(&self, case: &Value) -> Value {
        let frontend = self.frontend(&case["frontend"]);
        json!({"shares": ask::split(&frontend, text(&case["rule_id"]), number(&case["n"]), 1)})
    }

    fn authorise(&self, case: &Value) -> Value {
        let call = &case["call"];
        let principal = call["principal"].as_str().map(|id| SpiffeId::parse(id).unwrap());
        let subject = Subject {
            principal: principal.as_ref(),
            trust_domain: text(&call["trust_domain"]),
            source_ip: call["source_ip"].as_str().unwrap_or("127.0.0.1").parse().unwrap(),
            port: number(&call["port"]) as u16,
        };
        let asked = (!call["method"].is_null()).then(|| asked(call));
        let request = asked.as_ref().map(Asked::request);
        let inbound = self.inbound(&case["inbound"]);
        let verdict = inbound.port(subject.port).unwrap().authorise(&subject, request.as_ref());
        let would = |would| match would {
            Would::Deny => "deny",
            Would::Allow => "allow",
            Would::DenyUnlisted => "deny-unlisted",
        };
        let audited: Vec<Value> =
            verdict.audited.iter().map(|a| json!({"rule_id": &**a.rule, "would": would(a.would)})).collect();
        let reason = verdict.refused.map(|r| r.code());
        json!({"allow": verdict.allow(), "rule_id": &**verdict.rule, "reason": reason, "audited": audited})
    }

    fn tls(&self, case: &Value) -> Value {
        let inbound = self.inbound(&case["inbound"]);
        let port = inbound.port(number(&case["port"]) as u16).unwrap();
        json!({"reason": port.tls_verdict(case["is_mtls"] == true).err().map(|r| r.code())})
    }

    fn retry(&self, case: &Value) -> Value {
        let policy = self.optional::<v1::RetryPolicy>("RetryPolicy", &case["policy"]);
        let policy = retry::Policy::compile(policy.as_ref()).unwrap();
        let started = case["response_started"] == true;
        let tried = Tried {
            attempt: number(&case["attempt"]).max(1) as u32,
            method: case["method"].as_str().unwrap_or("GET").as_bytes(),
            failure: ask::failure(text(&case["failure"]), number(&case["code"]) as u32, started).unwrap(),
            body_replayable: case["body_replayable"] != false,
            retry_after_ms: case["retry_after_ms"].as_u64(),
        };
        match retry::decide(&policy, &tried, &mut Rng::new(1)) {
            Decision::Retry { after_ms } => json!({"retry": true, "after_ms": after_ms}),
            Decision::Give => json!({"retry": false, "after_ms": null}),
        }
    }

    fn retry_budget(&self, case: &Value) -> Value {
        let policy = self.optional::<v1::RetryBudget>("RetryBudget", &case["policy"]);
        let mut events = Vec::new();
        let mut sizes = Vec::new();
        for burst in list(&case["bursts"]) {
            let (requests, retries) = (number(&burst["requests"]), number(&burst["retries"]) as usize);
            events.extend((0..requests).map(|_| (number(&burst["at_ms"]), false)));
            events.extend((0..retries).map(|_| (number(&burst["at_ms"]), true)));
            sizes.push(retries);
        }
        let answers = ask::granted(budget::Policy::compile(policy.as_ref()), &events);
        let mut answers = answers.into_iter();
        let granted: Vec<usize> = sizes.iter().map(|&n| answers.by_ref().take(n).filter(|&g| g).count()).collect();
        json!({"granted": granted})
    }

    fn first_limit(&self, case: &Value) -> Value {
        let timeouts = self.optional::<v1::Timeouts>("Timeouts", &case["timeouts"]);
        let grpc = || case["grpc_timeout"].as_str().map(Deadline::Grpc);
        let deadline = case["deadline_ms"].as_str().map(Deadline::Weft).or_else(grpc);
        let timeouts = timeouts.as_ref().map(Timeouts::compile);
        let (per_try_ms, try_at_ms) = (number(&case["per_try_ms"]), number(&case["try_at_ms"]));
        let first = ask::first_limit(timeouts, per_try_ms, deadline, try_at_ms);
        json!({"at_ms": first.map(|(at, _)| at), "reason": first.map(|(_, reason)| reason)})
    }

    fn resolve(&self, case: &Value) -> Value {
        let frontends: Vec<Frontend> = list(&case["frontends"]).iter().map(|name| self.frontend(name)).collect();
        let mesh = match &case["mesh"] {
            Value::Null => v1::Mesh {
                suffixes: list(&case["suffixes"]).iter().map(|s| text(s).into()).collect(),
                ..v1::Mesh::default()
            },
            name => self.message("Mesh", self.resource(name)),
        };
        let mesh = Mesh::compile(&mesh).unwrap();
        json!({"is": ask::resolve(&frontends, &mesh.suffixes, mesh.refuse_unknown, text(&case["authority"]))})
    }

    fn health(&self, case: &Value) -> &'static str {
        let passed: Vec<bool> = text(&case["results"]).bytes().map(|b| b == b'+').collect();
        ask::health(&self.message("HealthCheck", &case["check"]), &passed)
    }

    /// What the core took `before` is held; the question is about that, and about nothing else.
    fn silence(&self, case: &Value) -> Value {
        let mut held = Map::new();
        for said in list(&case["before"]) {
            let (kind, content) = (text(&said[0]), self.resource(&said[1]));
            if check::check(kind, &self.bytes(kind, content)).is_ok() {
                held.insert(format!("{kind} {}", text(&content["name"])), content.clone());
            }
        }
        let then = &case["then"];
        let lacks = |what: &&&str| then[**what].as_str().is_some_and(|name| !held.contains_key(name));
        if let Some(missing) = ["frontend", "inbound"].iter().find(lacks) {
            let others = number(&case["others"]) as usize;
            let answer = ask::pending(missing, number(&case["waited_ms"]), others).unwrap();
            let refused = answer.err();
            return json!({"wait_ms": answer.ok(), "reason": refused.map(|r| r.code()), "status": refused.map(|r| r.status())});
        }
        let content = json!({"resources": held});
        File { name: self.name.clone(), content, pool: self.pool.clone() }.answer(then)
    }

    fn simulate(&self, case: &Value) -> Value {
        let behaviour = |(name, told): (&String, &Value)| {
            let behaviour = Behaviour { latency_us: number(&told[0]), failure_percent: number(&told[1]) as u32 };
            (name.clone(), behaviour)
        };
        let empty = Map::new();
        let behaviour: BTreeMap<_, _> = case["behaviour"].as_object().unwrap_or(&empty).iter().map(behaviour).collect();
        let backend = self.message("Backend", self.resource(&case["backend"]));
        let endpoints = self.message("Endpoints", self.resource(&case["endpoints"]));
        let (requests, every_us) = (number(&case["requests"]), number(&case["every_us"]));
        simulated(
            simulate::run(&backend, &endpoints, &behaviour, Load { requests, every_us, seed: number(&case["seed"]) })
                .unwrap(),
        )
    }

    fn check(&self, case: &Value) -> Value {
        let kind = text(&case["kind"]);
        let short = kind.rsplit('.').next().unwrap_or(kind);
        let known = check::KINDS.contains(&short);
        let content = if known { self.bytes(short, &case["content"]) } else { Vec::new() };
        let refused = check::check(kind, &content).err();
        json!({"refused": refused.as_ref().map(|r| &r.reason), "missing": refused.map_or(vec![], |r| r.missing)})
    }
}

fn asked(request: &Value) -> Asked {
    let pair = |p: &Value| (text(&p[0]).to_owned(), text(&p[1]).to_owned());
    Asked {
        method: text(&request["method"]).into(),
        path: text(&request["path"]).into(),
        host: text(&request["host"]).into(),
        headers: list(&request["headers"]).iter().map(pair).collect(),
    }
}

fn routed(answer: Answer) -> Value {
    let edit = |e: ask::Edit| json!({"set": e.set, "add": e.add, "remove": e.remove});
    json!({
        "kind": answer.kind, "rule_id": answer.rule_id, "backend": answer.backend, "status": answer.status,
        "reason": answer.reason, "location": answer.location, "body": answer.body, "host": answer.host,
        "path": answer.path, "attempts": answer.attempts, "request_timeout_ms": answer.request_timeout_ms,
        "sticky": answer.sticky, "held": answer.held, "set_cookie": answer.set_cookie,
        "request_headers": edit(answer.request_headers), "response_headers": edit(answer.response_headers),
    })
}

fn ambiguous_path(case: &Value) -> Value {
    let wanted = case["expect"]["ambiguous"] == true;
    let wrong: Vec<&str> =
        list(&case["paths"]).iter().map(text).filter(|p| path::ambiguous(p.as_bytes()) != wanted).collect();
    assert!(wrong.is_empty(), "ambiguous should be {wanted}: {wrong:?}");
    json!({"ambiguous": wanted})
}

/// `ejected`: workloads that were out at some time; `out`: how many were at the end.
fn simulated(report: Report) -> Value {
    let mut ejected = Vec::new();
    let mut out = Vec::new();
    for (_, change) in &report.changes {
        let workload = change.endpoint.split(' ').next().unwrap_or_default();
        out.retain(|name| *name != workload);
        if change.to == State::Rejecting {
            out.push(workload);
            if !ejected.contains(&workload) {
                ejected.push(workload);
            }
        }
    }
    json!({
        "picks": report.picks, "used": report.picks.len(), "failures": report.failures, "panics": report.panics,
        "none": report.none, "ejected": ejected, "out": out.len(),
    })
}
