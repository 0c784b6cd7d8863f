//! The real words of a watched value of two words, in the hands of modelled processes.

use std::{mem, sync::Arc};

use crate::{
    attendance::Attachment,
    kernel::{Deadline, Members, SLOTS, Session},
    layout::Mapped,
    lock::Lock,
    scene::room,
    sizes::BUFFERS,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
    waiting::Party,
};

#[path = "../../../primitives/src/watch/state.rs"]
pub(crate) mod state;
#[path = "../../../primitives/src/watch/wait.rs"]
pub(crate) mod wait;

use state::{Change, Versions, WatchControl, WatchState};
use wait::Ended;

/// How many words the value has.
const WORDS: usize = 2;

/// The real words.
#[derive(Debug)]
pub struct WatchScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: WatchState,
}

fn copy(words: &[AtomicU64]) -> [u64; WORDS] {
    [words[0].load(Relaxed), words[1].load(Relaxed)]
}

impl WatchScene {
    /// Makes one with a value of zeroes.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let lock = Lock::new(Mapped::new(AtomicU32::new(0)), room(0, 2));
        let words = (Mapped::new(Versions::default()), lock, Mapped::new(WatchControl::default()), room(1, 2));
        let attachments = (0..SLOTS).map(|_| Attachment::default()).collect();
        let buffers = (0..BUFFERS * WORDS).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { members, state: WatchState::new(words, attachments, (buffers, WORDS)) })
    }

    fn party(&self, me: Session) -> Party<'_, WatchState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    fn begin(&self, me: Session) -> Change<'_> {
        let change = self.state.begin(self.party(me), Deadline::NEVER).expect("nothing is damaged");
        change.expect("it waits as long as it takes")
    }

    /// Sets the value to twice this number, as `Watch::set` does.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn set(&self, me: Session, value: u64) {
        let write = |words: &[AtomicU64]| words.iter().for_each(|word| word.store(value, Relaxed));
        self.begin(me).publish(write).expect("it has the lock");
    }

    /// Adds one to both, as `Watch::update` does.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    pub fn add(&self, me: Session) {
        let change = self.begin(me);
        let [first, second] = copy(change.current());
        assert_eq!(first, second, "half a value");
        let write = |words: &[AtomicU64]| words.iter().for_each(|word| word.store(first + 1, Relaxed));
        change.publish(write).expect("it has the lock");
    }

    /// Begins to set the value, writes half of it, perhaps publishes the whole, and dies.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    pub fn set_and_die(&self, me: Session, value: u64, publishes: bool) {
        mem::forget(self.begin(me));
        let published = self.state.versions.published.load(Relaxed);
        self.state.versions.begun.store(published + 1, SeqCst);
        loom::sync::atomic::fence(SeqCst);
        let at = usize::try_from(published + 1).expect("it is small") % BUFFERS * WORDS;
        self.state.buffers[at].store(value, Relaxed);
        if publishes {
            self.state.buffers[at + 1].store(value, Relaxed);
            self.state.versions.published.store(published + 1, SeqCst);
        }
        self.members.die(me);
    }

    /// Reads the value, as `Watch::get` does. Returns it and its version.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set), and if the value is not whole.
    pub fn read(&self, me: Session) -> (u64, u64) {
        let mut found = [0; WORDS];
        let version = match self.state.try_read(|words| found = copy(words)) {
            Some(version) => version,
            None => {
                let read = self.state.read_slowly(self.party(me), |words| found = copy(words));
                read.expect("nothing is damaged")
            }
        };
        assert_eq!(found[0], found[1], "half a value");
        (found[0], version)
    }

    /// Reads the value beside a setter that sets it twice in each copy, if no process has the lock. Returns it and its version.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read), and if it takes too many attempts.
    pub fn read_disturbed(&self, me: Session, setter: Session) -> (u64, u64) {
        let (mut found, mut attempts) = ([0; WORDS], 0);
        let version = self.state.read_slowly(self.party(me), |words| {
            found = copy(words);
            attempts += 1;
            assert!(attempts < 100, "it is disturbed for ever");
            for _ in 0..2 {
                if let Some(change) = self.state.begin(self.party(setter), Deadline::NOW).expect("nothing is damaged") {
                    let next = copy(change.current())[0] + 1;
                    let write = |words: &[AtomicU64]| words.iter().for_each(|word| word.store(next, Relaxed));
                    change.publish(write).expect("it has the lock");
                }
            }
        });
        (found[0], version.expect("nothing is damaged"))
    }

    /// Waits for a version, as `Watcher::changed` does. Returns `false` at the end, if that is asked for.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    pub fn wait(&self, me: Session, wanted: u64, detects_end: bool) -> bool {
        let look = || {
            let version = self.state.version();
            Ok((version >= wanted).then_some(version))
        };
        let ended = self.state.wait_until(self.party(me), detects_end, Deadline::NEVER, look);
        match ended.expect("nothing is damaged").expect("it waits as long as it takes") {
            Ended::Found(_) => true,
            Ended::Disconnected => false,
        }
    }

    /// Comes to wait for a version, and does not.
    ///
    /// # Panics
    ///
    /// As [`set`](Self::set).
    pub fn come(&self, me: Session) {
        let look = || Ok(None::<()>);
        self.state.look_now(self.party(me), false, look).expect("nothing is damaged");
    }

    /// Becomes a writer.
    pub fn attach(&self, me: Session) {
        self.state.attach(me);
    }

    /// Is a writer no more.
    pub fn detach(&self, me: Session) {
        self.state.detach(me, &self.members);
    }
}
