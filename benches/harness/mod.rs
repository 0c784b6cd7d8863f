//! Comparisons in one run: alternatives in turn, several rounds, the median ratio and its spread.
//!
//! A single timing says little on a machine that does other things as well. Each round times every
//! alternative once, the first again as the one to compare with, so that what disturbs a round
//! disturbs all of it.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its own part")]
#![allow(unsafe_code, reason = "peers are forked")]

pub mod gate;

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, alarm, fork},
};
use sysv_ipc::{Key, Semaphore, SemaphoreOptions, SharedMemory, SharedMemoryOptions};

/// What an alternative is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This project's.
    Ours,
    /// What one would take instead.
    Rival,
    /// What the hardware or the kernel can do at best; or something that does less, as a floor.
    Limit,
}

/// One of several ways to do the same thing.
pub struct Alternative<'a> {
    name: String,
    kind: Kind,
    run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Alternative<'a> {
    /// `run` does the thing as often as it is told.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) + 'a) -> Self {
        Self { name: name.into(), kind: Kind::Rival, run: Box::new(run) }
    }

    pub fn ours(self) -> Self {
        self.kind(Kind::Ours)
    }

    pub fn limit(self) -> Self {
        self.kind(Kind::Limit)
    }

    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Keeps a thing as long as it lives.
    pub fn keeping<T: 'a>(self, kept: T) -> Self {
        let Self { name, kind, mut run } = self;
        let run = move |count| {
            let _ = &kept;
            run(count);
        };
        Self { name, kind, run: Box::new(run) }
    }

    /// Does the thing so often.
    pub fn run(&mut self, count: u64) {
        (self.run)(count);
    }

    fn time(&mut self, count: u64) -> Duration {
        let started = Instant::now();
        (self.run)(count);
        started.elapsed()
    }

    /// Finds how often it must run for a round to last about `wanted`.
    fn calibrate(&mut self, wanted: Duration) -> u64 {
        let mut count = 1;
        loop {
            let took = self.time(count);
            if took > wanted / 10 {
                let scale = wanted.as_secs_f64() / took.as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                return ((count as f64 * scale) as u64).max(1);
            }
            count *= 4;
        }
    }
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub title: String,
    pub lines: Vec<Line>,
}

/// What came of one alternative.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub kind: Kind,
    /// The median of what it took each time.
    pub nanoseconds: f64,
    /// Median, least and most of its ratio to the first alternative of the same round.
    pub ratio: f64,
    pub least: f64,
    pub most: f64,
}

/// Set by who wants it to end early: what is measured then comes to nothing.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// Set by who wants the kernel to place processes: nobody is pinned then.
pub static UNPINNED: AtomicBool = AtomicBool::new(false);

/// How many forks lie between the first process and this one. A process's number would do to tell them apart, and is a
/// system call.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Returns a number that a process has not in common with its parent.
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Begins a child's life: it ends by itself in the end, whoever forgets it.
pub fn begin_child(processor: usize, seconds: u32) {
    GENERATION.fetch_add(1, Relaxed);
    alarm::set(seconds);
    pin(processor);
}

/// Is told what is measured next.
pub static PROGRESS: OnceLock<fn(&str)> = OnceLock::new();

/// How many rounds, and how long one is. `cargo test` runs benchmarks too, to see that they work; and a glance needs
/// fewer rounds.
fn effort() -> (usize, Duration) {
    let is_quick = env::args().any(|argument| argument == "--test" || argument == "--quick");
    match (is_quick, env::var("BENCH_ROUNDS")) {
        (true, _) => (1, Duration::from_millis(1)),
        (false, Ok(rounds)) => (rounds.parse().expect("BENCH_ROUNDS is a number"), Duration::from_millis(50)),
        (false, Err(_)) => (15, Duration::from_millis(50)),
    }
}

/// Whether this is wanted: arguments choose among titles, by parts of them.
pub fn is_wanted(title: &str) -> bool {
    let mut parts = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    !STOP.load(Relaxed) && (parts.peek().is_none() || parts.any(|part| title.contains(&part)))
}

/// Compares alternatives with the first of them, if it is wanted, and prints a table.
pub fn compare(title: &str, alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    let comparison = measure(title, alternatives)?;
    println!("\n{title}");
    println!("{:<44} {:>12} {:>8}   spread of the ratio", "", "ns each", "ratio");
    for Line { name, nanoseconds, ratio, least, most, .. } in &comparison.lines {
        println!("{name:<44} {nanoseconds:>12.1} {ratio:>8.3}   {least:.3} to {most:.3}");
    }
    Some(comparison)
}

