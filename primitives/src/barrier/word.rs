//! The word of a barrier: the generation, its arrivals, and what became of the generations before it.
//!
//! | bits | meaning |
//! | --- | --- |
//! | 0–15 | how many have arrived in the generation |
//! | 16–31 | what became of the last 16 generations, the latest one in bit 16: 1 if it broke |
//! | 32–63 | the generation, modulo 2^32 |

const HISTORY_SHIFT: u32 = 16;
const GENERATION_SHIFT: u32 = 32;
const COUNT: u64 = 0xffff;
/// How many generations the history has.
pub(crate) const HISTORY: u32 = 16;

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All arrived.
    Complete,
    /// A member died.
    Broken,
}

/// What the word said at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    pub(crate) fn count(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    /// Returns the word with one more arrival. There is room for it.
    pub(crate) fn arrived(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns the word with one arrival less.
    pub(crate) fn left(self) -> Self {
        Self(self.0 - u64::from(self.count() != 0))
    }

    /// Returns the word of the next generation, in which none has arrived.
    pub(crate) fn ended(self, outcome: Outcome) -> Self {
        let history = (self.0 >> HISTORY_SHIFT) << 1 | u64::from(outcome == Outcome::Broken);
        let generation = u64::from(self.generation().wrapping_add(1));
        Self(generation << GENERATION_SHIFT | (history & COUNT) << HISTORY_SHIFT)
    }

    /// Returns what became of a generation, or `None` if it is the current one. What is longer ago than the history counts
    /// as the oldest one that it has.
    pub(crate) fn outcome(self, generation: u32) -> Option<Outcome> {
        let ago = self.generation().wrapping_sub(generation).min(HISTORY).checked_sub(1)?;
        let is_broken = self.0 >> (HISTORY_SHIFT + ago) & 1 != 0;
        Some(if is_broken { Outcome::Broken } else { Outcome::Complete })
    }

    /// Returns the last generation that broke of those from one on, as far as the history goes.
    pub(crate) fn last_broken(self, from: u32) -> Option<u32> {
        let passed = self.generation().wrapping_sub(from).min(HISTORY);
        let mut latest = (1..=passed).map(|ago| self.generation().wrapping_sub(ago));
        latest.find(|&generation| self.outcome(generation) == Some(Outcome::Broken))
    }
}

#[cfg(test)]
mod tests {
    use super::{HISTORY, Outcome, Word};

    #[test]
    fn arrivals_are_counted_in_the_generation() {
        let word = Word(0).arrived().arrived();
        assert_eq!((word.count(), word.generation(), word.outcome(0)), (2, 0, None));
        assert_eq!((word.left().count(), word.left().left().left().count()), (1, 0));
        let next = word.ended(Outcome::Complete);
        assert_eq!((next.count(), next.generation()), (0, 1));
    }

    #[test]
    fn outcomes_are_remembered_for_a_while() {
        let mut word = Word(u64::from(u32::MAX - 3) << 32 | 7);
        let first = word.generation();
        let outcomes = [Outcome::Broken, Outcome::Complete, Outcome::Complete, Outcome::Broken, Outcome::Complete];
        for outcome in outcomes {
            word = word.ended(outcome);
        }
        let found = (0..5).map(|ago| word.outcome(first.wrapping_add(ago)).unwrap());
        assert!(found.eq(outcomes), "the generation has wrapped");
        assert_eq!(word.outcome(first.wrapping_add(5)), None);
        assert_eq!(word.last_broken(first), Some(first.wrapping_add(3)));
        assert_eq!(word.last_broken(first.wrapping_add(4)), None);
        assert_eq!(word.last_broken(word.generation()), None);
        for _ in 0..HISTORY {
            word = word.ended(Outcome::Complete);
        }
        assert_eq!((word.outcome(first), word.last_broken(first)), (Some(Outcome::Complete), None));
    }
}
