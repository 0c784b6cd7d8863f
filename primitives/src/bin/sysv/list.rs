//! `sysv list`: every object of this IPC namespace, or every channel of a server, a line each.

use clap::Args;
use serde::Serialize;
use sysv_primitives::{
    inspect::{self, Kind, Report},
    raw::process,
};

use crate::{
    failed::{Ended, Result},
    out::{Out, Tone, age},
    select::{is_address, is_foreign, kind_parser, matches, named, owner},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A part of the name, or a pattern of it with * and ?. Or a server's address: redis://host
    pattern: Option<String>,
    /// Only objects of this kind
    #[arg(long, value_parser = kind_parser())]
    kind: Option<Kind>,
    /// Only objects of this user
    #[arg(long)]
    mine: bool,
    /// Objects of other programs as well, with the command that would remove each
    #[arg(long)]
    foreign: bool,
    /// End with exit code 1 if one of them needs attention
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let server = arguments.pattern.as_deref().filter(|pattern| is_address(pattern));
    let mut reports = match server {
        Some(address) => named(address)?,
        None => inspect::objects()?,
    };
    reports.retain(|report| arguments.is_of_interest(report));
    reports.sort_by(|a, b| (is_foreign(a), a.kind, &a.name, a.key).cmp(&(is_foreign(b), b.kind, &b.name, b.key)));
    let attention = reports.iter().any(words::needs_attention);
    if out.json {
        #[derive(Serialize)]
        struct Listed {
            objects: Vec<Report>,
        }
        out.json("list", Listed { objects: reports })?;
    } else {
        let place = if server.is_some() { "on this server" } else { "in this IPC namespace" };
        show(&reports, arguments.foreign, place, out)?;
    }
    Ok(Ended::attention_if(arguments.check && attention))
}

impl Arguments {
    fn is_of_interest(&self, report: &Report) -> bool {
        // A kind of other programs' objects is asked for by its name.
        let is_asked_for = self.foreign || self.kind.is_some() || !is_foreign(report);
        let name = report.name.as_deref().unwrap_or_default();
        is_asked_for
            && self.kind.is_none_or(|kind| report.kind == kind)
            && (!self.mine || owner(report) == Some(process::effective_uid()))
            && self.pattern.as_deref().is_none_or(|pattern| is_address(pattern) || matches(pattern, name))
    }
}

fn show(reports: &[Report], foreign: bool, place: &str, out: Out) -> Result<()> {
    if reports.is_empty() {
        return Ok(out.line(format_args!("No such object {place}."))?);
    }
    let mut heads = vec!["KIND", "NAME", "STATE", ">MEMBERS", ">DEAD", ">WAIT", ">FILL", ">SIZE", ">AGE"];
    heads.extend(foreign.then_some("REMOVED BY"));
    let mut table = out.table(&heads);
    for report in reports {
        let dead = report.dead.len();
        let waiting = words::waiting(report);
        let mut cells = vec![
            out.cell(Tone::Plain, report.kind),
            out.cell(Tone::Plain, words::name_of(report)),
            out.cell(words::tone_of(report.state), report.state),
            out.cell(Tone::Plain, number(report.members.len(), report)),
            out.cell(if dead > 0 { Tone::Bad } else { Tone::Plain }, number(dead, report)),
            out.cell(if waiting > 0 { Tone::Warning } else { Tone::Plain }, waiting),
            out.cell(Tone::Plain, words::fill(report.fill)),
            out.cell(Tone::Plain, words::size(words::size_of(report))),
            out.cell(Tone::Plain, words::age_of(report).map_or_else(|| "-".to_owned(), age)),
        ];
        if foreign {
            cells.push(out.cell(Tone::Quiet, removed_by(report)));
        }
        table.add_row(cells);
    }
    out.show(&table)?;
    Ok(())
}

/// Objects of other programs have no members that could be counted.
fn number(count: usize, report: &Report) -> String {
    if is_foreign(report) { "-".to_owned() } else { count.to_string() }
}

/// Returns the command that removes an object of another program, which this tool never does.
fn removed_by(report: &Report) -> String {
    if !is_foreign(report) {
        return String::new();
    }
    let part = |letter: char, id: Option<i32>| id.map(|id| format!(" -{letter} {id}")).unwrap_or_default();
    let parts = [
        part('s', report.set.as_ref().map(|set| set.id)),
        part('m', report.segment.as_ref().map(|segment| segment.id)),
        part('q', report.queue.as_ref().map(|queue| queue.id)),
    ];
    format!("ipcrm{}", parts.concat())
}
