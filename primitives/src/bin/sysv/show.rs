//! `sysv show`: everything that is known of one object, without opening it.

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use serde::Serialize;
use sysv_primitives::inspect::{self, Kind, Member, Report, Severity, Value};

use crate::{
    failed::{Ended, Failed, Result},
    out::{Out, Tone, age, bytes, grouped},
    select::{kind_parser, named, no_such_name},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The name of the object, or the address of a channel on a server: redis://host/name
    #[arg(required_unless_present_any = ["set", "segment", "queue"])]
    name: Option<String>,
    /// Its kind, where objects of several kinds have the name
    #[arg(long, value_parser = kind_parser())]
    kind: Option<Kind>,
    /// The object with this semaphore set, by its id
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    set: Option<i32>,
    /// The object with this segment, by its id
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    segment: Option<i32>,
    /// The message queue with this id
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    queue: Option<i32>,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let reports = arguments.find()?;
    if out.json {
        #[derive(Serialize)]
        struct Shown {
            objects: Vec<Report>,
        }
        out.json("show", Shown { objects: reports })?;
        return Ok(Ended::Well);
    }
    for (index, report) in reports.iter().enumerate() {
        if index > 0 {
            out.line("")?;
        }
        show(report, out)?;
    }
    Ok(Ended::Well)
}

impl Arguments {
    fn find(&self) -> Result<Vec<Report>> {
        let mut reports = match &self.name {
            Some(name) => named(name)?,
            None => inspect::objects()?,
        };
        reports.retain(|report| self.is_meant(report));
        if reports.is_empty() {
            return Err(match &self.name {
                Some(name) => no_such_name(name, self.kind),
                None => Failed::refused("no object has this id in this IPC namespace"),
            });
        }
        Ok(reports)
    }

    fn is_meant(&self, report: &Report) -> bool {
        let has = |asked: Option<i32>, id: Option<i32>| asked.is_none() || asked == id;
        self.kind.is_none_or(|kind| report.kind == kind)
            && has(self.set, report.set.as_ref().map(|set| set.id))
            && has(self.segment, report.segment.as_ref().map(|segment| segment.id))
            && has(self.queue, report.queue.as_ref().map(|queue| queue.id))
    }
}

/// Writes one object, section by section. A section without anything in it is left out.
pub(crate) fn show(report: &Report, out: Out) -> Result<()> {
    let state = out.paint(words::tone_of(report.state), report.state.name());
    out.line(format_args!("{} {}: {state}", report.kind, words::name_of(report)))?;
    if let Some(why) = &report.why {
        out.line(format_args!("  {}", crate::out::printable(why)))?;
    }
    facts(report, out)?;
    findings(report, out)?;
    section(out, "Members", members(report, out))?;
    section(out, "Holders", holders(report, out))?;
    section(out, "Subscribers", subscribers(report, out))?;
    section(out, "Waiters, the longest wait first", waiters(report, out))?;
    section(out, "Routes", routes(report, out))?;
    section(out, "Messages in hand", jobs(report, out))?;
    section(out, "Counters", counters(report, out))
}

fn section(out: Out, title: &str, table: Table) -> Result<()> {
    if !table.is_empty() {
        out.line("")?;
        out.line(title)?;
        out.show(&table)?;
    }
    Ok(())
}

