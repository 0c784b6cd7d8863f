//! Why two processes do not meet: what namespaces, users and names they have.

use std::io;

use super::{
    proc,
    processes::{Apart, Difference, ObjectRef, Unreadable},
};
use crate::report::Report;

/// Which namespaces matter, and what it means if they differ.
const NAMESPACES: [(&str, &str, &str); 4] = [
    ("ipc", "ipc namespace", "objects of one are not seen in the other: run both in one, as containers with --ipc do"),
    ("pid", "pid namespace", "they share objects, and see other numbers for each other's processes"),
    (
        "user",
        "user namespace",
        "their user ids are not the same users: an object of the other may not be trusted or writable",
    ),
    ("time", "time namespace", "their clocks differ: the order of waiters, and rate limits, are wrong"),
];

/// Compares two processes.
pub(super) fn compare(pids: [u32; 2], reports: &[Report]) -> Apart {
    let mut apart = Apart {
        pids,
        differences: Vec::new(),
        common: Vec::new(),
        only: [Vec::new(), Vec::new()],
        unreadable: Vec::new(),
    };
    for (kind, what, meaning) in NAMESPACES {
        let values = pids.map(|pid| proc::namespace(pid, kind));
        note_unreadable(pids, &values, &mut apart.unreadable);
        apart.add(what, values.map(Result::ok), meaning);
    }
    let users = pids.map(|pid| proc::process(pid).uid.map(|uid| uid.to_string()));
    apart.add(
        "user",
        users,
        "an object of another user must be trusted by Options::trust, and its mode must let both in",
    );
    for report in reports.iter().filter(|report| report.is_ours()) {
        let Some(object) = ObjectRef::of(report) else { continue };
        let members = pids.map(|pid| report.members.iter().any(|member| member.pid == pid));
        match members {
            [true, true] => apart.common.push(object),
            [true, false] => apart.only[0].push(object),
            [false, true] => apart.only[1].push(object),
            [false, false] => {}
        }
    }
    apart.add_mistaken_kinds();
    apart
}

impl Apart {
    fn add(&mut self, what: &'static str, values: [Option<String>; 2], meaning: &'static str) {
        let is_same = match &values {
            [Some(first), Some(second)] => Some(first == second),
            _ => None,
        };
        self.differences.push(Difference { what, values, is_same, meaning });
    }

    /// Two kinds of one name have two keys: a process that opens the wrong kind finds nothing, or makes an object of its own.
    fn add_mistaken_kinds(&mut self) {
        let [first, second] = self.only.clone();
        for (one, other) in first.iter().flat_map(|one| second.iter().map(move |other| (one, other))) {
            if one.name == other.name {
                let values = [one, other].map(|object| Some(format!("{} {:?}", object.kind, object.name)));
                self.add(
                    "kind of a name",
                    values,
                    "one name has another key for each kind: open the same kind in both",
                );
            }
        }
    }
}

fn note_unreadable(pids: [u32; 2], values: &[io::Result<String>; 2], unreadable: &mut Vec<Unreadable>) {
    for (pid, value) in pids.into_iter().zip(values) {
        let Err(error) = value else { continue };
        if unreadable.iter().all(|known| known.pid != pid) {
            unreadable.extend(proc::unreadable(pid, error));
        }
    }
}
