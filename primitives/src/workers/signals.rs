//! Signals that end a pool, or a worker.

use std::{io, sync::mpsc::Sender, thread, time::Duration};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{self, Handle},
};

use super::supervisor::Event;

/// Handles signals until it is dropped.
#[derive(Debug)]
pub(super) struct Signals(Handle);

impl Signals {
    /// Sends each signal to the supervisor.
    pub(super) fn handle(events: Sender<Event>, deadline: Duration) -> io::Result<Self> {
        Self::each(move |number| {
            let _ = events.send(Event::Signal { number, deadline });
        })
    }

    /// Calls this for each signal that asks the process to end.
    pub(super) fn each(mut act: impl FnMut(i32) + Send + 'static) -> io::Result<Self> {
        let mut signals = iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(&mut act))?;
        Ok(Self(handle))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.close();
    }
}
