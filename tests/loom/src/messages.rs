//! The real store of a channel, with a few cells and two entries in each lane. Each process has a handle of its own.

mod apart;

use std::{sync::Arc, time::Duration};

use crate::{
    Error,
    atomics::{thoroughly, with_death},
    clock,
    kernel::{Deadline, Members, Session},
    layout::SharedMemory,
    sizes::INLINE,
    store::{About, Class, Geometry, Outcome, Received, Refusal, Return, Selection, Store, Ticket, Wants, Wishes},
    waiting::Party,
};

pub use apart::Long;

const WORD: usize = size_of::<u64>();

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::Busy,
            Refusal::Closed => Self::Closed,
            Refusal::Disconnected => Self::Disconnected,
            Refusal::Failed(failure) => Self::Failed(failure),
            Refusal::Stopped | Refusal::TooLong => unreachable!("no scene stops a receiver, or has long messages"),
        }
    }
}

/// What a receiver wants.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Messages of a route.
    Only(u32),
    /// Any message.
    Any,
    /// Messages of the lowest route up to this one.
    UpTo(u32),
    /// Messages of any other route.
    Except(u32),
}

impl Wanted {
    fn selection(self) -> Selection {
        match self {
            Self::Only(route) => Selection::Only(route),
            Self::Any => Selection::Any,
            Self::UpTo(most) => Selection::UpTo(most),
            Self::Except(not) => Selection::Except(not),
        }
    }
}

/// A message that a process holds.
#[derive(Debug)]
pub struct Taken {
    received: Received,
    /// Which message it is.
    pub message: u64,
}

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Asked(Ticket);

/// A store. Message `m` is of route `m / 100`.
#[derive(Debug)]
pub struct StoreScene {
    /// The kernel.
    pub members: Arc<Members>,
    /// The handle of each slot.
    stores: Vec<Store>,
}

fn route_of(message: u64) -> u32 {
    u32::try_from(message / 100).expect("routes are small numbers")
}

fn about(message: u64, class: Class) -> About {
    about_with(message, class, Wishes::default(), Duration::ZERO)
}

fn about_with(message: u64, class: Class, wishes: Wishes, delay: Duration) -> About {
    About { route: route_of(message), codec: 0, schema: 0, class, wishes, delay }
}

/// Returns the bytes of a message. They are complete if both halves are the same.
fn bytes_of(message: u64) -> [u8; INLINE] {
    let mut bytes = [0; INLINE];
    bytes.chunks_mut(WORD).for_each(|half| half.copy_from_slice(&message.to_ne_bytes()));
    bytes
}

impl StoreScene {
    /// Makes a store of so many cells for messages, and one for a call. It has so many lanes for one route, and a lane for
    /// all others. There is a handle for each slot, and there may be more of them than processes: a process may act for one that
    /// is dead afterwards.
    #[must_use]
    pub fn new(processes: usize, handles: u32, messages: u32, max_routes: u32) -> Arc<Self> {
        Self::of(
            processes,
            Geometry { messages, max_message_size: INLINE, max_routes, max_handles: handles, attempts: 0 },
        )
    }

    fn of(processes: usize, geometry: Geometry) -> Arc<Self> {
        clock::start(0);
        let memory = Arc::default();
        let open = |memory: &Arc<SharedMemory>| Store::at(memory, 0, geometry).unwrap_or_else(|never| match never {});
        let stores = thoroughly(processes, || (0..geometry.max_handles).map(|_| open(&memory)).collect());
        Arc::new(Self { members: Members::new(geometry.max_handles as usize), stores })
    }

    fn store(&self, me: Session) -> &Store {
        &self.stores[me.slot()]
    }

