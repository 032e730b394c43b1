use super::*;
use weft_proto::v1;

const S: u64 = 1_000_000;
const T: u64 = 1_000 * S;

/// A group and the first of its members, driven by hand.
struct World {
    ejections: Ejections,
    members: Vec<Arc<Member>>,
    rng: Rng,
    now: u64,
}

fn world(members: usize) -> World {
    world_with(members, v1::Outlier::default())
}

fn world_with(members: usize, policy: v1::Outlier) -> World {
    let ejections = Ejections::new(Policy::compile(Some(&policy)));
    let members: Vec<_> = (0..members).map(|n| Arc::new(Member::new(format!("m{n}").into()))).collect();
    ejections.resize(members.len() as u32, members.iter());
    World { ejections, members, rng: Rng::new(1), now: T }
}

impl World {
    /// '+' success, '-' failure, '.' nothing known, 's' a second passes.
    fn run(&mut self, member: usize, script: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        for step in script.chars() {
            let outcome = match step {
                '+' => Outcome::Success,
                '-' => Outcome::Failure,
                '.' => Outcome::Neutral,
                _ => {
                    self.now += S;
                    continue;
                }
            };
            changes.extend(self.ejections.record(&self.members[member], outcome, self.now, &mut self.rng));
        }
        changes
    }

    fn probe(&mut self, member: usize, outcome: Outcome) -> Option<Change> {
        assert!(self.ejections.try_probe(&self.members[member], self.now), "no probe is due");
        self.ejections.record_probe(&self.members[member], outcome, self.now, &mut self.rng)
    }

    fn state(&self, member: usize) -> State {
        self.members[member].state()
    }
}

#[test]
fn five_failures_in_a_row_or_a_low_success_rate() {
    for (script, why) in [
        ("----", None),
        ("-----", Some(Why::Consecutive { failures: 5 })),
        ("----+", Some(Why::SuccessRate { percent: 20, requests: 5 })),
        ("+----", Some(Why::SuccessRate { percent: 20, requests: 5 })),
        ("++++-", None),
        ("+++--", Some(Why::SuccessRate { percent: 60, requests: 5 })),
        ("--++", None),
        ("--.++", None),
        ("++++++++--", None),
        ("+++++++---", Some(Why::SuccessRate { percent: 77, requests: 9 })),
        ("++++-++++-++++-", None),
        ("--sssssssssss--+", None),
        ("----sssssssssss-", Some(Why::Consecutive { failures: 5 })),
    ] {
        let mut world = world(2);
        let changes = world.run(0, script);
        assert_eq!(changes.first().map(|c| c.why), why, "{script}");
        assert_eq!(world.state(0) == State::Passing, why.is_none(), "{script}");
    }
}

#[test]
fn at_most_half_of_the_group_rounded_down() {
    for (size, out) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (9, 4)] {
        let mut world = world(size);
        let changes: usize = (0..size).map(|n| world.run(n, "----------").len()).sum();
        assert_eq!((changes, world.ejections.ejected()), (out, out as u32), "{size}");
    }
}

#[test]
fn one_that_was_spared_goes_when_there_is_room() {
    let mut world = world(2);
    world.run(0, "-----");
    assert!(world.run(1, "-----").is_empty());
    world.now += 10 * S;
    world.probe(0, Outcome::Success);
    assert_eq!(world.run(1, "-").len(), 1);
}

#[test]
fn back_by_one_probe() {
    let mut world = world(2);
    let out = world.run(0, "-----");
    assert!((5_000..=6_000).contains(&out[0].for_ms), "{out:?}");
    assert!(!world.ejections.try_probe(&world.members[0], T + 4 * S));
    world.now = T + 6 * S;
    assert!(world.ejections.try_probe(&world.members[0], world.now));
    assert_eq!(world.state(0), State::Probing);
    assert!(!world.ejections.try_probe(&world.members[0], world.now), "a second probe");
    // What was sent before the ejection decides nothing.
    assert!(world.run(0, "+-----").is_empty());
    let member = world.members[0].clone();
    let back = world.ejections.record_probe(&member, Outcome::Success, world.now, &mut world.rng).unwrap();
    assert_eq!((back.to, back.why, back.for_ms), (State::Passing, Why::ProbeSucceeded, 0));
    // It starts anew: four failures are not five.
    assert!(world.run(0, "----").is_empty());
    assert_eq!(world.ejections.ejected(), 0);
}

