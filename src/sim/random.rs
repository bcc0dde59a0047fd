//! Random numbers that a seed repeats.

/// SplitMix64: one addition and three multiply-xor rounds a number, equidistributed over 64 bits.
/// Enough for a market that only has to look alive; nothing here is a secret.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// From 0 to one less than `bound`; 0 when `bound` is 0. The bias is below 2⁻³² for the
    /// bounds in use.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// From 1 to `bound`, or 1 when `bound` is less.
    pub(super) const fn one_to(&mut self, bound: i64) -> i64 {
        let bound = if bound < 1 { 1 } else { bound };
        1 + self.below(bound as u64) as i64
    }

    /// True in `percent` of a hundred calls.
    pub(super) const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_and_bounds_hold() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        for bound in [1, 2, 3, 100, u64::MAX] {
            let number = one.below(bound);
            assert_eq!(number, two.below(bound));
            assert!(number < bound);
        }
        assert_eq!(one.below(0), 0);
        assert_eq!(one.one_to(-5), 1);
    }
}
