//! Which objects a command is about: kinds, names and patterns of names.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sysv_primitives::inspect::{self, Kind, Report, State};

use crate::failed::{Failed, Result};

/// The kinds that can be asked for, by their names on the command line.
const KINDS: [(&str, Kind); 14] = [
    ("mutex", Kind::Mutex),
    ("rwlock", Kind::RwLock),
    ("once-lock", Kind::OnceLock),
    ("watch", Kind::Watch),
    ("pool", Kind::Pool),
    ("rate-limiter", Kind::RateLimiter),
    ("barrier", Kind::Barrier),
    ("spsc-ring", Kind::SpscRing),
    ("mpmc-ring", Kind::MpmcRing),
    ("broadcast-ring", Kind::BroadcastRing),
    ("channel", Kind::Channel),
    ("semaphore-set", Kind::SemaphoreSet),
    ("shared-memory", Kind::SharedMemory),
    ("message-queue", Kind::MessageQueue),
];

/// Parses a kind.
pub(crate) fn kind_parser() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(KINDS.map(|(name, _)| name)).map(|name| {
        // The parser before let nothing else through.
        KINDS.iter().find(|(known, _)| *known == name).map_or(Kind::Unknown, |(_, kind)| *kind)
    })
}

/// Returns the name of a kind on the command line.
pub(crate) fn kind_argument(kind: Kind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("unknown", |(name, _)| name)
}

/// Returns whether an object is another program's, as far as that can be known.
pub(crate) fn is_foreign(report: &Report) -> bool {
    report.state == State::Foreign
}

/// Returns the user that owns an object.
pub(crate) fn owner(report: &Report) -> Option<u32> {
    let access = report.set.as_ref().map(|set| set.access);
    let access = access.or_else(|| report.segment.as_ref().map(|segment| segment.access));
    access.or_else(|| report.queue.as_ref().map(|queue| queue.access)).map(|access| access.uid)
}

/// Returns whether a name is the address of a server, or of a channel there.
pub(crate) fn is_address(name: &str) -> bool {
    name.contains("://")
}

/// Returns the objects that a name or an address is of.
pub(crate) fn named(name: &str) -> Result<Vec<Report>> {
    if is_address(name) { inspect::on_server(name).map_err(Failed::refused) } else { Ok(inspect::named(name)?) }
}

/// Returns a name as it may be shown: an address without user and password.
///
/// An address may be wrong in any way, so everything up to its last `@` is left out.
pub(crate) fn without_secrets(name: &str) -> String {
    match name.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => name.to_owned(),
    }
}

/// Returns the one object that a name and perhaps a kind are of.
pub(crate) fn only_one(reports: Vec<Report>, name: &str, kind: Option<Kind>) -> Result<Report> {
    let mut found: Vec<Report> =
        reports.into_iter().filter(|report| kind.is_none_or(|kind| report.kind == kind)).collect();
    match found.len() {
        0 => Err(no_such_name(name, kind)),
        1 => Ok(found.remove(0)),
        _ => {
            let kinds: Vec<&str> = found.iter().map(|report| kind_argument(report.kind)).collect();
            Err(Failed::Usage(format!(
                "{:?} is the name of several objects. Choose one by --kind: {}",
                without_secrets(name),
                kinds.join(", ")
            )))
        }
    }
}

/// Returns the refusal for a name that no object has.
pub(crate) fn no_such_name(name: &str, kind: Option<Kind>) -> Failed {
    let kind = kind.map_or("object", Kind::name);
    if is_address(name) {
        let shown = without_secrets(name);
        return Failed::refused(format_args!(
            "no channel has the address {shown:?}. `sysv list redis://host` shows those of a server"
        ));
    }
    Failed::refused(format_args!(
        "no {kind} has the name {name:?} in this IPC namespace. `sysv list` shows those there are"
    ))
}

/// Returns whether a name suits a pattern: one with `*` and `?` must match the whole name, and other text a part of it.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return name.contains(pattern);
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where to go on if the last star has to take one letter more.
    let mut retry = None;
    let (mut at, mut in_name) = (0, 0);
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at, in_name));
                at += 1;
            }
            Some(&letter) if letter == '?' || letter == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (at, in_name) = (star + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}
