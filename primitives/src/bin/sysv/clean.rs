//! `sysv clean`: removes what no process uses, and says why each object goes or stays. By default it removes nothing.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use sysv_primitives::inspect::{Clean, Decision, Kind, Verdict};

use crate::{
    failed::{Ended, Result},
    out::{Out, Tone, printable},
    select::kind_parser,
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only objects with these names
    names: Vec<String>,
    /// Remove them. Otherwise it is only said what would be removed
    #[arg(long)]
    yes: bool,
    /// Only objects that were not used for this long: 30s, 10m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    older_than: Duration,
    /// Channels and rings with something in them as well
    #[arg(long)]
    with_messages: bool,
    /// Only objects of this kind. It may be given several times
    #[arg(long, value_parser = kind_parser())]
    kind: Vec<Kind>,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let mut clean = Clean::new().older_than(arguments.older_than).with_messages(arguments.with_messages);
    clean = arguments.kind.iter().fold(clean, |clean, kind| clean.kind(*kind));
    clean = arguments.names.iter().fold(clean, |clean, name| clean.name(name));
    let verdicts = if arguments.yes { clean.remove()? } else { clean.dry_run()? };
    let failed = verdicts.iter().any(|verdict| verdict.decision == Decision::Failed);
    if out.json {
        #[derive(Serialize)]
        struct Cleaned {
            dry_run: bool,
            verdicts: Vec<Verdict>,
        }
        out.json("clean", Cleaned { dry_run: !arguments.yes, verdicts })?;
    } else {
        show(&verdicts, out)?;
    }
    Ok(Ended::attention_if(failed))
}

fn show(verdicts: &[Verdict], out: Out) -> Result<()> {
    if verdicts.is_empty() {
        return Ok(out.line("No such object in this IPC namespace.")?);
    }
    let mut table = out.table(&["VERDICT", "KIND", "NAME", "STATE", "REASON"]);
    for verdict in verdicts {
        let (word, tone) = match verdict.decision {
            Decision::Keep => ("stays", Tone::Quiet),
            Decision::Remove => ("would go", Tone::Warning),
            Decision::Removed => ("removed", Tone::Good),
            _ => ("FAILED", Tone::Bad),
        };
        table.add_row([
            out.cell(tone, word),
            out.cell(Tone::Plain, verdict.kind),
            out.cell(Tone::Plain, verdict.name.as_deref().unwrap_or("-")),
            out.cell(words::tone_of(verdict.state), verdict.state),
            out.cell(Tone::Plain, printable(&verdict.reason)),
        ]);
    }
    out.show(&table)?;
    let would = verdicts.iter().filter(|verdict| verdict.decision == Decision::Remove).count() as u64;
    if would > 0 {
        out.line(format_args!("{} would be removed. `sysv clean --yes` removes.", words::plural(would, "object")))?;
    }
    Ok(())
}

/// Parses a time: a number with one of `s m h d`, or of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) if text.ends_with('h') => (number, 3600),
        Some(number) if text.ends_with('d') => (number, 86_400),
        Some(number) => (number, 1),
        None => (text, 1),
    };
    let number: u64 = number.parse().map_err(|_| "a time is a number with s, m, h or d, as in 10m".to_owned())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "this is too long".to_owned())
}
