//! The primitives beside what one would take instead, in one run, with a report.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! It measures everything that the README says of speed, alternatives in turn, and writes `report.html`, `report.md`,
//! the pictures `summary.svg` and `summary-narrow.svg`, and the measured figures as `measured.json`. `--from` writes the report anew from such a
//! file. Words choose among the comparisons by parts of their titles, or of their sections'. `--quick` shows that all of
//! them work. Either writes elsewhere than a whole run. Each rival is used as its own documentation advises.

mod calls;
mod draw;
mod figures;
#[path = "../../harness/mod.rs"]
mod harness;
mod lanes;
mod machine;
mod markdown;
mod page;
#[path = "../../harness/plot/mod.rs"]
mod plot;
mod pools;
mod prose;
mod report;
mod rows;
mod server;
mod timed;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{OnceLock, atomic::Ordering::Relaxed},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    harness::{Load, Settings},
    report::{Report, Section},
    rows::PARTS,
};

/// Measures the primitives beside what one would take instead, and writes a report.
#[derive(Parser)]
struct Arguments {
    /// Parts of titles, in whatever case: compares only these.
    titles: Vec<String>,
    /// Runs everything for a moment, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Writes the report of an earlier run anew, from its measured.json, beside that file.
    #[arg(long, require_equals = true, value_name = "FILE", conflicts_with_all = ["titles", "quick"])]
    from: Option<PathBuf>,
    /// How many rounds of 50 ms each alternative has.
    #[arg(long, require_equals = true, env = "BENCH_ROUNDS", default_value_t = 15,
        value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where to write the report: by default `report`, or `target/report` for chosen titles and a quick run.
    #[arg(long, require_equals = true)]
    out: Option<PathBuf>,
}

impl Arguments {
    fn is_whole(&self) -> bool {
        self.titles.is_empty() && !self.quick
    }

    /// By default a part never takes the place of the whole.
    fn directory(&self) -> &Path {
        let default = match &self.from {
            Some(file) => file.parent().unwrap_or(Path::new("")),
            None if self.is_whole() => Path::new("report"),
            None => Path::new("target/report"),
        };
        self.out.as_deref().unwrap_or(default)
    }

    fn settings(&self) -> Settings {
        match self.quick {
            true => Settings::quick(self.titles.clone()),
            false => Settings::new(self.titles.clone(), usize::from(self.rounds)),
        }
    }
}

static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Shows on a terminal how far it is, and what it measures.
fn show_progress() -> Result<&'static ProgressBar> {
    let style = ProgressStyle::with_template("{elapsed_precise} [{bar:24}] {prefix}: {msg}")?.progress_chars("=> ");
    // It draws when it is told something: a thread of its own must not be there when peers are forked.
    let bar = BAR.get_or_init(|| ProgressBar::new(2 * PARTS.len() as u64).with_style(style));
    let _ = harness::PROGRESS.set(|title| match BAR.wait() {
        bar if bar.is_hidden() => eprintln!("{}: {title}", bar.prefix()),
        bar => bar.set_message(title.to_owned()),
    });
    bar.force_draw();
    Ok(bar)
}

/// Below these sizes the C library keeps freed memory: of a block, and at the end of its heap.
const MMAP_THRESHOLD: i32 = 32 << 20;
const TRIM_THRESHOLD: i32 = 1 << 30;

/// Has the C library keep what was freed, up to its own limits: so that no comparison depends on what came before it.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (option, value) in [(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD), (libc::M_TRIM_THRESHOLD, TRIM_THRESHOLD)] {
        // SAFETY: it takes two numbers.
        #[allow(unsafe_code, reason = "the C library is called directly")]
        let is_set = unsafe { libc::mallopt(option, value) };
        assert_eq!(is_set, 1, "these are within its bounds");
    }
}

/// Measures everything: each side pinned to a processor of its own, or not.
fn measure(bar: &ProgressBar, is_pinned: bool) -> Result<Vec<Section>> {
    harness::UNPINNED.store(!is_pinned, Relaxed);
    let mut sections = Vec::new();
    for part in &PARTS {
        bar.set_prefix(if is_pinned { part.title.to_owned() } else { format!("{}, unpinned", part.title) });
        harness::WHOLE_SECTION.store(harness::is_named(part.title), Relaxed);
        sections.push(part.measure()?);
        bar.inc(1);
        if harness::STOP.load(Relaxed) {
            // Whatever was made has been removed on the way here.
            bail!("interrupted");
        }
    }
    Ok(sections)
}

/// Measures what was asked for.
fn run(arguments: &Arguments) -> Result<Report> {
    keep_freed_memory();
    harness::processors();
    arguments.settings().apply();
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // SAFETY: storing into an atomic is all it does, and a signal may interrupt anything with that.
        #[allow(unsafe_code, reason = "a signal handler")]
        unsafe { signal_hook::low_level::register(signal, || harness::STOP.store(true, Relaxed)) }?;
    }
    let bar = show_progress()?;
    let load = Load::begin();
    let mut sections = measure(bar, true)?;
    let unpinned = measure(bar, false)?;
    sections.iter_mut().zip(&unpinned).for_each(|(section, unpinned)| section.note_unpinned(unpinned));
    sections.retain(|section| !section.blocks.is_empty());
    bar.finish_and_clear();
    ensure!(!sections.is_empty(), "no title has any of these in it: {}", arguments.titles.join(", "));
    Ok(Report { machine: machine::describe(arguments.quick, &load), sections })
}

/// Reads what an earlier run has measured.
fn read(file: &Path) -> Result<Report> {
    let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a measured.json of this version", file.display()))
}

/// Writes all files of a report.
fn write(report: &Report, directory: &Path) -> Result<()> {
    let mut files = vec![("report.md", markdown::write(report)), ("report.html", page::write(report)?)];
    files.extend(draw::summary_files(report));
    files.push(("measured.json", serde_json::to_string(report)? + "\n"));
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
        eprintln!("{}", path.display());
    }
    Ok(())
}

fn main() -> Result<()> {
    if pools::drive()? {
        return Ok(());
    }
    let arguments = Arguments::parse();
    let directory = arguments.directory();
    if !directory.as_os_str().is_empty() {
        fs::create_dir_all(directory).with_context(|| format!("can't make {}", directory.display()))?;
    }
    let report = match &arguments.from {
        Some(file) => read(file)?,
        None => run(&arguments)?,
    };
    if let Some(warning) = &report.machine.warning {
        eprintln!("warning: {warning}");
    }
    // A part has no whole picture.
    if arguments.is_whole() {
        report::lacking(&report).iter().for_each(|what| eprintln!("warning: the first picture lacks {what}"));
    }
    write(&report, directory)
}
