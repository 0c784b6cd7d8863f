//! Futures at the desk, and the clerk: the thread of the process that sleeps in the kernel for them.
//!
//! A future is one more waiter on the list of [`desk`](super::desk), with a waker in place of a thread. It takes its turns
//! and checks in its polls, by the rounds W1 to W8 of [`waiting`](super). Only the sleep is the clerk's. Nothing in shared
//! memory tells a process with futures from another one.
//!
//! | a future on the list is | meaning | next |
//! | --- | --- | --- |
//! | acting | it is being polled, or was not polled yet since it joined | waiting, or off the list |
//! | waiting | it returned `Pending`. If it is the front, the process is announced, and the clerk sleeps | roused |
//! | roused | its waker was called, with a call of the process or without | acting; behind the others, if it is not polled |
//!
//! | the clerk is | meaning | next |
//! | --- | --- | --- |
//! | absent | no future has waited lately | parked, when a future waits |
//! | parked | the front is a thread, is acting or roused, or there is none | asleep; absent, after [`IDLE`] without futures |
//! | asleep | it sleeps on the doorbell, for a front that waits or by CK7 | parked |
//!
//! - **CK1** The front of the list leads (DK2). If it is a future, it announces the process in its poll, and the clerk sleeps
//!   for it. The clerk withdraws when it wakes, and rouses the front. A front that is acting finds that before it returns
//!   `Pending`, and goes through another round.
//! - **CK2** Only the front has a call. A poll that checks after it has spent the call (W7). A future that is dropped with a
//!   call, or at the front, withdraws and passes on what it was called for, as a thread does that leaves.
//! - **CK3** A front that was roused and is not polled for [`HAND`] goes behind the others, if they wait for it or it has a
//!   call. The clerk passes its call on, and all others of the process check. So a future that is never polled delays an
//!   event by that time, twice if several are not polled, and holds up no other process.
//!   Where a future holds something while it waits, the clerk gives that up as well.
//! - **CK4** A clerk that takes a post while a thread leads posts the doorbell again. It went to sleep for a future that is not
//!   the front any more, and sleeps on so that the next future finds it asleep. While no future leads, the process is not
//!   announced for any, so no call is waiting behind such a clerk except the leading thread's. If that post is refused, it is
//!   made again every 10 milliseconds, as long as a thread leads. A clerk that was posted to look at the list takes its post for
//!   a call as well, since a thread may have taken the one for the clerk.
//! - **CK5** A child made by `fork` has a desk of its own, without a clerk. A future of the parent's fails there.
//! - **CK6** A handle that is dropped ends its clerk before it gives back its slot: the doorbell may be another member's
//!   afterwards. It sets the end, posts, and waits until the clerk is gone. A handle or a role that is dropped by a waker is dropped
//!   by the clerk itself. So wakers run before the clerk goes to sleep, and it ends next.
//! - **CK7** If the notifier runs on the processor of the clerk, the clerk goes back to sleep as soon as it has roused the front. It is
//!   asleep already when the front waits again: one switch of threads less. On another processor the next post often comes while the
//!   clerk is on its way, and that is faster. While it sleeps so, it watches the front by the time of its sleep (CK3).
//! - **CK8** A waker is the program's code. A panic of it ends in it, and its future counts as one that is not polled.
//!
//! | the process dies, or is stopped | what is left | what notices it |
//! | --- | --- | --- |
//! | at any instruction of a poll or of the clerk | what a waiting thread leaves there: see [`waiting`](super) | the same |
//!
//! What is stopped is the whole process, so a stop holds up what it does there too. A poll that is withheld is CK3's.
//!
//! A wake-up without a call is an obituary (W5), unless a future left with a call before the post of that came. Only one such
//! post is expected at a time, so an obituary, which posts twice, is never taken for it.
//!
//! Not promised: an order among the futures of a process, beyond that of the list.

mod alone;
mod stand;
mod start;
pub(super) mod task;
mod timer;
mod turns;
mod wait;
mod work;

pub(crate) use self::{
    alone::{Lone, LoneDesk, LoneFutures},
    stand::{GiveUp, IsBeside, PassOn, Stand, Withdrawal},
    timer::Timer,
    wait::{HeldTicket, TaskGate, TaskStation, cancel, poll_wait, wait_async},
};
