//! A worker: takes jobs until the channel is gone.

use std::{
    io::{self, Read},
    process, thread,
};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use sysv_primitives::{Channel, OpenError, SendError};

use crate::{
    count::{Words, count},
    messages::{Counted, Job, Kind},
};

/// Takes jobs, and answers with results, until the supervisor removes the channel.
pub(crate) fn run(channel: &str, worker: usize) -> Result<()> {
    // An interrupt from the terminal reaches the whole group. Ending is the supervisor's business.
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, std::sync::Arc::default()).context("can't handle signals")?;
    }
    let channel = match Channel::open(channel) {
        Err(OpenError::NoSuchName { .. }) => return Ok(()),
        channel => channel?,
    };
    end_with_the_supervisor(channel.clone());
    match work(&channel, worker) {
        Err(error) if error.is_gone() => Ok(()),
        other => Ok(other?),
    }
}

/// Watches standard input, a pipe that nothing is written to: its end is the supervisor's.
///
/// A supervisor that ended well has removed the channel. One that was killed has not, and then the
/// workers do it, so that nothing stays behind.
fn end_with_the_supervisor(channel: Channel) {
    thread::spawn(move || {
        let _ = io::stdin().lock().read(&mut [0]);
        // Another worker may have done it already.
        let _ = channel.remove();
        process::exit(1);
    });
}

fn work(channel: &Channel, worker: usize) -> sysv_primitives::Result<()> {
    loop {
        let job: Job = channel.recv()?;
        let number = job.number;
        let (kind, words) = count(&job.path());
        let sent = channel.send(&Counted { job: number, worker, kind, words });
        if let Err(SendError::TooLong { .. }) = sent {
            let unreadable = Counted { job: number, worker, kind: Kind::Unreadable, words: Words::new() };
            channel.send(&unreadable)?;
        } else {
            sent?;
        }
    }
}
