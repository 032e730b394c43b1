//! Which frontends this proxy asks for: what the launch declares, and what was used.
//!
//! Configuration is O(used): the set is bounded, and what has not been used for ten minutes leaves it.

use std::collections::HashMap;

/// Of which declared ones never leave. A workload that calls more than a thousand services is a scanner.
pub const MAX_SUBSCRIPTIONS: usize = 1_000;
/// Long enough for a job that runs every five minutes.
pub const IDLE_MS: u64 = 600_000;

#[derive(Debug, Default)]
pub struct Subscriptions {
    names: HashMap<String, Subscription>,
    /// Has the engine ever told of use? Until then nothing is idle: a frontend in use must not be dropped.
    use_is_told: bool,
}

#[derive(Debug)]
struct Subscription {
    declared: bool,
    used_ms: u64,
}

/// What a new name changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub subscribe: Vec<String>,
    pub unsubscribe: Vec<String>,
}

impl Subscriptions {
    /// Never leaves.
    pub fn declare(&mut self, name: &str) {
        self.names.insert(name.to_owned(), Subscription { declared: true, used_ms: 0 });
    }

    /// Asked for by traffic (or remembered from before the restart).
    pub fn want(&mut self, name: &str, now_ms: u64) -> Change {
        if let Some(known) = self.names.get_mut(name) {
            known.used_ms = now_ms;
            return Change::default();
        }
        let mut change = Change { subscribe: vec![name.to_owned()], unsubscribe: Vec::new() };
        if self.names.len() >= MAX_SUBSCRIPTIONS {
            match self.least_recent() {
                Some(oldest) => {
                    self.names.remove(&oldest);
                    change.unsubscribe.push(oldest);
                }
                None => return Change::default(),
            }
        }
        self.names.insert(name.to_owned(), Subscription { declared: false, used_ms: now_ms });
        change
    }

    pub fn used(&mut self, names: &[String], now_ms: u64) {
        self.use_is_told = true;
        for name in names {
            if let Some(known) = self.names.get_mut(name) {
                known.used_ms = now_ms;
            }
        }
    }

    /// Takes out what is idle.
    pub fn sweep(&mut self, now_ms: u64) -> Vec<String> {
        if !self.use_is_told {
            return Vec::new();
        }
        let idle = |s: &Subscription| !s.declared && now_ms.saturating_sub(s.used_ms) > IDLE_MS;
        let mut names: Vec<String> = self.names.iter().filter(|(_, s)| idle(s)).map(|(n, _)| n.clone()).collect();
        names.sort_unstable();
        for name in &names {
            self.names.remove(name);
        }
        names
    }

    pub fn contains(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Sorted, so that a request is the same each time.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn least_recent(&self) -> Option<String> {
        let on_demand = self.names.iter().filter(|(_, s)| !s.declared);
        on_demand.min_by_key(|(name, s)| (s.used_ms, *name)).map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribe(name: &str) -> Change {
        Change { subscribe: vec![name.into()], unsubscribe: vec![] }
    }

    #[test]
    fn a_name_is_subscribed_once() {
        let mut all = Subscriptions::default();
        all.declare("a");
        assert_eq!(all.want("a", 1), Change::default());
        assert_eq!(all.want("b", 1), subscribe("b"));
        assert_eq!(all.want("b", 2), Change::default());
        assert_eq!(all.names(), ["a", "b"]);
    }

    #[test]
    fn the_least_recently_used_makes_room_and_declared_ones_stay() {
        let mut all = Subscriptions::default();
        all.declare("declared");
        for i in 1..MAX_SUBSCRIPTIONS {
            all.want(&format!("n{i:04}"), i as u64);
        }
        all.used(&["n0001".into()], 5_000);
        let change = all.want("new", 6_000);
        assert_eq!(change, Change { subscribe: vec!["new".into()], unsubscribe: vec!["n0002".into()] });
        assert!(all.contains("declared") && all.contains("n0001") && !all.contains("n0002"));
        assert_eq!(all.names().len(), MAX_SUBSCRIPTIONS);
    }

    #[test]
    fn a_thousand_declared_ones_leave_no_room() {
        let mut all = Subscriptions::default();
        (0..MAX_SUBSCRIPTIONS).for_each(|i| all.declare(&i.to_string()));
        assert_eq!(all.want("new", 1), Change::default());
    }

    #[test]
    fn idle_ones_leave_after_ten_minutes_once_use_is_told() {
        let mut all = Subscriptions::default();
        all.declare("declared");
        all.want("used", 0);
        all.want("idle", 0);
        assert_eq!(all.sweep(10 * IDLE_MS), Vec::<String>::new());
        all.used(&["used".into()], 10 * IDLE_MS);
        assert_eq!(all.sweep(10 * IDLE_MS + 1), ["idle"]);
        assert_eq!(all.names(), ["declared", "used"]);
    }
}
