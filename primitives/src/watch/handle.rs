//! The handle of a watch.

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable};

use super::{
    WatchError, WatchWriter, Watcher,
    shared::{KIND, Shared},
};
use crate::{Failure, Member, OpenError, Options, Status, object, raw::Deadline};

/// A named value that processes set, read and wait for.
///
/// It keeps the latest value alone, and numbers it: each setting makes a new version. A reader takes no lock and writes nothing, so
/// any number of them read at once, and none gets half of a value.
///
/// The value lies in shared memory, so it is plain data without pointers: a [`Pod`], or another type that bytemuck knows to check,
/// such as `bool`, `char`, or an enum that derives [`CheckedBitPattern`] and [`NoUninit`]. There are four buffers for it.
///
/// - A `Watch<bool>` is an event, and a flag for shutting down: `stop.set(true)`, `stop.wait_for(|stop| *stop)`, `stop.get()`.
/// - A `Watch<Config>` is a configuration: [`Watcher::changed`] waits for the next one.
/// - A `Watch<u64>` is a progress counter, or a latch: `done.update(|done| *done += 1)`, `done.wait_for(|done| *done == 8)`.
///
/// **When a process dies** while it sets the value, at whatever instruction, the value is the one before or the new one, whole,
/// and the next process can set it at once. Nothing is poisoned. Waiters for a value that it had published wake. A process that dies
/// while it reads or waits leaves nothing. When the last [writer](Self::writer) is dropped or dies, a [`Watcher`] is notified if it
/// [detects that](Watcher::detect_disconnect). The value stays.
///
/// **While a process that sets the value is stopped**, other setters wait. No reader waits. If it has published the value
/// and has not woken the waiters yet, they sleep until it goes on, or another process sets the value or comes to wait.
///
/// Each handle takes one of the object's slots, however many clones, watchers and threads share it. A child made by `fork` may go on
/// using all of them.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a setter lacks these rights and
/// can't notify the waiters, the next call on its handle fails, and the next process that sets or waits notifies them.
///
/// ```
/// use sysv_primitives::Watch;
///
/// # let name = format!("watch-example-{}", std::process::id());
/// // In any process, with the same name:
/// let stop = Watch::open_or_create(&name, false)?;
/// let worker = std::thread::spawn({
///     let stop = stop.clone();
///     move || stop.wait_for(|stop| *stop)
/// });
/// assert!(!stop.get()?);
/// stop.set(true)?;
/// assert!(worker.join().unwrap()?);
/// stop.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Watch<T> {
    pub(super) shared: Arc<Shared<T>>,
}

