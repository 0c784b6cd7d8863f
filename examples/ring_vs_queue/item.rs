//! What travels: items of 8 bytes to 8 KiB, which say who they are.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytemuck::{Pod, Zeroable};
use nix::time::{ClockId, clock_gettime};

/// The sizes of items in bytes; 8,192 is the longest message that the kernel takes unless it was told otherwise.
pub(crate) const SIZES: [usize; 6] = [8, 64, 512, 1024, 4096, 8192];

/// Calls a function for the item type of a size.
macro_rules! by_size {
    ($size:expr, $function:ident($($argument:expr),*)) => {
        match $size {
            8 => $function::<1>($($argument),*),
            64 => $function::<8>($($argument),*),
            512 => $function::<64>($($argument),*),
            1024 => $function::<128>($($argument),*),
            4096 => $function::<512>($($argument),*),
            8192 => $function::<1024>($($argument),*),
            size => anyhow::bail!("{size} is not among the sizes"),
        }
    };
}
pub(crate) use by_size;

/// An item of so many words of 8 bytes.
///
/// | word | value |
/// | --- | --- |
/// | the first | when it was sent, if that is measured, otherwise its number |
/// | the second and the last, if there are any | its number |
///
/// So an item of 8 bytes has a number or a time. Times don't go back, which is all that they are checked for.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct Item<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Item<WORDS> {
    pub(crate) fn mark(&mut self, number: u64, sent: Option<u64>) {
        self.0[1..].iter_mut().take(1).for_each(|word| *word = number);
        self.0[WORDS - 1] = number;
        self.0[0] = sent.unwrap_or(number);
    }

    /// Fails unless it is this item; returns its first word.
    #[inline]
    pub(crate) fn check(&self, number: u64, is_timed: bool) -> Result<u64> {
        let (first, second, last) = (self.0[0], self.0.get(1).unwrap_or(&number), self.0[WORDS - 1]);
        let is_whole = *second == number && (WORDS == 1 || last == number) && (is_timed || first == number);
        ensure!(is_whole, "item {number} of {} bytes is not what was sent", 8 * WORDS);
        Ok(first)
    }
}

/// Returns the nanoseconds on a clock that all processes of a machine share.
pub(crate) fn now() -> u64 {
    // It can't fail: every Unix has this clock.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
