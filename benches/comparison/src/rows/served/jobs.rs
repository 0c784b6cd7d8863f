//! Jobs to workers over a server, and their results back: each pool as its documentation advises.

use anyhow::{Context, Result};

use crate::{
    calls,
    harness::{self, Alternative, Comparison, is_wanted},
    pools::{Driver, SERVED, Task, Way},
    report::{Cell, Fact, Section},
    rows::worker_pools::{EMPTY, killed, whole},
    server::Server,
};

const WORKERS: [u16; 3] = [1, 4, 16];
const COUNTED: &str = "What a job on a server costs, 2 workers";
const KILLED: &str = "What happens when a worker on a server is killed in the middle of a job";

fn title(workers: u16) -> String {
    format!("empty jobs of 64 bytes on a server, {workers} {}", if workers == 1 { "worker" } else { "workers" })
}

pub(super) fn titles() -> impl Iterator<Item = String> {
    WORKERS.into_iter().map(title).chain([COUNTED, KILLED].map(str::to_owned))
}

fn ways() -> impl Iterator<Item = Way> {
    SERVED.into_iter().filter(|way| way.is_there())
}

pub(super) fn measure(section: &mut Section, server: &Server) -> Result<()> {
    let points = WORKERS.into_iter().map(|workers| anyhow::Ok((f64::from(workers), compare(server, workers)?)));
    let points = points.collect::<Result<_>>()?;
    section.add_family("job", "Empty jobs of 64 bytes on a server, and their results, by workers", "workers", points);
    count(section, server)?;
    if is_wanted(KILLED) {
        killed::observe_all(section, KILLED, ways(), Some(server))?;
    }
    Ok(())
}

fn task(way: Way, workers: u16) -> Task {
    Task { way, workers: workers.into(), work: EMPTY, size: 64 }
}

fn compare(server: &Server, workers: u16) -> Result<Option<Comparison>> {
    let title = title(workers);
    if !is_wanted(&title) {
        return Ok(None);
    }
    server.clear()?;
    let alternative = |way: Way| {
        let mut driver = Driver::start(&task(way, workers), Some(server))?;
        let run = move |count| {
            let took = whole(&mut driver, count, workers.into());
            took.unwrap_or_else(|error| panic!("{}: {error:#}", way.name))
        };
        Ok(Alternative::of_a_part(way.name, run).kind(way.kind))
    };
    let alternatives = ways().map(alternative).collect::<Result<_>>()?;
    Ok(harness::measure(&title, alternatives))
}

fn count(section: &mut Section, server: &Server) -> Result<()> {
    if !is_wanted(COUNTED) {
        return Ok(());
    }
    let row = |way| count_way(server, way).with_context(|| format!("counting, {}", way.name));
    let rows = ways().map(row).collect::<Result<_>>()?;
    let columns = [
        "round trips",
        "system calls of all clients",
        "commands that the server runs, in scripts too",
        "processor time of the server (µs)",
    ];
    section.add_facts(COUNTED, &columns, rows);
    Ok(())
}

fn count_way(server: &Server, way: Way) -> Result<Fact> {
    let run = |count| {
        let mut driver = Driver::start(&task(way, 2), Some(server)).expect("it can be started");
        driver.run(count).expect("it lives");
    };
    let more = if way.is_slow() { 100 } else { 1000 };
    let calls = calls::count_more(more, run)?;
    let mut driver = Driver::start(&task(way, 2), Some(server))?;
    let before = server.counts()?;
    // The server's clock has ticks of a millisecond or more, so there are many.
    driver.run(3 * more)?;
    let after = server.counts()?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let each = |counted: f64| Cell::from((counted / (3 * more) as f64).max(0.0));
    let cells = vec![
        each(after.trips - before.trips),
        calls.into(),
        each(after.commands - before.commands),
        each(after.time - before.time),
    ];
    Ok(Fact::new(way.name, way.kind, cells))
}