#[test]
fn each_failed_probe_doubles_the_time() {
    let mut world = world(2);
    world.run(0, "-----");
    for seconds in [10, 20, 40, 80, 160, 300, 300] {
        world.now += 400 * S;
        let change = world.probe(0, Outcome::Failure).unwrap();
        assert_eq!((change.to, change.why), (State::Rejecting, Why::ProbeFailed));
        assert!((seconds * 1_000..=(seconds * 1_200).min(300_000)).contains(&change.for_ms), "{seconds} {change:?}");
    }
}

#[test]
fn a_flapping_endpoint_goes_on_where_it_left_off_and_a_recovered_one_does_not() {
    for (passing_s, base_ms) in [(1, 10_000), (11, 5_000)] {
        let mut world = world(2);
        world.run(0, "-----");
        world.now += 6 * S;
        world.probe(0, Outcome::Success);
        world.now += passing_s * S;
        let again = world.run(0, "-----");
        assert!((base_ms..=base_ms * 6 / 5).contains(&again[0].for_ms), "{passing_s} {again:?}");
    }
}

#[test]
fn a_probe_that_says_nothing_lets_the_next_request_ask() {
    let mut world = world(2);
    world.run(0, "-----");
    world.now += 6 * S;
    assert_eq!(world.probe(0, Outcome::Neutral), None);
    assert_eq!(world.state(0), State::Rejecting);
    assert!(world.probe(0, Outcome::Success).is_some());
}

#[test]
fn a_lost_probe_is_replaced() {
    let mut world = world(2);
    world.run(0, "-----");
    world.now += 6 * S;
    assert!(world.ejections.try_probe(&world.members[0], world.now));
    assert!(!world.ejections.try_probe(&world.members[0], world.now + 29 * S));
    assert!(world.ejections.try_probe(&world.members[0], world.now + 30 * S));
    assert_eq!(world.ejections.ejected(), 1);
}

#[test]
fn who_leaves_makes_room_and_what_ends_there_later_changes_nothing() {
    let mut world = world(4);
    world.run(0, "-----");
    world.ejections.leave(&world.members[0]);
    assert_eq!(world.ejections.ejected(), 0);
    assert!(world.run(0, "----------").is_empty());
    let gone = world.members[0].clone();
    assert_eq!(world.ejections.record_probe(&gone, Outcome::Success, world.now, &mut world.rng), None);
    assert_eq!(world.ejections.ejected(), 0);
}

#[test]
fn switched_off_it_does_nothing() {
    let mut world = world_with(4, v1::Outlier { disabled: true, ..Default::default() });
    assert!(world.run(0, "--------------------").is_empty());
}

#[test]
fn every_change_is_seen_by_other_loops() {
    let mut world = world(2);
    let mut last = world.ejections.version();
    let mut grew = |world: &World| std::mem::replace(&mut last, world.ejections.version()) < world.ejections.version();
    world.run(0, "----");
    assert!(!grew(&world));
    world.run(0, "-");
    assert!(grew(&world));
    world.now += 6 * S;
    assert!(world.ejections.try_probe(&world.members[0], world.now) && grew(&world));
}

#[test]
fn loops_that_fail_together_eject_no_more_than_half() {
    let world = world(6);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (ejections, members) = (&world.ejections, &world.members);
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                for i in 0..20_000u64 {
                    let member = &members[rng.below(6) as usize];
                    let now = T + i * 1_000;
                    if ejections.try_probe(member, now) {
                        let outcome = if rng.below(2) == 0 { Outcome::Success } else { Outcome::Failure };
                        ejections.record_probe(member, outcome, now, &mut rng);
                    }
                    ejections.record(member, Outcome::Failure, now, &mut rng);
                    let out = members.iter().filter(|m| m.state() != State::Passing).count();
                    // Six looks are not one: somebody may change between two of them.
                    assert!(out <= 4, "{out}");
                }
            });
        }
    });
    let out = world.members.iter().filter(|m| m.state() != State::Passing).count();
    assert_eq!((out as u32, out <= 3), (world.ejections.ejected(), true));
}
