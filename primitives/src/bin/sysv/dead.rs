//! `sysv dead`: the messages of a channel that were attempted as often as allowed, and are set aside.
//!
//! It opens the channel, as a program of its own, and so takes one of its slots for that time. A message is known by an
//! id that is made of its content, its route and its attempts: so the id that was listed is never that of another
//! message, whatever came or went meanwhile. Messages of the same id are alike.

use clap::Args;
use serde::Serialize;
use sysv_primitives::{
    Channel, SetAside,
    inspect::{self, Kind},
};

use crate::{
    ask,
    failed::{Ended, Failed, Result},
    out::{Out, Tone, age, bytes, printable},
    select::{is_address, owner},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The name of the channel, or its address on a server: redis://host/name
    name: String,
    /// Show the content of a message, by the id of the list
    #[arg(long, value_name = "ID", group = "action")]
    show: Option<String>,
    /// Let a message be received again, with as many attempts as at first
    #[arg(long, value_name = "ID", group = "action")]
    retry: Vec<String>,
    /// Let all of them be received again
    #[arg(long, group = "action")]
    retry_all: bool,
    /// Drop a message for good
    #[arg(long, value_name = "ID", group = "action")]
    drop: Vec<String>,
    /// Drop all of them for good
    #[arg(long, group = "action")]
    drop_all: bool,
    /// Do not ask on a terminal
    #[arg(long)]
    yes: bool,
}

/// A message that is set aside, as `--json` has it.
#[derive(Debug, Serialize)]
struct Message {
    id: String,
    route: u64,
    age_seconds: f64,
    bytes: usize,
    /// Its content, if that is text.
    text: Option<String>,
    /// Its content in hexadecimal digits.
    hex: String,
    attempts: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let channel = open(&arguments.name)?;
    let messages = channel.set_aside().map_err(Failed::refused)?;
    if let Some(id) = &arguments.show {
        content(find(&messages, id)?, out)?;
    } else if arguments.retry_all || !arguments.retry.is_empty() {
        retry(&chosen(&messages, &arguments.retry)?, out)?;
    } else if arguments.drop_all || !arguments.drop.is_empty() {
        discard(&chosen(&messages, &arguments.drop)?, arguments, out)?;
    } else {
        list(&messages, out)?;
    }
    Ok(Ended::Well)
}

/// Opens the channel, also one of another user: this tool was told to.
pub(crate) fn open(name: &str) -> Result<Channel> {
    let mut options = Channel::options();
    if is_address(name) {
        return options.open(name).map_err(Failed::refused);
    }
    let mut reports = inspect::named(name)?;
    reports.retain(|report| report.kind == Kind::Channel);
    if let Some(uid) = reports.first().and_then(owner) {
        options = options.trust(uid);
    }
    options.open(name).map_err(Failed::refused)
}

/// Returns the messages with these ids, or all without any.
fn chosen<'a>(messages: &'a [SetAside], ids: &[String]) -> Result<Vec<&'a SetAside>> {
    if ids.is_empty() {
        return Ok(messages.iter().collect());
    }
    ids.iter().map(|id| find(messages, id)).collect()
}

fn find<'a>(messages: &'a [SetAside], id: &str) -> Result<&'a SetAside> {
    let found = messages.iter().find(|message| id_of(message) == id);
    found.ok_or_else(|| Failed::refused(format_args!("no message with the id {id:?} is set aside any more")))
}

fn list(messages: &[SetAside], out: Out) -> Result<()> {
    if out.json {
        #[derive(Serialize)]
        struct Listed {
            messages: Vec<Message>,
        }
        return Ok(out.json("dead", Listed { messages: messages.iter().map(described).collect() })?);
    }
    if messages.is_empty() {
        return Ok(out.line("No message is set aside.")?);
    }
    let mut table = out.table(&["ID", ">ROUTE", ">AGE", ">BYTES", "LAST ATTEMPT", "CONTENT"]);
    for message in messages {
        let last = message.attempts().last().map_or_else(|| "-".to_owned(), ToString::to_string);
        table.add_row([
            out.cell(Tone::Plain, id_of(message)),
            out.cell(Tone::Plain, message.route()),
            out.cell(Tone::Plain, age(message.age())),
            out.cell(Tone::Plain, bytes(message.bytes().len() as u64)),
            out.cell(Tone::Warning, last),
            out.cell(Tone::Plain, beginning(message.bytes())),
        ]);
    }
    out.show(&table)?;
    Ok(())
}