impl<T: CheckedBitPattern + NoUninit> Watch<T> {
    /// Returns the options to create or open a watch with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a watch with a first value, which is version 0.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().create(name, value)
    }

    /// Creates a watch. `write` fills in the first value, which is all zeroes before.
    ///
    /// The value is never on the stack, so it may be of any size.
    ///
    /// ```
    /// use sysv_primitives::Watch;
    ///
    /// # let name = format!("watch-with-example-{}", std::process::id());
    /// let table = Watch::create_with(&name, |table: &mut [u32; 1 << 20]| table.fill(7))?;
    /// table.update(|table| table[99] = 8)?;
    /// let mut copy: Box<[u32; 1 << 20]> = vec![0; 1 << 20].try_into().unwrap();
    /// table.get_into(&mut copy)?;
    /// assert_eq!(copy[98..100], [7, 8]);
    /// table.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(name: &str, write: impl FnMut(&mut T)) -> Result<Self, OpenError>
    where
        T: Zeroable,
    {
        Self::options().create_with(name, write)
    }

    /// Creates a watch with a first value of all zeroes, and never on the stack.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_zeroed(name: &str) -> Result<Self, OpenError>
    where
        T: Zeroable,
    {
        Self::options().create_zeroed(name)
    }

    /// Opens a watch that exists.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`](crate::Mutex::open).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a watch, or creates it with a first value.
    ///
    /// It outlives its processes, until it is removed or the system restarts. So one that exists keeps its value, perhaps that of an
    /// earlier run.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create).
    pub fn open_or_create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().open_or_create(name, value)
    }

    /// Removes a watch by its name. A process that has it open gets an error when it would have to wait.
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    /// Returns the latest value. It waits for no process that is stopped or dead, and makes no system call.
    ///
    /// If processes set the value faster than a reader can copy it, the reader takes a turn among the setters.
    ///
    /// # Errors
    ///
    /// [`WatchError::Failed`] if the memory is corrupt.
    #[inline]
    pub fn get(&self) -> Result<T, WatchError> {
        // Not by `read`: a result is another one then, and the value would be moved from one to the other.
        match self.shared.try_read() {
            Some((value, _)) => Ok(value),
            None => self.get_slowly(),
        }
    }

    #[cold]
    fn get_slowly(&self) -> Result<T, WatchError> {
        let (value, _) = self.shared.read_slowly()?;
        Ok(value)
    }

    /// Sets the value: publishes a new version, and wakes the waiters. Blocks while another process or thread sets it.
    ///
    /// # Errors
    ///
    /// [`WatchError::Failed`] if it would have to wait, and the watch was removed.
    pub fn set(&self, value: T) -> Result<(), WatchError> {
        self.set_deadline(value, Deadline::NEVER)
    }

    /// Sets the value, unless another process or thread is setting it.
    ///
    /// # Errors
    ///
    /// [`WatchError::WouldBlock`] if one is. Otherwise as [`set`](Self::set).
    pub fn try_set(&self, value: T) -> Result<(), WatchError> {
        self.set_deadline(value, Deadline::NOW)
    }

    /// Sets the value. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`WatchError::TimedOut`] if the timeout elapses. Otherwise as [`set`](Self::set).
    pub fn set_timeout(&self, value: T, timeout: Duration) -> Result<(), WatchError> {
        self.set_deadline(value, Deadline::after(timeout))
    }

    /// Sets the value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`set_timeout`](Self::set_timeout). [`WatchError::WouldBlock`] for [`Deadline::NOW`].
    pub fn set_deadline(&self, value: T, deadline: Deadline) -> Result<(), WatchError> {
        self.shared.set(deadline, &value)
    }

    /// Changes the value by a closure, and returns what that returns. No other process or thread sets it meanwhile.
    ///
    /// The closure gets a copy, which is published when it returns. Until then others read the value before. If the closure
    /// panics, or its process dies, nothing is changed. The closure must not set the same watch by another call, which would wait
    /// forever.
    ///
    /// ```
    /// use sysv_primitives::Watch;
    ///
    /// # let name = format!("watch-update-example-{}", std::process::id());
    /// let done = Watch::create(&name, 0_u64)?;
    /// let so_far = done.update(|done| {
    ///     *done += 1;
    ///     *done
    /// })?;
    /// assert_eq!((so_far, done.get()?, done.version()), (1, 1, 1));
    /// done.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), and [`WatchError::Failed`] if the memory is corrupt.
    pub fn update<R>(&self, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.update_deadline(Deadline::NEVER, update)
    }

    /// Changes the value by a closure, unless another process or thread is just setting it.
    ///
    /// # Errors
    ///
    /// [`WatchError::WouldBlock`] if one is. Otherwise as [`update`](Self::update).
    pub fn try_update<R>(&self, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.update_deadline(Deadline::NOW, update)
    }

    /// Changes the value by a closure. Blocks for at most `timeout`, and for as long as the closure takes.
    ///
    /// # Errors
    ///
    /// [`WatchError::TimedOut`] if the timeout elapses. Otherwise as [`update`](Self::update).
    pub fn update_timeout<R>(&self, timeout: Duration, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.update_deadline(Deadline::after(timeout), update)
    }

    /// Changes the value by a closure. Blocks until `deadline` at most, and for as long as the closure takes.
    ///
    /// # Errors
    ///
    /// As [`update_timeout`](Self::update_timeout). [`WatchError::WouldBlock`] for [`Deadline::NOW`].
    pub fn update_deadline<R>(&self, deadline: Deadline, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.shared.update(deadline, update)
    }

    /// Blocks until the value fulfils a condition, and returns it.
    ///
    /// The condition is checked for the current value, and then for later ones. Values that are set in quick succession may be
    /// skipped. A [`Watcher`] has the same method, and can also detect that the last writer is disconnected.
    ///
    /// # Errors
    ///
    /// [`WatchError::Failed`] if it would have to wait, and the watch was removed, or if the memory is corrupt.
    pub fn wait_for(&self, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        self.wait_for_deadline(Deadline::NEVER, is_met)
    }

    /// Blocks for at most `timeout` until the value fulfils a condition.
    ///
    /// # Errors
    ///
    /// [`WatchError::TimedOut`] if the timeout elapses. Otherwise as [`wait_for`](Self::wait_for).
    pub fn wait_for_timeout(&self, timeout: Duration, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        self.wait_for_deadline(Deadline::after(timeout), is_met)
    }

    /// Blocks until the value fulfils a condition, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_for_timeout`](Self::wait_for_timeout). [`WatchError::WouldBlock`] for [`Deadline::NOW`].
    pub fn wait_for_deadline(&self, deadline: Deadline, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        let (value, _) = self.shared.wait_for(false, deadline, is_met)?;
        Ok(value)
    }

    /// Returns a watcher, which remembers what it has seen. It has seen the value that is there now.
    #[must_use]
    pub fn watcher(&self) -> Watcher<T> {
        Watcher::new(&self.shared)
    }

    /// Marks this process as a writer, until the mark is dropped or the process dies. Setting the value needs no mark.
    ///
    /// # Errors
    ///
    /// In a child made by `fork`, as [`open`](Self::open). Elsewhere none.
    pub fn writer(&self) -> Result<WatchWriter<T>, Failure> {
        WatchWriter::new(&self.shared)
    }

    /// Returns the members that are marked as writers, as of a moment ago.
    ///
    /// It shows the state before repair: a writer that died is listed until a process waits for the value.
    #[must_use]
    pub fn writers(&self) -> Vec<Member> {
        let Shared { members, state, .. } = &*self.shared;
        state.writer_slots().map(|slot| members.member(slot)).collect()
    }

    /// Returns the number of the latest version. It says how often the value was set, modulo 2^64.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.state.version()
    }

    /// Returns the member that is setting the value, as of a moment ago.
    ///
    /// It shows the state before repair: a setter that died is returned until another process sets the value.
    #[must_use]
    pub fn setter(&self) -> Option<Member> {
        let Shared { members, state, .. } = &*self.shared;
        let slot = members.slot_of(state.lock.holder()).ok()?;
        Some(members.member(slot))
    }

    /// Returns the members that have it open.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.shared.members.list()
    }

    /// Returns what it is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.shared.object.status()
    }

    /// Removes it, as `unlink` does a file. See [`Mutex::remove`](crate::Mutex::remove). A process that has it open can still read
    /// and set the value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<(), Failure> {
        self.shared.object.remove()
    }
}

impl<T: Pod> Watch<T> {
    /// Copies the latest value into `value`, and returns its version.
    ///
    /// Use it for a value that is too large for the stack, or to save a copy of a large value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). After an error, `value` has unspecified contents.
    #[inline]
    pub fn get_into(&self, value: &mut T) -> Result<u64, WatchError> {
        Ok(self.shared.read_into(value)?)
    }
}

impl<T> Clone for Watch<T> {
    /// Returns another handle of the same slot.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("name", &self.shared.object.description().name)
            .field("version", &self.shared.state.version())
            .finish_non_exhaustive()
    }
}
