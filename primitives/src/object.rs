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
//! | there | not 0 | other | condemned | whoever sees it, by finishing it |
//!
//! - **I1** Only the process whose exclusive `semget` made the set constructs; it publishes by the
//!   first `semop` ever on the set, which also tests that nobody condemned it.
//! - **I2** An object is used only by who registered in a `semop` that tested STATE to be 1.
//! - **I3** A segment belongs to the set that its header names; it is removed by id, and only by its
//!   creator, with its own set, or when nobody can be using it.
//! - **I4** `used` in the header is 1 before anybody registers; so a segment without it never had a user.
//! - **I5** If a set vanishes under us (`EIDRM`, `EINVAL`), we detach and start again.
//!
//! | the process dies | what is left | who mends it, and when |
//! | --- | --- | --- |
//! | having made the set | a set under construction | the next opener condemns it: at once if the creator's pid is gone, else when patience is over |
//! | having made the segment | the same, and a blank segment | the same; the next creator finds the blank segment in its way and removes it |
//! | having begun the header | the same, and a segment with our magic that nobody ever used | the next creator removes it |
//! | having written the header | the same, and a segment that names the set | whoever finishes the set removes both |
//! | having published | a live object | nobody need |
//! | having condemned | a condemned set | the next opener finishes it |
//! | finishing, the segment removed | a condemned set | the next opener |
//!
//! Time decides how soon a half-made object is repaired and never whether anything is right: a creator that was
//! only slow fails to publish (I1), removes its own segment and starts again.
//!
//! Semaphores wiped from outside (`ipcrm`, systemd's `RemoveIPC`) while others still have the segment attached: a new
//! creator finds a used segment in its way, with users, and refuses: a second object would give
//! two processes the same lock. Not closable by key: the wiper lists a segment as unattached, somebody
//! attaches and registers, the wiper removes both. Inspectors count as attached: map for a moment only.

use std::{
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    Error, Options, Result,
    layout::{Description, Header, Mapped, VERSION, body_offset, is_blank, slots},
    members::{CREATOR, Members, Registration, Repair, STATE},
    name::Name,
    raw::{
        self, Amount, Deadline, Key, Permissions, Segment, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemory,
        SharedMemoryOptions, limits, process,
    },
};

const ONE: Amount = Amount::ONE;
const CONDEMN: Amount = match Amount::new(2) {
    Ok(two) => two,
    Err(_) => panic!("two is an amount"),
};

/// Whether an object may, must or must not be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Create,
    Open,
    OpenOrCreate,
}

/// What a primitive asks for.
pub(crate) struct Blueprint<'a> {
    /// The kind's name, which is part of the key.
    pub(crate) kind: &'static str,
    pub(crate) description: Description,
    pub(crate) options: &'a Options,
    /// Writes the first contents of the body; nobody else can see it yet.
    pub(crate) fill: &'a dyn Fn(&Arc<SharedMemory>, usize) -> Result<()>,
}

/// A live object, which this process is about to register with, or has.
#[derive(Debug)]
pub(crate) struct Object {
    memory: Arc<SharedMemory>,
    header: Mapped<Header>,
    set: SemaphoreSet,
    description: Description,
    remove_on_drop: bool,
}

/// How one way of getting in ended.
enum Outcome<T> {
    Done(T),
    StartAgain,
}

/// Returns `StartAgain` from the function if the object is gone (I5).
macro_rules! or_start_again {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
            Err(error) => return Err(error.into()),
        }
    };
}

