//! `sysv remove`: removes one object by its name.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use sysv_primitives::{
    Barrier, Channel, Mutex, OnceLock, OpenError, Pool, RateLimiter, RwLock, Watch, broadcast,
    inspect::{Clean, Decision, Kind, Report, State},
    mpmc, spsc,
};

use crate::{
    ask,
    failed::{Ended, Failed, Result},
    out::Out,
    select::{is_address, kind_parser, named, only_one, without_secrets},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The name of the object, or the address of a channel on a server: redis://host/name
    name: String,
    /// Its kind, where objects of several kinds have the name
    #[arg(long, value_parser = kind_parser())]
    kind: Option<Kind>,
    /// Remove it although members live. Each of their calls then fails
    #[arg(long)]
    force: bool,
    /// Do not ask on a terminal
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let report = only_one(named(&arguments.name)?, &arguments.name, arguments.kind)?;
    let described = format!("{} \"{}\"", report.kind, words::name_of(&report));
    if report.state == State::Foreign {
        return Err(Failed::refused(format_args!("{described} is another program's: see `sysv list --foreign`")));
    }
    if !arguments.force && !report.members.is_empty() {
        let members = words::plural(report.members.len() as u64, "member");
        let first = report.members[0].pid;
        return Err(Failed::refused(format_args!(
            "{described} has {members} that live, among them process {first}. --force removes it all the same, \
             and each of their calls then fails"
        )));
    }
    if !arguments.yes {
        ask::on_terminal(&format!("Remove {described}, {}?", report.state))?;
    }
    // On a server there is no step that tests for members, and none that could be tested for.
    if arguments.force || is_address(&arguments.name) {
        unlink(&report, &arguments.name)?
    } else {
        remove_unused(&report, &arguments.name)?
    }
    if out.json {
        #[derive(Serialize)]
        struct Removed {
            kind: Kind,
            name: String,
            removed: bool,
        }
        let name = without_secrets(&arguments.name);
        out.json("remove", Removed { kind: report.kind, name, removed: true })?;
    } else {
        out.line(format_args!("{described} is removed."))?;
    }
    Ok(Ended::Well)
}

/// Removes it in one step with the test that no member lives: one may have come since the report.
fn remove_unused(report: &Report, name: &str) -> Result<()> {
    let clean = Clean::new().older_than(Duration::ZERO).with_messages(true).kind(report.kind).name(name);
    let verdicts = clean.remove()?;
    match verdicts.iter().find(|verdict| verdict.decision != Decision::Removed) {
        None if verdicts.is_empty() => Err(Failed::refused("it was removed by another process")),
        None => Ok(()),
        Some(verdict) => Err(Failed::refused(format_args!("it stays: {}", verdict.reason))),
    }
}

/// Removes it whatever it is used for.
fn unlink(report: &Report, name: &str) -> Result<()> {
    let removed: Result<(), OpenError> = match report.kind {
        Kind::Mutex => Mutex::<()>::unlink(name),
        Kind::Pool => Pool::unlink(name),
        Kind::SpscRing => spsc::Ring::<u8>::unlink(name),
        Kind::MpmcRing => mpmc::Ring::<u8>::unlink(name),
        Kind::BroadcastRing => broadcast::Ring::<u8>::unlink(name),
        Kind::Channel => Channel::unlink(name),
        Kind::RwLock => RwLock::<()>::unlink(name),
        Kind::Watch => Watch::<u8>::unlink(name),
        Kind::OnceLock => OnceLock::<()>::unlink(name),
        Kind::Barrier => Barrier::unlink(name),
        Kind::RateLimiter => RateLimiter::unlink(name),
        kind => return Err(Failed::refused(format_args!("this tool does not know how to remove a {kind}"))),
    };
    removed.map_err(Failed::refused)
}
