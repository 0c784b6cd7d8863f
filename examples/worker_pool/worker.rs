//! A worker: takes jobs until the channel is gone.

use std::{
    io::{self, Read},
    process, thread,
};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use sysv_primitives::Channel;

use crate::{
    count::count,
    messages::{Counted, Job},
};

/// Takes jobs, and answers with results, until the supervisor removes the channel.
pub(crate) fn run(channel: i32, worker: usize) -> Result<()> {
    // An interrupt from the terminal reaches the whole group; ending is the supervisor's business.
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, std::sync::Arc::default()).context("can't handle signals")?;
    }
    let channel = match Channel::from_id(channel) {
        Err(error) if error.is_gone() => return Ok(()),
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
    // Half of the queue is for jobs; of the other half a result takes no more than a part, and no
    // more than a message may have.
    let whole = usize::try_from(channel.queue().stat()?.max_size).unwrap_or(usize::MAX);
    let part = (whole / 8).min(channel.queue().max_message_size() / 2);
    loop {
        let job: Job = channel.recv()?;
        let number = job.number;
        let (kind, words) = count(&job.path());
        let mut result = Counted { job: number, worker, words: Vec::new(), complete: None };
        let mut size = 0;
        for (word, count) in words {
            size += word.len() + 12;
            result.words.push((word, count));
            if size >= part {
                channel.send(&result)?;
                result.words.clear();
                size = 0;
            }
        }
        result.complete = Some(kind);
        channel.send(&result)?;
    }
}