impl Object {
    /// Opens or creates, and registers.
    ///
    /// `build` makes the primitive of the live object, and with it registers.
    pub(crate) fn enter<T>(
        blueprint: &Blueprint<'_>,
        want: Want,
        build: &dyn Fn(Self) -> Result<(T, Registration)>,
    ) -> Result<T> {
        let name = Name::new(&blueprint.description.name)?;
        let key = name.key(blueprint.kind)?;
        let entrance = Entrance { blueprint, key, patience: Deadline::after(blueprint.options.patience) };
        loop {
            let object = match entrance.enter_once(want)? {
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

    pub(crate) fn memory(&self) -> &Arc<SharedMemory> {
        &self.memory
    }

    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// Returns where the primitive's own words begin.
    pub(crate) fn body(&self) -> usize {
        body_offset(self.description.max_processes)
    }

    /// Returns the table of members, in which nobody of this process is registered yet.
    pub(crate) fn members(&self) -> Result<Members> {
        let slots = slots(&self.memory, self.description.max_processes)?;
        let doorbells = u16::try_from(self.description.doorbells).unwrap_or(0);
        Ok(Members::new(self.set.clone(), slots, doorbells))
    }

    /// Registers a primitive's members, having marked the object as used (I4).
    pub(crate) fn register(&self, members: &Members, repair: &impl Repair) -> Result<Registration> {
        self.header.set_used();
        members.register(repair)
    }

    pub(crate) fn status(&self) -> Result<Status> {
        let stat = self.set.stat()?;
        Ok(Status {
            name: self.description.name.clone(),
            key: self.set.key().unwrap_or(Key::PRIVATE),
            set: self.set.id(),
            segment: self.memory.id(),
            permissions: stat.permissions,
            semaphores: stat.len,
            bytes: self.memory.len(),
            created: UNIX_EPOCH.checked_add(Duration::from_secs(self.header.created())).unwrap_or(UNIX_EPOCH),
        })
    }

    /// Removes the object, as `unlink` does a file: the name is free at once, and open handles find
    /// it removed the next time they would sleep or look for the dead.
    pub(crate) fn remove(&self) -> Result<()> {
        match condemn_live(&self.set) {
            // Somebody else has begun; whoever comes first ends it.
            Ok(()) | Err(raw::Error::WouldBlock { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        ignore_gone(self.memory.remove())?;
        ignore_gone(self.set.remove())?;
        Ok(())
    }

    pub(crate) fn remove_if_asked(&self) {
        if self.remove_on_drop {
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
    /// The key of set and segment.
    pub key: Key,
    /// The id of the semaphore set.
    pub set: i32,
    /// The id of the segment.
    pub segment: i32,
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
    key: Key,
    patience: Deadline,
}

impl Entrance<'_> {
    fn enter_once(&self, want: Want) -> Result<Outcome<Object>> {
        if want != Want::Open {
            match self.make_set() {
                Ok(set) => return self.construct(set),
                Err(raw::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let set = match SemaphoreOptions::new().open_set(self.key, 0) {
            Ok(set) => set,
            Err(raw::Error::NotFound { .. }) if want == Want::OpenOrCreate || want == Want::Create => {
                return Ok(Outcome::StartAgain);
            }
            Err(raw::Error::NotFound { .. }) => {
                return Err(Error::NoSuchName { name: self.name().to_owned(), kind: self.blueprint.kind });
            }
            Err(error) => return Err(error.into()),
        };
        match self.wait_until_settled(&set)? {
            Outcome::StartAgain => Ok(Outcome::StartAgain),
            Outcome::Done(1) if want == Want::Create => {
                Err(Error::NameTaken { name: self.name().to_owned(), kind: self.blueprint.kind })
            }
            Outcome::Done(1) => self.join(set),
            Outcome::Done(_) => self.finish(&set),
        }
    }

    fn name(&self) -> &str {
        &self.blueprint.description.name
    }

    // Creating -------------------------------------------------------------------------------

    fn make_set(&self) -> raw::Result<SemaphoreSet> {
        let description = &self.blueprint.description;
        let doorbells = u16::try_from(description.doorbells).unwrap_or(u16::MAX);
        let count = Members::semaphores(doorbells, description.max_processes).unwrap_or(u16::MAX);
        let mut options = SemaphoreOptions::new();
        options.create(true).exclusive(true).mode(self.blueprint.options.mode.bits());
        options.open_set(self.key, count)
    }

    /// Step by step from a new set to a live object (I1). Cleans up what it made if it can't go on.
    fn construct(&self, set: SemaphoreSet) -> Result<Outcome<Object>> {
        // Records our pid and leaves `sem_otime` at 0. On STATE it could undo a condemnation.
        or_start_again!(set.set_value(CREATOR.into(), 0));
        let memory = match self.make_segment(&set) {
            Ok(Outcome::Done(memory)) => memory,
            Ok(Outcome::StartAgain) => return Ok(Outcome::StartAgain),
            Err(error) => {
                ignore_gone(set.remove())?;
                return Err(error);
            }
        };
        match self.write_and_publish(&set, &memory) {
            Ok(()) => self.live(set, memory, self.blueprint.description.clone()).map(Outcome::Done),
            Err(error) => {
                ignore_gone(memory.remove())?;
                match error {
                    Error::Raw(raw::Error::WouldBlock { .. }) => Ok(Outcome::StartAgain),
                    error if error.is_gone() => Ok(Outcome::StartAgain),
                    error => {
                        ignore_gone(set.remove())?;
                        Err(error)
                    }
                }
            }
        }
    }

    fn make_segment(&self, set: &SemaphoreSet) -> Result<Outcome<Arc<SharedMemory>>> {
        let mut options = SharedMemoryOptions::new();
        options.create(true).exclusive(true).mode(self.blueprint.options.mode.bits());
        options.size(self.blueprint.description.segment_size());
        loop {
            match options.open(self.key) {
                Ok(memory) => return Ok(Outcome::Done(Arc::new(memory))),
                Err(raw::Error::AlreadyExists { .. }) => {}
                // It was removed before we had it attached.
                Err(error) if error.is_gone() => continue,
                Err(error) => return Err(error.into()),
            }
            match self.clear_the_way(set)? {
                Outcome::Done(()) => {}
                Outcome::StartAgain => return Ok(Outcome::StartAgain),
            }
        }
    }

    /// A segment stands in a creator's way: removes it if nobody can be using it (I3, I4), or says whose it is.
    fn clear_the_way(&self, set: &SemaphoreSet) -> Result<Outcome<()>> {
        let segment = match SharedMemoryOptions::new().open_segment(self.key) {
            Ok(segment) => segment,
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        // Only while our set is there does the key mean that no other set can own the segment.
        or_start_again!(set.stat());
        let memory = match segment.attach() {
            Ok(memory) => Arc::new(memory),
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        let foreign = || Error::Foreign { name: self.name().to_owned(), key: self.key, segment: segment.id() };
        let header = Mapped::<Header>::at(&memory, 0).map_err(|_| foreign())?;
        if !header.is_ours() {
            if !is_blank(&memory).unwrap_or(false) {
                return Err(foreign());
            }
        } else if header.is_used() {
            let attached = memory.stat()?.attached;
            if attached > 1 {
                return Err(Error::Wiped { name: self.name().to_owned(), segment: segment.id(), users: attached - 1 });
            }
        }
        ignore_gone(memory.remove())?;
        Ok(Outcome::Done(()))
    }

    fn write_and_publish(&self, set: &SemaphoreSet, memory: &Arc<SharedMemory>) -> Result<()> {
        let description = &self.blueprint.description;
        // The header first: a segment with contents and without a header would be a stranger's.
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Mapped::<Header>::at(memory, 0)?.write(set.id(), description, created);
        (self.blueprint.fill)(memory, body_offset(description.max_processes))?;
        set.op(&[SemOp::zero(STATE).no_wait(), SemOp::add(STATE, ONE).no_wait()])?;
        Ok(())
    }

    // Opening --------------------------------------------------------------------------------

    /// Waits until a set is live or condemned, and returns its STATE. The kernel has no event for it,
    /// and any `semop` would forge one: so this polls, from 20 microseconds up to 5 milliseconds.
    fn wait_until_settled(&self, set: &SemaphoreSet) -> Result<Outcome<u16>> {
        let mut pause = Duration::from_micros(20);
        loop {
            let stat = or_start_again!(set.stat());
            self.check_trust(&stat.permissions, set.id())?;
            if stat.o_time.is_some() {
                if stat.len <= STATE.into() {
                    return Err(self.foreign_set(set));
                }
                return Ok(Outcome::Done(or_start_again!(set.value(STATE.into()))));
            }
            let creator = or_start_again!(set.last_pid(CREATOR.into()));
            let is_dead = creator.is_some_and(|pid| !process::exists(pid));
            if is_dead || self.patience.has_passed() {
                match set.op(&[SemOp::zero(STATE).no_wait(), SemOp::add(STATE, CONDEMN).no_wait()]) {
                    Ok(()) | Err(raw::Error::WouldBlock { .. }) => continue,
                    Err(raw::Error::NoSuchSemaphore { .. }) => return Err(self.foreign_set(set)),
                    Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
                    Err(error) => return Err(error.into()),
                }
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    fn foreign_set(&self, set: &SemaphoreSet) -> Error {
        Error::ForeignSet { name: self.name().to_owned(), key: self.key, set: set.id() }
    }

    fn check_trust(&self, permissions: &Permissions, id: i32) -> Result<()> {
        let trusted =
            |uid: u32| uid == 0 || uid == process::effective_uid() || self.blueprint.options.trusted.contains(&uid);
        for uid in [permissions.uid, permissions.cuid] {
            if !trusted(uid) {
                return Err(Error::Untrusted { name: self.name().to_owned(), id, uid });
            }
        }
        Ok(())
    }

    /// Maps the segment of a live set, if it is the one that names the set.
    fn join(&self, set: SemaphoreSet) -> Result<Outcome<Object>> {
        let Some(memory) = self.segment_of(&set)? else { return self.heal(&set) };
        self.check_trust(&memory.stat()?.permissions, memory.id())?;
        let header = Mapped::<Header>::at(&memory, 0)?;
        // Read once: what was checked is what is used.
        let found = header.describe();
        self.check_description(&found, header.version(), &memory, &set)?;
        self.live(set, memory, found).map(Outcome::Done)
    }

    /// Returns the segment whose header names the set, attached.
    fn segment_of(&self, set: &SemaphoreSet) -> Result<Option<Arc<SharedMemory>>> {
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
        // Too small for a header is not ours either.
        let names_set = Mapped::<Header>::at(&memory, 0).is_ok_and(|header| header.names_set(set.id()));
        Ok(names_set.then_some(memory))
    }

    fn check_description(
        &self,
        found: &Description,
        version: u32,
        memory: &SharedMemory,
        set: &SemaphoreSet,
    ) -> Result<()> {
        let wanted = &self.blueprint.description;
        let name = || self.name().to_owned();
        if version != VERSION {
            return Err(Error::WrongVersion { name: name(), found: version, wanted: VERSION });
        }
        if found.name != wanted.name || found.kind != wanted.kind {
            return Err(Error::NameCollision { name: name(), found: found.name.clone(), key: self.key });
        }
        if found.fingerprint != wanted.fingerprint {
            return Err(Error::WrongType { name: name(), found: found.fingerprint, wanted: wanted.fingerprint });
        }
        let semaphores = Members::semaphores(
            u16::try_from(found.doorbells).unwrap_or(u16::MAX),
            found.max_processes.min(crate::options::MOST_PROCESSES + 1),
        );
        let is_whole = found.doorbells == wanted.doorbells
            && found.segment_size() <= memory.len()
            && semaphores.map(usize::from) == Some(set.len()?);
        if is_whole { Ok(()) } else { Err(Error::Damaged { part: "the header", id: memory.id() }) }
    }

    fn live(&self, set: SemaphoreSet, memory: Arc<SharedMemory>, description: Description) -> Result<Object> {
        let header = Mapped::<Header>::at(&memory, 0)?;
        let remove_on_drop = self.blueprint.options.remove_on_drop;
        Ok(Object { memory, header, set, description, remove_on_drop })
    }

    // Repairing ------------------------------------------------------------------------------

    /// Removes what a condemned set stands for: its own segment, if there is one, then the set (I3).
    fn finish(&self, set: &SemaphoreSet) -> Result<Outcome<Object>> {
        if let Some(memory) = self.segment_of(set)? {
            ignore_gone(memory.remove())?;
        }
        ignore_gone(set.remove())?;
        Ok(Outcome::StartAgain)
    }

    /// A set says it is live, and its segment is gone or another's: condemns it if nobody is registered.
    fn heal(&self, set: &SemaphoreSet) -> Result<Outcome<Object>> {
        let values = or_start_again!(set.values());
        match values.get(usize::from(STATE)) {
            Some(1) => {}
            Some(_) => return self.finish(set),
            None => return Err(self.foreign_set(set)),
        }
        let doorbells = self.blueprint.description.doorbells as usize;
        let first_alive = usize::from(STATE) + 1 + doorbells;
        let damaged = || Error::Damaged { part: "its segment", id: set.id() };
        let most = limits().map_or(500, |limits| limits.semaphores.max_operations);
        let last = u16::try_from(values.len()).map_err(|_| damaged())?;
        if values.len() <= first_alive || (values.len() - first_alive + 3) as u64 > most {
            return Err(damaged());
        }
        let first = u16::try_from(first_alive).map_err(|_| damaged())?;
        let mut ops: Vec<SemOp> = (first..last).map(|alive| SemOp::zero(alive).no_wait()).collect();
        ops.extend([
            SemOp::sub(STATE, ONE).no_wait(),
            SemOp::zero(STATE).no_wait(),
            SemOp::add(STATE, CONDEMN).no_wait(),
        ]);
        match set.op(&ops) {
            Ok(()) => self.finish(set),
            Err(raw::Error::WouldBlock { .. }) => match or_start_again!(set.value(STATE.into())) {
                1 => Err(damaged()),
                _ => self.finish(set),
            },
            Err(error) if error.is_gone() => Ok(Outcome::StartAgain),
            Err(error) => Err(error.into()),
        }
    }
}

/// Removes a named object without opening it: its segment, if it is the set's, and the set.
pub(crate) fn remove(name: &str, kind: &'static str) -> Result<()> {
    let name = Name::new(name)?;
    let key = name.key(kind)?;
    let set = match SemaphoreOptions::new().open_set(key, 0) {
        Err(raw::Error::NotFound { .. }) => {
            return Err(Error::NoSuchName { name: name.as_str().to_owned(), kind });
        }
        set => set?,
    };
    match condemn_live(&set) {
        // Under construction or condemned already: it is not there yet, or any more.
        Ok(()) | Err(raw::Error::WouldBlock { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let segment: Option<Segment> = match SharedMemoryOptions::new().open_segment(key) {
        Ok(segment) => Some(segment),
        Err(error) if error.is_gone() => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(segment) = segment {
        let memory = Arc::new(segment.attach()?);
        if Mapped::<Header>::at(&memory, 0).is_ok_and(|header| header.names_set(set.id())) {
            ignore_gone(memory.remove())?;
        }
    }
    ignore_gone(set.remove())?;
    Ok(())
}