    fn party(&self, me: Session) -> Party<'_, Store> {
        Party { members: &self.members, repair: self.store(me), me }
    }

    fn send_by(&self, me: Session, message: u64, deadline: Deadline) -> Result<(), Error> {
        let about = about(message, Class::Message);
        self.store(me).send_short(about, &bytes_of(message), self.party(me), deadline.into())?;
        Ok(())
    }

    /// Sends a message. Blocks until there is a cell for it.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn send(&self, me: Session, message: u64) {
        self.send_by(me, message, Deadline::NEVER).expect("it waits as long as it takes");
    }

    /// Sends a message if there is a cell for it.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn try_send(&self, me: Session, message: u64) -> Result<(), Error> {
        self.send_by(me, message, Deadline::NOW)
    }

    /// Lets time pass: each look at the clock finds it so many nanoseconds later.
    pub fn run_clock(&self, step: u64) {
        clock::start(step);
    }

    /// Sends a message that is set aside after so many attempts.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn send_limited(&self, me: Session, message: u64, attempts: u8) {
        let about = about_with(message, Class::Message, Wishes::attempts(attempts), Duration::ZERO);
        let sent = self.store(me).send_short(about, &bytes_of(message), self.party(me), Deadline::NEVER.into());
        sent.map_err(Error::from).expect("it waits as long as it takes");
    }

    /// Sends a message that can be received after a nanosecond.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn send_later(&self, me: Session, message: u64) {
        let about = about_with(message, Class::Message, Wishes::default(), Duration::from_nanos(1));
        let sent = self.store(me).send_short(about, &bytes_of(message), self.party(me), Deadline::NEVER.into());
        sent.map_err(Error::from).expect("it waits as long as it takes");
    }

    /// Returns how many messages were set aside and dropped: there is no room for any to stay aside.
    #[must_use]
    pub fn dropped(&self, me: Session) -> u64 {
        self.store(me).dropped()
    }

    fn take_by(&self, me: Session, wanted: Wanted, deadline: Deadline) -> Result<Taken, Error> {
        self.take_as(me, wanted, Wants::default(), deadline)
    }

    fn take_as(&self, me: Session, wanted: Wanted, wants: Wants<'_>, deadline: Deadline) -> Result<Taken, Error> {
        let store = self.store(me);
        let received = store.receive(wanted.selection(), self.party(me), wants, deadline)?;
        let message = self.read(me, &received);
        assert_eq!(received.route, route_of(message), "a message has its own route");
        Ok(Taken { received, message })
    }

    /// Returns which message was received.
    fn read(&self, me: Session, received: &Received) -> u64 {
        assert!([WORD, INLINE].contains(&received.len));
        let mut bytes = [0; INLINE];
        let first = received.inline.expect("no scene has long messages");
        self.store(me).read_short(received.held, first, received.len, &mut bytes);
        let (halves, _) = bytes.as_chunks::<WORD>();
        let message = u64::from_ne_bytes(halves[0]);
        let mut halves = halves[..received.len / WORD].iter();
        assert!(halves.all(|&half| u64::from_ne_bytes(half) == message), "a message is complete");
        message
    }

    /// Takes a message, and holds it. Blocks until there is one.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn take(&self, me: Session, wanted: Wanted) -> Taken {
        self.take_by(me, wanted, Deadline::NEVER).expect("it waits as long as it takes")
    }

    /// Frees a message that is held, or says that there will be no response to it.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[expect(clippy::needless_pass_by_value, reason = "a message is freed once")]
    pub fn free(&self, me: Session, taken: Taken) {
        self.store(me).give_up(taken.received.held, &self.members).expect("nothing is damaged");
    }

    /// Claims a message if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn try_claim(&self, me: Session, wanted: Wanted) -> Result<Taken, Error> {
        self.take_as(me, wanted, Wants { claims: true, ..Wants::default() }, Deadline::NOW)
    }

    /// Gives back a message that is claimed.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[expect(clippy::needless_pass_by_value, reason = "a claim ends once")]
    pub fn requeue(&self, me: Session, taken: Taken) {
        let end = Return { cause: 0, delay: Duration::ZERO };
        self.store(me).requeue(taken.received.held, end, self.party(me)).expect("nothing is damaged");
    }

    /// Says that a message that is claimed is done.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[expect(clippy::needless_pass_by_value, reason = "a claim ends once")]
    pub fn done(&self, me: Session, taken: Taken) {
        self.store(me).done(taken.received.held, &self.members).expect("nothing is damaged");
    }

    /// Takes a message, and holds it, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn try_take(&self, me: Session, wanted: Wanted) -> Result<Taken, Error> {
        self.take_by(me, wanted, Deadline::NOW)
    }

    /// Receives a message. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if there is none and the store is closed.
    pub fn receive(&self, me: Session, wanted: Wanted) -> Result<u64, Error> {
        let taken = self.take_by(me, wanted, Deadline::NEVER)?;
        Ok(self.finish(me, taken))
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn try_receive(&self, me: Session, wanted: Wanted) -> Result<u64, Error> {
        let taken = self.try_take(me, wanted)?;
        Ok(self.finish(me, taken))
    }

    fn finish(&self, me: Session, taken: Taken) -> u64 {
        let message = taken.message;
        self.free(me, taken);
        message
    }

    /// Sends a request. Blocks until there is a cell for it.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn ask(&self, me: Session, message: u64) -> Asked {
        let about = about(message, Class::Call);
        let sent = self.store(me).send_short(about, &bytes_of(message), self.party(me), Deadline::NEVER.into());
        Asked(Store::ticket(sent.map_err(Error::from).expect("it waits as long as it takes")))
    }

    /// Responds to a request that is held.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[expect(clippy::needless_pass_by_value, reason = "there is one response")]
    pub fn respond(&self, me: Session, taken: Taken, message: u64) {
        let about = about(message, Class::Call);
        let (held, party) = (taken.received.held, self.party(me));
        let responded = self.store(me).respond_short(held, about, &bytes_of(message), party, Deadline::NEVER);
        responded.map_err(Error::from).expect("nothing is damaged");
    }

    /// Sends a request that is delivered again, up to so many times. A response fits beside it.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn ask_again(&self, me: Session, message: u64, attempts: u8) -> Asked {
        let about = about_with(message, Class::Call, Wishes::attempts(attempts).redelivered(), Duration::ZERO);
        let bytes = bytes_of(message);
        let sent = self.store(me).send_short(about, &bytes[..WORD], self.party(me), Deadline::NEVER.into());
        Asked(Store::ticket(sent.map_err(Error::from).expect("it waits as long as it takes")))
    }

    /// Responds to a request that is delivered again, beside it.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[expect(clippy::needless_pass_by_value, reason = "there is one response")]
    pub fn respond_beside(&self, me: Session, taken: Taken, message: u64) {
        let (held, about, bytes) = (taken.received.held, about(message, Class::Call), bytes_of(message));
        let responded = self.store(me).respond_short(held, about, &bytes[..WORD], self.party(me), Deadline::NEVER);
        responded.map_err(Error::from).expect("nothing is damaged");
    }

    /// Waits for the response to a request. Returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the store is closed and no process has taken the request.
    pub fn response(&self, me: Session, asked: Asked) -> Result<Option<u64>, Error> {
        let store = self.store(me);
        let outcome = store.wait_for_response(asked.0, self.party(me), Deadline::NEVER)?;
        let Outcome::Response(received) = outcome else {
            self.cancel(me, asked);
            return Ok(None);
        };
        let message = self.read(me, &received);
        store.release(received.held, &self.members)?;
        Ok(Some(message))
    }

    /// Waits for a response no more.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn cancel(&self, me: Session, asked: Asked) {
        self.store(me).cancel(asked.0, me, &self.members).expect("nothing is damaged");
    }

    /// Closes the store.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn close(&self, me: Session) {
        self.store(me).close(&self.members).expect("no post is refused");
    }

    /// Repairs what the dead left.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn reap(&self, me: Session) {
        self.party(me).reap_all().expect("nothing is damaged");
    }

    /// Does something as a process that dies before so many changes of shared memory and one more, or at the end. Returns what
    /// it did, if it got so far.
    pub fn die_in<R>(&self, me: Session, changes: u32, body: impl FnOnce(&Self, Session) -> R) -> Option<R> {
        let done = with_death(changes, || body(self, me));
        self.members.die(me);
        done
    }

    /// Makes a store in which routes 2 and 3 share a lane. 201 is at its first entry, and the next push meets it there.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[must_use]
    pub fn about_to_wrap(processes: usize, messages: u32) -> Arc<Self> {
        let scene = Self::new(processes, 3, messages, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        assert_eq!(scene.try_receive(me, Wanted::Only(1)), Ok(101));
        scene.send(me, 201);
        scene.send(me, 301);
        assert_eq!(scene.try_receive(me, Wanted::Only(3)), Ok(301));
        scene
    }

    /// Receives each message that is left.
    pub fn drain(&self, me: Session) -> Vec<u64> {
        std::iter::from_fn(|| self.try_receive(me, Wanted::Any).ok()).collect()
    }

    /// Asserts that each cell for messages is free, and can be taken.
    ///
    /// # Panics
    ///
    /// If one is not, or is hidden.
    pub fn assert_empty(&self, me: Session, class_cells: u64) {
        (0..class_cells).for_each(|number| {
            assert_eq!(self.try_send(me, 100 + number), Ok(()), "each cell is free");
        });
        assert_eq!(self.try_send(me, 199), Err(Error::Busy), "there are no more cells");
    }
}
