//! Where a process stands.

use super::Process;

/// What a process is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Nothing, or to become a member.
    #[default]
    Nothing,
    /// To read.
    Read,
    /// To read, having taken the lock.
    ReadByLock,
    /// To write.
    Write,
    /// To read on, having written.
    Downgrade,
}

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    #[default]
    Outside,
    /// Is a member, and does nothing.
    Idle,

    /// Stores that it is counted.
    Count,
    /// Looks at the gate, counted.
    Look,
    /// Reads, and then leaves.
    Reading,
    /// Stores that it is not counted any more.
    Uncount,
    /// Loads `draining`.
    LookForWriter,
    /// Looks at the counts of all slots.
    ScanAsLeaver,
    /// Swaps `draining` for 0.
    CallWriter,
    /// Posts for the writer.
    PostWriter,

    /// Takes all posts of its doorbell, because it suspects a death.
    Empty,
    /// Checks the slots of others for the dead.
    CheckDead,
    /// Stores ANNOUNCED.
    Announce,
    /// Raises the flag.
    RaiseFlag,
    /// Looks at the gate, uncounted.
    Peek,
    /// Sleeps on the doorbell of its slot.
    Sleep,
    /// Stores AWAKE after it slept.
    Withdraw,

    /// Takes the lock.
    Queue,
    /// Fences for each process.
    Fence,
    /// Looks at the counts of all slots.
    Scan,
    /// Takes all posts of the writer's doorbell.
    EmptyWriters,
    /// Sets `draining`.
    AnnounceWriter,
    /// Sleeps on the writer's doorbell.
    SleepForReaders,
    /// Swaps `draining` for 0 after it slept.
    WithdrawWriter,
    /// Stores `inside`.
    GoInside,
    /// Changes the value.
    Writing,
    /// Counts itself as a reader, while it has the lock.
    CountInside,
    /// Clears `inside`.
    GoOutside,
    /// Frees the word.
    Free,

    /// Loads the flag.
    LookAtFlag,
    /// Chooses the readers that wait, one after another.
    Choose,
    /// Posts for all of them.
    PostAll,
    /// Marks them as called.
    Mark,
    /// Clears the flag.
    ClearFlag,

    /// Makes the dead slot AWAKE.
    RepairEntry,
    /// Clears its count.
    RepairCount,
    /// Reads whether its member was inside.
    ReadInside,
    /// Frees the word, if that names it.
    RepairWord,
    /// Clears `inside`, if that names it.
    RepairInside,
    /// Stores `used` = 0.
    MarkUnused,
    /// Gives HELPERS back.
    LeaveSlot,
    /// Exchanges its part of HELPERS for ALIVE, if it is the only helper, and stores `used`.
    Claim,
}

impl At {
    pub(super) fn visits(self) -> bool {
        matches!(self, Self::CheckDead | Self::Fence | Self::Scan | Self::ScanAsLeaver | Self::Choose)
    }

    /// A load, or a store that may stay in the buffer.
    pub(super) fn is_light(self) -> bool {
        matches!(self, Self::Count | Self::Look | Self::Reading | Self::Uncount | Self::LookForWriter)
    }
}

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        let Self { at, slot, buffer, suspects, is_stopped, .. } = *self;
        match at {
            At::Outside => *self = Self::default(),
            At::Idle => *self = Self { at, slot, buffer, suspects, is_stopped, ..Self::default() },
            At::Reading | At::Writing => {
                *self = Self { at, slot, buffer, suspects, is_stopped, goal: self.goal, ..Self::default() };
            }
            At::Queue => (self.is_woken, self.is_announced, self.saw_count) = (false, false, false),
            _ => {}
        }
    }
}
