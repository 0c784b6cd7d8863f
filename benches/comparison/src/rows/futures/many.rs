//! A thousand waiters of one process: what they take, and how long it is until all were woken.

use std::{
    fs,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::Result;
use sysv_primitives::Watch;
use tokio::{runtime::Builder, task::yield_now};

use super::{name, runtime};
use crate::{
    harness::{Kind, Process, UNPINNED, is_wanted, objects::memory},
    report::{Cell, Fact, Section},
    timed::Timed,
};

const WAITERS: usize = 1000;
/// Until threads that were just started sleep.
const SETTLED: Duration = Duration::from_millis(100);

/// What waits for a value of the watch.
type Wait = fn(Arc<Watch<u64>>, u64, &mut Used) -> Duration;

/// What the waiters took when all of them waited.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// The process's own, before there were any.
    pages_before: u64,
    threads_before: u64,
    pages: u64,
    threads: u64,
}

/// How many pages are resident, and how many threads there are.
fn used() -> (u64, u64) {
    let number = |file: &str, find: &dyn Fn(&str) -> Option<u64>| {
        fs::read_to_string(file).ok().as_deref().and_then(find).expect("the system says so")
    };
    let pages = number("/proc/self/statm", &|text| text.split(' ').nth(1)?.parse().ok());
    let threads = number("/proc/self/status", &|text| {
        text.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
    });
    (pages, threads)
}

/// All wait as tasks of one thread, and are woken together. Returns how long that takes.
fn as_futures(watch: Arc<Watch<u64>>, value: u64, used_by_all: &mut Used) -> Duration {
    runtime().block_on(async {
        (used_by_all.pages_before, used_by_all.threads_before) = used();
        let wait = |watch: Arc<Watch<u64>>| async move { watch.wait_for_async(move |now| *now == value).await.is_ok() };
        let tasks: Vec<_> = (0..WAITERS).map(|_| tokio::spawn(wait(Arc::clone(&watch)))).collect();
        // The first poll lets others run, and the second one waits.
        for _ in 0..4 {
            yield_now().await;
        }
        tokio::time::sleep(SETTLED).await;
        (used_by_all.pages, used_by_all.threads) = used();
        let begun = Instant::now();
        watch.set(value).expect("it is there");
        for task in tasks {
            assert!(task.await.expect("no task panics"), "the watch stays");
        }
        begun.elapsed()
    })
}

/// All wait in threads of the runtime's that may block.
fn as_blocking_tasks(watch: Arc<Watch<u64>>, value: u64, used_by_all: &mut Used) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(WAITERS).build();
    runtime.expect("a runtime can be made").block_on(async {
        (used_by_all.pages_before, used_by_all.threads_before) = used();
        let wait = |watch: Arc<Watch<u64>>| move || watch.wait_for(|now| *now == value).is_ok();
        let tasks: Vec<_> = (0..WAITERS).map(|_| tokio::task::spawn_blocking(wait(Arc::clone(&watch)))).collect();
        tokio::time::sleep(SETTLED).await;
        (used_by_all.pages, used_by_all.threads) = used();
        let begun = Instant::now();
        watch.set(value).expect("it is there");
        for task in tasks {
            assert!(task.await.expect("no task panics"), "the watch stays");
        }
        begun.elapsed()
    })
}

const WAYS: [(&str, Kind, Wait); 2] = [
    ("Watch::wait_for_async", Kind::Ours, as_futures),
    ("Watch::wait_for in spawn_blocking", Kind::Rival, as_blocking_tasks),
];

pub(super) fn measure(section: &mut Section) -> Result<()> {
    taken(section)?;
    woken(section)
}

fn woken(section: &mut Section) -> Result<()> {
    let title = "1,000 waiters of one process are woken together";
    if !is_wanted(title) {
        return Ok(());
    }
    let mut timed = Vec::new();
    for (name_of_way, kind, wait) in WAYS {
        let watch = Arc::new(Watch::options().remove_on_drop(true).create(&name("watch"), 0_u64)?);
        let mut value = 0;
        let once = move |_| {
            value += 1;
            wait(Arc::clone(&watch), value, &mut Used::default())
        };
        timed.push(Timed::of_a_part(name_of_way, kind, once, |_, act| act()));
    }
    section.add_timed("time until all have run", title, timed);
    Ok(())
}

/// Each in a process of its own, in memory that nothing else has used before.
fn taken(section: &mut Section) -> Result<()> {
    let title = "What 1,000 waiters of one process take";
    if !is_wanted(title) || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (name_of_way, kind, wait) in WAYS {
        let results = memory(16)?;
        let results: &[std::sync::atomic::AtomicU64; 2] = results.view(0)?;
        let measured = Process::start(|| {
            let watch = Watch::options().remove_on_drop(true).create(&name("watch"), 0_u64).expect("it can be made");
            let mut used = Used::default();
            wait(Arc::new(watch), 1, &mut used);
            let page = u64::try_from(page_size()).expect("it is a size");
            results[0].store((used.pages - used.pages_before) * page / 1024, Relaxed);
            results[1].store(used.threads - used.threads_before, Relaxed);
        });
        measured.join();
        let each = |number: u64| {
            let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            Cell::from(number / f64::from(u32::try_from(WAITERS).unwrap_or(u32::MAX)))
        };
        let [memory, threads] = results.each_ref().map(|result| result.load(Relaxed));
        rows.push(Fact::new(name_of_way, kind, vec![each(memory), each(threads)]));
    }
    section.add_facts(title, &["memory for each (KiB)", "threads for each"], rows);
    Ok(())
}

fn page_size() -> i64 {
    // SAFETY: it takes a number.
    #[allow(unsafe_code, reason = "the C library is called directly")]
    unsafe {
        libc::sysconf(libc::_SC_PAGESIZE)
    }
}
