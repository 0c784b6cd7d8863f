//! A value that one process sets once, and all processes read. If the initialiser dies, another process can set the value, and no
//! process sees half of one.
//!
//! The protocol is that of its [`OnceState`]. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | the value | what others do |
//! | --- | --- | --- |
//! | before it initialises, or while it waits | as it was | nothing |
//! | while it initialises | unset | dead: the next caller initialises, at once if it waits. Stopped: they wait |
//! | after it set the value | set, and it does not change any more | they use it |
//!
//! Not promised: which of several processes initialises. An initialiser that asks for the same value waits for itself.

#[cfg(feature = "async")]
mod asynchronous;
mod error;
mod named;
pub(crate) mod report;
mod state;

use std::{fmt, time::Duration};

use bytemuck::Pod;

pub use self::error::OnceError;
use self::state::{Found, OnceState, Wish};
use crate::{
    Member,
    layout::ValueCell,
    members::{Members, Session},
    object::Object,
    raw::Deadline,
    waiting::Party,
};

/// A named value that is set once, and then read by all processes.
///
/// The value lies in shared memory, so it is a [`Pod`]: plain data, without pointers, aligned to at most 128 bytes. Reading it
/// is one load.
///
/// **When a process dies** while it initialises the value, at whatever instruction, the value stays unset, and the next caller
/// initialises it. A caller that waits does so at once. The value also stays unset if the initialiser panics or returns an error.
/// No process sees half a value.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using the
/// handle. **While a process that initialises is stopped**, others wait. An initialiser must not ask for the same value: it would
/// wait forever.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If the process that sets the value
/// lacks these rights and can't notify the waiters, the next call on its handle fails, and the next process that needs the
/// value notifies them.
///
/// ```
/// use sysv_primitives::OnceLock;
///
/// # let name = format!("once-lock-example-{}", std::process::id());
/// // In any process, with the same name: one of them computes it.
/// let seed = OnceLock::<u64>::open_or_create(&name)?;
/// let value = seed.get_or_init(|| 4)?;
/// assert_eq!((*value, seed.get()), (4, Some(&4)));
/// seed.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct OnceLock<T: Pod> {
    object: Object,
    members: Members,
    state: OnceState,
    value: ValueCell<T>,
}

/// The right to initialise, until it is used or dropped.
struct Initialiser<'a, T: Pod> {
    once: &'a OnceLock<T>,
    session: Session,
    is_done: bool,
}

impl<'a, T: Pod> Initialiser<'a, T> {
    #[allow(unsafe_code, reason = "the value is written through its address")]
    fn set(mut self, value: T) -> Result<&'a T, OnceError> {
        self.is_done = true;
        if !self.session.is_ours() {
            // `init` has forked, and this is the child: the parent sets the value.
            return Err(self.once.members.membership_lost().into());
        }
        // SAFETY: by OL1 this session alone uses the value, as long as the word names it.
        *unsafe { self.once.value.get_mut() } = value;
        self.once.state.finish(self.session, &self.once.members)?;
        Ok(self.once.value())
    }
}

impl<T: Pod> Drop for Initialiser<'_, T> {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if !self.is_done && self.session.is_ours() {
            self.once.state.cancel(self.session, &self.once.members);
        }
    }
}

