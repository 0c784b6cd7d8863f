//! A channel on a server that speaks the protocol of Redis: the same messages as in the [`store`](crate::store), for processes on
//! several machines.
//!
//! The server runs one script for each operation, in one step. So a message is in one state at any time, and no process can stop
//! half-way. `scripts/` has them.
//!
//! | state of a message | where it is listed | next | changed by |
//! | --- | --- | --- | --- |
//! | queued | `q:<route>`, by its order; `heads`, if it is the first one | taken away, claimed or held | `take` |
//! | delayed | `later`, by the time when it is due | queued, at the tail | the next script after that time |
//! | claimed(token) | `claims`, by the end of its lease | done | `end` with that token |
//! | claimed(token) | | queued at the tail, delayed, set aside: one attempt more | `end` with that token |
//! | claimed(token), and its lease has ended | | queued with its old order, set aside: one attempt more | the next script |
//! | held(token): a request that is not delivered again | `claims`; counted in `nh` | answered, or lost | `end`; the next script after its lease |
//! | set aside | `aside:<class>` | queued, dropped | `aside` |
//!
//! The message itself is the hash `m:<id>`. What a channel counts is in the hash `s`. A caller reads the stream `a:<session>`.
//!
//! - **RD1** A channel is bounded as in memory: each class by its number of messages, and long messages by their bytes. What is claimed,
//!   held or delayed counts.
//! - **RD2** The order of a message is a number. Each route has its messages by their order, `heads` has the first order of each route, and
//!   `routes` the routes that have any. They change in one step. So each of the four selections is one look, and exact.
//! - **RD3** A claim has a token of its own, and lasts until it is ended with that token, or until its lease has ended *and* a script has seen that.
//!   The process extends the lease at a third of its time, as long as the claim lives. After a claim was lost its token is refused.
//! - **RD4** A message that a living process gives back goes to the tail. One whose lease has ended keeps its order, so it comes first.
//! - **RD5** A message that is received, and has no caller, is gone: at most once. A request is held if its caller wants no second
//!   delivery, and its caller learns of its end, also if that is the end of a lease.
//! - **RD6** A message with a limit is set aside after so many attempts, with the ends of the last eight. What is set aside takes no room, but
//!   that of its bytes. Beyond the quota the oldest one is dropped, and counted.
//! - **RD7** A process that finds nothing, or no room, announces that in the same step, and waits with `XREAD`. A message notifies one
//!   receiver that it fits, and [`waiting`] has the rules. Room is an event for all senders that wait, after the last one that each of them
//!   knows. A wait is bounded by the next time at which something is due or a lease ends, and by two seconds in any case.
//! - **RD8** The end of a call is an entry in the inbox of the caller's handle. It is read without being taken away, so a broken connection
//!   loses none.
//! - **RD9** A call has a lease as well. If that ends, the request goes as if the caller had cancelled it, unless it outlives its caller.
//! - **RD10** Each connection numbers its scripts, and the server remembers the last one for ten minutes. A script whose answer was lost is sent again with
//!   its number, and is not run twice. For longer than nine minutes it is not sent again.
//! - **RD11** When the channel is closed nothing more is sent, delays are over, and requests that no process has taken go back.
//! - **RD12** When it is removed, scripts find no `s`, and change nothing.
//! - **RD13** The field `due` of the state is a time before which nothing is due: no delay is over, and no lease ends. A script that lists
//!   something by an earlier time puts it down. A script looks for what is due after that time alone, and finds out then what the
//!   time is from now on. So most scripts do not look, and none looks too late.
//! - **RD14** A future claims what it looks for, also if it is to be received. Its look is an errand of the handle's clerk, and a poll returns
//!   what that found. A message that no poll has returned goes back as it was: to its old order, without an attempt. After the poll that returns
//!   a message to be received the clerk ends its claim, so it comes again if the process dies before that.
//!
//! | what happens | consequence |
//! | --- | --- |
//! | a process dies, or is stopped, or loses its network for longer than a lease | its claims come back when the lease has ended. What it received is lost with it |
//! | it goes on afterwards | `done` answers that the lease is lost |
//! | the supervisor of a pool has seen its death | its claims come back at once |
//! | a connection breaks | it is made again, with pauses of up to a second, and the script is repeated (RD10) |
//! | the server is restarted | the same. With `appendonly yes` it has lost the last two seconds at most, if it was killed or the machine crashed. With `appendfsync always` it has lost nothing |
//! | the server loses its scripts | they are loaded again |
//! | the server fails over to a replica | what had not reached the replica is lost. A call that is lost so is found out by the renewal of its lease |
//! | a server that stays away | calls that wait wait on. Others fail with `Unreachable`, and sending with `MaybeSent` if it was under way |
//!
//! Not promised: which one of the receivers that a message fits takes it. That a message is worked on once, if a lease ends while its process still works. That all processes see the same time: the
//! server's time counts, and if that is set, leases end sooner or later.

mod address;
#[cfg(feature = "async")]
mod asked;
#[cfg(feature = "async")]
mod awaited;
#[cfg(feature = "async")]
mod callers;
mod checks;
mod connect;
#[cfg(feature = "async")]
mod desk;
mod inbox;
mod inspected;
mod keeper;
mod line;
mod lines;
mod operations;
mod reply;
mod script;
mod stream;
mod taken;
#[cfg(feature = "redis-tls")]
mod tls;
mod waiting;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use redis::Client;

#[cfg(feature = "async")]
pub(crate) use self::awaited::Taking;
#[cfg(feature = "async")]
use self::desk::Desk;
use self::{address::Address, keeper::Keeper, lines::Lines};
pub(crate) use self::{
    connect::Manner,
    inbox::CallEnd,
    inspected::inspect,
    operations::{Aside, Outgoing, Refusal, Returned},
    reply::ending_of,
    taken::{Taken, Wanted},
};
use crate::{ObjectName, store::Geometry};

/// A channel on a server, as one handle knows it.
pub(crate) struct Remote {
    object: ObjectName,
    address: Address,
    key: String,
    /// This machine and its processes, as workers and supervisors know it.
    host: String,
    client: Arc<Client>,
    lines: Lines,
    keeper: Arc<Keeper>,
    #[cfg(feature = "async")]
    desk: Arc<Desk>,
    pub(crate) geometry: Geometry,
    lease: Duration,
    /// Whether a script has said so.
    is_closed: AtomicBool,
    removes: bool,
    /// The process that made the handle. A child made by `fork` must not use its connections.
    generation: u32,
}

impl Remote {
    pub(crate) fn name(&self) -> &ObjectName {
        &self.object
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        self.keeper.end();
        #[cfg(feature = "async")]
        self.desk.end();
        if self.removes {
            // A drop can't return an error, and gone already is as good.
            let _ = self.remove();
        }
    }
}

/// Without the client, which has the password.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("address", &self.address).field("lease", &self.lease).finish_non_exhaustive()
    }
}
