//! Which objects may be removed, and why. Removing them is in `removal`.
//!
//! - **CN1** Only an object of this crate and of this version is removed, and only by its owner, its creator or root. Other programs'
//!   objects are left alone, and so are damaged ones.
//! - **CN2** An object with a member that lives stays. That is decided by the one `semop` that condemns it, and not by this report,
//!   which was made before.
//! - **CN3** It also stays if a process has its segment attached that is no member: it may be another tool, or a process that lost
//!   its membership.
//! - **CN4** It stays if it was used a short time ago, or if messages or items are in it, unless that is asked for.

use std::time::{Duration, SystemTime};

use super::{
    find::{self, Wanted},
    removal::{self, Ended},
};
use crate::{
    name::Name,
    raw::{self, process},
    report::{Kind, Report, State},
};

/// Which objects to remove, and with how much care.
///
/// An object with a member that lives is never removed: one `semop` tests that there is none and condemns the object, so no
/// process can open it in between. Other programs' objects are not considered, and other users' are kept, except by root.
///
/// ```no_run
/// use sysv_primitives::inspect::Clean;
///
/// for verdict in Clean::new().dry_run()? {
///     println!("{} {:?}: {:?}, {}", verdict.kind, verdict.name, verdict.decision, verdict.reason);
/// }
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clean {
    pub(super) older_than: Duration,
    pub(super) with_messages: bool,
    pub(super) kinds: Vec<Kind>,
    pub(super) names: Vec<String>,
}

/// What was, or would be, done with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Verdict {
    /// The object's kind.
    pub kind: Kind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How far it was.
    pub state: State,
    /// The id of its set.
    pub set: Option<i32>,
    /// The id of its segment.
    pub segment: Option<i32>,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// What was decided of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Decision {
    /// It stays.
    Keep,
    /// It would be removed: this was a dry run.
    Remove,
    /// It was removed.
    Removed,
    /// It was to be removed, and that failed.
    Failed,
}

impl Default for Clean {
    fn default() -> Self {
        Self::new()
    }
}

impl Clean {
    /// Returns the careful defaults: every kind and name, last used ten minutes ago or longer, no channel with messages.
    #[must_use]
    pub const fn new() -> Self {
        Self { older_than: Duration::from_secs(600), with_messages: false, kinds: Vec::new(), names: Vec::new() }
    }

    /// Sets for how long an object must have been unused. The death of a member counts as a use.
    #[must_use]
    pub const fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// Sets whether channels and rings with something in them are removed as well.
    #[must_use]
    pub const fn with_messages(mut self, with_messages: bool) -> Self {
        self.with_messages = with_messages;
        self
    }

    /// Considers this kind. Without any, all kinds are considered.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Considers this name. Without any, all names are considered.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Returns what would be done with each object, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::raw::Error::Unsupported) outside Linux.
    pub fn dry_run(&self) -> raw::Result<Vec<Verdict>> {
        let reports = self.reports()?;
        let verdict = |report: &Report| match self.may_go(report) {
            Ok(reason) => Verdict::of(report, Decision::Remove, reason),
            Err(reason) => Verdict::of(report, Decision::Keep, reason),
        };
        Ok(reports.iter().map(verdict).collect())
    }

    /// Removes the objects that may be removed, and returns what was done with each.
    ///
    /// # Errors
    ///
    /// As [`dry_run`](Self::dry_run).
    pub fn remove(&self) -> raw::Result<Vec<Verdict>> {
        let reports = self.reports()?;
        let verdict = |report: &Report| match self.may_go(report).map(|reason| (removal::remove(report), reason)) {
            Ok((Ok(Ended::Removed), reason)) => Verdict::of(report, Decision::Removed, reason),
            Ok((Ok(Ended::Kept(why)), _)) => Verdict::of(report, Decision::Keep, why.to_owned()),
            Ok((Err(error), _)) => Verdict::of(report, Decision::Failed, error.to_string()),
            Err(reason) => Verdict::of(report, Decision::Keep, reason),
        };
        Ok(reports.iter().map(verdict).collect())
    }

