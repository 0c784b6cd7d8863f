//! Named objects: one semaphore set and one segment under one key, made so that no process ever uses half of one.
//!
//! The set's STATE semaphore and the kernel's `sem_otime` say how far an object is:
//!
//! | set | `sem_otime` | STATE | the object is | what moves it on |
//! | --- | --- | --- | --- | --- |
//! | none | – | – | absent | a creator that makes the set exclusively |
//! | there | 0 | 0 | under construction | its creator, by publishing, or an opener, by condemning |
//! | there | not 0 | the object's identity | live | `remove`, or an opener that finds the segment removed and no member living |
//! | there | not 0 | `CONDEMNED` | condemned | the next process that opens or unlinks it, by finishing it |
//! | there | not 0 | any, without our mark | another program's | nothing: it is refused |
//!
//! - **OB1** Only the creator, which made the set by an exclusive `semget`, constructs. It publishes by the first
//!   `semop` ever on the set, which also tests that no opener has condemned it.
//! - **OB2** An object is used only by a process that registered in a `semop` that tested STATE to be its identity: a random
//!   number of 15 bits, which the header has as well. An id alone is no identity. In another IPC namespace the same id,
//!   even under the same name, is another set. So every `semop` that registers, reaps, leaves or condemns tests STATE.
//! - **OB3** A segment belongs to the set that its header names. It is removed by id, and only by its creator, with its own
//!   set, or when no process can be using it.
//! - **OB4** `used` in the header is 1 before a process registers. So a segment without it never had a user.
//! - **OB5** The `semop` that publishes a set also marks it as ours, in CREATOR. The `semop` that condemns a set marks
//!   it by the number to which it raises STATE. Without either mark, and without a segment that names it, a set on
//!   which a process has operated is another program's and is left alone.
//! - **OB6** If a part vanishes between two steps (`EIDRM`, `EINVAL`), the process detaches and starts again.
//! - **OB7** Before a process condemns or finishes, it knows that it may remove every part: it is the owner, or the kernel
//!   lets it set the mode to what it is. A process without that right changes nothing.
//! - **OB8** A creation that fails leaves nothing: what was made is removed, and an object that its creator can't register
//!   with is condemned, if no other process has registered.
//!
//! | the process dies | what is left | which process repairs it, and when |
//! | --- | --- | --- |
//! | having made the set | a set under construction | the next opener condemns it: at once if the creator's process has ended, otherwise when its timeout elapses |
//! | having made the segment | the same, and a blank segment | the same, and the next creator finds the blank segment in its way and removes it |
//! | having begun the header | the same, and a segment with our magic that was never used | the next creator removes it |
//! | having written the header | the same, and a segment that names the set | the process that finishes the set removes both |
//! | having published | a live object | no action is needed |
//! | having condemned | a condemned set | the next opener finishes it |
//! | finishing, the segment removed | a condemned set | the next opener |
//!
//! Time decides how soon a half-made object is repaired, and never whether an object is correct: a creator that was
//! only slow fails to publish (OB1), removes its own segment and starts again.
//!
//! Semaphores wiped from outside (`ipcrm`, systemd's `RemoveIPC`) while other processes still have the segment attached: a
//! new creator finds a used segment in its way, with users, and refuses. A second object would give two processes the same
//! lock. One gap can't be closed by key: the wiper lists a segment as unattached, a process attaches and registers, the
//! wiper removes both. Inspectors count as attached: map for a moment only.
//!
//! Not promised: that two objects have different identities. With the same id in two namespaces that is one case in 32,766.

/// Returns `StartAgain` from the function if the object was removed (OB6).
macro_rules! or_start_again {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
            Err(error) => return Err(error.into()),
        }
    };
}

mod advice;
mod create;
mod enter;
mod entrance;
mod error;
mod open;
pub(crate) mod remove;
mod repair;
pub(crate) mod rights;
mod status;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use self::error::Result;
pub use self::{
    error::{OpenError, TooManyPermits},
    status::Status,
};
use crate::{
    Failure, ObjectName,
    fingerprint::Fingerprint,
    layout::{Description, Header, Mapped, body_offset, slots},
    members::{Members, Registration, Repair},
    name::Name,
    options::{MOST_HANDLES, Settings},
    raw::{self, Amount, Key, SemOp, SemaphoreSet, SharedMemory, process},
    set_layout::{Bells, CONDEMN, CONDEMNED, LIVING, STATE, SetLayout, change_state},
};

/// The value of CREATOR in a live set of ours. Another program's set will hardly have it. It doesn't mark a condemned
/// set, since a creator that was only slow may still set CREATOR.
pub(crate) const MARK: Amount = CONDEMN;
/// How many handles an object may have at once, if no number is asked for.
const DEFAULT_HANDLES: u32 = 64;

