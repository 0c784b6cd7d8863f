//! Entering an object: one step after another, until a step ends in a live object or an error.

use super::{
    Blueprint, Disposition, Object, Outcome,
    entrance::Entrance,
    error::{EntryError, Result},
};
use crate::{
    ObjectName, OpenError,
    members::Registration,
    raw::{self, SemaphoreOptions, process},
    set_layout::CONDEMNED,
};

/// Makes the parts of a primitive of a live object, and registers with it.
type Build<'a, T> = &'a dyn Fn(&Object) -> Result<(T, Registration), OpenError>;

impl Object {
    /// Opens or creates, and registers. Returns the object, and the parts of the primitive that `build` makes.
    pub(crate) fn enter<T>(
        blueprint: &Blueprint<'_>,
        disposition: Disposition,
        build: Build<'_, T>,
    ) -> Result<(Self, T), OpenError> {
        // Before anything is registered: a child made by `fork` later must not pass for this process.
        process::watch_forks();
        let mode = blueprint.options.mode;
        // An owner without these rights could neither register nor repair, and the object would be stuck.
        if disposition != Disposition::Open && mode.bits() & 0o600 != 0o600 {
            let object = ObjectName::new(blueprint.kind.name, blueprint.name.as_str());
            return Err(OpenError::BadMode { object, mode: mode.bits() });
        }
        let entrance = Entrance::new(blueprint);
        loop {
            let object = match entrance.enter_once(disposition) {
                Ok(Outcome::Done(object)) => object,
                // Each round was caused by another process that got on, so they end.
                Ok(Outcome::StartAgain) => continue,
                // A part of it was removed between two steps of this process (OB6).
                Err(EntryError::Raw(error)) if error.is_gone() => continue,
                Err(error) => return Err(error.on(&entrance.object)),
            };
            match build(&object) {
                Ok((parts, Registration::Done)) => return Ok((object, parts)),
                // It was removed between the opening and the registration. The name may have a new object by now.
                Ok((_, Registration::StartAgain)) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    // OB8: a creation that fails leaves nothing.
                    object.abandon();
                    return Err(error);
                }
            }
        }
    }
}

impl Entrance<'_> {
    fn enter_once(&self, disposition: Disposition) -> Result<Outcome<Object>> {
        if disposition != Disposition::Open {
            // Creating comes first: only an exclusive creation proves that there was none.
            match self.make_set() {
                Ok(set) => return self.construct(set),
                Err(raw::Error::AlreadyExists { .. }) => {}
                Err(error) => {
                    return Err(self.not_created(raw::ObjectKind::Semaphores, self.layout.semaphores().into(), error));
                }
            }
        }
        // Of any size: how many semaphores it has is checked when the object is known to be ours.
        let set = match SemaphoreOptions::new().open_set(self.key, 0) {
            Ok(set) => set,
            // It was removed since the attempt to create it.
            Err(raw::Error::NotFound { .. })
                if disposition == Disposition::OpenOrCreate || disposition == Disposition::Create =>
            {
                return Ok(Outcome::StartAgain);
            }
            Err(raw::Error::NotFound { .. }) => {
                return Err(self.no_such_name());
            }
            Err(error) => return Err(error.into()),
        };
        match self.wait_until_settled(&set)? {
            Outcome::StartAgain => Ok(Outcome::StartAgain),
            Outcome::Done(state) if state != CONDEMNED && disposition == Disposition::Create => {
                Err(OpenError::NameTaken { object: self.object.clone() }.into())
            }
            // OB8: a condemned set is finished by the next process that comes, and the entrance starts again.
            Outcome::Done(CONDEMNED) => self.finish(&set, CONDEMNED),
            Outcome::Done(state) => self.join(set, state),
        }
    }
}
