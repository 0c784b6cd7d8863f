//! What all forms of opening have in common: create or open, and know which of the two happened.

use libc::c_int;

use nix::errno::Errno;

use crate::{Error, Key, ObjectId, ObjectKind, Result, sys};

/// Whether to create, and whether only to create.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disposition {
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
}

impl Disposition {
    pub(crate) const EXCLUSIVE: Self = Self { create: true, exclusive: true };

    pub(crate) fn check(self) -> Result<()> {
        if self.exclusive && !self.create {
            return Err(Error::ExclusiveWithoutCreate);
        }
        Ok(())
    }
}

/// The access to ask for when opening, which has nothing to do with the mode to create with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requested {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Requested {
    pub(crate) const NONE: Self = Self { read: false, write: false };

    pub(crate) fn flags(self) -> c_int {
        let read = if self.read { 0o400 } else { 0 };
        let write = if self.write { 0o200 } else { 0 };
        read | write
    }
}

/// The setters that all three options have.
macro_rules! open_options_methods {
    () => {
        /// Sets whether to create the object if there is none.
        pub const fn create(&mut self, create: bool) -> &mut Self {
            self.disposition.create = create;
            self
        }

        /// Sets whether to fail if the object exists already. Requires `create`.
        pub const fn exclusive(&mut self, exclusive: bool) -> &mut Self {
            self.disposition.exclusive = exclusive;
            self
        }

        /// Sets the permissions of a new object, 0600 by default. All but the lowest nine bits are ignored.
        pub const fn mode(&mut self, mode: u32) -> &mut Self {
            self.mode = $crate::Mode::new(mode);
            self
        }

        /// Sets whether opening fails unless the caller may read.
        ///
        /// By default opening asks for no access, and the first operation that needs it fails.
        pub const fn read(&mut self, read: bool) -> &mut Self {
            self.access.read = read;
            self
        }

        /// Sets whether opening fails unless the caller may write.
        pub const fn write(&mut self, write: bool) -> &mut Self {
            self.access.write = write;
            self
        }
    };
}
pub(crate) use open_options_methods;

/// How often an object may vanish and come back between two calls before that is an error.
const RACES: usize = 64;

/// Opens or creates. Returns the id, and whether this call created the object.
///
/// Only a successful `IPC_EXCL` proves a creation, so `IPC_CREAT` is never used without it.
pub(crate) fn open_or_create(
    disposition: Disposition,
    key: Key,
    open: impl Fn(c_int) -> Result<c_int>,
    create: impl Fn(c_int) -> Result<c_int>,
) -> Result<(c_int, bool)> {
    let create_new = || create(sys::IPC_CREAT | sys::IPC_EXCL).map(|id| (id, true));
    if key.is_private() || disposition.exclusive {
        return create_new();
    }
    if !disposition.create {
        return open(0).map(|id| (id, false));
    }
    for _ in 1..RACES {
        match open(0) {
            Err(Error::NotFound { .. }) => {}
            opened => return opened.map(|id| (id, false)),
        }
        match create_new() {
            Err(Error::AlreadyExists { .. }) => {}
            created => return created,
        }
    }
    create_new()
}

/// How many random keys are tried. Of two thousand million keys a system can use a few ten
/// thousand at once, so even the second try is rare.
const KEYS: u32 = 128;

/// Creates under random keys until one is free.
pub(crate) fn with_random_key<T>(kind: ObjectKind, create: impl Fn(Key) -> Result<T>) -> Result<T> {
    for _ in 0..KEYS {
        let key = Key::random().map_err(|error| Error::System {
            call: "getrandom",
            object: ObjectId { kind, key: None, id: None },
            errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
        })?;
        match create(key) {
            Err(Error::AlreadyExists { .. }) => {}
            other => return other,
        }
    }
    Err(Error::NoFreeKey { kind, tries: KEYS })
}
