//! Numbers of the contract where 0 means "the default".

pub(crate) fn or<T: Default + PartialEq>(given: T, default: T) -> T {
    if given == T::default() { default } else { given }
}

/// Milliseconds, as microseconds.
pub(crate) fn us_or(given_ms: u64, default_ms: u64) -> u64 {
    or(given_ms, default_ms).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_is_the_default() {
        assert_eq!((or(0, 7), or(3, 7)), (7, 3));
        assert_eq!([us_or(0, 7), us_or(3, 7), us_or(u64::MAX, 7)], [7_000, 3_000, u64::MAX]);
    }
}
