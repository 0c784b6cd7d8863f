//! Why the processes of an object do not leave their fences to the sleepers.

use super::fence::light_is_better;
use crate::options::Settings;

/// Why every process of an object fences for itself: the value of its word `strong`, which is 0 if they need not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StrongFences {
    /// The creator's system has no better ones.
    ByNature = 1,
    /// `Options::light_fences(false)`.
    AsAskedFor = 2,
}

impl StrongFences {
    /// Decides it for a new object, once: the sleepers and the publishers of an object must agree on it.
    pub(crate) fn choose(options: &Settings) -> Option<Self> {
        match options.light_fences {
            false => Some(Self::AsAskedFor),
            true if !light_is_better() => Some(Self::ByNature),
            true => None,
        }
    }
}
