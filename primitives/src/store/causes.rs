//! How the attempts of a message ended: a word for each of the last ones of each cell.
//!
//! A word names the life of the cell and the attempt that it is about. So a word that was left there, or written late
//! by a helper that was stopped, is recognised. It is a report: nothing depends on it.
//!
//! | bits | |
//! | --- | --- |
//! | 52–63 | the generation of the cell |
//! | 44–51 | the number of the attempt, from 0 on |
//! | 40–43 | the cause |
//! | 24–39 | the status with which the process ended, as `waitpid` has it |
//! | 0–23 | the process |

use super::{Store, word::CellWord};
use crate::{sizes::CAUSES, sync::Ordering::Relaxed};

const GENERATION_SHIFT: u32 = 52;
const ATTEMPT_SHIFT: u32 = 44;
const CAUSE_SHIFT: u32 = 40;
const STATUS_SHIFT: u32 = 24;
const PROCESS: u64 = (1 << 24) - 1;

/// How an attempt ended, as a number of 4 bits. 0 is not known.
pub(crate) type CauseNumber = u8;

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) cause: CauseNumber,
    /// The status of a process that ended, once another process has said it.
    pub(crate) status: u16,
    pub(crate) pid: u32,
}

/// The attempts that ended by the death of their process.
pub(crate) const DIED: CauseNumber = 1;

fn tag(word: CellWord, attempt: u8) -> u64 {
    word.generation() << GENERATION_SHIFT | u64::from(attempt) << ATTEMPT_SHIFT
}

fn tag_of(entry: u64) -> u64 {
    entry >> ATTEMPT_SHIFT << ATTEMPT_SHIFT
}

impl Ending {
    fn packed(self) -> u64 {
        let cause = u64::from(self.cause & 0xf) << CAUSE_SHIFT;
        cause | u64::from(self.status) << STATUS_SHIFT | (u64::from(self.pid) & PROCESS)
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked, or shifted")]
    fn unpacked(entry: u64) -> Self {
        Self {
            cause: (entry >> CAUSE_SHIFT) as u8 & 0xf,
            status: (entry >> STATUS_SHIFT) as u16,
            pid: (entry & PROCESS) as u32,
        }
    }
}

impl Store {
    /// Says how the attempt of a word ended.
    #[cold]
    pub(super) fn note(&self, cell: usize, word: CellWord, cause: CauseNumber, pid: u32) {
        let entry = &self.causes[cell * CAUSES + usize::from(word.attempts()) % CAUSES];
        // A plain store: the word names this process, or a slot that it repairs. Helpers of one slot write the same.
        entry.store(tag(word, word.attempts()) | Ending { cause, status: 0, pid }.packed(), Relaxed);
    }

    /// Returns how the last attempts of a message ended, the earliest one first, with their numbers from 1 on.
    pub(super) fn endings(&self, cell: usize, word: CellWord) -> Vec<(u32, Ending)> {
        let ended = usize::from(word.attempts());
        let entries = &self.causes[cell * CAUSES..][..CAUSES];
        let numbers = ended.saturating_sub(CAUSES)..ended;
        let ending = |number: usize| {
            let entry = entries[number % CAUSES].load(Relaxed);
            #[expect(clippy::cast_possible_truncation, reason = "attempts have 8 bits")]
            let number = number as u8;
            // A helper takes the message from a dead process before, or instead of, saying how.
            let is_of_it = tag_of(entry) == tag(word, number);
            let ending = if is_of_it { Ending::unpacked(entry) } else { Ending { cause: 0, status: 0, pid: 0 } };
            (u32::from(number) + 1, ending)
        };
        numbers.map(ending).collect()
    }

    /// Says with which status a process ended, and why, of each attempt that its death ended.
    pub(crate) fn explain(&self, pid: u32, cause: CauseNumber, status: u16) {
        for (cell, _) in self.touched_cells() {
            for entry in &self.causes[cell * CAUSES..][..CAUSES] {
                let found = entry.load(Relaxed);
                let ending = Ending::unpacked(found);
                // Only attempts that this death ended, and not explained yet.
                if found == 0 || ending.pid != pid || ending.cause != DIED {
                    continue;
                }
                let explained = tag_of(found) | Ending { cause, status, pid }.packed();
                // If it fails, another process has explained it, or another attempt has the entry.
                let _ = entry.compare_exchange(found, explained, Relaxed, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_what_it_was_made_of() {
        let ending = Ending { cause: 15, status: 0xabcd, pid: (1 << 24) - 1 };
        let word = CellWord(u64::MAX).filling(1).filling(1);
        let entry = tag(word, 255) | ending.packed();
        assert_eq!((Ending::unpacked(entry), tag_of(entry)), (ending, tag(word, 255)));
        assert_ne!(tag(word, 254), tag(word, 255));
    }
}
