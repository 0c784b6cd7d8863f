//! The supervisor: feeds jobs, collects results, replaces workers that die.
//!
//! States of a job, and what the death of a worker does to it:
//!
//! | state | kept where | a worker dies |
//! | --- | --- | --- |
//! | pending | `pending` | – |
//! | sent | `sent`; on the channel, or taken by a worker | it may be lost: it is pending again |
//! | given up | `summary`, as unreadable | – |
//! | done | `summary`, once | a second result is dropped |
//!
//! - **S1** A job is done once: the first complete result counts, all others are dropped.
//! - **S2** A result is one message, however long: there is no half of one.
//! - **S3** Jobs never fill more than half of the channel, so that there is always room for a result
//!   once the results that are there have been taken.
//! - **S4** The supervisor waits in one place: for any message but a job.
//! - **S5** A job that was in the hands of too many workers that died uncalled-for is given up: it may
//!   be what kills them.
//! - **S6** Stopping sends no new jobs. Those that were sent are still done, also when workers die.
//! - If the supervisor is killed, the workers see their standard input end, remove the channel and end
//!   too. If all of them are killed at once the channel stays, for `ipcrm`.
#![allow(unsafe_code, reason = "signals are given back their defaults")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    env,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::{Handle, Signals},
};
use sysv_primitives::{Channel, Message};

use crate::{
    count::{Summary, Words},
    messages::{Counted, Event, Job, Kind},
};

/// A job that was sent when more workers than this died uncalled-for is given up.
const MOST_DEATHS: u32 = 20;

/// A file with more different words than this is as good as unreadable. Memory is taken when it is used.
const LONGEST_RESULT: usize = 64 << 20;

/// What a run came to.
pub(crate) struct Report {
    pub(crate) summary: Summary,
    pub(crate) jobs_by_worker: BTreeMap<usize, u64>,
    pub(crate) killed: usize,
    pub(crate) repeated: usize,
    pub(crate) stopped: bool,
    pub(crate) elapsed: Duration,
}

pub(crate) struct Supervisor<'a> {
    channel: Channel,
    files: &'a [PathBuf],
    workers: BTreeMap<usize, Child>,
    next_worker: usize,
    signals: Handle,
    pending: VecDeque<usize>,
    /// How often a job was sent when a worker died uncalled-for.
    suspected: HashMap<usize, u32>,
    sent: BTreeSet<usize>,
    /// After how many done jobs a worker is killed, the next one last.
    kills: Vec<usize>,
    done: usize,
    progress: ProgressBar,
    report: Report,
}

/// Counts all files in worker processes, some of which are killed on the way.
pub(crate) fn run(files: &[PathBuf], workers: usize, kills: usize) -> Result<Report> {
    let started = Instant::now();
    let mut supervisor = Supervisor::start(files, workers, kills)?;
    supervisor.feed()?;
    while supervisor.done < files.len() && !supervisor.is_drained() {
        supervisor.attend()?;
        supervisor.feed()?;
    }
    supervisor.progress.finish_and_clear();
    let report = Report {
        summary: std::mem::take(&mut supervisor.report.summary),
        jobs_by_worker: std::mem::take(&mut supervisor.report.jobs_by_worker),
        elapsed: started.elapsed(),
        ..supervisor.report
    };
    Ok(report)
}

