//! Shows why procspawn gets no more jobs of 1 MiB at once than it has workers: with one more it stops for ever.
//!
//! `spawn` writes a job to a socket, and waits until a worker reads it. No worker takes a job before the result of its last
//! one was taken by `join`. So the thread that submits a third long job to two workers never comes to its first `join`.
//!
//! ```sh
//! cargo run --release --example procspawn_stops
//! ```

use std::{
    env,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_bytes::ByteBuf;

const WORKERS: usize = 2;
const BYTES: usize = 1 << 20;
/// A job takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

fn work(bytes: ByteBuf) -> usize {
    bytes.len()
}

/// Submits so many jobs, and then takes their results.
fn submit(jobs: usize) -> Result<()> {
    let pool = procspawn::Pool::new(WORKERS)?;
    let handles: Vec<_> = (0..jobs).map(|_| pool.spawn(ByteBuf::from(vec![1; BYTES]), work)).collect();
    for handle in handles {
        ensure!(handle.join()? == BYTES, "another result");
    }
    Ok(())
}

/// Returns whether a program that submits so many jobs comes to its end.
fn ends(jobs: usize) -> Result<bool> {
    let mut child = Command::new(env::current_exe()?).arg(jobs.to_string()).stdin(Stdio::null()).spawn()?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "{jobs} jobs: {status}");
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(10));
    }
    // Its workers end with the socket to it.
    child.kill()?;
    child.wait()?;
    Ok(false)
}

fn main() -> Result<()> {
    procspawn::init();
    if let Some(jobs) = env::args().nth(1) {
        return submit(jobs.parse().context("a number of jobs")?);
    }
    for jobs in [WORKERS, WORKERS + 1] {
        let what = if ends(jobs)? { "all are done" } else { "nothing more happens" };
        println!("{jobs} jobs of {BYTES} bytes at once, {WORKERS} workers: {what}");
    }
    Ok(())
}
