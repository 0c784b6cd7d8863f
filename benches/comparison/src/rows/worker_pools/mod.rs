//! `WorkerPool` beside other pools of workers.

pub(super) mod killed;

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use anyhow::Result;

use crate::{
    calls,
    harness::{self, Alternative, Comparison, Kind, UNPINNED, is_wanted},
    pools::{Driver, Task, WAYS, Way, Work},
    report::{Fact, Section},
};

pub(super) const EMPTY: Work = Work::Spin(Duration::ZERO);

/// Comparisons by the number of workers.
struct Jobs {
    title: &'static str,
    /// What they are called in the title of a table.
    name: &'static str,
    work: Work,
    size: usize,
    workers: &'static [u16],
}

const JOBS: [Jobs; 4] = [
    Jobs {
        title: "Empty jobs of 100 B, by workers",
        name: "empty jobs of 100 B",
        work: EMPTY,
        size: 100,
        workers: &[1, 2, 4, 8],
    },
    // More workers copy no faster.
    Jobs {
        title: "Empty jobs of 1 MiB, by workers",
        name: "empty jobs of 1 MiB",
        work: EMPTY,
        size: 1 << 20,
        workers: &[1, 2, 4],
    },
    Jobs {
        title: "Jobs of 100 µs and 100 B, by workers",
        name: "jobs of 100 µs and 100 B",
        work: Work::Spin(Duration::from_micros(100)),
        size: 100,
        workers: &[1, 2, 4, 8],
    },
    Jobs {
        title: "Jobs that sleep for 10 ms, of 100 B, by workers",
        name: "jobs that sleep for 10 ms",
        work: Work::Sleep(Duration::from_millis(10)),
        size: 100,
        workers: &[1, 2, 4, 8],
    },
];

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    // The kernel places them in any case.
    if UNPINNED.load(Relaxed) {
        return Ok(());
    }
    for jobs in &JOBS {
        let points = jobs.workers.iter().map(|&workers| anyhow::Ok((f64::from(workers), jobs.compare(workers)?)));
        section.add_family("job", jobs.title, "workers", points.collect::<Result<_>>()?);
    }
    killed::measure(section)?;
    count_calls(section)
}

fn ways() -> impl Iterator<Item = Way> {
    WAYS.into_iter().filter(|way| way.is_there())
}

impl Jobs {
    fn compare(&self, workers: u16) -> Result<Option<Comparison>> {
        let title = format!("{workers} {}, {}", if workers == 1 { "worker" } else { "workers" }, self.name);
        if !is_wanted(&title) {
            return Ok(None);
        }
        let alternative = |way: Way| {
            let task = Task { way, workers: workers.into(), work: self.work.clone(), size: self.size };
            let mut driver = Driver::start(&task, None)?;
            let run = move |count| {
                let took = whole(&mut driver, count, workers.into());
                took.unwrap_or_else(|error| panic!("{}: {error:#}", way.name))
            };
            Ok(Alternative::of_a_part(way.name, run).kind(way.kind))
        };
        let alternatives = ways().map(alternative).collect::<Result<_>>()?;
        Ok(harness::measure(&title, alternatives))
    }
}

/// Has as many jobs done, and more of them so that each worker may have the same number. Returns the time for `count`.
pub(super) fn whole(driver: &mut Driver, count: u64, workers: u64) -> Result<Duration> {
    let all = count.next_multiple_of(workers);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = count as f64 / all as f64;
    Ok(driver.run(all)?.mul_f64(share))
}

fn count_calls(section: &mut Section) -> Result<()> {
    let title = "System calls for an empty job, 2 workers";
    if !is_wanted(title) {
        return Ok(());
    }
    let count = |way: Way| {
        let task = Task { way, workers: 2, work: EMPTY, size: 100 };
        // The beginning and the end of a program have some calls more or less, and chunks have few for each job.
        let more = if way.is_in_chunks() { 20_000 } else { 1000 };
        let count = calls::count_more(more, |count| {
            let mut driver = Driver::start(&task, None).expect("it can be started");
            driver.run(count).expect("it lives");
        })?;
        Ok(Fact::new(way.name, way.kind, vec![count.max(0.0).into()]))
    };
    // Threads of one process need none for a job.
    let rows = ways().filter(|way| way.kind != Kind::Floor).map(count).collect::<Result<_>>()?;
    section.add_facts(title, &["system calls for one job"], rows);
    Ok(())
}
