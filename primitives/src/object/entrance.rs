//! What each step of an entrance knows and needs: the names, the checks that change nothing, and the errors.

use std::sync::Arc;

use super::{
    Blueprint,
    error::{EntryError, Result},
    most_in_a_set, rights,
};
use crate::{
    Failure, ObjectName, OpenError,
    layout::{Description, Header, Mapped, VERSION},
    raw::{self, Amount, Deadline, Key, Permissions, SemaphoreSet, SharedMemory, SharedMemoryOptions, process},
    set_layout::SetLayout,
};

/// One attempt after another to get into an object.
pub(super) struct Entrance<'a> {
    pub(super) blueprint: &'a Blueprint<'a>,
    pub(super) object: ObjectName,
    pub(super) key: Key,
    /// What the header of a new object says.
    pub(super) description: Description,
    /// How a new set is laid out.
    pub(super) layout: SetLayout,
    pub(super) open_deadline: Deadline,
    /// The user of this process. Its own objects are trusted.
    pub(super) uid: u32,
}

impl<'a> Entrance<'a> {
    /// Returns the error of a part that could not be made.
    pub(super) fn not_created(&self, part: raw::ObjectKind, size: usize, error: raw::Error) -> EntryError {
        match error {
            // The object in the way may belong to another user.
            raw::Error::PermissionDenied { .. } => error.into(),
            error => {
                let (object, most_handles) = (self.object.clone(), most_in_a_set(self.blueprint.kind.bells));
                OpenError::NotCreated { object, part, size, most_handles, error: error.into() }.into()
            }
        }
    }

    pub(super) fn no_such_name(&self) -> EntryError {
        OpenError::NoSuchName { object: self.object.clone() }.into()
    }

    pub(super) fn new(blueprint: &'a Blueprint<'a>) -> Self {
        let Blueprint { kind, name, options, max_handles, .. } = blueprint;
        let key = name.key(kind.name);
        let open_deadline = Deadline::after(options.open_timeout);
        let object = ObjectName::new(kind.name, name.as_str());
        // Once for all attempts: only what is published counts, and a failed attempt publishes nothing.
        let layout = SetLayout::new(kind.bells, *max_handles);
        let description = blueprint.describe(layout);
        Self { blueprint, object, key, description, layout, open_deadline, uid: process::effective_uid() }
    }

    pub(super) fn foreign_set(&self, set: &SemaphoreSet) -> EntryError {
        self.foreign(raw::ObjectKind::Semaphores, set.id())
    }

    /// Returns the error of a key that another program uses.
    pub(super) fn foreign(&self, part: raw::ObjectKind, id: i32) -> EntryError {
        OpenError::Foreign { object: self.object.clone(), key: self.key, part, id }.into()
    }

    pub(super) fn damaged(&self, part: &'static str, id: i32) -> EntryError {
        Failure::Damaged { object: self.object.clone(), part, id }.into()
    }

    pub(super) fn check_trust(&self, permissions: &Permissions, id: i32) -> Result<()> {
        let trusted = |uid: u32| {
            // Owners that have no id in this user namespace all read as one number, which identifies none of them.
            process::is_one_user(uid) && (uid == 0 || uid == self.uid || self.blueprint.options.trusted.contains(&uid))
        };
        // Both may change and remove the object.
        for uid in [permissions.uid, permissions.cuid] {
            if !trusted(uid) {
                return Err(OpenError::Untrusted { object: self.object.clone(), id, uid }.into());
            }
        }
        Ok(())
    }

    /// Returns the identity that a header has. Fails if no object can have it.
    pub(super) fn identity_of(&self, description: &Description) -> Result<Amount> {
        let identity = u16::try_from(description.identity).map(Amount::new);
        match identity {
            Ok(Ok(identity)) => Ok(identity),
            _ => Err(self.damaged("the header", 0)),
        }
    }

    /// Fails, before anything is changed, if this process may not remove what a creator has left half made.
    pub(super) fn check_may_mend(&self, set: &SemaphoreSet, permissions: &Permissions) -> Result<()> {
        match rights::check_set(set) {
            Err(raw::Error::PermissionDenied { .. }) => {
                let (object, id, uid) = (self.object.clone(), set.id(), permissions.uid);
                Err(OpenError::Unfinished { object, id, uid }.into())
            }
            checked => Ok(checked?),
        }
    }

    /// Returns the segment that names the set in its header, attached.
    pub(super) fn segment_of(&self, set: &SemaphoreSet) -> Result<Option<Arc<SharedMemory>>> {
        // Without its size: a segment may be larger than this program would make it.
        let segment = match SharedMemoryOptions::new().open_segment(self.key) {
            Ok(segment) => segment,
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let memory = match segment.attach() {
            Ok(memory) => Arc::new(memory),
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // A segment too small for a header is not ours either.
        let names_set = Mapped::<Header>::at(&memory, 0).is_ok_and(|header| header.names_set(set.id()));
        Ok(names_set.then_some(memory))
    }

    /// Checks that it is the object of this kind and name.
    pub(super) fn check_name(&self, found: &Description, version: u32) -> Result<()> {
        let wanted = &self.description;
        if version != VERSION {
            let object = self.object.clone();
            return Err(OpenError::WrongVersion { object, found: version, wanted: VERSION }.into());
        }
        if found.name != wanted.name || found.kind != wanted.kind {
            let (object, found) = (self.object.clone(), found.name.clone());
            return Err(OpenError::NameCollision { object, found, key: self.key }.into());
        }
        Ok(())
    }
}
