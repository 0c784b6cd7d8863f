//! How everything grows: with members, routes, messages, objects, and the memory of a process that dies.
//!
//! ```text
//! cargo bench -p sysv-benches --bench scale
//! ```
//!
//! It writes `docs/scale.md` and its two pictures in less than three minutes. With `-- --test`, or with `-- --quick`, it shows
//! in some seconds that all of it works, and writes to `target/scale` instead, as it does for words that choose among the
//! titles. `-- --out=DIRECTORY` writes there.
//!
//! Where the kernel lets it, it runs in an IPC namespace of its own, with limits of its own: it takes none of the machine's
//! objects, and leaves none.
#![allow(unsafe_code, reason = "children are forked")]

#[path = "../comparison/src/figures.rs"]
#[allow(unused_imports, reason = "its tests run with the comparison")]
mod figures;
mod graph;
#[path = "../harness/mod.rs"]
mod harness;
mod kill;
mod members;
mod memory;
mod objects;
mod page;
mod picture;
#[path = "../harness/plot/mod.rs"]
mod plot;
mod queue;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, unshare};

use crate::{
    graph::Graph,
    harness::{Load, Settings},
};

static IS_APART: OnceLock<bool> = OnceLock::new();
static IS_QUICK: OnceLock<bool> = OnceLock::new();

/// Whether this program has an IPC namespace of its own. The objects end with it.
pub(crate) fn is_apart() -> bool {
    IS_APART.get().copied().unwrap_or(false)
}

/// Whether it is only to be seen that everything works.
pub(crate) fn is_quick() -> bool {
    IS_QUICK.get().copied().unwrap_or(false)
}

/// The points of an axis: all of them, or the first three of a quick run.
pub(crate) fn points(all: &[u32]) -> Vec<u32> {
    let count = if is_quick() { 3 } else { all.len() };
    all.iter().copied().take(count).collect()
}

/// Returns a name that nothing else has.
pub(crate) fn name(what: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("scale-{}-{what}-{:x}", std::process::id(), COUNTER.fetch_add(1, Relaxed))
}

/// Enters a namespace of its own, and makes room in it. Returns whether it could.
fn enter_namespace() -> bool {
    if unshare(CloneFlags::CLONE_NEWIPC).is_err() {
        return false;
    }
    // The limits of the new namespace, and of no other. What can't be set stays as it is.
    let _ = fs::write("/proc/sys/kernel/shmmni", "32000");
    let _ = fs::write("/proc/sys/kernel/msgmnb", "16777216");
    true
}

/// What grows, and how it is measured.
struct Part {
    title: &'static str,
    measure: fn(&'static str) -> Graph,
    /// Whether it is measured after the others: it leaves what it made to the end of this process.
    is_late: bool,
}

const fn part(title: &'static str, measure: fn(&'static str) -> Graph) -> Part {
    Part { title, measure, is_late: false }
}

const fn late(title: &'static str, measure: fn(&'static str) -> Graph) -> Part {
    Part { title, measure, is_late: true }
}

/// In the order of the page. Nothing can be made after the objects.
const PARTS: [Part; 7] = [
    late("Members of a mutex", members::of_mutex),
    late("Members of a channel", members::of_channel),
    part("Routes of a channel", queue::routes),
    part("Messages queued", queue::messages),
    late("Objects of a namespace", objects::measure),
    part("Recovery, by the messages queued", queue::recovery),
    part("Recovery, by the dead holder's memory", memory::measure),
];

/// Measures what was asked for.
fn measure(wanted: &[String]) -> Vec<Graph> {
    let begun = Instant::now();
    let is_wanted = |part: &Part| wanted.is_empty() || wanted.iter().any(|word| part.title.contains(word.as_str()));
    let mut graphs: Vec<(usize, Graph)> = Vec::new();
    for is_late in [false, true] {
        for (index, part) in PARTS.iter().enumerate() {
            if part.is_late == is_late && is_wanted(part) {
                graphs.push((index, (part.measure)(part.title)));
                eprintln!("{:6.1} s  {}", begun.elapsed().as_secs_f64(), part.title);
            }
        }
    }
    graphs.sort_by_key(|(index, _)| *index);
    graphs.into_iter().map(|(_, graph)| graph).collect()
}

/// Where the page and its pictures go.
struct Place {
    page: PathBuf,
    pictures: PathBuf,
    /// From the page to the pictures.
    link: &'static str,
}

impl Place {
    fn of(out: Option<&str>, is_whole: bool) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let apart = |directory: PathBuf| Self { page: directory.join("scale.md"), pictures: directory, link: "" };
        match out {
            Some(out) => apart(PathBuf::from(out)),
            None if !is_whole => apart(root.join("target/scale")),
            None => Self { page: root.join("docs/scale.md"), pictures: root.join("docs/pictures"), link: "pictures/" },
        }
    }

    fn write(&self, graphs: &[Graph], machine: &page::Machine) -> std::io::Result<()> {
        fs::create_dir_all(&self.pictures)?;
        fs::write(&self.page, page::write(graphs, machine, self.link))?;
        for (name, size) in picture::FILES {
            fs::write(self.pictures.join(name), picture::draw(graphs, machine, size))?;
        }
        println!("{}", self.page.display());
        Ok(())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_quick = arguments.iter().any(|argument| ["--test", "--quick"].contains(&argument.as_str()));
    let _ = IS_QUICK.set(is_quick);
    harness::processors();
    let settings = match is_quick {
        true => Settings::quick(Vec::new()),
        false => Settings { titles: Vec::new(), rounds: 7, round: Duration::from_millis(20) },
    };
    settings.apply();
    let _ = IS_APART.set(enter_namespace());
    let (begun, load) = (Instant::now(), Load::begin());
    let wanted: Vec<String> = arguments.iter().filter(|argument| !argument.starts_with('-')).cloned().collect();
    let graphs = measure(&wanted);
    let machine = page::Machine::describe(&load, begun.elapsed());
    let out = arguments.iter().find_map(|argument| argument.strip_prefix("--out="));
    match Place::of(out, !is_quick && wanted.is_empty()).write(&graphs, &machine) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("can't write the page: {error}");
            ExitCode::FAILURE
        }
    }
}
