//! Where a process stands.

/// One of the two waiting rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hall {
    /// Of the callers for one permit.
    Singles,
    /// Of the callers for several.
    Many,
}

/// Where a process stands: the name of the step it takes next. Numbers are permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    #[default]
    Outside,
    /// Is a member and does nothing, with the permits that it holds.
    Rest,
    /// A step of a check for what it calls for.
    Check(Check),
    /// A step of a wait, beside its checks.
    Wait(Wait),
    /// A step of notifying.
    Notify(Notify),
    /// A step of repairing a dead slot, or of entering a slot.
    Help(Help),
}

/// A step of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// One: takes this permit if it is free.
    Scan(usize),
    /// Several: counts this permit if it is free.
    Count(usize),
    /// PL4: takes the turnstile if it is free.
    Turn,
    /// PL4: takes this permit if it is free, one of several.
    Claim(usize),
    /// PL4: frees a permit, because they were too few.
    GiveBack,
    /// PL4: frees the turnstile.
    LeaveTurn,
}

/// A step of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// W1: takes all posts of its doorbell.
    Drain,
    /// W1: looks for a slot that is dead and dirty.
    Reap,
    /// W2: its word becomes ANNOUNCED.
    Announce,
    /// Makes a count due at once.
    Forget,
    /// W2: raises the flag.
    Raise,
    /// W7: its word becomes AWAKE, because it has found what it called for.
    Found,
    /// W7: checks whether this permit is free for another waiter.
    More(usize),
    /// W3: sleeps until its doorbell is posted.
    Sleep,
    /// W3: its word becomes AWAKE.
    Withdraw,
}

/// A step of notifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notify {
    /// PL3: reads the flag.
    LoadFlag,
    /// PL3: adds what it freed to `freed`.
    Add,
    /// PL3: looks for a caller for one.
    Single,
    /// PL5: reads the flag.
    LoadFlagForMany,
    /// PL5: makes a count due at once.
    Forget,
    /// Reads `due` and `freed`.
    BeforeCount,
    /// Looks for the oldest caller for several.
    Oldest,
    /// Counts this permit if it is free.
    Count(usize),
    /// Writes `due`, so many are missing.
    Set(u8),
    /// RM1: the word of the waiter that it found becomes UNPOSTED.
    Choose(Hall),
    /// RM1: posts its doorbell.
    Post(Hall),
    /// RM1: its word becomes CALLED.
    Mark(Hall),
    /// RM2: posts the doorbell of a waiter that is UNPOSTED.
    PostOther(Hall),
    /// RM2: the word of that waiter becomes CALLED.
    MarkOther(Hall),
    /// Looks whether there are waiters.
    LookAround,
    /// WF1: lowers the flag.
    Lower,
}

/// A step of repairing a dead slot, or of entering a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Help {
    /// Becomes a helper unless the slot is alive.
    Enter,
    /// Frees the turnstile if the slot owns it.
    FreeTurn,
    /// Frees this permit if the slot owns it.
    Free(usize),
    /// The words of the slot in both rooms become AWAKE.
    ResetWords,
    /// Stores `used` = 0.
    MarkUnused,
    /// Is no helper any more.
    Exit,
    /// A new member: exchanges its part of HELPERS for ALIVE.
    Claim,
    /// A new member: stores `used` = 1.
    MarkUsed,
}
