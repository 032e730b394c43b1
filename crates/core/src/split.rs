//! Weighted backends (T4): weights are relative to their sum, 0 gets nothing, an invalid backend's share is answered 500.
use crate::{
    Fields, Reason, Refused, Rng,
    edit::HeaderEdit,
    rng::scale,
    sticky::{Caller, Point, Sticky},
};
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
    pub sticky: Option<Sticky>,
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
        let sticky = split.sticky.as_ref().map(Sticky::compile).transpose()?;
        Ok(Split { backends, sticky, sum })
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
        Split { backends: vec![only], sticky: None, sum: 1 }
    }

    /// Who asks, as far as the split wants to know.
    pub fn caller(&self, fields: &dyn Fields, rng: &mut Rng) -> Caller {
        self.sticky.as_ref().map_or(Caller::Unknown, |sticky| sticky.caller(fields, rng))
    }

    /// A valid backend in proportion to its weight: the one at `point`, without one any. `InvalidBackend` for the share
    /// of an invalid one, and when nothing has weight (Gateway API: no backend to send to is a 500).
    pub fn pick(&self, point: Option<Point>, rng: &mut Rng) -> Result<&Weighted, Reason> {
        let picked = match self.backends.as_slice() {
            [only] if only.weight > 0 => only,
            _ => {
                let Point(fraction) = point.unwrap_or_else(|| Point(rng.next_u64()));
                self.at(scale(fraction, self.sum)).ok_or(Reason::InvalidBackend)?
            }
        };
        match picked.backend {
            Some(_) => Ok(picked),
            None => Err(Reason::InvalidBackend),
        }
    }

    fn at(&self, place: u64) -> Option<&Weighted> {
        let mut below = 0;
        self.backends.iter().find(|backend| {
            below += u64::from(backend.weight);
            place < below
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
            sticky: None,
        };
        let mut next = 0;
        Split::compile(&given, &mut |key| {
            next += 1;
            (next - 1, key.into())
        })
        .unwrap()
    }

    fn numbered(weights: &[u32]) -> Split {
        let names: Vec<String> = (0..weights.len()).map(|i| i.to_string()).collect();
        let pairs: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(weights.iter().copied()).collect();
        split(&pairs)
    }

    fn weights() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0u32..1000, 1..6).prop_filter("some weight", |weights| weights.iter().any(|&w| w > 0))
    }

    fn side(split: &Split, user: &str) -> u32 {
        split.pick(Some(Point::of(user.as_bytes())), &mut Rng::new(0)).unwrap().index
    }

    #[test]
    fn zero_gets_nothing_and_nothing_is_a_500() {
        let mut rng = Rng::new(1);
        let canary = split(&[("a", 0), ("b", 1)]);
        assert!((0..1000).all(|_| canary.pick(None, &mut rng).unwrap().index == 1));
        for none in [split(&[]), split(&[("a", 0)]), split(&[("a", 0), ("b", 0)])] {
            assert_eq!(none.pick(None, &mut rng).err(), Some(Reason::InvalidBackend));
        }
    }

    #[test]
    fn the_whole_line_is_covered() {
        let thirds = numbered(&[1, 0, 1, 1]);
        let at = |fraction| thirds.pick(Some(Point(fraction)), &mut Rng::new(1)).unwrap().index;
        assert_eq!([0, u64::MAX / 3, u64::MAX / 3 + 1, u64::MAX].map(at), [0, 0, 2, 3]);
    }

    #[test]
    fn an_invalid_backend_keeps_its_share() {
        let mut rng = Rng::new(1);
        let half = split(&[("a", 1), ("", 1)]);
        let failed = (0..10_000).filter(|_| half.pick(None, &mut rng).is_err()).count();
        assert!((4_700..5_300).contains(&failed), "{failed}");
        assert!(split(&[("", 5)]).pick(None, &mut rng).is_err());
    }

    proptest! {
        #[test]
        fn converges_to_the_weights(weights in weights(), seed: u64) {
            let sum: u32 = weights.iter().sum();
            let split = numbered(&weights);
            let (mut rng, mut counts) = (Rng::new(seed), vec![0u32; weights.len()]);
            const N: u32 = 20_000;
            for _ in 0..N {
                counts[split.pick(None, &mut rng).unwrap().index as usize] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let p = f64::from(*weight) / f64::from(sum);
                // Six standard deviations of a binomial share.
                let tolerance = 6.0 * (p * (1.0 - p) / f64::from(N)).sqrt();
                prop_assert!((f64::from(*count) / f64::from(N) - p).abs() <= tolerance + 1e-9);
            }
        }

        #[test]
        fn callers_converge_to_the_weights_and_keep_their_side(weights in weights(), salt: u16) {
            let split = numbered(&weights);
            let sum: u32 = weights.iter().sum();
            let mut counts = vec![0u32; weights.len()];
            const N: u32 = 5_000;
            for n in 0..N {
                let index = side(&split, &format!("user-{salt}-{n}"));
                prop_assert_eq!(index, side(&split, &format!("user-{salt}-{n}")));
                counts[index as usize] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let p = f64::from(*weight) / f64::from(sum);
                let tolerance = 6.0 * (p * (1.0 - p) / f64::from(N)).sqrt();
                prop_assert!((f64::from(*count) / f64::from(N) - p).abs() <= tolerance + 1e-9);
            }
        }

        /// However the weights change, a caller moves only when the line's borders pass over it.
        #[test]
        fn a_share_that_grows_loses_nobody(old in 0u32..=100, new in 0u32..=100, users in 1u32..200) {
            let (before, after) = (split(&[("a", 100 - old), ("b", old)]), split(&[("a", 100 - new), ("b", new)]));
            for user in 0..users {
                let user = user.to_string();
                let (from, to) = (side(&before, &user), side(&after, &user));
                prop_assert!(from == to || (to == 1) == (new > old), "{} moved from {} to {}", user, from, to);
            }
        }

        /// What counts is the share: 9 to 1 is 90 to 10.
        #[test]
        fn weights_are_relative_for_callers_too(weights in weights(), factor in 1u32..1000, user: u32) {
            let more: Vec<u32> = weights.iter().map(|w| w * factor).collect();
            let user = user.to_string();
            prop_assert_eq!(side(&numbered(&weights), &user), side(&numbered(&more), &user));
        }
    }
}
