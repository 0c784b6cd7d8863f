//! Which members are attached to which role of an object, and whether a role is disconnected.
//!
//! An endpoint is a producer or consumer, a sender or receiver. A member may have any number of them.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | [`Attachment`] of a slot, for each role | how many endpoints the slot's member has | the member, a reaper of the slot |
//! | [`Arrivals`] of a role | how many endpoints have ever attached | the member that attaches, a reaper of a slot |
//!
//! - **AT1** An endpoint is counted in the attachment of its slot first, and as an arrival afterwards. So a process that
//!   sees the arrival sees the attachment as well, unless the endpoint has detached since.
//! - **AT2** A role is disconnected if an endpoint has ever arrived, and a scan of all attachments finds none of the
//!   role while the number of arrivals stays the same. Dead members have been reaped before the scan.
//! - **AT3** A reaper that finds an attachment counts an arrival, and then clears the attachment. The member may have
//!   died between the two steps of AT1, and a role that lost its only endpoint that way is disconnected too.
//! - **AT4** (R-wake) A process that detaches or clears an attachment checks for announced waiters afterwards, and posts
//!   for them. The fence between the two is in [`Attachment::detach`]. A reaper posts for the waiters of both
//!   roles.
//!
//! | the process dies | what is left | which process repairs it, and when |
//! | --- | --- | --- |
//! | attaching, before its attachment is counted | nothing | – |
//! | attaching, before its arrival is counted | an attachment without an arrival | the reaper of the slot (AT3) |
//! | attached | an attachment of a dead slot | the reaper of the slot: a waiter, before it scans |
//! | detaching, before it posts | a waiter that was not notified | that waiter, by the obituary |
//! | reaping, before it cleared the attachment | an arrival too many | no action is needed: only its change is used |
//! | reaping, before it posts | a waiter that was not notified | that waiter, by the obituary of the reaper |
//!
//! Not promised: an exact number of arrivals. It wraps, and counts some endpoints twice.

use crate::{
    role::Role,
    sync::{AtomicU32, Ordering::SeqCst, fence},
};

const ROLES: [Role; 2] = [Role::Producer, Role::Consumer];

/// How often to scan all attachments if an endpoint arrives during each scan.
const SCANS: usize = 8;

/// How many endpoints of each role one member has.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Attachment {
    counts: [AtomicU32; 2],
}

impl Attachment {
    /// Returns whether the member has an endpoint of the role. It may be dead.
    pub(crate) fn has(&self, role: Role) -> bool {
        // SYNC: pairs with the changes of the count in `attach`, `detach` and `reap`, in the one order of all SeqCst
        // operations.
        self.counts[role as usize].load(SeqCst) != 0
    }

    /// Returns how many endpoints of the role the member has, as memory says it.
    pub(crate) fn count(&self, role: Role) -> u32 {
        // SYNC: as in `has`.
        self.counts[role as usize].load(SeqCst)
    }

    /// Detaches an endpoint. The caller notifies the waiters of the other role afterwards (AT4).
    pub(crate) fn detach(&self, role: Role) {
        // SYNC: pairs with the load in `has`.
        self.counts[role as usize].fetch_sub(1, SeqCst);
        // SYNC: pairs with the fence of a waiter's announcement: either its scan sees the attachment empty, or the caller
        // sees its announcement.
        fence(SeqCst);
    }
}

/// How many endpoints of each role have ever attached.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    counts: [AtomicU32; 2],
}

impl Arrivals {
    /// Attaches an endpoint of the member that has the attachment.
    pub(crate) fn attach(&self, role: Role, attachment: &Attachment) {
        // SYNC: both pair with the loads in `is_disconnected`, which reads the arrivals first and again last.
        attachment.counts[role as usize].fetch_add(1, SeqCst);
        // AT1: a scan that saw the arrival and no attachment would take the role for disconnected.
        self.counts[role as usize].fetch_add(1, SeqCst);
    }

    /// Returns whether an endpoint of the role has ever attached.
    pub(crate) fn has_arrived(&self, role: Role) -> bool {
        // SYNC: pairs with the change in `attach`.
        self.counts[role as usize].load(SeqCst) != 0
    }

    /// Clears the attachment of a slot that the caller helps to repair, or leaves. Returns whether it had any endpoint.
    ///
    /// Several helpers may do it at once: the attachment has no other user before the last of them has left (MB7), and
    /// arrivals too many do no harm.
    pub(crate) fn reap(&self, attachment: &Attachment) -> bool {
        let had = ROLES.map(|role| {
            let had = attachment.has(role);
            if had {
                // AT3: perhaps the member died before its arrival was counted.
                // SYNC: pairs with the loads of the arrivals in `is_disconnected`.
                self.counts[role as usize].fetch_add(1, SeqCst);
                // SYNC: pairs with the load in `has`, after the arrival as in `attach`.
                attachment.counts[role as usize].store(0, SeqCst);
            }
            had
        });
        had.contains(&true)
    }

