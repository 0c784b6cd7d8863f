//! How named objects are made and opened.

use std::{fmt, marker::PhantomData, time::Duration};

use crate::raw::Mode;

/// The options of one kind of object: how it is created, how long an opener waits, and which users it trusts.
///
/// Each kind has a function `options` that returns them, and methods `create`, `open` and `open_or_create` on them. An
/// option that a kind lacks does not compile.
///
/// ```
/// use sysv_primitives::Mutex;
///
/// # let name = format!("options-example-{}", std::process::id());
/// let total = Mutex::options().mode(0o660).remove_on_drop(true).open_or_create(&name, 0_u64)?;
/// *total.lock()? += 1;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
///
/// A pool has no messages:
///
/// ```compile_fail,E0599
/// let _ = sysv_primitives::Pool::options().max_message_size(100);
/// ```
///
/// and no type:
///
/// ```compile_fail,E0599
/// let _ = sysv_primitives::Pool::options().type_name("u64");
/// ```
pub struct Options<K> {
    pub(crate) settings: Settings,
    kind: PhantomData<fn() -> K>,
}

/// The values of the options of all kinds.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) max_handles: Option<u32>,
    pub(crate) schema: u64,
    pub(crate) type_name: Option<String>,
    pub(crate) exact: bool,
    pub(crate) open_timeout: Duration,
    pub(crate) trusted: Vec<u32>,
    pub(crate) remove_on_drop: bool,
    /// Whether a signal ends the waits of this handle.
    pub(crate) interruptible: bool,
    pub(crate) light_fences: bool,
    pub(crate) fair: bool,
    /// Whether the producer of a broadcast ring overwrites what subscribers have not popped.
    pub(crate) lagging: bool,
    pub(crate) max_message_size: usize,
    /// How many messages a channel has room for.
    pub(crate) messages: u32,
    /// How many routes of a channel have a lane of their own.
    pub(crate) max_routes: u32,
    /// After how many attempts a message of a channel is set aside.
    pub(crate) attempts: u8,
    /// Of a channel on a server.
    pub(crate) lease: Duration,
    /// The permits that a pool has room for.
    pub(crate) capacity: u32,
    /// The permits that a rate limiter gives out at once; 0 for those of its whole time.
    pub(crate) burst: u32,
}

impl Settings {
    pub(crate) const fn new() -> Self {
        Self {
            mode: Mode::PRIVATE,
            max_handles: None,
            schema: 0,
            type_name: None,
            exact: false,
            open_timeout: Duration::from_secs(2),
            trusted: Vec::new(),
            remove_on_drop: false,
            interruptible: false,
            light_fences: true,
            fair: false,
            lagging: false,
            max_message_size: 1 << 20,
            messages: 1024,
            max_routes: 32,
            attempts: 0,
            lease: Duration::from_secs(10),
            capacity: 0,
            burst: 0,
        }
    }
}

/// Which options a kind has besides those of all kinds. Each kind implements these traits in its own module.
pub(crate) mod kinds {
    /// Objects that hold values of a type.
    pub trait HasType {}
    /// Objects that have frequent operations which may leave fences to the rare ones: rings and rwlocks.
    pub trait HasFences {}
}

/// The most handles one object may have at once: each takes up to four semaphores of its set, and `SEMMSL` is 32,000 on Linux
/// by default.
pub(crate) const MOST_HANDLES: u32 = 7_900;
/// The most handles of a channel, each of which takes six semaphores.
pub(crate) const MOST_IN_CHANNEL: u32 = 5_300;
/// The most permits that a pool may have.
pub(crate) const MOST_PERMITS: u32 = 1 << 24;

impl<K> Default for Options<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for Options<K> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Options<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, f)
    }
}

/// The options of every kind of object.
impl<K> Options<K> {
    /// Returns the defaults: mode 0600, 64 handles, 2 seconds to open, schema 0, and trust in the caller's user and root only.
    #[must_use]
    pub const fn new() -> Self {
        Self { settings: Settings::new(), kind: PhantomData }
    }

