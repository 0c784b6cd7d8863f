//! The page that shows what was seen.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Result, ensure};

use crate::{
    labels::Reason,
    list::Entry,
    outcome::{Outcome, Outcomes},
};

const FILE: &str = "docs/rules.md";

const HEAD: &str = "\
# Rules, each taken out once

Written by `cargo run -p sysv-rules`, and not by hand. One rule at a time was taken out of the code, and the test in the last column was
run. `tests/rules/list/` has the exact text that was replaced. Each test passes while no rule is taken out: the program runs it
first, or CI has. The names of the rules are those in the headers of the modules.

";

/// Writes the page.
pub(crate) fn write(root: &Path, entries: &[Entry], reasons: &[Reason], outcomes: &Outcomes) -> Result<()> {
    fs::write(root.join(FILE), page(entries, reasons, outcomes))?;
    Ok(())
}

/// Checks that the page shows an outcome of each entry.
pub(crate) fn check(root: &Path, entries: &[Entry], reasons: &[Reason], outcomes: &Outcomes) -> Result<()> {
    if let Some(entry) = entries.iter().find(|entry| !outcomes.has(entry)) {
        anyhow::bail!("{} was not run as it stands: cargo run -p sysv-rules -- --only {0}", entry.name);
    }
    ensure!(fs::read_to_string(root.join(FILE))? == page(entries, reasons, outcomes), "{FILE} is old");
    Ok(())
}

fn page(entries: &[Entry], reasons: &[Reason], outcomes: &Outcomes) -> String {
    let mut page = HEAD.to_owned();
    let seen: Vec<_> = entries.iter().filter_map(|entry| Some((entry, outcomes.of(entry)?))).collect();
    let survivors = seen.iter().filter(|(_, outcome)| **outcome == Outcome::Survived).count();
    // Writing to a string does not fail.
    let _ = writeln!(page, "{} rules were taken out, and {survivors} survived.\n", seen.len());
    page += "| rule | where | the code does not do | what noticed it |\n| --- | --- | --- | --- |\n";
    for (entry, outcome) in seen {
        let noticed = noticed(entry, outcome);
        let _ = writeln!(page, "| {} | `{}` | {} | {noticed} |", entry.rule, entry.file.display(), entry.without);
    }
    page += "\n## Rules without an entry\n\n| rule | where | why it is not taken out |\n| --- | --- | --- |\n";
    for Reason { rule, file, reason } in reasons {
        let _ = writeln!(page, "| {rule} | `{}` | {reason} |", file.display());
    }
    page
}

fn noticed(entry: &Entry, outcome: &Outcome) -> String {
    let noticer = entry.noticer();
    let program = match noticer.program.as_str() {
        "lib" => noticer.package,
        program => format!("{}/{program}", noticer.package.trim_start_matches("sysv-")),
    };
    match outcome {
        Outcome::Failed { test, said } => format!("{program}: `{test}`: {}", quoted(said)),
        Outcome::Ended { how } => format!("{program}: `{}`: the program ended: {}", noticer.test, quoted(how)),
        Outcome::Limit { seconds } => format!("{program}: `{}`: it had not ended after {seconds} s", noticer.test),
        Outcome::Survived => format!("survived: {}", entry.survives.as_deref().unwrap_or("no reason is known")),
    }
}

/// Returns a text as code in a cell of a table.
fn quoted(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}
