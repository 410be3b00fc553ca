//! Pseudo-random numbers that depend only on the seed, on every machine: SplitMix64.

/// A sequence of pseudo-random numbers.
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of one day.
    pub(crate) fn of(seed: u64, day: i32) -> Random {
        let mut mixed = Random(seed ^ (i64::from(day) as u64).wrapping_mul(0xA076_1D64_78BD_642F));
        Random(mixed.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of `from..=to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// True in `times` of 1,000 calls on average.
    pub(crate) fn per_mille(&mut self, times: u64) -> bool {
        self.below(1000) < times
    }

    /// One of the items, with a probability in proportion to its weight.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(items.iter().map(&weight).sum());
        for item in items {
            match left.checked_sub(weight(item)) {
                Some(rest) => left = rest,
                None => return item,
            }
        }
        unreachable!("the weights add up to their sum")
    }
}
