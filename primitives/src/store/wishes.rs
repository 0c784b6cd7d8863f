//! What the sender of a message asks for besides: how often it may be attempted, and what becomes of a request.

const LIMIT: u32 = 0xff;
const REDELIVERED: u32 = 1 << 8;
const OUTLIVES: u32 = 1 << 9;
const STEP_SHIFT: u32 = 16;

/// 8 bits of the limit, two flags, and from bit 16 on the limit as it was at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes(pub(super) u32);

impl Wishes {
    /// Makes the wishes of a message that is set aside after so many attempts, or never if that is 0.
    #[inline]
    pub(crate) const fn attempts(limit: u8) -> Self {
        let limit = limit as u32;
        Self(limit | limit << STEP_SHIFT)
    }

    /// Asks that a request is delivered again if the claim on it ends without a response.
    #[inline]
    pub(crate) const fn redelivered(self) -> Self {
        Self(self.0 | REDELIVERED)
    }

    /// Asks that a request stays if its caller dies.
    pub(crate) const fn outlives_caller(self) -> Self {
        Self(self.0 | OUTLIVES)
    }

    #[inline]
    pub(crate) fn limit(self) -> u8 {
        (self.0 & LIMIT) as u8
    }

    /// Returns the flags of a request: 1 if it is delivered again, and 2 if it outlives its caller.
    #[cfg(feature = "redis")]
    pub(crate) fn flags(self) -> u32 {
        (self.0 & (REDELIVERED | OUTLIVES)) / REDELIVERED
    }

    /// Returns whether a message that was attempted so often is set aside.
    pub(super) fn is_exhausted(self, attempts: u8) -> bool {
        self.limit() != 0 && attempts >= self.limit()
    }

    #[inline]
    pub(super) fn is_redelivered(self) -> bool {
        self.0 & REDELIVERED != 0
    }

    pub(super) fn is_outliving(self) -> bool {
        self.0 & OUTLIVES != 0
    }

    /// Allows as many attempts again. Attempts are counted on, so no two of one message have the same number.
    pub(super) fn once_more(self) -> Self {
        let step = self.0 >> STEP_SHIFT & LIMIT;
        let limit = (self.0 & LIMIT).saturating_add(step).min(LIMIT);
        Self(self.0 & !LIMIT | limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_by_itself() {
        let wishes = Wishes::attempts(3).redelivered();
        let more = wishes.once_more();
        assert_eq!((wishes.limit(), more.limit(), more.once_more().limit()), (3, 6, 9));
        assert!(more.is_redelivered() && !more.is_outliving() && wishes.outlives_caller().is_outliving());
        assert_eq!(Wishes::attempts(200).once_more().limit(), 255);
    }

    #[test]
    fn without_a_limit_nothing_is_exhausted() {
        assert!(!Wishes::default().is_exhausted(255));
        assert!(Wishes::attempts(2).is_exhausted(2) && !Wishes::attempts(2).is_exhausted(1));
    }
}
