//! What is in a channel, without taking it.

use std::{collections::BTreeMap, time::Duration};

use super::{Channel, transport::Transport, typed::Route};
#[cfg(feature = "redis")]
use crate::remote::Remote;
use crate::{Failure, store::Class};

/// What waits on one route of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they have together, as they are encoded.
    pub bytes: u64,
    /// How long the oldest one has waited, to a few milliseconds.
    pub oldest: Duration,
}

/// The messages that are in a channel, and how many it has room for.
///
/// Messages that a process has taken and not finished, such as requests, count as taken room, and not as queued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Depth {
    /// What waits, by route.
    pub routes: BTreeMap<Route, Queued>,
    /// How many ordinary messages are in it.
    pub messages: u64,
    /// How many there is room for.
    pub max_messages: u64,
    /// How many calls are under way.
    pub calls: u64,
    /// How many may be under way at once.
    pub max_calls: u64,
    /// How many bytes the long messages and requests take, in whole blocks.
    pub bytes: u64,
    /// How many bytes there are for them.
    pub max_bytes: u64,
    /// How many messages processes have [claimed](Channel::claim).
    pub claimed: u64,
    /// How many are [delayed](crate::Delivery::delay).
    pub delayed: u64,
    /// How many are [set aside](Channel::set_aside).
    pub set_aside: u64,
    /// How many that were set aside were dropped, since there was no room for more.
    pub dropped: u64,
}

impl Channel {
    /// Returns what is in the channel, having freed what dead members had.
    ///
    /// It counts one message after another. While other processes send and receive, a message may be counted twice or
    /// not at all.
    ///
    /// ```
    /// use sysv_primitives::{Channel, Route};
    ///
    /// # let name = format!("depth-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// channel.send_raw(Route::new(1), b"short")?;
    /// let depth = channel.depth()?;
    /// assert_eq!((depth.messages, depth.max_messages), (1, 1024));
    /// assert_eq!((depth.routes[&Route::new(1)].messages, depth.routes[&Route::new(1)].bytes), (1, 5));
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed.
    pub fn depth(&self) -> Result<Depth, Failure> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return depth_of_server(remote),
        };
        let me = shared.session()?;
        // First what the dead have left: their claims are messages again, and their half-written ones are none.
        shared.party(me).reap_all()?;
        let store = &shared.store;
        let routes = store.depth().into_iter().map(|(route, depth)| {
            let queued = Queued { messages: depth.messages, bytes: depth.bytes, oldest: depth.oldest };
            (Route::from_number(route), queued)
        });
        // Each number is read for itself while others send and receive. So a message on its way may be in two of
        // them, or in none.
        let besides = store.besides();
        let (messages, calls) = (store.fill(Class::Message), store.fill(Class::Call));
        Ok(Depth {
            routes: routes.collect(),
            messages: messages.messages,
            max_messages: messages.max_messages,
            calls: calls.messages,
            max_calls: calls.max_messages,
            bytes: messages.bytes,
            max_bytes: messages.max_bytes,
            claimed: besides.claimed,
            delayed: besides.delayed,
            set_aside: besides.aside,
            dropped: store.dropped(),
        })
    }
}

#[cfg(feature = "redis")]
fn depth_of_server(remote: &Remote) -> Result<Depth, Failure> {
    let found = remote.depth()?;
    let routes = found
        .routes
        .into_iter()
        .map(|(route, (messages, bytes, oldest))| (Route::from_number(route), Queued { messages, bytes, oldest }));
    let geometry = &remote.geometry;
    Ok(Depth {
        routes: routes.collect::<BTreeMap<_, _>>(),
        messages: found.messages,
        max_messages: geometry.capacity_of(Class::Message) as u64,
        calls: found.calls,
        max_calls: geometry.capacity_of(Class::Call) as u64,
        bytes: found.bytes,
        max_bytes: (geometry.blocks_for_messages().len() * geometry.block()) as u64,
        claimed: found.claimed,
        delayed: found.delayed,
        set_aside: found.aside,
        dropped: found.dropped,
    })
}