fn described(message: &SetAside) -> Message {
    Message {
        id: id_of(message),
        route: route_of(message),
        age_seconds: message.age().as_secs_f64(),
        bytes: message.bytes().len(),
        text: text_of(message.bytes()).map(str::to_owned),
        hex: hex(message.bytes()),
        attempts: message.attempts().iter().map(ToString::to_string).collect(),
    }
}

fn content(message: &SetAside, out: Out) -> Result<()> {
    if out.json {
        #[derive(Serialize)]
        struct Shown {
            message: Message,
        }
        return Ok(out.json("dead", Shown { message: described(message) })?);
    }
    let size = bytes(message.bytes().len() as u64);
    out.line(format_args!("route {}, {size}, {} old", message.route(), age(message.age())))?;
    for attempt in message.attempts() {
        out.line(format_args!("  {attempt}"))?;
    }
    match text_of(message.bytes()) {
        Some(text) => text.lines().try_for_each(|line| out.line(printable(line)))?,
        None => dump(message.bytes(), out)?,
    }
    Ok(())
}

fn retry(messages: &[&SetAside], out: Out) -> Result<()> {
    let mut number = 0;
    for message in messages {
        let retried = message.retry().map_err(|error| {
            Failed::refused(format_args!(
                "{}: {error}. {} before it went",
                id_of(message),
                words::plural(number, "message")
            ))
        })?;
        number += u64::from(retried);
    }
    done("retried", number, out)
}

fn discard(messages: &[&SetAside], arguments: &Arguments, out: Out) -> Result<()> {
    if !arguments.yes {
        ask::on_terminal(&format!("Drop {} for good?", words::plural(messages.len() as u64, "message")))?;
    }
    let mut number = 0;
    for message in messages {
        number += u64::from(message.discard().map_err(Failed::refused)?);
    }
    done("dropped", number, out)
}

fn done(what: &'static str, number: u64, out: Out) -> Result<()> {
    if out.json {
        #[derive(Serialize)]
        struct Done {
            done: &'static str,
            messages: u64,
        }
        return Ok(out.json("dead", Done { done: what, messages: number })?);
    }
    let have = if number == 1 { "is" } else { "are" };
    Ok(out.line(format_args!("{} {have} {what}.", words::plural(number, "message")))?)
}

fn route_of(message: &SetAside) -> u64 {
    u64::try_from(message.route().message_type().get()).unwrap_or(0)
}

/// Returns the id of a message: a hash of what it consists of.
fn id_of(message: &SetAside) -> String {
    // FNV-1a: the same in each run and on each machine.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    add(&route_of(message).to_le_bytes());
    add(message.bytes());
    message.attempts().iter().for_each(|attempt| add(attempt.to_string().as_bytes()));
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

/// Returns the content as text, if it is text.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_text = text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\t' | '\r'));
    is_text.then_some(text)
}

/// Returns the beginning of the content, for a table.
fn beginning(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    match text_of(bytes) {
        Some(text) if text.chars().count() <= MOST => printable(text),
        Some(text) => format!("{}…", printable(&text.chars().take(MOST).collect::<String>())),
        None if bytes.len() <= MOST / 2 => hex(bytes),
        None => format!("{}…", hex(&bytes[..MOST / 2])),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes bytes as `hexdump -C` does.
fn dump(bytes: &[u8], out: Out) -> Result<()> {
    for (index, row) in bytes.chunks(16).enumerate() {
        let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let letter = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let letters: String = row.iter().map(letter).collect();
        out.line(format_args!("{:08x}  {:<47}  |{letters}|", index * 16, digits.join(" ")))?;
    }
    Ok(())
}