fn facts(report: &Report, out: Out) -> Result<()> {
    let mut rows = Vec::new();
    // A channel on a server has no key.
    if report.key != 0 || report.set.is_some() || report.segment.is_some() || report.queue.is_some() {
        rows.push(("key", format!("{:#010x}", report.key)));
    }
    if let Some(set) = &report.set {
        let sleepers = set.sleepers.filter(|number| *number > 0).map_or_else(String::new, |number| {
            let have = if number == 1 { "sleeps" } else { "sleep" };
            format!(", {} {have} in it", words::plural(number as u64, "thread"))
        });
        rows.push(("set", format!("{}, {} semaphores{sleepers} (ipcs -s -i {0})", set.id, set.semaphores)));
    }
    if let Some(segment) = &report.segment {
        let (id, size) = (segment.id, bytes(segment.bytes as u64));
        rows.push((
            "segment",
            format!("{id}, {size}, {} (ipcs -m -i {id})", words::plural(segment.attached, "attachment")),
        ));
    }
    if let Some(queue) = &report.queue {
        let (id, used, room) = (queue.id, words::size(queue.bytes), bytes(queue.max_bytes));
        rows.push(("queue", format!("{id}, {} messages, {used} of {room} (ipcs -q -i {id})", queue.messages)));
    }
    let access = report.set.as_ref().map(|set| set.access);
    let access = access.or_else(|| report.segment.as_ref().map(|segment| segment.access));
    if let Some(access) = access.or_else(|| report.queue.as_ref().map(|queue| queue.access)) {
        rows.push(("owner", format!("user {}, group {}, mode {:04o}", access.uid, access.gid, access.mode)));
    }
    if let Some(fingerprint) = &report.fingerprint {
        rows.push(("type", crate::out::printable(&fingerprint.to_string())));
    }
    if !report.options.is_empty() {
        let options: Vec<String> =
            report.options.iter().map(|(name, value)| format!("{name} {}", option(*value))).collect();
        rows.push(("options", options.join(", ")));
    }
    if let Some(fill) = report.fill {
        rows.push(("in use", format!("{} of {}", grouped(fill.used), grouped(fill.capacity))));
    }
    if let Some(set_aside) = report.set_aside.filter(|number| *number > 0) {
        rows.push(("set aside", format!("{} (see `sysv dead`)", words::plural(set_aside, "message"))));
    }
    let ago = |moment| words::since(moment).map_or_else(|| "unknown".to_owned(), |since| format!("{} ago", age(since)));
    rows.push(("made", ago(report.created)));
    rows.push(("last used", ago(report.last_used)));
    for (name, value) in rows {
        out.line(format_args!("  {name:<10} {value}"))?;
    }
    Ok(())
}

fn option(value: Value) -> String {
    match value {
        Value::Number(number) => grouped(number),
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        other => format!("{other:?}"),
    }
}

fn findings(report: &Report, out: Out) -> Result<()> {
    for finding in &report.findings {
        let (mark, tone) = match finding.severity {
            Severity::Note => ("note", Tone::Quiet),
            Severity::Warning => ("WARNING", Tone::Warning),
            _ => ("DAMAGE", Tone::Bad),
        };
        let text = crate::out::printable(&finding.text);
        out.line(format_args!("  {}: {text}", out.paint(tone, mark)))?;
    }
    Ok(())
}

fn members(report: &Report, out: Out) -> Table {
    // On a server they are of several machines.
    let has_host = report.members.iter().chain(&report.dead).any(|member| member.host.is_some());
    let command = if has_host { "MACHINE" } else { "COMMAND" };
    let mut table = out.table(&[">SLOT", ">PID", command, "", ">AGE"]);
    for member in report.members.iter().chain(&report.dead) {
        let (state, tone) = if member.is_alive { ("alive", Tone::Good) } else { ("dead", Tone::Bad) };
        let (host, command) = (member.host.clone(), words::command_of(member.pid, member.start_time));
        let helpers = if member.helpers > 0 { format!(", {} repair it", member.helpers) } else { String::new() };
        table.add_row([
            out.cell(Tone::Plain, member.slot),
            out.cell(Tone::Plain, member.pid),
            out.cell(Tone::Plain, host.or(command).unwrap_or_else(|| "-".to_owned())),
            out.cell(tone, format!("{state}{helpers}")),
            out.cell(Tone::Plain, time(member.age)),
        ]);
    }
    table
}

