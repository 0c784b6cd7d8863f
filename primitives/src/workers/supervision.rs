//! The supervisor of a pool, as the pool's handle has it: its thread, and its signals.

use std::{
    process, result,
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use super::{
    WorkersError,
    event::Event,
    fleet::Fleet,
    options::WorkerPoolOptions,
    shared::{Shared, shown},
    signals::Signals,
    supervisor::Supervisor,
    tally::ROWS,
};

type Result<T, E = WorkersError> = result::Result<T, E>;

/// The supervisor of a pool, as its handle has it.
#[derive(Debug)]
pub(super) struct Supervision {
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
    /// A child made by `fork` has no such thread.
    process: u32,
    _signals: Option<Signals>,
}

pub(super) fn check_number(pool: &str, workers: usize) -> Result<()> {
    if workers <= ROWS {
        return Ok(());
    }
    Err(WorkersError::TooMany { pool: shown(pool), workers, most: ROWS })
}

impl Supervision {
    pub(super) fn start(shared: &Arc<Shared>, options: &WorkerPoolOptions) -> Result<Self> {
        let (events, received) = mpsc::channel();
        let signals = match options.signals {
            Some(deadline) => {
                let events = events.clone();
                let handled = Signals::each(move |number| {
                    // A supervisor that has ended has no workers.
                    let _ = events.send(Event::Signal { number, deadline });
                });
                Some(handled.map_err(WorkersError::system(&shared.name, "handle signals"))?)
            }
            None => None,
        };
        let fleet = Fleet::new(Arc::clone(shared), options, events.clone());
        let supervisor = Supervisor::new(Arc::clone(shared), options, fleet, received);
        let thread = thread::Builder::new().name("supervisor".to_owned()).spawn(|| supervisor.run());
        let thread = thread.map_err(WorkersError::system(&shared.name, "start a thread"))?;
        Ok(Self { events, thread: Some(thread), process: process::id(), _signals: signals })
    }

    pub(super) fn tell(&self, event: Event) {
        // A supervisor that has ended has nothing to do.
        let _ = self.events.send(event);
    }

    /// Returns whether this process has the supervisor.
    pub(super) fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// Stops all workers, and waits until they have done their jobs. Signals are handled until it is dropped.
    pub(super) fn end(&mut self) {
        self.tell(Event::Drain(None));
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}