impl<'a> Supervisor<'a> {
    fn start(files: &'a [PathBuf], workers: usize, kills: usize) -> Result<Self> {
        // First of all: a signal from here on is a message, and removes what follows.
        let signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM]).context("can't handle signals")?;
        let name = format!("worker-pool-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let channel = Channel::options()
            .max_handles(u32::try_from(workers + 8).unwrap_or(u32::MAX))
            .max_message_size(LONGEST_RESULT)
            .create(&name)?;
        let mut kills: Vec<usize> = (0..kills).map(|_| fastrand::usize(..files.len().max(1))).collect();
        kills.sort_unstable_by(|a, b| b.cmp(a));
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta} left")?;
        let mut supervisor = Self {
            channel,
            files,
            workers: BTreeMap::new(),
            next_worker: 1,
            signals: signals.handle(),
            pending: (0..files.len()).collect(),
            suspected: HashMap::new(),
            sent: BTreeSet::new(),
            kills,
            done: 0,
            progress: ProgressBar::new(files.len() as u64).with_style(style),
            report: Report {
                summary: Summary::default(),
                jobs_by_worker: BTreeMap::new(),
                killed: 0,
                repeated: 0,
                stopped: false,
                elapsed: Duration::ZERO,
            },
        };
        forward(signals, supervisor.channel.clone());
        for _ in 0..workers {
            supervisor.start_worker()?;
        }
        Ok(supervisor)
    }

    /// Starts this program again, as a worker.
    fn start_worker(&mut self) -> Result<()> {
        let number = self.next_worker;
        self.next_worker += 1;
        let child = Command::new(env::current_exe()?)
            .args(["--as-worker", &number.to_string(), "--channel", &self.channel.status()?.name])
            .stdin(Stdio::piped())
            .spawn()
            .context("can't start a worker")?;
        self.workers.insert(number, child);
        Ok(())
    }

    /// After Ctrl-C: whether all that was sent is done.
    fn is_drained(&self) -> bool {
        self.report.stopped && self.sent.is_empty() && self.pending.is_empty()
    }

    /// Sends jobs as long as there are some and they leave half of the channel free (S3).
    fn feed(&mut self) -> Result<()> {
        while let Some(&number) = self.pending.front() {
            let depth = self.channel.depth()?;
            let job = Job::new(number, self.files[number].clone());
            let is_half_full = depth.messages >= depth.max_messages / 2 || depth.bytes > depth.max_bytes / 2;
            // An empty channel takes any job.
            if depth.messages > 0 && is_half_full {
                break;
            }
            match self.channel.try_send(&job) {
                Err(error) if error.is_busy() => break,
                sent => sent?,
            }
            self.pending.pop_front();
            self.sent.insert(number);
        }
        Ok(())
    }

    /// Waits for a result or an event (S4), and does what it asks for.
    fn attend(&mut self) -> Result<()> {
        let incoming = self.channel.recv_except::<Job>()?;
        if incoming.route() == Counted::ROUTE {
            self.take(incoming.decode()?)?;
        } else {
            match incoming.decode()? {
                Event::ChildEnded => self.replace_the_dead()?,
                Event::Stop if self.report.stopped => bail!("stopped twice; what was not done is lost"),
                Event::Stop if self.done + self.sent.len() == self.files.len() => {}
                Event::Stop => {
                    self.progress.println("stopping: waiting for the jobs that were sent; once more to stop at once");
                    self.report.stopped = true;
                    // S6: what was never sent will not be.
                    self.pending.retain(|job| self.suspected.contains_key(job));
                    self.kills.clear();
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, result: Counted) -> Result<()> {
        // S1: a job that was sent again can come back twice.
        let first = self.sent.remove(&result.job) || remove(&mut self.pending, result.job);
        if first {
            *self.report.jobs_by_worker.entry(result.worker).or_default() += 1;
            self.complete(result.kind, result.words);
            self.kill_some()?;
        }
        Ok(())
    }

    /// Kills as many workers as it is time for, and replaces each at once: so there is always one to kill.
    fn kill_some(&mut self) -> Result<()> {
        while self.kills.last().is_some_and(|&after| after < self.done) {
            self.kills.pop();
            let workers: Vec<usize> = self.workers.keys().copied().collect();
            let Some(&victim) = fastrand::choice(&workers) else { break };
            if let Some(worker) = self.workers.get_mut(&victim) {
                worker.kill().context("can't kill a worker")?;
                worker.wait()?;
            }
            self.report.killed += 1;
            self.replace(victim, true)?;
        }
        Ok(())
    }

    /// Replaces the workers that ended.
    fn replace_the_dead(&mut self) -> Result<()> {
        let mut dead = Vec::new();
        for (&number, worker) in &mut self.workers {
            if let Some(status) = worker.try_wait()? {
                // One that ended by itself would do so again and again.
                if status.signal().is_none() {
                    bail!("worker {number} failed: {status}");
                }
                dead.push(number);
            }
        }
        dead.into_iter().try_for_each(|number| self.replace(number, false))
    }

    /// Starts a new worker for a dead one, and sends again whatever that may have had in hand.
    fn replace(&mut self, dead: usize, called_for: bool) -> Result<()> {
        self.workers.remove(&dead);
        self.report.repeated += self.sent.len();
        for job in std::mem::take(&mut self.sent) {
            let deaths = self.suspected.entry(job).or_default();
            *deaths += u32::from(!called_for);
            if *deaths > MOST_DEATHS {
                // S5.
                self.complete(Kind::Unreadable, Words::new());
            } else {
                self.pending.push_back(job);
            }
        }
        self.start_worker()
    }

    fn complete(&mut self, kind: Kind, words: Words) {
        self.report.summary.add(kind, words);
        self.done += 1;
        self.progress.inc(1);
    }
}

impl Drop for Supervisor<'_> {
    /// Whatever happened: no object and no process stays.
    fn drop(&mut self) {
        self.signals.close();
        // From here on a signal does again what it does by default.
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
            // SAFETY: the default is no handler, so nothing runs.
            let _ =
                unsafe { sigaction(signal, &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty())) };
        }
        // The workers end when it is gone.
        let _ = self.channel.remove();
        for worker in self.workers.values_mut() {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

/// Turns signals into messages, for they would otherwise be missed if they came just before a wait.
fn forward(mut signals: Signals, channel: Channel) {
    thread::spawn(move || {
        for signal in signals.forever() {
            let event = if signal == SIGCHLD { Event::ChildEnded } else { Event::Stop };
            if channel.send(&event).is_err() {
                return;
            }
        }
    });
}

fn remove(queue: &mut VecDeque<usize>, item: usize) -> bool {
    let position = queue.iter().position(|&other| other == item);
    position.and_then(|position| queue.remove(position)).is_some()
}
