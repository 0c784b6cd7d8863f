//! Takes one rule at a time out of the code, and records which test notices it.
//!
//! `tests/rules/list/` has the rules: the text that implements each, what replaces it, and the test that must fail then. The checkout
//! is copied, an entry is applied to the copy, and the test runs there, with a time limit, in an IPC namespace of its own if
//! the kernel allows it. The outcomes are kept in `tests/rules/outcomes.toml`, and [`docs/rules.md`](../../../docs/rules.md)
//! shows them.
//!
//! Each test first runs without a change. If it fails then, its entries are not tried.
//!
//! A rule that can't be taken out, or that no test can miss, has a reason in `tests/rules/reasons.toml` instead. `--check` fails if a rule
//! of a header has neither.

mod copy;
mod labels;
mod list;
mod outcome;
mod run;
mod table;

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;

use copy::Copy;
use labels::Reason;
use list::{Entry, Noticer};
use outcome::{Outcome, Outcomes};

/// Takes one rule at a time out of the code, and records which test notices it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Compiles nothing: checks that each entry's text is in the code exactly once, that each rule of a header has an entry or a
    /// reason, and that the table is complete
    #[arg(long)]
    check: bool,
    /// Runs only the entries whose name begins with this. May be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Runs only the entries with tests of this package. May be given several times
    #[arg(long, value_name = "PACKAGE")]
    package: Vec<String>,
    /// Does not run the tests without a change first: they have passed before
    #[arg(long)]
    trusting: bool,
    /// Runs only the entries without an outcome
    #[arg(long)]
    missing: bool,
}

impl Arguments {
    fn chooses(&self, entry: &Entry, outcomes: &Outcomes) -> bool {
        let is_named = self.only.is_empty() || self.only.iter().any(|only| entry.name.starts_with(only.as_str()));
        let is_of_package = self.package.is_empty() || self.package.contains(&entry.noticer().package);
        is_named && is_of_package && !(self.missing && outcomes.has(entry))
    }
}

/// How many rules may survive, each with its reason in the list.
const MOST_SURVIVORS: usize = 2;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let root = root()?;
    let entries = list::read(&root)?;
    list::check(&root, &entries)?;
    let reasons = labels::read(&root)?;
    let outcomes = Outcomes::read(&root)?;
    if arguments.check {
        return check(&root, &entries, &reasons, &outcomes);
    }
    let chosen: Vec<_> = entries.iter().filter(|entry| arguments.chooses(entry, &outcomes)).collect();
    let copy = Copy::make(&root)?;
    let mut faults = Vec::new();
    for noticers in in_order(&chosen) {
        faults.extend(run_one_target(&root, &copy, &chosen, &noticers, arguments.trusting));
        table::write(&root, &entries, &reasons, &Outcomes::read(&root)?)?;
    }
    let outcomes = Outcomes::retain(&root, &entries)?;
    table::write(&root, &entries, &reasons, &outcomes)?;
    report(&chosen, &outcomes, faults)
}

/// Returns the directory of the checkout.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(root) = here.ancestors().nth(2) else { bail!("{} is not in a checkout", here.display()) };
    Ok(root.to_owned())
}

/// Checks what changes as the code changes, and the table, without compiling anything.
fn check(root: &Path, entries: &[Entry], reasons: &[Reason], outcomes: &Outcomes) -> Result<()> {
    labels::check(root, entries, reasons)?;
    table::check(root, entries, reasons, outcomes)?;
    let survivors = entries.iter().filter(|entry| outcomes.survived(entry));
    ensure!(survivors.count() <= MOST_SURVIVORS, "more than {MOST_SURVIVORS} rules survive");
    let (entries, reasons) = (entries.len(), reasons.len());
    println!("{entries} rules are in the code as the list has them, and {reasons} have a reason");
    Ok(())
}

/// Returns the tests, with those of one program together: it is compiled once for them.
fn in_order(chosen: &[&Entry]) -> Vec<BTreeSet<Noticer>> {
    let mut programs: Vec<BTreeSet<Noticer>> = Vec::new();
    for noticer in chosen.iter().map(|entry| entry.noticer()) {
        match programs.iter_mut().find(|program| program.iter().any(|other| other.has_program_of(&noticer))) {
            Some(program) => drop(program.insert(noticer)),
            None => programs.push(BTreeSet::from([noticer])),
        }
    }
    programs
}

/// Runs the tests of one program: first without a change, and then with each of their entries. Returns what went wrong.
fn run_one_target(
    root: &Path,
    copy: &Copy,
    chosen: &[&Entry],
    noticers: &BTreeSet<Noticer>,
    trusting: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sound = BTreeSet::new();
    for noticer in noticers {
        match if trusting { Ok(Outcome::Survived) } else { copy.run(noticer, list::LIMIT) } {
            Ok(Outcome::Survived) => drop(sound.insert(noticer)),
            Ok(outcome) => faults.push(format!("{noticer} fails without a change: {outcome}")),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    for entry in chosen.iter().filter(|entry| sound.contains(&entry.noticer())) {
        if let Err(error) = run_one(root, copy, entry) {
            faults.push(format!("{}: {error:#}", entry.name));
        }
    }
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    faults
}

fn run_one(root: &Path, copy: &Copy, entry: &Entry) -> Result<()> {
    let applied = copy.apply(entry)?;
    let outcome = copy.run(&entry.noticer(), entry.limit)?;
    drop(applied);
    println!("{}: {outcome}", entry.name);
    Outcomes::add(root, entry, outcome)
}

fn report(chosen: &[&Entry], outcomes: &Outcomes, mut faults: Vec<String>) -> Result<()> {
    let survivors = chosen.iter().filter(|entry| outcomes.survived(entry) && entry.survives.is_none());
    faults.extend(survivors.map(|entry| format!("{} survived", entry.name)));
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