/// Returns the command of the member in a slot.
fn command(report: &Report, slot: u32, pid: u32) -> String {
    let is_it = |member: &&Member| member.slot == slot && member.pid == pid;
    let member = report.members.iter().chain(&report.dead).find(is_it);
    let command = member.and_then(|member| words::command_of(member.pid, member.start_time));
    command.unwrap_or_else(|| "-".to_owned())
}

fn holders(report: &Report, out: Out) -> Table {
    let mut table = out.table(&[">SLOT", ">PID", "COMMAND", "HOLDS", ""]);
    for holder in &report.holders {
        table.add_row([
            out.cell(Tone::Plain, holder.slot),
            out.cell(Tone::Plain, holder.pid),
            out.cell(Tone::Plain, command(report, holder.slot, holder.pid)),
            out.cell(Tone::Plain, words::hold(holder.what, holder.count)),
            out.cell(Tone::Bad, dead(holder.is_alive)),
        ]);
    }
    table
}

fn subscribers(report: &Report, out: Out) -> Table {
    let mut table = out.table(&[">SLOT", ">PID", "COMMAND", ">TO POP", ">MISSED", ""]);
    for subscriber in &report.subscribers {
        table.add_row([
            out.cell(Tone::Plain, subscriber.slot),
            out.cell(Tone::Plain, subscriber.pid),
            out.cell(Tone::Plain, command(report, subscriber.slot, subscriber.pid)),
            out.cell(Tone::Plain, grouped(subscriber.lag)),
            out.cell(Tone::Plain, grouped(subscriber.missed)),
            out.cell(Tone::Bad, dead(subscriber.is_alive)),
        ]);
    }
    table
}

fn waiters(report: &Report, out: Out) -> Table {
    let mut table = out.table(&[">SLOT", ">PID", "COMMAND", "WAITS FOR", ">SINCE", ""]);
    for waiter in &report.waiters {
        let called = if waiter.is_called { "called" } else { "" };
        table.add_row([
            out.cell(Tone::Plain, waiter.slot),
            out.cell(Tone::Plain, waiter.pid),
            out.cell(Tone::Plain, command(report, waiter.slot, waiter.pid)),
            out.cell(Tone::Plain, words::interest(&waiter.interest)),
            out.cell(Tone::Plain, time(waiter.waited)),
            out.cell(Tone::Bad, if waiter.is_alive { called } else { "dead" }),
        ]);
    }
    table
}

fn routes(report: &Report, out: Out) -> Table {
    let mut table = out.table(&[">ROUTE", ">MESSAGES", ">BYTES", ">OLDEST"]);
    for route in &report.routes {
        table.add_row([
            out.cell(Tone::Plain, route.route),
            out.cell(Tone::Plain, grouped(route.messages)),
            out.cell(Tone::Plain, bytes(route.bytes)),
            out.cell(Tone::Plain, time(route.oldest)),
        ]);
    }
    table
}

fn jobs(report: &Report, out: Out) -> Table {
    let mut table = out.table(&[">SLOT", ">PID", "COMMAND", ">ROUTE", ">SINCE", ">ATTEMPT", "CALLER", ""]);
    for job in &report.jobs {
        table.add_row([
            out.cell(Tone::Plain, job.slot),
            out.cell(Tone::Plain, job.pid),
            out.cell(Tone::Plain, command(report, job.slot, job.pid)),
            out.cell(Tone::Plain, job.route),
            out.cell(Tone::Plain, time(job.age)),
            out.cell(Tone::Plain, job.attempt),
            out.cell(Tone::Plain, job.caller_pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string())),
            out.cell(Tone::Bad, dead(job.is_alive)),
        ]);
    }
    table
}

fn counters(report: &Report, out: Out) -> Table {
    let mut table = out.table(&["COUNTER", ">VALUE"]);
    for (name, value) in &report.counters {
        table.add_row([out.cell(Tone::Plain, name), out.cell(Tone::Plain, grouped(*value))]);
    }
    table
}

fn dead(is_alive: bool) -> &'static str {
    if is_alive { "" } else { "dead" }
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), age)
}