/// Compares alternatives with the first of them, if it is wanted.
pub fn measure(title: &str, mut alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    if let Some(progress) = PROGRESS.get() {
        progress(title);
    }
    let (rounds, round) = effort();
    pin(0);
    let counts: Vec<u64> = alternatives.iter_mut().map(|alternative| alternative.calibrate(round)).collect();
    let mut times = vec![Vec::new(); alternatives.len()];
    for _ in 0..rounds {
        for (index, alternative) in alternatives.iter_mut().enumerate() {
            if STOP.load(Relaxed) {
                return None;
            }
            let took = alternative.time(counts[index]);
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            times[index].push(took.as_secs_f64() * 1e9 / counts[index] as f64);
        }
    }
    let line = |(alternative, nanoseconds): (&Alternative<'_>, &Vec<f64>)| {
        let mut ratios: Vec<f64> = nanoseconds.iter().zip(&times[0]).map(|(this, first)| this / first).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let mut sorted = nanoseconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Line {
            name: alternative.name.clone(),
            kind: alternative.kind,
            nanoseconds: sorted[sorted.len() / 2],
            ratio: ratios[ratios.len() / 2],
            least: ratios[0],
            most: ratios[ratios.len() - 1],
        }
    };
    let lines: Vec<Line> = alternatives.iter().zip(&times).map(line).collect();
    Some(Comparison { title: title.to_owned(), lines })
}

/// Keeps the calling thread on one processor, counted round those there are.
pub fn pin(processor: usize) {
    if UNPINNED.load(Relaxed) {
        return unpin();
    }
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut set = CpuSet::new();
        // Where it can't be had, the spread shows it.
        let _ = set.set(processor % processors.max(2));
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
}

/// Lets the calling thread run on any processor.
pub fn unpin() {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        (0..CpuSet::count()).for_each(|processor| set.set(processor).expect("it is in range"));
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// The C library's mutex for several processes that learn of each other's deaths.
#[derive(Clone, Copy)]
pub struct RobustMutex(*mut libc::pthread_mutex_t);

impl RobustMutex {
    /// Makes one in shared memory that nobody else uses there.
    pub fn new(memory: &SharedMemory, offset: usize) -> Self {
        memory.write(&[0; size_of::<libc::pthread_mutex_t>()], offset).expect("it fits");
        let mutex = memory.as_mut_ptr().wrapping_add(offset).cast();
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) }, 0);
        // SAFETY: the mutex lies in mapped memory that nobody else uses yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(mutex, attributes) }, 0);
        Self(mutex)
    }

    #[inline]
    pub fn lock_and_unlock(self, inside: impl FnOnce()) {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.0) }, 0);
        inside();
        // SAFETY: this thread holds it.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0) }, 0);
    }
}

/// Several processes that do the same thing at once, and sleep in between.
pub struct Crowd {
    start: Semaphore,
    finish: Semaphore,
    batches: SharedMemory,
    peers: Vec<Peer>,
}

/// How many operations a process does before it looks how many are left.
const BATCH: u64 = 64;

impl Crowd {
    /// Starts all but one of so many processes; the last is the caller's own, in [`run`](Self::run).
    pub fn start(processes: usize, operation: &dyn Fn()) -> Self {
        let semaphore = || SemaphoreOptions::new().open(Key::PRIVATE).expect("a semaphore can be made");
        let batches = SharedMemoryOptions::new().size(8).open(Key::PRIVATE).expect("memory can be had");
        batches.remove().expect("it is ours");
        let mut crowd = Self { start: semaphore(), finish: semaphore(), batches, peers: Vec::new() };
        for number in 1..processes {
            let peer = Peer::start_on(number, || {
                while crowd.start.acquire().is_ok() {
                    crowd.work(operation);
                    crowd.finish.release().expect("the benchmark waits");
                }
            });
            crowd.peers.push(peer);
        }
        crowd
    }

    fn work(&self, operation: &dyn Fn()) {
        let left: &AtomicI64 = self.batches.view(0).expect("it fits");
        while left.fetch_sub(1, Relaxed) > 0 {
            (0..BATCH).for_each(|_| operation());
        }
    }

    /// Has everybody together do the operation so often, and some more, to fill the last batch; returns how often.
    pub fn run(&self, count: u64, operation: &dyn Fn()) -> u64 {
        let left: &AtomicI64 = self.batches.view(0).expect("it fits");
        let batches = count.div_ceil(BATCH);
        left.store(i64::try_from(batches).expect("it is small"), Relaxed);
        self.peers.iter().for_each(|_| self.start.release().expect("it counts so far"));
        self.work(operation);
        self.peers.iter().for_each(|_| self.finish.acquire().expect("the peers live"));
        batches * BATCH
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.peers.clear();
        let _ = self.start.remove();
        let _ = self.finish.remove();
    }
}

/// A process that serves, on another processor, until it is dropped.
pub struct Peer(Pid);

impl Peer {
    pub fn start(serve: impl FnOnce()) -> Self {
        Self::start_on(1, serve)
    }

    pub fn start_on(processor: usize, serve: impl FnOnce()) -> Self {
        // SAFETY: a benchmark has one thread here.
        match unsafe { fork() }.expect("a peer can be forked") {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                begin_child(processor, 300);
                serve();
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(0) }
            }
        }
    }
}

impl Peer {
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Waits until it ends by itself.
    pub fn join(self) {
        let _ = waitpid(self.0, None);
        std::mem::forget(self);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}