    /// Returns whether a role is disconnected (AT2), as far as these attachments go. The caller has reaped dead
    /// members.
    pub(crate) fn is_disconnected<'a, I>(&self, role: Role, attachments: impl Fn() -> I) -> bool
    where
        I: Iterator<Item = &'a Attachment>,
    {
        let arrived = &self.counts[role as usize];
        // An endpoint may attach to a slot that was scanned already, while another one detaches from a slot that was not
        // scanned yet. Then the scan found none of them, and is repeated. If endpoints arrive during every scan, the role
        // is connected: the last one to detach notifies the caller.
        (0..SCANS).find_map(|_| {
            // SYNC: both loads of the arrivals pair with `attach` and `reap`. The attachments are read between them
            // (AT2).
            let before = arrived.load(SeqCst);
            let is_disconnected = before != 0 && !attachments().any(|attachment| attachment.has(role));
            (!is_disconnected || arrived.load(SeqCst) == before).then_some(is_disconnected)
        }) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Arrivals, Attachment,
        Role::{Consumer, Producer},
        SCANS,
    };
    use std::{cell::Cell, iter};

    fn slots() -> (Arrivals, [Attachment; 3]) {
        Default::default()
    }

    #[test]
    fn a_role_is_disconnected_when_its_last_endpoint_detached() {
        let (arrivals, slots) = slots();
        let is_disconnected = |role| arrivals.is_disconnected(role, || slots.iter());
        assert!(!is_disconnected(Producer), "none has attached yet");
        arrivals.attach(Producer, &slots[0]);
        arrivals.attach(Producer, &slots[0]);
        arrivals.attach(Producer, &slots[2]);
        slots[0].detach(Producer);
        slots[2].detach(Producer);
        assert!(!is_disconnected(Producer) && slots[0].has(Producer), "one is left");
        slots[0].detach(Producer);
        assert!(is_disconnected(Producer) && !slots[0].has(Producer));
        assert!(!is_disconnected(Consumer), "the other role is counted apart");
        arrivals.attach(Producer, &slots[1]);
        assert!(!is_disconnected(Producer), "another one has attached");
    }

    #[test]
    fn only_the_attachments_that_are_asked_for_count() {
        let (arrivals, slots) = slots();
        arrivals.attach(Producer, &slots[1]);
        assert!(arrivals.is_disconnected(Producer, || slots.iter().skip(2)));
    }

    #[test]
    fn at3_a_member_that_died_before_its_arrival_has_been_there() {
        let (arrivals, slots) = slots();
        slots[0].counts[Producer as usize].store(1, super::SeqCst);
        assert!(arrivals.reap(&slots[0]));
        assert!(arrivals.is_disconnected(Producer, || slots.iter()));
        assert!(!arrivals.reap(&slots[0]), "nothing is left");
        assert!(!arrivals.is_disconnected(Consumer, || slots.iter()));
    }

    /// An endpoint attaches where the scan has been, and another detaches where it has not been yet.
    #[test]
    fn at2_a_scan_that_missed_an_arrival_is_repeated() {
        let (arrivals, slots) = slots();
        arrivals.attach(Producer, &slots[2]);
        let scans = Cell::new(0);
        let scan = || {
            scans.set(scans.get() + 1);
            let first = scans.get() == 1;
            let change = iter::from_fn({
                let (arrivals, slots) = (&arrivals, &slots);
                move || {
                    if first {
                        arrivals.attach(Producer, &slots[0]);
                        slots[2].detach(Producer);
                    }
                    None
                }
            });
            slots[..1].iter().chain(change).chain(&slots[1..])
        };
        assert!(!arrivals.is_disconnected(Producer, scan));
        assert_eq!(scans.get(), 2);
    }

    #[test]
    fn at2_arrivals_during_every_scan_mean_connected() {
        let (arrivals, slots) = slots();
        let scans = Cell::new(0);
        arrivals.attach(Producer, &slots[0]);
        slots[0].detach(Producer);
        let scan = || {
            scans.set(scans.get() + 1);
            arrivals.attach(Producer, &slots[0]);
            slots[0].detach(Producer);
            slots.iter()
        };
        assert!(!arrivals.is_disconnected(Producer, scan));
        assert_eq!(scans.get(), SCANS);
    }
}
