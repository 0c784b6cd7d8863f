//! The primitives beside what one would take instead, in one run, with a report.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! It measures everything that the README says of speed, alternatives in turn, and writes `report.html` and
//! `report.md`. Words choose among the comparisons by parts of their titles; `--quick` only shows that all of them work.
//! Each rival is used as its own documentation advises.

#[path = "../../benches/harness/mod.rs"]
mod harness;
mod machine;
mod markdown;
mod page;
mod plot;
mod report;
mod rows;

use std::{fs, path::PathBuf, sync::atomic::Ordering::Relaxed};

use anyhow::{Context, Result, bail};
use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::report::Report;

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

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // SAFETY: storing into an atomic is all it does, and a signal may interrupt anything with that.
        #[allow(unsafe_code, reason = "a signal handler")]
        unsafe { signal_hook::low_level::register(signal, || harness::STOP.store(true, Relaxed)) }?;
    }
    let mut report = Report { machine: machine::describe(arguments.quick), sections: Vec::new() };
    for (index, part) in rows::PARTS.iter().enumerate() {
        eprintln!("[{} of {}] {}", index + 1, rows::PARTS.len(), part.title);
        report.sections.push(part.measure()?);
        if harness::STOP.load(Relaxed) {
            // Whatever was made has been removed on the way here.
            bail!("interrupted");
        }
    }
    report.sections.retain(|section| !section.is_empty());
    fs::create_dir_all(&arguments.out).with_context(|| format!("can't make {}", arguments.out.display()))?;
    for (name, text) in [("report.md", markdown::write(&report)), ("report.html", page::write(&report)?)] {
        let path = arguments.out.join(name);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
        eprintln!("{}", path.display());
    }
    Ok(())
}