    /// Sets the permissions of a new object. Its users need read and write permission.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = Mode::new(mode);
        self
    }

    /// Sets how many handles a new object may have at once, in all processes together: 1 to 7,900, 5,300 in a
    /// [`Channel`](crate::Channel).
    ///
    /// By default 64, or as many as one semaphore set of this system has room for (`SEMMSL`), if that is fewer. A
    /// number outside the range becomes the nearest one inside. If `SEMMSL` is too small for a number that is asked for,
    /// creating fails, and the error says the largest number that fits.
    ///
    /// | kind | semaphores for each handle | bytes for each handle |
    /// | --- | --- | --- |
    /// | mutex, pool, `spsc` and `mpmc` ring, watch | 4 | some 80 |
    /// | rwlock, `broadcast` ring | 4 | some 200 |
    /// | once lock, barrier | 3 | some 50 |
    /// | rate limiter | 2 | 16 |
    /// | channel | 6 | some 500 |
    #[must_use]
    pub fn max_handles(mut self, number: u32) -> Self {
        self.settings.max_handles = Some(number.clamp(1, MOST_HANDLES));
        self
    }

    /// Sets a number for the meaning of the values, by default 0. An object that was made with another number is refused.
    #[must_use]
    pub fn schema(mut self, schema: u64) -> Self {
        self.settings.schema = schema;
        self
    }

    /// Sets whether an existing object must be as these options would make it. By default it is opened as it is.
    ///
    /// Otherwise opening fails with [`OpenError::OtherOptions`](crate::OpenError::OtherOptions), which says what differs. It
    /// compares [`mode`](Self::mode) and [`max_handles`](Self::max_handles) of every kind, and also `fair` of a mutex, `lagging` of
    /// a broadcast ring, [`light_fences`](Self::light_fences) of a ring or an rwlock and
    /// [`max_message_size`](Self::max_message_size) of a channel. If the method takes a capacity or a number of permits, these are
    /// compared as well: the capacity as it is rounded, and
    /// the permits as they are now, perhaps after a [`resize`](crate::Pool::resize).
    ///
    /// ```
    /// use sysv_primitives::{OpenError, Pool};
    ///
    /// # let name = format!("exact-example-{}", std::process::id());
    /// let options = Pool::options().exact(true);
    /// let gpus = options.open_or_create(&name, 4)?;
    /// let refused = options.open_or_create(&name, 8).unwrap_err();
    /// assert!(matches!(refused, OpenError::OtherOptions { option: "permits", found: 4, wanted: 8, .. }));
    /// gpus.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.settings.exact = exact;
        self
    }

    /// Sets how long opening waits for a creator that lives and has not finished. It does not wait for a dead creator.
    ///
    /// It decides how soon a half-made object is repaired, and never whether an object is correct: a creator that was
    /// only slow notices and starts again.
    #[must_use]
    pub fn open_timeout(mut self, timeout: Duration) -> Self {
        self.settings.open_timeout = timeout;
        self
    }

    /// Trusts objects of this user, besides the caller's own and root's.
    ///
    /// Any user may create an object of a name first, and the owner of an object can change its contents.
    #[must_use]
    pub fn trust(mut self, uid: u32) -> Self {
        self.settings.trusted.push(uid);
        self
    }

    /// Sets whether a wait on this handle ends when the calling thread has run a signal handler. By default the wait continues.
    ///
    /// The wait then fails with [`Failure::System`](crate::Failure::System), for which
    /// [`is_interrupted`](crate::Failure::is_interrupted) returns `true`. Nothing is lost. The wait has taken nothing, the event
    /// that it was woken for goes to the next waiter, and an item that it would have pushed is returned as after a timeout.
    ///
    /// So check what your handlers have set, and wait again. A wait also ends when the process was stopped and is continued,
    /// although no handler ran. If several threads wait with one handle, one of them sleeps in the kernel for all, and only that
    /// one can
    /// be interrupted: give each thread a handle of its own. A wait that ends at once, opening an object, and futures
    /// are not interrupted. This is an option of the handle, and not of the object.
    ///
    /// ```
    /// use sysv_primitives::{Failure, LockError, Mutex};
    ///
    /// # let name = format!("interruptible-example-{}", std::process::id());
    /// let mutex = Mutex::options().interruptible(true).create(&name, 0_u32)?;
    /// let guard = loop {
    ///     match mutex.lock() {
    ///         Err(LockError::Failed(failure)) if failure.is_interrupted() => println!("a handler ran"),
    ///         locked => break locked?,
    ///     }
    /// };
    /// drop(guard);
    /// mutex.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.settings.interruptible = interruptible;
        self
    }

    /// Removes the object when this handle is dropped, as [`remove`](crate::Mutex::remove) does.
    #[must_use]
    pub fn remove_on_drop(mut self, remove: bool) -> Self {
        self.settings.remove_on_drop = remove;
        self
    }
}

/// The options of objects with values of a type: mutexes, rwlocks, once locks, watches and rings.
impl<K: kinds::HasType> Options<K> {
    /// Sets the name of the type of the values. An object that was made with another name is refused.
    ///
    /// By default it is what [`std::any::type_name`] says, without the paths of modules and crates in it: `Account` for
    /// `prog_a::bank::Account`, `[Wrapping<u32>; 4]` for an array. So two programs that each declare the struct agree.
    /// Rust doesn't promise the text of `type_name`. So set the name if the programs are built with different
    /// compilers.
    ///
    /// If you set it, set it in every program. Then two types with different names count as the same type, or two types with the
    /// same name as different ones. The name counts for a [`Mutex`](crate::Mutex), an [`RwLock`](crate::RwLock), a
    /// [`OnceLock`](crate::OnceLock),
    /// a [`Watch`](crate::Watch) and all rings. Other objects have no type.
    ///
    /// ```
    /// use sysv_primitives::{Mutex, OpenError, Options};
    ///
    /// # let name = format!("type-name-example-{}", std::process::id());
    /// let balance = Mutex::create(&name, 0_u64)?;
    /// assert!(matches!(Mutex::<f64>::open(&name), Err(OpenError::WrongType { .. })));
    /// let as_signed = Mutex::<i64>::options().type_name("u64").open(&name)?;
    /// assert_eq!(*as_signed.lock()?, 0);
    /// balance.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn type_name(mut self, name: &str) -> Self {
        self.settings.type_name = Some(name.to_owned());
        self
    }
}

/// The options of rings and rwlocks.
impl<K: kinds::HasFences> Options<K> {
    /// Sets whether the processes of a new object leave memory fences to the process that goes to sleep or writes. On by default.
    ///
    /// On Linux and x86 this makes a push, a pop and reading several times faster, and going to sleep or writing some microseconds
    /// slower. It needs the system call `membarrier`. Use `false` if a process that will use the object runs
    /// in a sandbox without it. Such a process would have to wake up a hundred times a second while it waits at a ring, since
    /// a wake-up could be lost. It could not write to an [`RwLock`](crate::RwLock), since it could not know that no process reads:
    /// that fails with [`Failure::System`](crate::Failure::System).
    ///
    /// On other systems, and if the creator has no `membarrier`, every process fences for itself, whatever is set here.
    #[must_use]
    pub fn light_fences(mut self, light: bool) -> Self {
        self.settings.light_fences = light;
        self
    }
}
