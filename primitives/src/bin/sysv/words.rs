//! What objects and processes are called in tables.

use std::time::{Duration, SystemTime};

use sysv_primitives::{
    Role,
    inspect::{Activity, Fill, Hold, Interest, Report, Severity, State},
    raw::process,
};

use crate::out::{Tone, bytes, printable};

/// Returns the name of an object, or what else it is known by.
pub(crate) fn name_of(report: &Report) -> String {
    if let Some(name) = &report.name {
        return printable(name);
    }
    if report.key != 0 { format!("key {:#010x}", report.key) } else { "-".to_owned() }
}

/// Returns the tone of a state.
pub(crate) fn tone_of(state: State) -> Tone {
    match state {
        State::Live => Tone::Good,
        State::Idle => Tone::Plain,
        State::Foreign | State::Hidden => Tone::Quiet,
        State::Unfinished | State::Condemned | State::RemovedButAttached | State::OtherVersion => Tone::Warning,
        _ => Tone::Bad,
    }
}

/// Returns whether an operator should look at it.
pub(crate) fn needs_attention(report: &Report) -> bool {
    let is_whole = matches!(report.state, State::Live | State::Idle | State::Foreign | State::Hidden);
    !is_whole || !report.dead.is_empty() || report.findings.iter().any(|finding| finding.severity != Severity::Note)
}

/// Returns how long ago an object was made.
pub(crate) fn age_of(report: &Report) -> Option<Duration> {
    since(report.created)
}

/// Returns how long ago a moment was. One in the future, by a clock that was set, is now.
pub(crate) fn since(moment: Option<SystemTime>) -> Option<Duration> {
    moment.map(|moment| SystemTime::now().duration_since(moment).unwrap_or_default())
}

/// Returns how much memory an object takes: its segment, or what is on a queue.
pub(crate) fn size_of(report: &Report) -> Option<u64> {
    let segment = report.segment.as_ref().map(|segment| segment.bytes as u64);
    segment.or_else(|| report.queue.as_ref().map(|queue| queue.max_bytes))
}

/// Returns how many wait at an object, as far as that is known.
pub(crate) fn waiting(report: &Report) -> usize {
    let sleepers = report.set.as_ref().and_then(|set| set.sleepers).unwrap_or(0);
    // A waiter is announced before it sleeps. Those of other programs do not announce themselves.
    if report.waiters.is_empty() { sleepers } else { report.waiters.len() }
}

/// Returns how full it is: `3/8`.
pub(crate) fn fill(fill: Option<Fill>) -> String {
    fill.map_or_else(|| "-".to_owned(), |fill| format!("{}/{}", fill.used, fill.capacity))
}

/// Returns the share that is in use, from 0 to 1.
pub(crate) fn share(fill: Option<Fill>) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a share is shown")]
    fill.filter(|fill| fill.capacity > 0).map(|fill| fill.used as f64 / fill.capacity as f64)
}

/// Returns a number of bytes, or a dash.
pub(crate) fn size(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), bytes)
}

/// Returns what a waiter waits for.
pub(crate) fn interest(interest: &Interest) -> String {
    match interest {
        Interest::Lock => "the lock".to_owned(),
        Interest::Write => "to write".to_owned(),
        Interest::Readers => "that the readers leave".to_owned(),
        Interest::Read => "to read".to_owned(),
        Interest::Permits { count: 1 } => "a permit".to_owned(),
        Interest::Permits { count } => format!("{count} permits"),
        Interest::Role { role: Role::Producer } => "the producer's role".to_owned(),
        Interest::Role { .. } => "the consumer's role".to_owned(),
        Interest::Room => "room".to_owned(),
        Interest::Items => "an item".to_owned(),
        Interest::Messages { routes } if routes.is_empty() => "a message".to_owned(),
        Interest::Messages { routes } => {
            let routes: Vec<String> = routes.iter().map(u32::to_string).collect();
            format!("a message on route {}", routes.join(", "))
        }
        Interest::Response => "the response to its call".to_owned(),
        Interest::BlockLock => "the lock of the blocks".to_owned(),
        Interest::Value => "the value".to_owned(),
        Interest::Barrier => "that all arrive".to_owned(),
        Interest::Change => "a change".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Returns what a holder has.
pub(crate) fn hold(hold: Hold, count: u64) -> String {
    let one = match hold {
        Hold::Lock => "the lock",
        Hold::Offer => "an offer of the lock",
        Hold::Write => "the lock, to write",
        Hold::Read => "the lock, to read",
        Hold::Permits => return plural(count, "permit"),
        Hold::Turnstile => "the turnstile",
        Hold::Producer => "the producer's role",
        Hold::Consumer => "the consumer's role",
        Hold::Writing => return format!("{} being written", plural(count, "slot")),
        Hold::Claim => return plural(count, "claim"),
        Hold::Initialisation => "the initialisation",
        Hold::Participation => "a place in the barrier",
        Hold::Arrival => "an arrival",
        Hold::BlockLock => "the lock of the blocks",
        Hold::Call => return plural(count, "call"),
        Hold::Service => "the service of a route",
        other => return format!("{other:?}"),
    };
    if count > 1 { format!("{one} ({count})") } else { one.to_owned() }
}

/// Returns a number with its noun.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns what a process does.
pub(crate) fn activity(activity: Activity) -> &'static str {
    match activity {
        Activity::Running => "runs",
        Activity::Sleeping => "sleeps, and not in an object",
        Activity::Uninterruptible => "sleeps in the kernel (state D)",
        Activity::Stopped => "is stopped (SIGSTOP): `kill -CONT` lets it go on",
        Activity::Traced => "is held by a debugger",
        Activity::Zombie => "has ended, and its parent has not noticed",
        Activity::Gone => "does not exist here",
        Activity::Hidden => "can't be seen",
        _ => "is in a state that this tool does not know",
    }
}

/// Returns the command of a process, if it is still the one that started then.
pub(crate) fn command_of(pid: u32, start_time: u64) -> Option<String> {
    let is_the_same = process::start_time(pid) == Some(start_time);
    if is_the_same { process::command(pid).map(|command| printable(&command)) } else { None }
}

/// Returns a process with its command: `1234 (worker)`.
pub(crate) fn process_with(pid: u32, command: Option<&str>) -> String {
    match command {
        Some(command) => format!("{pid} ({})", printable(command)),
        None => pid.to_string(),
    }
}
