//! `sysv limits`: the kernel's limits, what is used of them, and the line that raises each.

use std::fs;

use serde::Serialize;
use sysv_primitives::raw::{self, Inventory, Limits, inventory, page_size};

use crate::{
    failed::{Ended, Result},
    out::{Out, Tone, bytes, grouped},
};

/// From this share of a limit on, something should be done about it.
const NEAR: f64 = 80.0;
/// The kernel has no more objects of a kind than this, unless it was booted with `ipcmni_extend`.
const MOST_OBJECTS: u64 = 32_768;

/// One limit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Its name in the manual pages.
    pub(crate) name: &'static str,
    /// What it limits.
    pub(crate) what: &'static str,
    /// What is used of it. `None` if the kernel does not count it.
    pub(crate) used: Option<u64>,
    pub(crate) limit: u64,
    /// What is used, in percent of the limit.
    pub(crate) percent: Option<f64>,
    /// The setting, as `sysctl` names it.
    pub(crate) sysctl: &'static str,
    /// The command that doubles it, or `None` if it has no end in practice.
    pub(crate) raise: Option<String>,
    #[serde(skip)]
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Number,
    Bytes,
    Pages,
}

impl Row {
    /// Returns whether little is left of it.
    pub(crate) fn is_near(&self) -> bool {
        self.percent.is_some_and(|percent| percent >= NEAR)
    }

    fn shown(&self, number: u64) -> String {
        // The defaults of SHMMAX and SHMALL are the largest numbers that make no trouble.
        if number >= u64::MAX >> 13 {
            return "no limit".to_owned();
        }
        match self.unit {
            Unit::Number => grouped(number),
            Unit::Bytes => bytes(number),
            Unit::Pages => bytes(number.saturating_mul(page_size() as u64)),
        }
    }
}

pub(crate) fn run(out: Out) -> Result<Ended> {
    let rows = rows()?;
    if out.json {
        #[derive(Serialize)]
        struct Listed {
            limits: Vec<Row>,
            page_size: usize,
        }
        out.json("limits", Listed { limits: rows, page_size: page_size() })?;
        return Ok(Ended::Well);
    }
    let mut table = out.table(&["LIMIT", "WHAT", ">USED", ">OF", ">%", "RAISED BY"]);
    for row in &rows {
        let tone = if row.is_near() { Tone::Bad } else { Tone::Plain };
        table.add_row([
            out.cell(tone, row.name),
            out.cell(Tone::Plain, row.what),
            out.cell(tone, row.used.map_or_else(|| "-".to_owned(), |used| row.shown(used))),
            out.cell(Tone::Plain, row.shown(row.limit)),
            out.cell(tone, row.percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.0}"))),
            out.cell(Tone::Quiet, row.raise.as_deref().unwrap_or("-")),
        ]);
    }
    out.show(&table)?;
    Ok(Ended::Well)
}

/// Reads all limits.
pub(crate) fn rows() -> raw::Result<Vec<Row>> {
    let (limits, objects) = (raw::limits()?, inventory()?);
    let mut rows = Vec::from(semaphores(&limits, &objects));
    rows.extend(segments(&limits, &objects));
    rows.extend(queues(&limits, &objects));
    Ok(rows)
}

fn semaphores(limits: &Limits, objects: &Inventory) -> [Row; 4] {
    let semaphores = &limits.semaphores;
    let numbers = [semaphores.max_per_set, semaphores.max_semaphores, semaphores.max_operations, semaphores.max_sets];
    let row = |place: usize, name, what, used| {
        let raise = raised(numbers[place], if place == 3 { MOST_OBJECTS } else { u64::MAX >> 33 });
        let raise = raise.map(|more| {
            let mut all = numbers.map(|number| number.to_string());
            all[place] = more.to_string();
            format!("sysctl -w kernel.sem='{}'", all.join(" "))
        });
        row(name, what, used, numbers[place], ("kernel.sem", Unit::Number), raise)
    };
    let largest = objects.semaphores.iter().map(|entry| entry.stat.len as u64).max().unwrap_or(0);
    [
        row(3, "SEMMNI", "semaphore sets", Some(semaphores.used_sets)),
        row(1, "SEMMNS", "semaphores in all sets", Some(semaphores.used_semaphores)),
        row(0, "SEMMSL", "semaphores in one set: the largest", Some(largest)),
        row(2, "SEMOPM", "operations in one semop", None),
    ]
}

fn segments(limits: &Limits, objects: &Inventory) -> [Row; 3] {
    let memory = &limits.shared_memory;
    let largest = objects.shared_memory.iter().map(|entry| entry.stat.size as u64).max().unwrap_or(0);
    let (pages, size) = (("kernel.shmall", Unit::Pages), ("kernel.shmmax", Unit::Bytes));
    [
        count("SHMMNI", "segments", memory.used_segments, memory.max_segments, "kernel.shmmni"),
        plain("SHMALL", "memory in all segments", Some(memory.used_pages), memory.max_pages, pages),
        plain("SHMMAX", "bytes in one segment: the largest", Some(largest), memory.max_size, size),
    ]
}

fn queues(limits: &Limits, objects: &Inventory) -> [Row; 3] {
    let queues = &limits.message_queues;
    let fullest = objects.message_queues.iter().filter_map(|entry| entry.stat.bytes).max().unwrap_or(0);
    let (message, queue) = (("kernel.msgmax", Unit::Bytes), ("kernel.msgmnb", Unit::Bytes));
    [
        count("MSGMNI", "message queues", queues.used_queues, queues.max_queues, "kernel.msgmni"),
        plain("MSGMAX", "bytes in one message", None, queues.max_message_size, message),
        plain("MSGMNB", "bytes in a new queue: the fullest", Some(fullest), queues.max_queue_size, queue),
    ]
}

/// A limit on the number of objects.
fn count(name: &'static str, what: &'static str, used: u64, limit: u64, sysctl: &'static str) -> Row {
    let raise = raised(limit, MOST_OBJECTS).map(|more| format!("sysctl -w {sysctl}={more}"));
    row(name, what, Some(used), limit, (sysctl, Unit::Number), raise)
}

/// A limit that is a setting of its own.
fn plain(
    name: &'static str,
    what: &'static str,
    used: Option<u64>,
    limit: u64,
    (sysctl, unit): (&'static str, Unit),
) -> Row {
    let most = if sysctl.starts_with("kernel.msg") { u64::MAX >> 33 } else { u64::MAX >> 14 };
    let raise = raised(limit, most).map(|more| format!("sysctl -w {sysctl}={more}"));
    row(name, what, used, limit, (sysctl, unit), raise)
}

/// Returns the double of a limit, or `None` if it is as high as it can be.
fn raised(limit: u64, most: u64) -> Option<u64> {
    let most = if most == MOST_OBJECTS && is_extended() { 1 << 24 } else { most };
    (limit < most).then(|| limit.saturating_mul(2).clamp(1, most))
}

/// Returns whether the kernel was booted with more room for objects.
fn is_extended() -> bool {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    line.split_ascii_whitespace().any(|word| word == "ipcmni_extend")
}

fn row(
    name: &'static str,
    what: &'static str,
    used: Option<u64>,
    limit: u64,
    (sysctl, unit): (&'static str, Unit),
    raise: Option<String>,
) -> Row {
    #[allow(clippy::cast_precision_loss, reason = "a percentage is shown to two digits")]
    let percent = used.filter(|_| limit > 0).map(|used| used as f64 * 100.0 / limit as f64);
    Row { name, what, used, limit, percent, sysctl, raise, unit }
}