/// Whether an object may, must or must not exist already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Create,
    Open,
    OpenOrCreate,
}

/// What all objects of one primitive have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// It is part of the key.
    pub(crate) name: &'static str,
    /// It stands in the header.
    pub(crate) number: u32,
    /// Its doorbells.
    pub(crate) bells: Bells,
    /// The most slots that one of its objects may have.
    pub(crate) most_handles: u32,
}

impl Kind {
    /// Returns a kind.
    pub(crate) const fn new(name: &'static str, number: u32, bells: Bells) -> Self {
        Self { name, number, bells, most_handles: MOST_HANDLES }
    }
}

impl Kind {
    /// Returns how many slots a new object has: as many as are asked for, and otherwise as many as one set has room for.
    pub(crate) fn max_handles(&self, options: &Settings, disposition: Disposition) -> u32 {
        let wanted = match options.max_handles {
            Some(asked) => asked,
            // An object that exists has its own number.
            None if disposition == Disposition::Open => 1,
            None => DEFAULT_HANDLES.min(most_in_a_set(self.bells)).max(1),
        };
        wanted.min(self.most_handles)
    }

    /// Fails if values of the type must be aligned to more bytes than an object of this kind can promise.
    pub(crate) fn check_alignment<T>(&self, name: &str, most: usize) -> Result<(), OpenError> {
        if align_of::<T>() > most {
            let object = ObjectName::new(self.name, name);
            return Err(OpenError::Overaligned { object, align: align_of::<T>(), most });
        }
        Ok(())
    }
}

/// What a primitive asks for.
pub(crate) struct Blueprint<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a Name,
    pub(crate) options: &'a Settings,
    /// How many slots a new object has.
    pub(crate) max_handles: u32,
    /// A number of the primitive's own: of items, permits or bytes.
    pub(crate) capacity: u64,
    pub(crate) fingerprint: Fingerprint,
    /// How many bytes the body of a new object has.
    pub(crate) body: u64,
    /// Writes the first contents of the body, which no other process can see yet.
    pub(crate) fill: &'a dyn Fn(&Arc<SharedMemory>, usize) -> raw::Result<()>,
}

impl Blueprint<'_> {
    /// Returns what the header of a new object says.
    fn describe(&self, layout: SetLayout) -> Description {
        Description {
            kind: self.kind.number,
            max_handles: layout.max_handles(),
            doorbells: layout.doorbells(),
            capacity: self.capacity,
            fingerprint: self.fingerprint.clone(),
            body: self.body,
            identity: new_identity().get().into(),
            name: self.name.as_str().to_owned(),
        }
    }
}

/// A live object, which this process is about to register with, or has.
#[derive(Debug)]
pub(crate) struct Object {
    memory: Arc<SharedMemory>,
    header: Mapped<Header>,
    set: SemaphoreSet,
    name: ObjectName,
    description: Description,
    layout: SetLayout,
    identity: Amount,
    /// Whether this handle created it.
    is_new: bool,
    open_timeout: Duration,
    is_interruptible: bool,
    remove_on_drop: bool,
    /// Whether it must be as the options say.
    is_exact: bool,
    /// The fork generation of the process that opened it.
    generation: u32,
}

/// How an attempt to enter an object ended.
enum Outcome<T> {
    Done(T),
    StartAgain,
}

impl Object {
    /// Returns the kind and the name, for errors.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Refuses an object with another value than the option's, if the options are to be met exactly.
    pub(crate) fn check_option(&self, option: &'static str, found: u64, wanted: u64) -> Result<(), OpenError> {
        // By default an object that exists keeps what it was made with.
        if !self.is_exact || found == wanted {
            return Ok(());
        }
        Err(OpenError::OtherOptions { object: self.name.clone(), option, found, wanted })
    }

    /// Names the object on which a call failed.
    pub(crate) fn failed(&self, error: raw::Error) -> Failure {
        Failure::System { object: self.name.clone(), error }
    }

    /// Returns the error of memory with an impossible value.
    pub(crate) fn damaged(&self, part: &'static str) -> Failure {
        Failure::Damaged { object: self.name.clone(), part, id: self.memory.id() }
    }

    pub(crate) fn memory(&self) -> &Arc<SharedMemory> {
        &self.memory
    }

    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// Returns where the primitive's own words begin.
    pub(crate) fn body(&self) -> usize {
        body_offset(self.description.max_handles)
    }

    /// Returns the table of members, in which this process is not registered yet.
    pub(crate) fn members(&self) -> Result<Members, Failure> {
        let slots = slots(&self.memory, self.description.max_handles).map_err(|error| self.failed(error))?;
        Ok(Members::new(
            self.name.clone(),
            self.set.clone(),
            slots,
            self.layout,
            self.identity,
            self.open_timeout,
            self.is_interruptible,
        ))
    }

