//! Facts that people and the controller are told of, and how often: a port that nobody listens on fails every connection,
//! and one line a second says that as well as a thousand do.

use std::collections::HashMap;

use weft_proto::v1;

use super::Engine;
use crate::shared::Signal;

/// Subjects that are heard of one by one; who floods us from more addresses than that is told of together.
const SUBJECTS: usize = 256;

/// What was told lately.
#[derive(Default)]
pub struct Heard {
    facts: HashMap<(&'static str, String), Again>,
}

#[derive(Default)]
struct Again {
    more: u32,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    pub kind: &'static str,
    pub subject: String,
    pub text: String,
}

impl Heard {
    /// True: it is news, and to be told now. Otherwise it is counted for the next summary.
    pub fn is_news(&mut self, kind: &'static str, subject: &str, text: &str) -> bool {
        let mut key = (kind, subject.to_owned());
        if !self.facts.contains_key(&key) {
            if self.facts.len() < SUBJECTS {
                self.facts.insert(key, Again::default());
                return true;
            }
            key.1 = "others".into();
        }
        let again = self.facts.entry(key).or_default();
        again.more += 1;
        text.clone_into(&mut again.text);
        false
    }

    /// Each second: what happened again, and how often. What did not is news the next time.
    pub fn summaries(&mut self) -> Vec<Summary> {
        self.facts.retain(|_, again| again.more > 0);
        let summary = |((kind, subject), again): (&(&'static str, String), &mut Again)| {
            let text = format!("{} ({} more)", again.text, std::mem::take(&mut again.more));
            Summary { kind, subject: subject.clone(), text }
        };
        self.facts.iter_mut().map(summary).collect()
    }
}

impl Engine {
    /// Something that may happen with every connection or request.
    pub(super) fn event(&mut self, kind: &'static str, subject: &str, text: &str) {
        if self.heard.is_news(kind, subject, text) {
            self.tell(kind, subject, text);
        }
    }

    pub(super) fn summarise_events(&mut self) {
        for Summary { kind, subject, text } in self.heard.summaries() {
            self.tell(kind, &subject, &text);
        }
    }

    /// A change, each of which matters.
    pub(super) fn tell(&mut self, kind: &str, subject: &str, text: &str) {
        let unix_ms = ((self.unix_us + self.now_us) / 1000) as i64;
        let (kind, subject, text) = (kind.to_owned(), subject.to_owned(), text.to_owned());
        let _ = self.shared.signals.send(Signal::Event(v1::EventRecord { unix_ms, kind, subject, text }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_each_second() {
        let mut heard = Heard::default();
        assert!(heard.is_news("connect-failed", "a", "a: refused"));
        assert!(heard.is_news("connect-failed", "b", "b: refused"));
        assert!(!heard.is_news("connect-failed", "a", "a: refused"));
        assert!(!heard.is_news("connect-failed", "a", "a: timeout"));
        let summary = Summary { kind: "connect-failed", subject: "a".into(), text: "a: timeout (2 more)".into() };
        assert_eq!(heard.summaries(), [summary]);
        assert!(!heard.is_news("connect-failed", "a", "a: refused"), "still going on");
        assert_eq!(heard.summaries().len(), 1);
        assert_eq!(heard.summaries(), []);
        assert!(heard.is_news("connect-failed", "a", "a: refused"), "it had stopped");
    }

    #[test]
    fn a_flood_of_subjects_is_told_of_together() {
        let mut heard = Heard::default();
        let news = (0..10_000).filter(|i| heard.is_news("malformed", &i.to_string(), "x")).count();
        assert_eq!(news, SUBJECTS);
        let summaries = heard.summaries();
        assert_eq!((summaries.len(), summaries[0].text.as_str()), (1, "x (9744 more)"));
    }
}