    /// Returns the reports of what is considered: of this crate's objects alone.
    fn reports(&self) -> raw::Result<Vec<Report>> {
        let mut reports = Vec::new();
        if self.names.is_empty() {
            reports = find::find(&Wanted::All)?;
        }
        for name in self.names.iter().filter_map(|name| Name::new(name).ok()) {
            reports.extend(find::find(&Wanted::Named(&name))?);
        }
        let is_considered = |report: &Report| self.kinds.is_empty() || self.kinds.contains(&report.kind);
        reports.retain(|report| report.is_ours() && is_considered(report));
        Ok(reports)
    }

    /// Returns why an object may be removed, or why it may not.
    fn may_go(&self, report: &Report) -> Result<String, String> {
        let reason = match report.state {
            State::Idle => "no member lives",
            State::Condemned => "its removal was begun",
            State::Unfinished => "its creator has ended half-way",
            State::Wiped => "it lost a part, and no process has the rest",
            State::Live => return Err(count(report.members.len(), "member lives", "members live")),
            State::RemovedButAttached => return Err("it is removed: it goes when the last process detaches".to_owned()),
            State::Damaged => return Err(format!("it is damaged: {}", report.why.as_deref().unwrap_or_default())),
            State::OtherVersion => return Err("another version made it, and alone knows its members".to_owned()),
            State::Foreign => return Err("it is another program's".to_owned()),
            State::Hidden => return Err(report.why.clone().unwrap_or_default()),
        };
        if report.kind == Kind::Unknown {
            return Err("its kind is not known here; ask by its name".to_owned());
        }
        check_owner(report)?;
        check_users(report)?;
        if report.state != State::Condemned {
            self.check_age(report)?;
            self.check_contents(report)?;
        }
        Ok(reason.to_owned())
    }

    fn check_age(&self, report: &Report) -> Result<(), String> {
        // Attaching sets the times of the segment, also that of a report. So only the set's time of use counts, and that of the making.
        let used = report.last_used.max(report.created);
        let age = used.map(|used| SystemTime::now().duration_since(used).unwrap_or(Duration::ZERO));
        match age {
            Some(age) if age < self.older_than => {
                Err(format!("it was used {} s ago, and {} s are asked for", age.as_secs(), self.older_than.as_secs()))
            }
            _ => Ok(()),
        }
    }

    fn check_contents(&self, report: &Report) -> Result<(), String> {
        let has_contents = matches!(report.kind, Kind::Channel | Kind::SpscRing | Kind::MpmcRing);
        let inside = report.fill.map_or(0, |fill| fill.used).saturating_add(report.set_aside.unwrap_or(0));
        if self.with_messages || !has_contents || inside == 0 {
            return Ok(());
        }
        let inside = usize::try_from(inside).unwrap_or(usize::MAX);
        Err(count(inside, "message or item is in it", "messages or items are in it"))
    }
}

fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// CN1.
fn check_owner(report: &Report) -> Result<(), String> {
    let me = process::effective_uid();
    let parts = [report.set.as_ref().map(|set| set.access), report.segment.as_ref().map(|segment| segment.access)];
    match parts.into_iter().flatten().find(|access| me != 0 && access.uid != me && access.cuid != me) {
        Some(access) => Err(format!("it belongs to user {}", access.uid)),
        None => Ok(()),
    }
}

/// CN3, and members that the kernel counts as dead although their process runs: it lost its membership.
fn check_users(report: &Report) -> Result<(), String> {
    let is_running = |pid, started| started != 0 && process::start_time(pid) == Some(started) && process::exists(pid);
    if let Some(member) = report.dead.iter().find(|member| is_running(member.pid, member.start_time)) {
        return Err(format!("process {} of slot {} runs, and lost its membership", member.pid, member.slot));
    }
    match report.segment.as_ref().map_or(0, |segment| segment.attached) {
        0 => Ok(()),
        attached => Err(format!("its segment is attached {attached} times, by processes that are no members")),
    }
}

impl Verdict {
    fn of(report: &Report, decision: Decision, reason: String) -> Self {
        Self {
            kind: report.kind,
            name: report.name.clone(),
            state: report.state,
            set: report.set.as_ref().map(|set| set.id),
            segment: report.segment.as_ref().map(|segment| segment.id),
            decision,
            reason,
        }
    }
}
