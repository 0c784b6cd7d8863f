//! Getting into an object: one step after another, until one of them ends in a live object or an error.

use super::{Blueprint, Entrance, Object, Outcome, Want, error::Result};
use crate::{
    OpenError,
    members::Registration,
    raw::{self, SemaphoreOptions, process},
};

impl Object {
    /// Opens or creates, and registers.
    ///
    /// `build` makes the primitive of the live object, and with it registers.
    pub(crate) fn enter<T>(
        blueprint: &Blueprint<'_>,
        want: Want,
        build: &dyn Fn(Self) -> Result<(T, Registration), OpenError>,
    ) -> Result<T, OpenError> {
        process::watch_forks();
        let entrance = Entrance::new(blueprint);
        loop {
            let object = match entrance.enter_once(want).map_err(|error| error.on(&entrance.object))? {
                Outcome::Done(object) => object,
                Outcome::StartAgain => continue,
            };
            match build(object) {
                Ok((primitive, Registration::Done)) => return Ok(primitive),
                Ok((_, Registration::StartAgain)) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Entrance<'_> {
    fn enter_once(&self, want: Want) -> Result<Outcome<Object>> {
        if want != Want::Open {
            match self.make_set() {
                Ok(set) => return self.construct(set),
                Err(raw::Error::AlreadyExists { .. }) => {}
                Err(error) => {
                    return Err(self.not_created(raw::ObjectKind::Semaphores, self.layout.semaphores().into(), error));
                }
            }
        }
        let set = match SemaphoreOptions::new().open_set(self.key, 0) {
            Ok(set) => set,
            Err(raw::Error::NotFound { .. }) if want == Want::OpenOrCreate || want == Want::Create => {
                return Ok(Outcome::StartAgain);
            }
            Err(raw::Error::NotFound { .. }) => {
                return Err(self.no_such_name());
            }
            Err(error) => return Err(error.into()),
        };
        match self.wait_until_settled(&set)? {
            Outcome::StartAgain => Ok(Outcome::StartAgain),
            Outcome::Done(1) if want == Want::Create => {
                Err(OpenError::NameTaken { object: self.object.clone() }.into())
            }
            Outcome::Done(1) => self.join(set),
            Outcome::Done(state) => self.finish(&set, state),
        }
    }
}
