//! Named objects: one semaphore set and one segment under one key, made so that nobody ever uses
//! half of one.
//!
//! The set's STATE semaphore and the kernel's `sem_otime` say how far an object is:
//!
//! | set | `sem_otime` | STATE | the object is | who moves it on |
//! | --- | --- | --- | --- | --- |
//! | none | – | – | absent | whoever creates the set exclusively |
//! | there | 0 | 0 | under construction | its creator, by publishing; or an opener, by condemning |
//! | there | not 0 | 1 | live | `remove`, or an opener who finds the segment gone |
//! | there | not 0 | `CONDEMNED` | condemned | whoever sees it, by finishing it |
//! | there | not 0 | any, without our mark | another program's | nobody: it is refused |
//!
//! - **OB1** Only the process whose exclusive `semget` made the set constructs; it publishes by the
//!   first `semop` ever on the set, which also tests that nobody condemned it.
//! - **OB2** An object is used only by who registered in a `semop` that tested STATE to be 1.
//! - **OB3** A segment belongs to the set that its header names; it is removed by id, and only by its
//!   creator, with its own set, or when nobody can be using it.
//! - **OB4** `used` in the header is 1 before anybody registers; so a segment without it never had a user.
//! - **OB5** The `semop` that publishes a set also marks it as ours, in CREATOR; one that condemns it does so by the number
//!   to which it raises STATE. Without either mark, and without a segment that names it, a set on which anybody operated
//!   is another program's and is left alone.
//! - **OB6** If a set vanishes under us (`EIDRM`, `EINVAL`), we detach and start again.
//!
//! | the process dies | what is left | who mends it, and when |
//! | --- | --- | --- |
//! | having made the set | a set under construction | the next opener condemns it: at once if the creator's pid is gone, else when patience is over |
//! | having made the segment | the same, and a blank segment | the same; the next creator finds the blank segment in its way and removes it |
//! | having begun the header | the same, and a segment with our magic that nobody ever used | the next creator removes it |
//! | having written the header | the same, and a segment that names the set | whoever finishes the set removes both |
//! | having made the message queue (see `queue`) | the same, and a queue that was never used | whoever finishes the set, or the next creator |
//! | having published | a live object | nobody need |
//! | having condemned | a condemned set | the next opener finishes it |
//! | finishing, the segment removed | a condemned set | the next opener |
//!
//! Time decides how soon a half-made object is repaired and never whether anything is right: a creator that was
//! only slow fails to publish (OB1), removes its own segment and starts again.
//!
//! Semaphores wiped from outside (`ipcrm`, systemd's `RemoveIPC`) while others still have the segment attached: a new
//! creator finds a used segment in its way, with users, and refuses: a second object would give
//! two processes the same lock. Not closable by key: the wiper lists a segment as unattached, somebody
//! attaches and registers, the wiper removes both. Inspectors count as attached: map for a moment only.

/// Returns `StartAgain` from the function if the object is gone (OB6).
macro_rules! or_start_again {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
            Err(error) => return Err(error.into()),
        }
    };
}

mod create;
mod enter;
mod error;
mod open;
mod queue;
pub(crate) mod remove;
mod repair;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use self::error::{EntryError, Result};
pub use self::error::{OpenError, TooManyPermits};
use crate::{
    Failure, ObjectName,
    fingerprint::Fingerprint,
    layout::{Description, Header, Mapped, body_offset, slots},
    members::{Members, Registration, Repair},
    name::Name,
    options::Settings,
    raw::{self, Amount, Deadline, Key, MessageQueue, Permissions, SemOp, SemaphoreSet, SharedMemory, process},
    set_layout::{Bells, STATE, SetLayout},
};

const ONE: Amount = Amount::ONE;
/// What CREATOR of a live set of ours is; another program's will hardly be that.
const MARK: Amount = match Amount::new(0x5356) {
    Ok(mark) => mark,
    Err(_) => panic!("it is an amount"),
};
/// What STATE of a condemned set is: it can't be marked elsewhere, since its creator, if that is only slow, may still set
/// CREATOR.
const CONDEMNED: u16 = CONDEMN.get();
const CONDEMN: Amount = MARK;

/// Whether an object may, must or must not be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
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
    /// Whether a message queue belongs to it.
    pub(crate) has_queue: bool,
    /// Its doorbells.
    pub(crate) bells: Bells,
}

impl Kind {
    /// Returns a kind without a queue.
    pub(crate) const fn new(name: &'static str, number: u32, bells: Bells) -> Self {
        Self { name, number, has_queue: false, bells }
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
    /// Writes the first contents of the body; nobody else can see it yet.
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
    queue: Option<MessageQueue>,
    name: ObjectName,
    description: Description,
    layout: SetLayout,
    remove_on_drop: bool,
    /// Whether it must be as the options say.
    is_exact: bool,
    /// The fork generation of the process that opened it.
    generation: u32,
}

/// How one way of getting in ended.
enum Outcome<T> {
    Done(T),
    StartAgain,
}

impl Object {
    /// Returns the kind and the name, for errors.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Refuses an object that has something else than an option says, if the options are to be met exactly.
    pub(crate) fn check_option(&self, option: &'static str, found: u64, wanted: u64) -> Result<(), OpenError> {
        if !self.is_exact || found == wanted {
            return Ok(());
        }
        Err(OpenError::OtherOptions { object: self.name.clone(), option, found, wanted })
    }

