//! The primitives beside what one would take instead, in one run, with a report.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! It measures everything that the README says of speed, alternatives in turn, and writes `report.html` and
//! `report.md`. Words choose among the comparisons by parts of their titles; `--quick` only shows that all of them work.
//! Each rival is used as its own documentation advises.

mod calls;
#[path = "../../benches/harness/mod.rs"]
mod harness;
mod lanes;
mod machine;
mod markdown;
mod page;
mod plot;
mod reasons;
mod report;
mod rows;

use std::{
    fs,
    path::PathBuf,
    sync::{OnceLock, atomic::Ordering::Relaxed},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    report::{Report, Section},
    rows::PARTS,
};

/// Measures the primitives beside what one would take instead, and writes a report.
#[derive(Parser)]
struct Arguments {
    /// Parts of titles: compares only these.
    titles: Vec<String>,
    /// Runs everything for a moment, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Where to write the report.
    #[arg(long, require_equals = true, default_value = "report")]
    out: PathBuf,
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

/// Measures everything: each side pinned to a processor of its own, or not.
fn measure(bar: &ProgressBar, is_pinned: bool) -> Result<Vec<Section>> {
    harness::UNPINNED.store(!is_pinned, Relaxed);
    let mut sections = Vec::new();
    for part in &PARTS {
        bar.set_prefix(if is_pinned { part.title.to_owned() } else { format!("{}, unpinned", part.title) });
        sections.push(part.measure()?);
        bar.inc(1);
        if harness::STOP.load(Relaxed) {
            // Whatever was made has been removed on the way here.
            bail!("interrupted");
        }
    }
    Ok(sections)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // SAFETY: storing into an atomic is all it does, and a signal may interrupt anything with that.
        #[allow(unsafe_code, reason = "a signal handler")]
        unsafe { signal_hook::low_level::register(signal, || harness::STOP.store(true, Relaxed)) }?;
    }
    let bar = show_progress()?;
    let mut sections = measure(bar, true)?;
    let unpinned = measure(bar, false)?;
    sections.iter_mut().zip(&unpinned).for_each(|(section, unpinned)| section.note_unpinned(unpinned));
    sections.retain(|section| !section.blocks.is_empty());
    bar.finish_and_clear();
    let report = Report { machine: machine::describe(arguments.quick), sections };
    fs::create_dir_all(&arguments.out).with_context(|| format!("can't make {}", arguments.out.display()))?;
    for (name, text) in [("report.md", markdown::write(&report)), ("report.html", page::write(&report)?)] {
        let path = arguments.out.join(name);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
        eprintln!("{}", path.display());
    }
    Ok(())
}
