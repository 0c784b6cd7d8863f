//! What travels: items of 8 bytes to 8 KiB, each of which carries its number.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytemuck::{Pod, Zeroable};
use nix::time::{ClockId, clock_gettime};

/// The sizes in bytes that are measured by default.
pub(crate) const DEFAULT_SIZES: [usize; 6] = [8, 64, 512, 1024, 4096, 8192];

/// `by_size!(size, function(arguments))` calls a function for the item type of a size in bytes. `by_size!(sizes)` lists
/// the sizes. A type is compiled for each number of words below, the last of which is the longest message that the kernel
/// takes by default.
macro_rules! by_size {
    (@words $task:tt) => {
        by_size!(@do $task
            1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
            40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 72 80 88 96 104 112 120 128 256
            384 512 640 768 896 1024)
    };
    (@do (sizes) $($words:literal)*) => { &[$(8 * $words),*] };
    (@do ($size:expr, $function:ident $arguments:tt) $($words:literal)*) => {{
        let size: usize = $size;
        match size / 8 {
            $($words => by_size!(@call $function $words $arguments),)*
            _ => anyhow::bail!("{size} is not among the sizes"),
        }
    }};
    (@call $function:ident $words:literal ($($argument:expr),*)) => { $function::<$words>($($argument),*) };
    (sizes) => { by_size!(@words (sizes)) };
    ($size:expr, $function:ident $arguments:tt) => { by_size!(@words ($size, $function $arguments)) };
}
pub(crate) use by_size;

/// The sizes in bytes that work, in order.
const SIZES: &[usize] = by_size!(sizes);

/// Reads a size, or says which are possible.
pub(crate) fn size(text: &str) -> Result<usize> {
    let size: usize = text.parse().context("a size is a number of bytes")?;
    let (below, above) = SIZES.split_at(SIZES.partition_point(|known| *known < size));
    let nearest = match (below.last(), above.first()) {
        (_, Some(known)) if *known == size => return Ok(size),
        (Some(below), Some(above)) => format!("{below} and {above} are the nearest that work"),
        (Some(known), None) | (None, Some(known)) => format!("{known} is the nearest that works"),
        (None, None) => String::new(),
    };
    bail!(
        "{nearest}; an item has a multiple of 8 bytes up to 512, of 64 up to 1024, or of 1024 up to 8192, the longest \
         message that a kernel queue takes by default"
    )
}

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

    /// Fails unless it is this item. Returns its first word.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_words<const WORDS: usize>() -> Result<usize> {
        Ok(size_of::<Item<WORDS>>())
    }

    fn size_of_type(bytes: usize) -> Result<usize> {
        by_size!(bytes, size_of_words())
    }

    #[test]
    fn each_size_that_works_has_a_type_of_that_size() {
        assert!(SIZES.is_sorted() && DEFAULT_SIZES.iter().all(|size| SIZES.contains(size)));
        for &bytes in SIZES {
            assert_eq!(size(&bytes.to_string()).unwrap(), bytes);
            assert_eq!(size_of_type(bytes).unwrap(), bytes);
        }
    }

    #[test]
    fn another_size_is_answered_with_those_that_work() {
        for (text, nearest) in [
            ("0", "8 is the nearest"),
            ("100", "96 and 104 are the nearest"),
            ("513", "512 and 576 are the nearest"),
            ("1025", "1024 and 2048 are the nearest"),
            ("9000", "8192 is the nearest"),
        ] {
            let error = size(text).unwrap_err().to_string();
            assert!(error.starts_with(nearest) && error.contains("a multiple of 8"), "{text}: {error}");
        }
        assert!(size("many").is_err());
    }
}