    /// Names the object on which a call failed.
    pub(crate) fn failed(&self, error: raw::Error) -> Failure {
        Failure::System { object: self.name.clone(), error }
    }

    /// Returns the error of memory that says what can't be.
    pub(crate) fn damaged(&self, part: &'static str) -> Failure {
        Failure::Damaged { object: self.name.clone(), part, id: self.memory.id() }
    }

    pub(crate) fn memory(&self) -> &Arc<SharedMemory> {
        &self.memory
    }

    /// Returns the object's message queue, if its kind has one.
    pub(crate) fn queue(&self) -> Option<&MessageQueue> {
        self.queue.as_ref()
    }

    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// Returns where the primitive's own words begin.
    pub(crate) fn body(&self) -> usize {
        body_offset(self.description.max_handles)
    }

    /// Returns the table of members, in which nobody of this process is registered yet.
    pub(crate) fn members(&self) -> Result<Members, Failure> {
        let slots = slots(&self.memory, self.description.max_handles).map_err(|error| self.failed(error))?;
        Ok(Members::new(self.name.clone(), self.set.clone(), slots, self.layout))
    }

    /// Registers a primitive's members, having marked the object as used (OB4).
    pub(crate) fn register(&self, members: &Members, repair: &impl Repair) -> Result<Registration, Failure> {
        self.header.set_used();
        members.register(repair)
    }

    pub(crate) fn status(&self) -> Result<Status, Failure> {
        let stat = self.set.stat().map_err(|error| self.failed(error))?;
        Ok(Status {
            name: self.description.name.clone(),
            key: self.set.key().unwrap_or(Key::PRIVATE),
            set: self.set.id(),
            segment: self.memory.id(),
            queue: self.queue.as_ref().map(MessageQueue::id),
            permissions: stat.permissions,
            semaphores: stat.len,
            bytes: self.memory.len(),
            created: UNIX_EPOCH.checked_add(Duration::from_secs(self.header.created())).unwrap_or(UNIX_EPOCH),
        })
    }

    /// Removes the object, as `unlink` does a file: the name is free at once, and open handles find
    /// it removed the next time they would sleep or look for the dead.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        self.remove_parts().map_err(|error| self.failed(error))
    }

    fn remove_parts(&self) -> raw::Result<()> {
        match condemn_live(&self.set) {
            // Somebody else has begun; whoever comes first ends it.
            Ok(()) | Err(raw::Error::WouldBlock { .. }) => {}
            Err(error) => return Err(error),
        }
        if let Some(queue) = &self.queue {
            ignore_gone(queue.remove())?;
        }
        ignore_gone(self.memory.remove())?;
        ignore_gone(self.set.remove())
    }

    /// Removes it if its options say so; not in a child made by `fork`, which drops what its parent goes on using.
    pub(crate) fn remove_if_asked(&self) {
        if self.remove_on_drop && self.generation == process::fork_generation() {
            // A drop has nobody to tell; what is gone already is as good.
            let _ = self.remove();
        }
    }
}

/// What an object is made of, for people and tools.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The key of set, segment and message queue.
    pub key: Key,
    /// The id of the semaphore set.
    pub set: i32,
    /// The id of the segment.
    pub segment: i32,
    /// The id of the message queue, if it is a channel.
    pub queue: Option<i32>,
    /// Owner, creator and mode of the set.
    pub permissions: Permissions,
    /// How many semaphores the set has.
    pub semaphores: usize,
    /// How many bytes the segment has.
    pub bytes: usize,
    /// When it was made, in whole seconds.
    pub created: SystemTime,
}

fn ignore_gone(result: raw::Result<()>) -> raw::Result<()> {
    match result {
        Err(error) if error.is_gone() => Ok(()),
        other => other,
    }
}

/// Makes a live set a condemned one, or fails with would-block.
fn condemn_live(set: &SemaphoreSet) -> raw::Result<()> {
    set.op(&[SemOp::sub(STATE, ONE).no_wait(), SemOp::zero(STATE).no_wait(), SemOp::add(STATE, CONDEMN).no_wait()])
}

/// One attempt after another to get into an object.
struct Entrance<'a> {
    blueprint: &'a Blueprint<'a>,
    object: ObjectName,
    key: Key,
    /// What the header of a new object says.
    description: Description,
    /// How a new set is laid out.
    layout: SetLayout,
    patience: Deadline,
    /// Who asks: its own objects are trusted.
    uid: u32,
}

impl<'a> Entrance<'a> {
    fn new(blueprint: &'a Blueprint<'a>) -> Self {
        let Blueprint { kind, name, options, max_handles, .. } = blueprint;
        let key = name.key(kind.name);
        let patience = Deadline::after(options.open_timeout);
        let object = ObjectName::new(kind.name, name.as_str());
        let layout = SetLayout::new(kind.bells, *max_handles);
        let description = blueprint.describe(layout);
        Self { blueprint, object, key, description, layout, patience, uid: process::effective_uid() }
    }

    /// Returns the error of a part that could not be made.
    fn not_created(&self, part: raw::ObjectKind, size: usize, error: raw::Error) -> EntryError {
        match error {
            // It may be another's object that stands in the way.
            raw::Error::PermissionDenied { .. } => error.into(),
            error => OpenError::NotCreated { object: self.object.clone(), part, size, error: error.into() }.into(),
        }
    }

    fn no_such_name(&self) -> EntryError {
        OpenError::NoSuchName { object: self.object.clone() }.into()
    }
}
