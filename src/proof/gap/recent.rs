//! Which events came lately, for streams whose ids do not tell by themselves what follows what.

use crate::limits::{RECENT_PER_SET, RECENT_SETS};

/// The last events of a feed by their ids. Sets of a few ids each, the oldest of a set forgotten
/// first, so that nothing is ever allocated or moved.
#[derive(Debug)]
pub(super) struct Recent {
    sets: Box<[Set]>,
}

#[derive(Clone, Copy, Debug)]
struct Set {
    ids: [u128; RECENT_PER_SET],
    /// Where the next id goes.
    next: usize,
    /// How many places hold an id: any number may be one, 0 too.
    filled: usize,
}

impl Recent {
    /// Nothing came yet.
    pub(super) fn new() -> Self {
        let set = Set { ids: [0; RECENT_PER_SET], next: 0, filled: 0 };
        Self { sets: vec![set; RECENT_SETS].into_boxed_slice() }
    }

    /// Whether the id came lately.
    #[inline]
    pub(super) fn contains(&self, id: u128) -> bool {
        let set = &self.sets[Self::index(id)];
        set.ids[..set.filled].contains(&id)
    }

    /// Remembers the id.
    #[inline]
    pub(super) fn insert(&mut self, id: u128) {
        let set = &mut self.sets[Self::index(id)];
        set.ids[set.next] = id;
        set.filled = set.filled.max(set.next + 1);
        set.next = (set.next + 1) % RECENT_PER_SET;
    }

    #[inline]
    fn index(id: u128) -> usize {
        let mixed = (id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as usize % RECENT_SETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_ids_in_flight_are_all_known_and_the_oldest_are_forgotten() {
        let mut recent = Recent::new();
        let id = |number: u128| number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let all = 20 * (RECENT_SETS * RECENT_PER_SET) as u128;
        let mut lost = 0;
        for number in 1..all {
            assert!(!recent.contains(id(number)));
            recent.insert(id(number));
            lost += u32::from(number > 4_000 && !recent.contains(id(number - 4_000)));
        }
        assert_eq!(lost, 0, "of {all}");
        assert!(!recent.contains(id(1)));
    }
}
