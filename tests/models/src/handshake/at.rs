//! Where a process of the handshake stands.

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Does nothing, or is dead.
    Idle,
    /// 1: `semget`, exclusively.
    CreateSet,
    /// 1: `semget` of what exists.
    FindSet,
    /// 2: `SETVAL` on CREATOR.
    RecordPid,
    /// 2: `shmget`, exclusively.
    CreateSegment,
    /// 2: `shmat` of the new segment.
    AttachNew,
    /// 3: stores the magic number.
    WriteMagic,
    /// 3: stores the set's id.
    WriteName,
    /// 3: stores the rest of the header.
    WriteRest,
    /// 3: the first `semop`.
    Publish,
    /// 3: removes its own segment, because publishing failed.
    Unpublish,
    /// 4: `IPC_STAT`.
    Poll,
    /// 4: condemns what takes too long.
    Condemn,
    /// 4: reads STATE.
    ReadState,
    /// 5: `shmget` of the condemned set's segment.
    FinishFind,
    /// 5: `shmat` of it.
    FinishAttach,
    /// 5: reads its header.
    FinishRead,
    /// 5: removes it.
    FinishSegment,
    /// 5: removes the set.
    FinishSet,
    /// 6: `shmget` of the live set's segment.
    OpenFind,
    /// 6: `shmat` of it.
    OpenAttach,
    /// 6: reads its header.
    OpenRead,
    /// 6: reads STATE again, because the segment is missing or belongs to another set.
    Recheck,
    /// 6: stores `used` = 1.
    StoreUsed,
    /// 6: registers.
    Register,
    /// Has the object open.
    Using,
    /// Gives its slot back.
    Leave,
    /// 7: `shmget` of the segment in the way.
    WayFind,
    /// 7: asks whether its own set exists.
    WayCheckSet,
    /// 7: `shmat` of the segment in the way.
    WayAttach,
    /// 7: reads its header and `used`.
    WayRead,
    /// 7: asks how many processes are attached.
    WayStat,
    /// 7: removes it.
    WayRemove,
    /// 7: removes its own set, to refuse.
    Refuse,
    /// 8: takes the name away.
    Unlink,
    /// 8: removes the segment.
    UnlinkSegment,
    /// 8: removes the set.
    UnlinkSet,
    /// 8: `semget` of the set that has the name.
    NameFind,
    /// 8: `IPC_STAT`: what is under construction is not there yet.
    NameStat,
    /// 8: `shmget` of that set's segment.
    NameSegment,
    /// 8: `shmat` of it.
    NameAttach,
    /// 8: reads its header.
    NameRead,
    /// 8: reads STATE, because the segment is missing or belongs to another set.
    NameState,
    /// 8: takes the name away, having seen which object has it.
    NameCondemn,
    /// 8: reads STATE again, because another process was faster.
    NameAgain,
    /// 9: condemns the damaged set if no process is registered.
    Heal,
    /// 9: reads STATE once more.
    HealAgain,
    /// Detaches, then goes on.
    Detach(Then),
}

/// What follows a detachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Then {
    /// 1: from the beginning.
    Start,
    /// 2: creates the segment again.
    CreateSegment,
    /// 5: removes the condemned set.
    FinishSet,
    /// 6: reads STATE again.
    Recheck,
    /// 7: removes its own set.
    Refuse,
    /// 8: finds the set that has the name again.
    NameFind,
    /// 8: reads STATE.
    NameState,
    /// 8: reads STATE again.
    NameAgain,
    /// Is done.
    End,
}
