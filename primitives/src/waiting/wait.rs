//! The rounds of a waiter, W1 to W8 of [`waiting`](super).

use std::{cell::Cell, mem};

use crate::{
    failure::{Failure, Result},
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::UNWINDS,
};

/// The member that a slow path works for, with all that is needed to repair and to notify.
///
/// What only frees, and repairs nothing, takes the member and its table alone.
#[derive(Debug)]
pub(crate) struct Party<'a, R> {
    pub(crate) members: &'a Members,
    pub(crate) repair: &'a R,
    pub(crate) me: Session,
}

impl<R> Clone for Party<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Party<'_, R> {}

impl<R: Repair> Party<'_, R> {
    /// Reaps every dead and dirty slot.
    pub(crate) fn reap_all(&self) -> Result<()> {
        self.members.reap_all(self.repair)
    }
}

/// The result of a waiter's check.
#[derive(Debug)]
pub(crate) enum Checked<T> {
    /// The thing was available, and is the waiter's now.
    Found(T),
    /// The thing is not available. A waiter without a call checks again at this time, at the latest.
    Sleep(Deadline),
}

/// Whether other processes know that the waiter is about to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Announced,
    Awake,
}

/// What a thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It announces itself and sleeps on the doorbell.
    Lead,
    /// It checks, and takes another turn.
    Check,
    /// Its timeout elapsed.
    Late,
}

/// The state in which an announcement was withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// No notifier has chosen the waiter.
    Uncalled,
    /// A notifier has chosen the waiter for this thing, and may have posted its doorbell.
    Chosen(u32),
    /// A notifier has posted its doorbell, and the post was there when this was found.
    Posted(u32),
}

/// Where a waiter is announced, and where it sleeps.
pub(crate) trait Station {
    /// Waits until it is this thread's turn.
    fn turn(&self, deadline: Deadline) -> Turn;

    /// Announces the waiter to notifiers, and fences (W2). Returns until when it may sleep.
    fn announce(&self) -> Deadline;

    /// Withdraws the announcement.
    fn withdraw(&self) -> Withdrawn;

    /// Returns the doorbell on which to sleep.
    fn bell(&self) -> u16;

    /// A process died: the other threads that wait here check as well.
    fn rouse(&self) {}

    /// Whether other threads of this process ever slept on this doorbell.
    fn had_company(&self) -> bool {
        false
    }

    /// The waiter was called, is awake, and has found nothing (W8).
    fn found_nothing(&self, _members: &Members) -> Result<()> {
        Ok(())
    }

    /// The wait is over, and the waiter is not announced (W8).
    fn leave(&self, _members: &Members) -> Result<()> {
        Ok(())
    }

    /// Passes on a call after the waiter found a thing while it was announced (W7).
    fn pass_on_used(&self, members: &Members) -> Result<()>;

    /// Passes on a call for which the waiter did nothing (W7).
    fn pass_on_unused(&self, members: &Members) -> Result<()>;
}

/// Waits until a check finds something. Returns `None` if the timeout elapsed first.
///
/// An error of `check` ends the wait.
pub(crate) fn wait<T, E: From<Failure>>(
    party: Party<'_, impl Repair>,
    station: &impl Station,
    deadline: Deadline,
    check: impl FnMut(Round) -> Result<Checked<T>, E>,
) -> Result<Option<T>, E> {
    #[cfg(feature = "tracing")]
    let began = crate::events::wait_begins();
    let unwinding = EndsInPanic { station, members: party.members, standing: Cell::new(Standing::Awake) };
    let ended = rounds(party, station, deadline, check, &unwinding.standing);
    mem::forget(unwinding);
    // W8: this may pass calls on, also after an error or a success.
    let left = station.leave(party.members);
    // Last of all, and only handed over: the caller may hold what it waited for.
    #[cfg(feature = "tracing")]
    crate::events::wait_ends(party.members.object(), began, ended.as_ref().ok().map(Option::is_some));
    if let Ok(None) = ended {
        return left.map(|()| None).map_err(E::from);
    }
    // The caller has a result already.
    party.members.record(left);
    ended
}