impl<T: Pod> OnceLock<T> {
    /// Returns the value, if it is set. It never waits.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        if self.state.is_finished() { Some(self.value()) } else { self.get_slowly() }
    }

    /// The value is unset, or waiters may have to be called.
    #[cold]
    fn get_slowly(&self) -> Option<&T> {
        self.state.is_set().then(|| {
            self.state.call_waiters(&self.members);
            self.value()
        })
    }

    /// Returns the value, which is set.
    #[allow(unsafe_code, reason = "the value is read through its address")]
    fn value(&self) -> &T {
        // SAFETY: by OL2 a value that is set does not change any more.
        unsafe { self.value.get() }
    }

    /// Sets the value. Blocks while another process or thread initialises it.
    ///
    /// # Errors
    ///
    /// [`OnceError::AlreadySet`] if the value is set, also if it was set while this call waited. [`OnceError::Failed`] if it
    /// would have to wait, and the object was removed.
    pub fn set(&self, value: T) -> Result<(), OnceError> {
        self.set_deadline(value, Deadline::NEVER)
    }

    /// Sets the value, unless a living process initialises it.
    ///
    /// # Errors
    ///
    /// [`OnceError::WouldBlock`] if a living process initialises it. Otherwise as [`set`](Self::set).
    pub fn try_set(&self, value: T) -> Result<(), OnceError> {
        self.set_deadline(value, Deadline::NOW)
    }

    /// Sets the value. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`OnceError::TimedOut`] if the timeout elapses. Otherwise as [`set`](Self::set).
    pub fn set_timeout(&self, value: T, timeout: Duration) -> Result<(), OnceError> {
        self.set_deadline(value, Deadline::after(timeout))
    }

    /// Sets the value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`set_timeout`](Self::set_timeout).
    pub fn set_deadline(&self, value: T, deadline: Deadline) -> Result<(), OnceError> {
        match self.begin(deadline)? {
            Some(initialiser) => initialiser.set(value).map(drop),
            None => Err(OnceError::AlreadySet { object: self.object.name().clone() }),
        }
    }

    /// Returns the value. If it is unset, calls `init` and sets the value to the result. Blocks while another caller does so.
    ///
    /// `init` is called at most once. While it runs, other callers wait, in this process and in others. If it panics, or
    /// its process dies, the value stays unset, and the next caller calls its own `init`.
    ///
    /// # Errors
    ///
    /// [`OnceError::Failed`] if it would have to wait, and the object was removed.
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_init_deadline(Deadline::NEVER, init)
    }

    /// Returns the value, or sets it to that of `init`, unless a living process initialises it.
    ///
    /// # Errors
    ///
    /// [`OnceError::WouldBlock`] if a living process initialises it. Otherwise as [`get_or_init`](Self::get_or_init).
    pub fn try_get_or_init(&self, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_init_deadline(Deadline::NOW, init)
    }

    /// Returns the value, or sets it to that of `init`. Blocks for at most `timeout`, and for as long as `init` takes.
    ///
    /// # Errors
    ///
    /// [`OnceError::TimedOut`] if the timeout elapses. Otherwise as [`get_or_init`](Self::get_or_init).
    pub fn get_or_init_timeout(&self, timeout: Duration, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_init_deadline(Deadline::after(timeout), init)
    }

    /// Returns the value, or sets it to that of `init`. Blocks until `deadline` at most, and for as long as `init` takes.
    ///
    /// # Errors
    ///
    /// As [`get_or_init_timeout`](Self::get_or_init_timeout).
    pub fn get_or_init_deadline(&self, deadline: Deadline, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_try_init_deadline(deadline, || Ok(init()))
    }

    /// Returns the value. If it is unset, computes it by `init`, which may fail.
    ///
    /// ```
    /// use sysv_primitives::{Error, OnceLock};
    ///
    /// # let name = format!("get-or-try-init-example-{}", std::process::id());
    /// let answer = OnceLock::<i32>::create(&name)?;
    /// let parse = |text: &'static str| move || text.parse().map_err(|_| std::io::Error::other(text));
    /// assert!(answer.get_or_try_init(parse("four")).is_err());
    /// assert_eq!(answer.get_or_try_init(parse("4")).unwrap(), &4);
    /// answer.remove()?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The error of `init`: the value stays unset, and the next caller begins anew. An error of
    /// [`get_or_init`](Self::get_or_init), as `E` has it.
    pub fn get_or_try_init<E: From<OnceError>>(&self, init: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        self.get_or_try_init_deadline(Deadline::NEVER, init)
    }

    /// Does the same. Blocks for at most `timeout`, and for as long as `init` takes.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init), and [`OnceError::TimedOut`] if the timeout elapses.
    pub fn get_or_try_init_timeout<E: From<OnceError>>(
        &self,
        timeout: Duration,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        self.get_or_try_init_deadline(Deadline::after(timeout), init)
    }

    /// Does the same. Blocks until `deadline` at most, and for as long as `init` takes.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init_timeout`](Self::get_or_try_init_timeout). [`OnceError::WouldBlock`] for [`Deadline::NOW`].
    pub fn get_or_try_init_deadline<E: From<OnceError>>(
        &self,
        deadline: Deadline,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.begin(deadline)? {
            // If `init` fails or panics, the drop of the initialiser cancels.
            Some(initialiser) => Ok(initialiser.set(init()?)?),
            None => Ok(self.value()),
        }
    }

    /// Begins to initialise. Returns `None` if the value is set.
    fn begin(&self, deadline: Deadline) -> Result<Option<Initialiser<'_, T>>, OnceError> {
        let (session, found) = self.find(Wish::Initialise, deadline)?;
        Ok(self.found(session, found))
    }

    /// Returns the right to initialise, if that was found.
    fn found(&self, session: Session, found: Found) -> Option<Initialiser<'_, T>> {
        if found == Found::Set {
            // The process that set it may be stopped, or had its posts refused (OL5).
            self.state.call_waiters(&self.members);
        }
        (found == Found::Mine).then(|| Initialiser { once: self, session, is_done: false })
    }

    fn find(&self, wish: Wish, deadline: Deadline) -> Result<(Session, Found), OnceError> {
        let me = self.members.session(&self.state)?;
        let party = Party { members: &self.members, repair: &self.state, me };
        let found = match self.state.find_now(party, wish)? {
            Some(found) => found,
            None if deadline == Deadline::NOW => return Err(OnceError::WouldBlock),
            None => self.state.wait_for(party, wish, deadline)?.ok_or(OnceError::TimedOut)?,
        };
        Ok((me, found))
    }

    /// Returns the value. Blocks until a process has set it.
    ///
    /// # Errors
    ///
    /// [`OnceError::Failed`] if it would have to wait, and the object was removed.
    pub fn wait(&self) -> Result<&T, OnceError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Returns the value. Blocks for at most `timeout` until it is set.
    ///
    /// # Errors
    ///
    /// [`OnceError::TimedOut`] if the timeout elapses. Otherwise as [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<&T, OnceError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Returns the value. Blocks until it is set, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout). [`OnceError::WouldBlock`] for [`Deadline::NOW`].
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<&T, OnceError> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let (session, found) = self.find(Wish::See, deadline)?;
        // It finds the value, and no right to initialise.
        self.found(session, found);
        Ok(self.value())
    }

    /// Returns the member that initialises the value, as of a moment ago.
    ///
    /// It shows the state before repair: an initialiser that died is returned until a call needs the value.
    #[must_use]
    pub fn initialiser(&self) -> Option<Member> {
        let slot = self.members.slot_of(self.state.initialiser()).ok()?;
        Some(self.members.member(slot))
    }
}

impl<T: Pod> Drop for OnceLock<T> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.state.room.dismiss_clerk(&self.members);
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl<T: Pod> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceLock")
            .field("name", &self.object.description().name)
            .field("is_set", &self.state.is_set())
            .field("initialiser", &self.initialiser())
            .finish_non_exhaustive()
    }
}
