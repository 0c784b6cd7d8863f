//! Keeps the rooms of both crates in order: no files need each other in a circle, and none needs one of a higher room.
//!
//! A file needs another one if it names an item of it, by `use` or by a path. What a module only passes on with `pub use`
//! is followed to the file that has the item. So a `mod.rs` that declares modules and passes on their items needs nothing,
//! and no file needs it. Methods are not seen.

mod house;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use house::House;

/// The rooms of the raw layer from the lowest to the highest. A file may use its own room, and those of the lines above it.
/// Rooms of one line don't use each other.
const RAW: &[&[&str]] = &[
    &["deadline", "key", "limit", "mode", "process", "users"],
    &["object"],
    &["error"],
    &["errno", "key_from", "sys"],
    &["alarm", "fork", "limits", "open", "perm"],
    &["wait"],
    &["msg", "sem", "shm"],
    &["inventory"],
];

/// The rooms of the primitives, likewise.
const PRIMITIVES: &[&[&str]] = &[
    &["background", "clock", "iter", "member", "object_name", "options", "role", "set_layout", "sizes", "sync"],
    &["events", "failure", "fingerprint"],
    &["name"],
    &["layout"],
    &["attendance", "first_value", "members", "report"],
    &["object", "waiting"],
    &["lock"],
    &["lock_async"],
    &["barrier", "limiter", "mutex", "once", "pool", "ring", "rwlock", "store", "watch"],
    &["remote"],
    &["channel"],
    &["workers"],
    &["error"],
    &["inspect"],
];

/// The arrows that go upwards or sideways, and may.
const MAY: &[(&str, &str)] = &[
    // A lock is refused for the same reasons, whichever kind it is, and so is a permit.
    ("rwlock", "mutex/error.rs"),
    ("limiter", "pool/error.rs"),
    // A handler of a message, and the function that serves a pool, may fail in any way.
    ("channel", "error.rs"),
    ("workers", "error.rs"),
];

/// Returns the groups of files that need each other in a circle.
fn circles(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<BTreeSet<PathBuf>> {
    let reach = |from: &PathBuf| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<_> = arrows[from].iter().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next.clone()) {
                open.extend(&arrows[next]);
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = arrows.keys().map(|file| (file, reach(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(*file) {
            circles.insert(others.iter().filter(|other| reached[other].contains(*file)).cloned().collect());
        }
    }
    circles.into_iter().collect()
}

/// Returns what is wrong with a crate's files, one fault in a line.
fn faults(root: &Path, layers: &[&[&str]]) -> Vec<String> {
    let folder = root.parent().unwrap();
    let arrows = House::read(root).arrows();
    let name = |file: &Path| file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    let mut faults = Vec::new();
    for circle in circles(&arrows) {
        for file in &circle {
            let needed: Vec<_> = arrows[file].intersection(&circle).map(|file| name(file)).collect();
            faults.push(format!("in a circle: {} needs {}", name(file), needed.join(", ")));
        }
    }
    let level = |file: &str| layers.iter().position(|line| line.contains(&room(file)));
    for (from, needed) in &arrows {
        let from = name(from);
        if from == "lib.rs" {
            continue;
        }
        let Some(own) = level(&from) else {
            faults.push(format!("{} is in no line of the rooms", room(&from)));
            continue;
        };
        for to in needed.iter().map(|file| name(file)) {
            let may = MAY.iter().any(|&(one, other)| room(&from) == one && to == other);
            if room(&from) != room(&to) && !may && level(&to).is_none_or(|level| level >= own) {
                faults.push(format!("not below it: {from} needs {to}"));
            }
        }
    }
    faults
}

/// Returns the room of a file: the folder or the file beside the crate's root.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn no_circle_of_files_and_no_arrow_upwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // The packed tests stand without the sources.
    if !root.join(".ci/run").exists() {
        return;
    }
    for (file, layers) in [("src/lib.rs", RAW), ("primitives/src/lib.rs", PRIMITIVES)] {
        let faults = faults(&root.join(file), layers);
        assert!(faults.is_empty(), "{file}:\n{}", faults.join("\n"));
    }
}

/// Each way to need another file is seen: an import, a path in the code, a macro, what another module passes on.
#[test]
fn a_circle_is_found() {
    for (one, is_circle) in [
        ("use crate::other::Other;", true),
        ("use super::{Other as Mine};", true),
        ("fn f() -> super::other::Other { todo!() }", true),
        ("use crate::other; fn f() { other::g() }", true),
        ("#[macro_export] macro_rules! m { () => { $crate::Other } }", true),
        ("mod inner { use super::super::other::Other; }", true),
        ("// use crate::other::Other;\nconst TEXT: &str = \"crate::other::Other\";", false),
        ("#[cfg(test)] mod tests { use crate::other::Other; }", false),
        ("use std::other::Other; pub use super::other::Unused;", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write("lib.rs", "mod one; mod other; pub use self::{one::One, other::{Other, g}};");
        write("one.rs", &format!("pub struct One; {one}"));
        write("other.rs", "use super::One; pub struct Other(One); pub struct Unused; pub fn g() {}");
        let faults = faults(&folder.path().join("lib.rs"), &[&["one"], &["other"]]);
        assert_eq!(faults.iter().any(|fault| fault.starts_with("in a circle")), is_circle, "{one}: {faults:?}");
        let upwards = "not below it: one.rs needs other.rs".to_owned();
        assert_eq!(faults.contains(&upwards), is_circle, "{one}: {faults:?}");
    }
}
