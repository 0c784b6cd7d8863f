//! Waiting: one way for every primitive that has waiters, and the argument why no wake-up is lost.
//!
//! Each member has a doorbell of its own in each waiting room of an object, and sleeps on no other. A notifier chooses a
//! waiter, calls it, and posts its doorbell. If the waiter is stopped in its sleep, the notifier finds that out, and calls
//! the next one as well (RM6). So a process that is stopped or starved after it was woken keeps the one event that it was
//! called for, and none of the others.
//!
//! | module | what it has |
//! | --- | --- |
//! | `wait` | [`wait()`], the rounds of a waiter, and [`Party`] |
//! | `room` | where waiters and notifiers of one kind of thing find each other |
//! | `entry` | the words of one waiter in a room |
//! | `waiter` | one wait in a room |
//! | `flag` | the word by which a notifier learns that there are waiters |
//! | `desk` | the threads of one process, which share the slot |
//! | `clerk` | futures that wait, and the thread that sleeps for them (feature `async`) |
//! | `list` | the list of a desk |
//! | `interests` | how the interests of several waiters make one |
//! | `spin` | how long a waiter spins before it sleeps |
//! | `batching` | how long a side lets items gather before it checks |
//! | `fence` | which side of a wake-up pays for the fence |
//! | `strong_fences` | why every process of an object pays for itself |
//!
//! A round:
//!
//! - **W1** A waiter that suspects a death empties its doorbell and reaps. It does so while it is not announced, so no post
//!   of a call can be among those that it takes.
//! - **W2** It announces itself, and fences. Then it checks for what it waits for. A notifier makes a thing available,
//!   fences, and then checks for waiters. So either the notifier sees the announcement, or the check sees the thing.
//! - **W3** It sleeps on its doorbell, and withdraws its announcement when it wakes.
//! - **W4** It checks once more, also if its timeout elapsed. It is not announced meanwhile, so it takes no second call.
//! - **W5** A wake-up without a call is the obituary of a member. The waiter suspects a death from then on, in this wait or
//!   in the next one of its process. A new member suspects a death at first.
//! - **W6** Posts are counted, and an obituary posts twice. So an obituary beside a call is not lost. Nor is the obituary of a
//!   notifier that died between choosing the waiter and posting for it: the waiter takes one post for the call's, and
//!   the other one wakes it again. Where threads share the doorbell, another one may take that for its own. So a waiter of such
//!   a process that was chosen, not marked as posted, and found nothing suspects a death at once.
//! - **W7** Where things are interchangeable: a waiter that was called leaves without passing the call on if it took a thing after
//!   it withdrew, or found none to take: then its call is spent, or another took what it was for. In every other case it
//!   passes the call on.
//! - **W8** Where calls are named: a waiter that leaves, with another thing or without one, calls the next fitting
//!   waiter for each thing that its process was called for, if that is still available. A waiter that found nothing and
//!   stays need not do so, since the thing was taken. It does so only if its process had announced more than its
//!   threads wait for by then.
//!
//! A signal that is to end a wait ends its sleep with a failure (`Options::interruptible`). The waiter then withdraws,
//! and passes a call on for which it did nothing (W7). So nothing is lost.
//!
//! | the process dies, or is stopped | what is held up by a stop | what notices a death |
//! | --- | --- | --- |
//! | announced, before it sleeps, or asleep | nothing, if another fitting waiter is announced (RM6) | each waiter, by the obituary: it reaps, and checks |
//! | woken, before it took a thing | the event that it was called for | the same |
//! | having made a thing available, before it called, or before it checked whether the waiter runs | that event | the same |
//! | between calling a waiter and posting its doorbell | that event and that waiter. Nothing once a notifier comes that finds no other waiter: it posts for it (RM2) | the same |
//!
//! A thing that a stopped process was called for is not lost: any process that comes to check takes it. RM6 holds on Linux.
//! On other systems a waiter that is stopped in its sleep keeps the one event that it is called for.

mod at;
pub(crate) mod batching;
#[cfg(feature = "async")]
pub(crate) mod clerk;
pub(crate) mod desk;
pub(crate) mod entry;
pub(crate) mod fence;
pub(crate) mod flag;
mod interests;
mod list;
mod report;
pub(crate) mod room;
pub(crate) mod spin;
pub(crate) mod strong_fences;
#[cfg(test)]
mod tests;
mod wait;
pub(crate) mod waiter;

pub(crate) use self::wait::{Checked, Party, Round, Station, Turn, Withdrawn, wait};
