//! What a report says of a rate limiter.

use super::named::{BURST, KIND, NANOSECONDS, PERMITS, Plan, WORD};
use crate::report::{Cut, Inspected, Kind, Source};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::RateLimiter, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let plan = Plan { permits: source.u32(PERMITS)?, nanoseconds: source.u64(NANOSECONDS)?, burst: source.u32(BURST)? };
    source.option("permits", plan.permits.into());
    source.option("per_nanoseconds", plan.nanoseconds);
    source.option("burst", plan.burst.into());
    let Some(rate) = plan.rate() else {
        source.damage("rate", || "no limiter can have this rate".to_owned());
        return Ok(());
    };
    let word = source.u64(WORD)?;
    // The word first, and then the clock (RL2). The clock of this report was read before, so a word may be later by what the reading
    // took: that counts as nothing left.
    let owed = word.saturating_sub(source.now());
    let taken = owed.div_ceil(rate.interval).min(rate.burst.into());
    source.fill(taken, rate.burst.into());
    Ok(())
}
