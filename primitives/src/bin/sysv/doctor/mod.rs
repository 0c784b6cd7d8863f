//! `sysv doctor`: settings of this machine that harm programs with System V objects.
//!
//! Each finding says what is so, why it matters, and the line that changes it. A finding that is only to be known is a
//! note. One that needs attention makes the exit code 1.

mod calls;
mod kernel;
mod sight;
mod systemd;

use clap::Args;
use comfy_table::Table;
use serde::Serialize;
use sysv_primitives::raw::process;

pub(crate) use self::calls::{TryCalls, try_calls};
use crate::{
    failed::{Ended, Result},
    out::{Out, Tone},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Judge for this user instead of the caller: a number
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
}

/// How much a finding asks of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// As it should be.
    Fine,
    /// It is to be known, and changes what objects or this tool can do.
    Note,
    /// It can lose objects, or refuse them.
    Attention,
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    /// A stable name of the check.
    check: &'static str,
    level: Level,
    what: String,
    /// Why it matters. `None` if it is as it should be.
    why: Option<String>,
    /// The line that changes it.
    change: Option<String>,
}

impl Finding {
    fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Fine, what: what.into(), why: None, change: None }
    }

    fn note(check: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Note, why: Some(why.into()), ..Self::fine(check, what) }
    }

    fn attention(check: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Attention, ..Self::note(check, what, why) }
    }

    fn change(mut self, line: impl Into<String>) -> Self {
        self.change = Some(line.into());
        self
    }
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let findings = findings(arguments.uid.unwrap_or_else(process::effective_uid));
    let attention = findings.iter().filter(|finding| finding.level == Level::Attention).count();
    if out.json {
        #[derive(Serialize)]
        struct Examined {
            attention: usize,
            findings: Vec<Finding>,
        }
        out.json("doctor", Examined { attention, findings })?;
    } else {
        let mut table = out.table(&["LEVEL", "CHECK", "WHAT, WHY, AND HOW TO CHANGE IT"]);
        findings.iter().for_each(|finding| add(&mut table, finding, out));
        out.show(&table)?;
        out.line(match attention {
            0 => "Nothing needs attention.".to_owned(),
            1 => "1 finding needs attention.".to_owned(),
            number => format!("{number} findings need attention."),
        })?;
    }
    Ok(Ended::attention_if(attention > 0))
}

fn findings(uid: u32) -> Vec<Finding> {
    let mut findings = vec![systemd::remove_ipc(uid)];
    findings.extend(kernel::findings());
    findings.extend(calls::findings());
    findings.extend(sight::findings());
    findings
}

/// Adds the rows of a finding: what is so, why it matters, and the line that changes it.
fn add(table: &mut Table, finding: &Finding, out: Out) {
    let (mark, tone) = match finding.level {
        Level::Fine => ("fine", Tone::Good),
        Level::Note => ("note", Tone::Warning),
        Level::Attention => ("ATTENTION", Tone::Bad),
    };
    let mut row = |mark: &str, check: &str, text: &str, tone: Tone| {
        table.add_row([out.cell(tone, mark), out.cell(Tone::Plain, check), out.cell(Tone::Plain, text)]);
    };
    row(mark, finding.check, &finding.what, tone);
    if let Some(why) = &finding.why {
        row("", "", why, tone);
    }
    if let Some(change) = &finding.change {
        row("", "", &format!("$ {change}"), tone);
    }
}
