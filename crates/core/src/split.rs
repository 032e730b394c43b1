//! Weighted backends (T4): weights are relative to their sum, 0 gets nothing, an invalid backend's share is answered 500.
use crate::{Reason, Refused, Rng, edit::HeaderEdit};
use std::sync::Arc;
use weft_proto::v1;

#[derive(Clone, Debug)]
pub struct Weighted {
    /// The Backend's key; None: invalid, its share is answered 500.
    pub backend: Option<Arc<str>>,
    /// Position of the key in `Frontend::backends`, for a parallel array of handles. 0 when invalid.
    pub index: u32,
    pub weight: u32,
    pub request_headers: HeaderEdit,
    pub response_headers: HeaderEdit,
    /// Why it is invalid, for people.
    pub invalid: Box<str>,
}

#[derive(Clone, Debug, Default)]
pub struct Split {
    pub backends: Vec<Weighted>,
    sum: u64,
}

impl Split {
    /// `index_of` gives a key its position among the frontend's backends.
    pub fn compile(split: &v1::Split, index_of: &mut dyn FnMut(&str) -> (u32, Arc<str>)) -> Result<Split, Refused> {
        let mut backends = Vec::with_capacity(split.backends.len());
        for given in &split.backends {
            let known = (!given.backend.is_empty()).then(|| index_of(&given.backend));
            backends.push(Weighted {
                index: known.as_ref().map_or(0, |(index, _)| *index),
                backend: known.map(|(_, key)| key),
                weight: given.weight,
                request_headers: HeaderEdit::compile(given.request_headers.as_ref())?,
                response_headers: HeaderEdit::compile(given.response_headers.as_ref())?,
                invalid: given.invalid.as_str().into(),
            });
        }
        let sum = backends.iter().map(|b| u64::from(b.weight)).sum();
        Ok(Split { backends, sum })
    }

    /// Everything to one backend.
    pub fn single(index: u32, key: Arc<str>) -> Split {
        let only = Weighted {
            backend: Some(key),
            index,
            weight: 1,
            request_headers: HeaderEdit::default(),
            response_headers: HeaderEdit::default(),
            invalid: "".into(),
        };
        Split { backends: vec![only], sum: 1 }
    }

    /// A valid backend in proportion to its weight. `InvalidBackend` for the share of an invalid one, and when nothing
    /// has weight (Gateway API: no backend to send to is a 500).
    pub fn pick(&self, rng: &mut Rng) -> Result<&Weighted, Reason> {
        let picked = match self.backends.as_slice() {
            [only] if only.weight > 0 => only,
            _ => self.at(rng.below(self.sum)).ok_or(Reason::InvalidBackend)?,
        };
        match picked.backend {
            Some(_) => Ok(picked),
            None => Err(Reason::InvalidBackend),
        }
    }

    fn at(&self, point: u64) -> Option<&Weighted> {
        let mut below = 0;
        self.backends.iter().find(|backend| {
            below += u64::from(backend.weight);
            point < below
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    fn split(weights: &[(&str, u32)]) -> Split {
        let given = v1::Split {
            backends: weights
                .iter()
                .map(|&(backend, weight)| v1::WeightedBackend { backend: backend.into(), weight, ..Default::default() })
                .collect(),
        };
        let mut next = 0;
        Split::compile(&given, &mut |key| {
            next += 1;
            (next - 1, key.into())
        })
        .unwrap()
    }

    #[test]
    fn zero_gets_nothing_and_nothing_is_a_500() {
        let mut rng = Rng::new(1);
        let canary = split(&[("a", 0), ("b", 1)]);
        assert!((0..1000).all(|_| canary.pick(&mut rng).unwrap().index == 1));
        for none in [split(&[]), split(&[("a", 0)]), split(&[("a", 0), ("b", 0)])] {
            assert_eq!(none.pick(&mut rng).err(), Some(Reason::InvalidBackend));
        }
    }

    #[test]
    fn an_invalid_backend_keeps_its_share() {
        let mut rng = Rng::new(1);
        let half = split(&[("a", 1), ("", 1)]);
        let failed = (0..10_000).filter(|_| half.pick(&mut rng).is_err()).count();
        assert!((4_700..5_300).contains(&failed), "{failed}");
        assert!(split(&[("", 5)]).pick(&mut rng).is_err());
    }

    proptest! {
        #[test]
        fn converges_to_the_weights(weights in prop::collection::vec(0u32..1000, 1..6), seed: u64) {
            let sum: u32 = weights.iter().sum();
            prop_assume!(sum > 0);
            let names: Vec<String> = (0..weights.len()).map(|i| i.to_string()).collect();
            let pairs: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights.iter().copied()).collect();
            let split = split(&pairs);
            let (mut rng, mut counts) = (Rng::new(seed), vec![0u32; weights.len()]);
            const N: u32 = 20_000;
            for _ in 0..N {
                counts[split.pick(&mut rng).unwrap().index as usize] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let p = f64::from(*weight) / f64::from(sum);
                // Six standard deviations of a binomial share.
                let tolerance = 6.0 * (p * (1.0 - p) / f64::from(N)).sqrt();
                prop_assert!((f64::from(*count) / f64::from(N) - p).abs() <= tolerance + 1e-9);
            }
        }
    }
}
