//! Rings of typed items in shared memory: what their three shapes have in common.
//!
//! ```text
//! body             state        flags, indices, roles or slot words: what the protocol is made of
//! after it         items        a power of two of slots, on cache lines of their own
//! ```
//!
//! - **R1** A process touches an item only while the shape's protocol gives it the item's slot.
//! - **R2** The capacity is the handle's own, checked against the segment when it was opened. A value read from memory
//!   later chooses among the slots, and never reaches outside.
//! - **R3** A ring that is closed stays closed. A waiter checks for the end *before* it checks for items, so what was
//!   pushed before the end is popped before the end is reported.

pub mod broadcast;
mod error;
#[cfg(feature = "async")]
mod futures;
mod items;
pub mod mpmc;
mod patience;
mod refusal;
pub mod spsc;

use std::sync::Arc;

use bytemuck::Pod;

pub use self::error::{PopError, PushError, RoleError};
use self::items::Items;
use crate::{
    ObjectName, OpenError,
    fingerprint::Fingerprint,
    members::{Members, Registration, Repair},
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::Settings,
    raw::{self, SharedMemory},
    waiting::strong_fences::StrongFences,
};

/// A ring's shared state: where it lies, and what it means.
pub(crate) trait RingState: Repair + Sized {
    const KIND: Kind;

    /// Returns how many bytes the state needs. Returns `None` if that overflows.
    fn bytes(geometry: Geometry) -> Option<usize>;

    /// Finds the state in the body, when the object is filled and each time it is opened.
    fn at(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<Self>;

    /// Prepares the state of a new object, which no other process can see yet.
    fn prepare(&self, _settings: &Settings) {}

    /// Returns an option that only this shape has, with the value that was found and the one that is wanted.
    fn own_option(&self, _settings: &Settings) -> Option<(&'static str, u64, u64)> {
        None
    }

    /// Records in a new object, which no other process can see yet, that every process fences for itself.
    fn demand_strong_fences(&self, why: StrongFences);

    /// Returns why every process fences for itself, as a [`StrongFences`]. Returns 0 if they need not.
    fn strong_fences(&self) -> u32;

    /// Ends the clerks of this process, before the handle leaves.
    #[cfg(feature = "async")]
    fn dismiss_clerks(&self, _members: &Members) {}
}

/// How large a ring is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    capacity: usize,
    max_handles: u32,
}

impl Geometry {
    /// Returns where the items begin, and where they end, from the beginning of the segment.
    fn items<T, S: RingState>(self, body: usize) -> Option<(usize, usize)> {
        let state = body.checked_add(S::bytes(self)?)?;
        // Items begin on a cache line of their own, so that writing the first doesn't take a line of the state away.
        let begin = state.checked_next_multiple_of(align_of::<T>().max(CACHE_LINES))?;
        let end = begin.checked_add(size_of::<T>().checked_mul(self.capacity)?)?;
        (end <= isize::MAX as usize).then_some((begin, end))
    }
}

/// The largest alignment that an item may have: segments begin on a page, and no page is smaller.
const PAGE: usize = 4096;

/// Two cache lines, since processors fetch them in pairs.
const CACHE_LINES: usize = 128;

/// What a handle has of a ring that exists: its members, its state and its items.
type Parts<T, S> = (Members, S, Items<T>);

/// What all handles of one opening share.
#[derive(Debug)]
pub(crate) struct SharedRing<T: Pod, S: RingState> {
    object: Object,
    members: Members,
    state: S,
    items: Items<T>,
}

impl<T: Pod, S: RingState> SharedRing<T, S> {
    fn enter(
        options: &Settings,
        name: &str,
        capacity: usize,
        disposition: Disposition,
    ) -> Result<Arc<Self>, OpenError> {
        // Each process maps the segment at an address of its own, and only the alignment of a page holds at all of
        // them.
        S::KIND.check_alignment::<T>(name, PAGE)?;
        let too_large = || OpenError::TooLarge {
            object: ObjectName::new(S::KIND.name, name),
            bytes: capacity.saturating_mul(size_of::<T>()),
        };
        // A power of two, so that a position is turned into a slot by a mask.
        let capacity = capacity.max(1).checked_next_power_of_two().ok_or_else(too_large)?;
        let max_handles = S::KIND.max_handles(options, disposition);
        let geometry = Geometry { capacity, max_handles };
        let body = crate::layout::body_offset(max_handles);
        let (_, end) = geometry.items::<T, S>(body).ok_or_else(too_large)?;
        let name = Name::new(name)?;
        let fill = |memory: &_, body: usize| {
            let state = S::at(memory, body, geometry)?;
            state.prepare(options);
            if let Some(why) = StrongFences::choose(options) {
                state.demand_strong_fences(why);
            }
            Ok(())
        };
        let blueprint = Blueprint {
            kind: S::KIND,
            name: &name,
            options,
            max_handles,
            capacity: capacity as u64,
            fingerprint: Fingerprint::of::<T>(options),
            body: (end - body) as u64,
            fill: &fill,
        };
        let (object, (members, state, items)) = Object::enter(&blueprint, disposition, &|object| {
            // `open` takes no capacity, so it insists on none.
            Self::parts(object, options, (disposition != Disposition::Open).then_some(capacity))
        })?;
        Ok(Arc::new(Self { object, members, state, items }))
    }

