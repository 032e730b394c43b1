//! A frontend with the counters of its route rules: a hit is an index into an array, no search by name.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use weft_core::frontend::{Frontend, Matched};

use crate::metrics::{Metrics, RuleCounter};

pub struct Counted {
    frontend: Arc<Frontend>,
    /// By number of the entry. Made at the first hit: rules that never decide cost no series.
    hits: Box<[OnceLock<Arc<RuleCounter>>]>,
}

impl Counted {
    pub fn new(frontend: Arc<Frontend>) -> Counted {
        let hits = (0..frontend.entry_count()).map(|_| OnceLock::new()).collect();
        Counted { frontend, hits }
    }

    pub fn is_of(&self, frontend: &Arc<Frontend>) -> bool {
        Arc::ptr_eq(&self.frontend, frontend)
    }

    /// "<namespace>/<service>"
    pub fn service(&self) -> &str {
        self.frontend.name.split(':').next().unwrap_or_default()
    }

    /// The default is no rule: what it does is counted by its edge.
    #[inline]
    pub fn count(&self, matched: &Matched<'_>, metrics: &Metrics) {
        if let Some(counter) = matched.number.and_then(|number| self.hits.get(number)) {
            counter.get_or_init(|| metrics.rule(matched.rule_id, false)).hits.add(1);
        }
    }
}

impl Deref for Counted {
    type Target = Frontend;

    #[inline]
    fn deref(&self) -> &Frontend {
        &self.frontend
    }
}