    /// Registers a primitive's members, having marked the object as used (OB4).
    pub(crate) fn register(&self, members: &Members, repair: &impl Repair) -> Result<Registration, Failure> {
        // OB4: before the registration, so that a used object never looks unused.
        self.header.set_used();
        members.register(repair)
    }

    pub(crate) fn status(&self) -> Result<Status, Failure> {
        let stat = self.set.stat().map_err(|error| self.failed(error))?;
        // OB2: the id may be another object's by now. A condemned set is still this one's.
        let state = self.set.value(STATE.into()).map_err(|error| self.failed(error))?;
        if state != self.identity.get() && state != CONDEMNED {
            return Err(Failure::MembershipLost { object: self.name.clone() });
        }
        Ok(Status {
            name: self.description.name.clone(),
            key: self.set.key().unwrap_or(Key::PRIVATE),
            set: self.set.id(),
            segment: self.memory.id(),
            permissions: stat.permissions,
            semaphores: stat.len,
            bytes: self.memory.len(),
            // Some systems are set to remove a segment that no process has attached.
            lasts: !raw::limits().is_ok_and(|limits| limits.shared_memory.removes_unused),
            created: UNIX_EPOCH.checked_add(Duration::from_secs(self.header.created())).unwrap_or(UNIX_EPOCH),
        })
    }

    /// Removes the object, as `unlink` does a file: the name is free at once, and open handles find it removed the next
    /// time they would sleep or check for dead members.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        match self.remove_parts() {
            Ok(true) => Ok(()),
            // The object went, and its id came to another one, which stays as it is.
            Ok(false) => Err(Failure::MembershipLost { object: self.name.clone() }),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns whether the id meant this object, and it was removed.
    fn remove_parts(&self) -> raw::Result<bool> {
        // Before anything is changed, since the id may be another object's (OB2).
        let state = self.set.value(STATE.into())?;
        if state != self.identity.get() && state != CONDEMNED {
            return Ok(false);
        }
        // OB7: a process that may remove only one part must not condemn the whole.
        rights::check(&self.set, &self.memory)?;
        // Condemned first. If this process dies from here on, the next one that opens or unlinks it finishes.
        match condemn_live(&self.set, self.identity) {
            Ok(()) => {}
            // Another process has begun to remove it, and either finishes. A set with another STATE is not this
            // object's.
            Err(raw::Error::WouldBlock { .. }) if self.set.value(STATE.into())? == CONDEMNED => {}
            Err(raw::Error::WouldBlock { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        // The segment before the set: the set reserves the key, so that no new object meets the old segment.
        ignore_gone(self.memory.remove())?;
        ignore_gone(self.set.remove())?;
        Ok(true)
    }

    /// Removes a new object that its creator could not register with, if no other process has.
    fn abandon(&self) {
        // One `semop` tests that no member lives and condemns, so an object that another process uses stays.
        let unused = [&[SemOp::zero(LIVING).no_wait()][..], &change_state(self.identity, CONDEMN)].concat();
        if self.is_new && self.set.op(&unused).is_ok() {
            // What can't be removed now is condemned, and the next opener removes it.
            let _ = self.remove_parts();
        }
    }

    /// Removes it if its options say so, except in a child made by `fork`: the parent goes on using it.
    pub(crate) fn remove_if_asked(&self) {
        if self.remove_on_drop && process::is_generation(self.generation) {
            // A drop can't report an error, and an object that was removed already needs nothing.
            let _ = self.remove();
        }
    }
}

fn ignore_gone(result: raw::Result<()>) -> raw::Result<()> {
    match result {
        Err(error) if error.is_gone() => Ok(()),
        other => other,
    }
}

/// Condemns a live set of this identity, or fails with would-block.
fn condemn_live(set: &SemaphoreSet, identity: Amount) -> raw::Result<()> {
    set.op(&change_state(identity, CONDEMN))
}

/// Returns a new object's identity: a random number that no condemned set has.
fn new_identity() -> Amount {
    loop {
        // The keys of a `RandomState` come from the random numbers of the system.
        let number = RandomState::new().build_hasher().finish() & u64::from(raw::SEMAPHORE_VALUE_MAX);
        match u16::try_from(number).map(Amount::new) {
            Ok(Ok(identity)) if identity != CONDEMN => return identity,
            _ => {}
        }
    }
}

/// Returns for how many handles one set has room here (`SEMMSL`).
fn most_in_a_set(bells: Bells) -> u32 {
    let most = raw::semaphore_limits().map_or(u64::MAX, |limits| limits.max_per_set);
    SetLayout::most_handles(bells, usize::try_from(most).unwrap_or(usize::MAX))
}