    /// Finds the parts of a ring that exists, checks its options, and registers.
    fn parts(
        object: &Object,
        options: &Settings,
        wanted: Option<usize>,
    ) -> Result<(Parts<T, S>, Registration), OpenError> {
        let found = object.description();
        let damaged = || object.damaged("the capacity");
        let capacity = usize::try_from(found.capacity).ok().filter(|capacity| capacity.is_power_of_two());
        let geometry = Geometry { capacity: capacity.ok_or_else(damaged)?, max_handles: found.max_handles };
        let (members, body) = (object.members()?, object.body());
        let (items, end) = geometry.items::<T, S>(body).ok_or_else(damaged)?;
        if end > object.memory().len() {
            return Err(damaged().into());
        }
        let failed = |error| object.failed(error);
        let state = S::at(object.memory(), body, geometry).map_err(failed)?;
        if let Some(wanted) = wanted {
            object.check_option("capacity", found.capacity, wanted as u64)?;
        }
        let is_light = state.strong_fences() != StrongFences::AsAskedFor as u32;
        object.check_option("light_fences", is_light.into(), options.light_fences.into())?;
        if let Some((option, found, wanted)) = state.own_option(options) {
            object.check_option(option, found, wanted)?;
        }
        let items = Items::at(object.memory(), items, geometry.capacity).map_err(failed)?;
        let registration = object.register(&members, &state)?;
        Ok(((members, state, items), registration))
    }
}

impl<T: Pod, S: RingState> Drop for SharedRing<T, S> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.state.dismiss_clerks(&self.members);
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

/// Removes a ring by its name.
pub(crate) fn remove<S: RingState>(name: &str) -> Result<(), OpenError> {
    object::remove::by_name(name, S::KIND)
}

/// What has happened in a ring since it was made.
///
/// The first two are each exact at some instant. The others are counted after the event, so an event may stay uncounted
/// if the process is killed in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Slots that producers have taken: items, and those of `skipped`.
    pub pushed: u64,
    /// Slots that consumers have passed: items, and those of `skipped`.
    pub popped: u64,
    /// Slots that were cancelled before there was an item: the producer died, or dropped its reservation.
    pub skipped: u64,
    /// Items that were taken over from a dead consumer or requeued. In an spsc ring, how often a consumer died in its
    /// role.
    pub taken_over: u64,
    /// Items that were overwritten by newer ones.
    pub overwritten: u64,
}

