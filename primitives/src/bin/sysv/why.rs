//! `sysv why`: what a process waits for, and which processes are in its way. Of two processes: why they do not meet.

use std::collections::BTreeMap;

use clap::Args;
use comfy_table::Table;
use serde::Serialize;
use sysv_primitives::inspect::{self, Apart, Link, ObjectRef, Unreadable, WaitingProcesses, Why};

use crate::{
    failed::{Ended, Result},
    out::{Out, Tone, age, printable},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A process that waits, or two that do not meet. Without any, all that wait are listed
    #[arg(value_name = "PID", num_args = 0..=2)]
    pids: Vec<u32>,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    match arguments.pids[..] {
        [first, second, ..] => apart(first, second, out),
        [pid] => chain(pid, out),
        [] => all(out),
    }
}

// All that wait --------------------------------------------------------------------------------

fn all(out: Out) -> Result<Ended> {
    let waiting = inspect::waiting_processes();
    if out.json {
        #[derive(Serialize)]
        struct Page {
            waiting: WaitingProcesses,
        }
        out.json("why", Page { waiting })?;
        return Ok(Ended::Well);
    }
    if waiting.threads.is_empty() {
        out.line("No process is seen to sleep in a System V object.")?;
    } else {
        out.show(&threads(&waiting, out))?;
    }
    unseen(&waiting.unreadable, waiting.trouble.as_deref(), out)?;
    Ok(Ended::Well)
}

fn threads(waiting: &WaitingProcesses, out: Out) -> Table {
    let mut table = out.table(&[">PID", ">THREAD", "COMMAND", "CALL", ">ID", "OBJECT"]);
    for thread in &waiting.threads {
        table.add_row([
            out.cell(Tone::Plain, thread.pid),
            out.cell(Tone::Plain, thread.tid),
            out.cell(Tone::Plain, thread.command.as_deref().unwrap_or("-")),
            out.cell(Tone::Plain, format!("{:?}", thread.call).to_lowercase()),
            out.cell(Tone::Plain, thread.id),
            out.cell(Tone::Plain, thread.object.as_ref().map_or_else(|| "another program's".to_owned(), object)),
        ]);
    }
    table
}

// One process ----------------------------------------------------------------------------------

fn chain(pid: u32, out: Out) -> Result<Ended> {
    let why = inspect::why(pid)?;
    let is_deadlock = !why.deadlocks.is_empty();
    if out.json {
        #[derive(Serialize)]
        struct Page {
            why: Why,
        }
        out.json("why", Page { why })?;
    } else {
        tell(&why, out)?;
    }
    Ok(Ended::attention_if(is_deadlock))
}

fn tell(why: &Why, out: Out) -> Result<()> {
    if !why.links.iter().any(|link| link.process.pid == why.pid) {
        let process = inspect::process(why.pid);
        let name = words::process_with(why.pid, process.command.as_deref());
        out.line(format_args!(
            "{name} is not seen to wait in a System V object: it {}.",
            words::activity(process.activity)
        ))?;
    }
    let commands: BTreeMap<u32, &str> = why
        .links
        .iter()
        .map(|link| &link.process)
        .chain(&why.ends)
        .filter_map(|process| Some((process.pid, process.command.as_deref()?)))
        .collect();
    for link in &why.links {
        tell_link(link, &commands, out)?;
    }
    for end in &why.ends {
        let name = words::process_with(end.pid, end.command.as_deref());
        out.line(format_args!("{name} waits for no object: it {}.", words::activity(end.activity)))?;
    }
    for circle in &why.deadlocks {
        let names: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .map(|pid| words::process_with(*pid, commands.get(pid).copied()))
            .collect();
        let mark = out.paint(Tone::Bad, "DEADLOCK");
        out.line(format_args!("{mark}: each waits for the next: {}", names.join(" -> ")))?;
    }
    unseen(&why.unreadable, why.trouble.as_deref(), out)
}

fn tell_link(link: &Link, commands: &BTreeMap<u32, &str>, out: Out) -> Result<()> {
    let name = words::process_with(link.process.pid, link.process.command.as_deref());
    let place = link.object.as_ref().map_or_else(|| format!("object {} of another program", link.id), object);
    let interest =
        link.interest.as_ref().map_or_else(String::new, |interest| format!(", for {}", words::interest(interest)));
    let since = link.waited.map_or_else(String::new, |waited| format!(" {}", age(waited)));
    out.line(format_args!("{name} waits{since} at {place}{interest}"))?;
    for way in &link.in_the_way {
        let name = words::process_with(way.pid, commands.get(&way.pid).copied());
        let dead = if way.is_alive { String::new() } else { out.paint(Tone::Bad, ", and is dead") };
        out.line(format_args!("  in its way: {name} has {}{dead}", words::hold(way.holds, 1)))?;
    }
    if link.in_the_way.is_empty() {
        out.line("  in its way: no process in particular. Any may end the wait")?;
    }
    Ok(())
}

/// Writes what was not seen, so that a reader does not take it for nothing.
fn unseen(unreadable: &[Unreadable], trouble: Option<&str>, out: Out) -> Result<()> {
    if let Some(trouble) = trouble {
        out.line(format_args!("{}: {}", out.paint(Tone::Warning, "not seen"), printable(trouble)))?;
    }
    if let Some(first) = unreadable.first() {
        let (number, mark) = (unreadable.len() as u64, out.paint(Tone::Warning, "not seen"));
        let processes = if number == 1 { "1 process" } else { &format!("{number} processes") };
        out.line(format_args!("{mark}: {processes}. {}: {}", first.pid, printable(&first.reason)))?;
    }
    Ok(())
}

// Two processes --------------------------------------------------------------------------------

fn apart(first: u32, second: u32, out: Out) -> Result<Ended> {
    let apart = inspect::why_apart(first, second)?;
    if out.json {
        #[derive(Serialize)]
        struct Page {
            apart: Apart,
        }
        out.json("why", Page { apart })?;
        return Ok(Ended::Well);
    }
    let (first, second) = (first.to_string(), second.to_string());
    let mut table = out.table(&["", &first, &second, "", "WHAT IT MEANS"]);
    for difference in &apart.differences {
        let (mark, tone) = match difference.is_same {
            Some(true) => ("same", Tone::Good),
            Some(false) => ("DIFFERENT", Tone::Bad),
            None => ("unknown", Tone::Warning),
        };
        let value = |index: usize| difference.values[index].as_deref().unwrap_or("unknown").to_owned();
        let meaning = if difference.is_same == Some(true) { "" } else { difference.meaning };
        table.add_row([
            out.cell(Tone::Plain, difference.what),
            out.cell(Tone::Plain, value(0)),
            out.cell(Tone::Plain, value(1)),
            out.cell(tone, mark),
            out.cell(Tone::Plain, meaning),
        ]);
    }
    out.show(&table)?;
    let common: Vec<String> = apart.common.iter().map(object).collect();
    let common = if common.is_empty() { "none".to_owned() } else { common.join(", ") };
    out.line(format_args!("Objects that both have open: {common}"))?;
    unseen(&apart.unreadable, None, out)?;
    Ok(Ended::Well)
}

fn object(object: &ObjectRef) -> String {
    format!("{} \"{}\"", object.kind, printable(&object.name))
}
