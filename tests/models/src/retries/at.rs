//! Where a process stands.

use super::Word;

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Is dead.
    Outside,
    /// Does nothing.
    #[default]
    Rest,
    /// A step of sending a request.
    Send(Send),
    /// A step of waiting for its end.
    Await(Await),
    /// A step of cancelling a request, or of detaching from it.
    Leave(Leave),
    /// Has claimed the request.
    Works,
    /// A step of responding.
    Answer(Answer),
    /// A step of responding in place of a request that is HELD.
    InPlace(InPlace),
    /// The request is done, without a response.
    Done,
    /// The request is requeued, or set aside.
    Requeue,
    /// The request is delayed, or set aside.
    Delay,
    /// Frees the blocks of its response, to requeue the request.
    Undo,
    /// Pushes the hint of a request.
    Push,
    /// Reads the word again, because a swap has failed.
    Look(Intent),
    /// A step of freeing what the process holds.
    Free(Free),
    /// Calls the caller of a request that has ended.
    Call,
    /// A step of retrying a request that is set aside.
    Retry(Retry),
    /// A step of repairing a dead slot.
    Help(Help),
}

/// A step of sending a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Send {
    /// Writes its bytes.
    Write,
    /// It becomes READY.
    Ready,
}

/// A step of waiting for the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Await {
    /// Announces itself.
    Announce,
    /// Looks for a slot that is dead and dirty.
    Reap,
    /// Reads the word.
    Look,
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Reads the response.
    Read(Word),
    /// Learns that the request is set aside.
    Learn(Word),
}

/// A step of cancelling a request, or of detaching from it if that is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leave {
    /// Reads the word.
    Look(bool),
    /// Changes it.
    Swap(bool, Word),
}

/// A step of responding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Takes a block for the response.
    Take,
    /// Writes the response.
    Write,
    /// Writes where it is.
    Fields,
    /// CLAIMED becomes ANSWERED.
    Commit,
}

/// A step of responding in place of a request that is HELD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InPlace {
    /// Frees the blocks of the request, and writes the response.
    Write,
    /// Writes where it is.
    Fields,
    /// HELD becomes ANSWERED.
    Commit,
}

/// What a process wanted to do when a swap failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// To respond, or to be done.
    End,
    /// To requeue.
    Requeue,
}

/// A step of freeing what the process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Free {
    /// The blocks of the response.
    Response,
    /// The blocks of the request.
    Request,
    /// HELD becomes LOST, if there is a caller.
    Lose,
    /// Clears the returned bit.
    Bit,
    /// The word becomes FREE.
    Word,
}

/// A step of retrying a request that is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Marks it as returned.
    Mark(Word),
    /// ASIDE becomes READY.
    Swap(Word),
}

/// A step of repairing a dead slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Help {
    /// Reads the word.
    Look,
    /// Frees the blocks of a response.
    Response(Word),
    /// Frees the blocks of the request.
    Request(Word),
    /// Marks the request as returned.
    Mark(Word),
    /// Changes the word.
    Swap(Word),
    /// Calls the caller.
    Call,
}