/// The methods that all shapes of ring have.
macro_rules! ring_methods {
    ($shape:literal, $module:ident, $state:ty) => {
        impl<T: Pod> Ring<T> {
            /// Returns the options to create or open a ring with.
            #[must_use]
            pub const fn options() -> Options<Self> {
                Options::new()
            }

            /// Creates a ring for at least this many items; the next power of two is its [`capacity`](Self::capacity).
            ///
            /// # Errors
            ///
            #[doc = "[`OpenError::NameTaken`](crate::OpenError::NameTaken) if there is one. Otherwise as [`open_or_create`](Self::open_or_create)."]
            pub fn create(name: &str, capacity: usize) -> Result<Self, OpenError> {
                Self::options().create(name, capacity)
            }

            /// Opens a ring that exists, whatever its capacity.
            ///
            /// # Errors
            ///
            #[doc = "[`OpenError::NoSuchName`](crate::OpenError::NoSuchName) if there is none. Otherwise as [`open_or_create`](Self::open_or_create)."]
            pub fn open(name: &str) -> Result<Self, OpenError> {
                Self::options().open(name)
            }

            /// Opens a ring, whatever its capacity, or creates one for at least this many items.
            ///
            /// A ring outlives its processes, until it is removed or the system restarts. So one that exists keeps its
            /// items, perhaps those of an earlier run that crashed, and it may be closed already. To begin anew,
            /// [remove the name](Self::unlink) first. It also keeps its capacity, its mode and its number of handles.
            /// [`Options::exact`] insists on all that are given.
            ///
            /// # Errors
            ///
            /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create), but
            /// [`OpenError::Overaligned`](crate::OpenError::Overaligned) only if items are aligned to more than 4,096
            /// bytes, and [`OpenError::TooLarge`](crate::OpenError::TooLarge) if no memory could hold the ring.
            pub fn open_or_create(name: &str, capacity: usize) -> Result<Self, OpenError> {
                Self::options().open_or_create(name, capacity)
            }

            /// Removes a ring by its name. A handle that is open finds it removed when it would have to wait.
            ///
            /// # Errors
            ///
            /// As [`Mutex::unlink`](crate::Mutex::unlink).
            pub fn unlink(name: &str) -> Result<(), OpenError> {
                crate::ring::remove::<$state>(name)
            }

            /// Returns how many items there is room for.
            #[must_use]
            pub fn capacity(&self) -> usize {
                usize::try_from(self.shared.items.capacity()).unwrap_or(usize::MAX)
            }

            /// Returns how many items are in it, as of a moment ago. A requeued item is not counted.
            #[must_use]
            pub fn len(&self) -> usize {
                self.shared.state.len()
            }

            /// Returns whether it was empty a moment ago.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
            ///
            /// Every waiter is woken. An item may stay in the ring unseen if its push begins before the closing and
            /// ends after it, and the consumers have left by then. Close from the producers' side to exclude that.
            ///
            /// # Errors
            ///
            /// [`Failure::System`](crate::Failure::System) if it was removed. Also if the ring was closed, but a waiter could not
            /// be notified, for example because rights are missing.
            pub fn close(&self) -> Result<(), Failure> {
                self.shared.state.close(&self.shared.members)
            }

            /// Returns whether it was closed.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.shared.state.is_closed()
            }

            /// Returns what has happened in it.
            #[must_use]
            pub fn counts(&self) -> Counts {
                self.shared.state.counts()
            }

            /// Returns the members that have the ring open, without disturbing any of them.
            ///
            /// # Errors
            ///
            /// [`Failure::System`](crate::Failure::System) if it was removed.
            pub fn members(&self) -> Result<Vec<Member>, Failure> {
                self.shared.members.list()
            }

            /// Returns the state of the kernel objects that the ring consists of.
            ///
            /// # Errors
            ///
            /// [`Failure::System`](crate::Failure::System) if it was removed.
            pub fn status(&self) -> Result<Status, Failure> {
                self.shared.object.status()
            }

            /// Removes the ring, as `unlink` does a file; see [`Mutex::remove`](crate::Mutex::remove).
            ///
            /// # Errors
            ///
            /// As [`Mutex::remove`](crate::Mutex::remove).
            pub fn remove(&self) -> Result<(), Failure> {
                self.shared.object.remove()
            }
        }

        impl<T: Pod> $crate::options::kinds::HasType for Ring<T> {}
        impl<T: Pod> $crate::options::kinds::HasFences for Ring<T> {}

        impl<T: Pod> Options<Ring<T>> {
            #[doc = concat!("Creates ", $shape, " [`Ring`](crate::", stringify!($module), "::Ring) for at least this many items.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`Ring::create`](crate::", stringify!($module), "::Ring::create).")]
            pub fn create(&self, name: &str, capacity: usize) -> Result<Ring<T>, OpenError> {
                SharedRing::enter(&self.settings, name, capacity, Disposition::Create).map(|shared| Ring { shared })
            }

            #[doc = concat!("Opens ", $shape, " [`Ring`](crate::", stringify!($module), "::Ring) that exists.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`Ring::open`](crate::", stringify!($module), "::Ring::open).")]
            pub fn open(&self, name: &str) -> Result<Ring<T>, OpenError> {
                SharedRing::enter(&self.settings, name, 1, Disposition::Open).map(|shared| Ring { shared })
            }

            #[doc = concat!("Opens ", $shape, " [`Ring`](crate::", stringify!($module), "::Ring), or creates one.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`Ring::open_or_create`](crate::", stringify!($module), "::Ring::open_or_create).")]
            pub fn open_or_create(&self, name: &str, capacity: usize) -> Result<Ring<T>, OpenError> {
                SharedRing::enter(&self.settings, name, capacity, Disposition::OpenOrCreate).map(|shared| Ring { shared })
            }
        }

        impl<T: Pod> Clone for Ring<T> {
            fn clone(&self) -> Self {
                Self { shared: Arc::clone(&self.shared) }
            }
        }

        impl<T: Pod> fmt::Debug for Ring<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Ring")
                    .field("name", &self.shared.object.description().name)
                    .field("capacity", &self.capacity())
                    .field("len", &self.len())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use ring_methods;
