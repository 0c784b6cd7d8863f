//! `WorkerPool` beside other pools of workers.

mod killed;

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use anyhow::Result;

use crate::{
    calls,
    harness::{self, Alternative, Comparison, Kind, UNPINNED, is_wanted},
    pools::{Driver, Task, WAYS, Way, Work},
    report::{Fact, Section},
};

const EMPTY: Work = Work::Spin(Duration::ZERO);

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
            let mut driver = Driver::start(&task)?;
            let run = move |count| driver.run(count).unwrap_or_else(|error| panic!("{}: {error:#}", way.name));
            Ok(Alternative::of_a_part(way.name, run).kind(way.kind))
        };
        let alternatives = ways().map(alternative).collect::<Result<_>>()?;
        Ok(harness::measure(&title, alternatives))
    }
}

fn count_calls(section: &mut Section) -> Result<()> {
    let title = "System calls for an empty job, 2 workers";
    if !is_wanted(title) {
        return Ok(());
    }
    let count = |way: Way| {
        let task = Task { way, workers: 2, work: EMPTY, size: 100 };
        let count = calls::count_more(1000, |count| {
            let mut driver = Driver::start(&task).expect("it can be started");
            driver.run(count).expect("it lives");
        })?;
        Ok(Fact::new(way.name, way.kind, vec![count.into()]))
    };
    // Threads of one process need none for a job.
    let rows = ways().filter(|way| way.kind != Kind::Floor).map(count).collect::<Result<_>>()?;
    section.add_facts(title, &["system calls for one job"], rows);
    Ok(())
}