/// Whether notifiers know of a thread while it checks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is not announced. Another thread of its process may be, at the same doorbell.
    Awake,
    Announced,
    /// Its announcement was withdrawn, and it was called.
    Called,
}

/// Ends the wait of a thread if a check panics, as one that decodes may: its call is passed on (W7).
struct EndsInPanic<'a, S: Station> {
    station: &'a S,
    members: &'a Members,
    standing: Cell<Standing>,
}

impl<S: Station> Drop for EndsInPanic<'_, S> {
    fn drop(&mut self) {
        if !UNWINDS {
            return;
        }
        let Self { station, members, standing } = self;
        let is_called = match standing.get() {
            Standing::Awake => false,
            Standing::Announced => station.withdraw() != Withdrawn::Uncalled,
            Standing::Called => true,
        };
        if is_called {
            members.record(station.pass_on_unused(members));
        }
        members.record(station.leave(members));
    }
}

fn rounds<T, E: From<Failure>>(
    party: Party<'_, impl Repair>,
    station: &impl Station,
    deadline: Deadline,
    mut check: impl FnMut(Round) -> Result<Checked<T>, E>,
    standing: &Cell<Standing>,
) -> Result<Option<T>, E> {
    // The labels are those of the header in `waiting`.
    let Party { members, .. } = party;
    loop {
        match station.turn(deadline) {
            Turn::Lead => {}
            turn => match check(Round::Awake)? {
                Checked::Found(found) => return Ok(Some(found)),
                Checked::Sleep(_) if turn == Turn::Late => return Ok(None),
                Checked::Sleep(_) => continue,
            },
        }
        // W1.
        members.clear_suspicion(station.bell(), party.repair)?;
        // W2.
        standing.set(Standing::Announced);
        let at_most = station.announce();
        let until = match check(Round::Announced) {
            Ok(Checked::Sleep(until)) => until.min(at_most),
            Ok(Checked::Found(found)) => {
                leave_announced(members, station);
                return Ok(Some(found));
            }
            Err(error) => {
                if station.withdraw() != Withdrawn::Uncalled {
                    station.pass_on_unused(members)?;
                }
                return Err(error);
            }
        };
        // W3.
        let slept = members.sleep(station.bell(), deadline.min(until));
        let withdrawn = station.withdraw();
        let is_called = withdrawn != Withdrawn::Uncalled;
        standing.set(if is_called { Standing::Called } else { Standing::Awake });
        let is_woken = match slept {
            Ok(is_woken) => is_woken,
            Err(failure) => {
                if is_called {
                    members.record(station.pass_on_unused(members));
                }
                return Err(failure.into());
            }
        };
        if is_woken && !is_called {
            // W5.
            members.suspect();
            station.rouse();
        }
        // W4.
        match check(Round::Awake) {
            Ok(Checked::Found(found)) => return Ok(Some(found)),
            Ok(Checked::Sleep(_)) if !is_woken && deadline.has_passed() => return Ok(None),
            Ok(Checked::Sleep(_)) if is_called => {
                if matches!(withdrawn, Withdrawn::Chosen(_)) && station.had_company() {
                    // W6: the post was perhaps an obituary's, and another thread may take its second one for its call's.
                    members.suspect();
                }
                // W8. The wait goes on, so what fails is recorded.
                members.record(station.found_nothing(members));
            }
            Ok(Checked::Sleep(_)) => {}
            Err(error) => {
                if is_called {
                    station.pass_on_unused(members)?;
                }
                return Err(error);
            }
        }
        standing.set(Standing::Awake);
    }
}

/// Withdraws a waiter that found a thing while it was announced. It has what it waited for, so what fails is recorded.
fn leave_announced(members: &Members, station: &impl Station) {
    // A notifier may have called it since the announcement.
    let withdrawn = station.withdraw();
    if matches!(withdrawn, Withdrawn::Posted(_)) {
        // The post would wake the next wait in vain.
        members.record(members.take_post(station.bell()));
    }
    if withdrawn != Withdrawn::Uncalled {
        // W7: the call came for another thing.
        members.record(station.pass_on_used(members));
    }
}
