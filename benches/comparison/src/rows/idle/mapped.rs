//! How much memory a process shares with others.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use anyhow::Result;

use crate::{
    harness::{Process, objects::memory},
    lanes::{Lane, Lines},
};

/// Returns how much shared memory a lane for 1,024 items of 64 bytes maps in a process that has both ends.
pub(super) fn by_lane<L: Lane<Lines<1>>>() -> Result<usize> {
    let told = memory(8)?;
    let bytes: &AtomicUsize = told.view(0)?;
    Process::start(|| {
        let before = shared_bytes();
        let lane = L::new(1024).expect("it can be made");
        let _ends = (lane.sender().expect("it can be had"), lane.receiver().expect("it can be had"));
        bytes.store(shared_bytes() - before, SeqCst);
        // Dropped here, where it was made.
        drop(lane);
    })
    .join();
    Ok(bytes.load(SeqCst))
}

/// Returns how much memory this process shares with others. The same part of the same file counts once, however often
/// it is mapped.
fn shared_bytes() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut parts: BTreeMap<[&str; 3], usize> = BTreeMap::new();
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [range, rights, offset, device, inode, ..] = fields[..] else { continue };
        if let (Some(size), true) = (size(range), rights.ends_with('s')) {
            let part = parts.entry([device, inode, offset]).or_default();
            *part = size.max(*part);
        }
    }
    parts.values().sum()
}

fn size(range: &str) -> Option<usize> {
    let (from, to) = range.split_once('-')?;
    Some(usize::from_str_radix(to, 16).ok()? - usize::from_str_radix(from, 16).ok()?)
}
