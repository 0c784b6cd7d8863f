//! A channel's words besides its parcels: who listens, who is there, how it ends.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `state` | CLOSED from the closing on | `close` |
//! | `repeat`, `lost` | which notices died with a receiver | see `lost` |
//! | `ears`, a bit for each slot | somebody of that slot may sleep, and wants to hear of messages that fit its `wish` | set by that slot; cleared by who posts |
//! | `wish` of a slot | which messages | that slot, before it sets its bit |
//! | `awaits` of a slot | 1: somebody of it may sleep until a call is answered | set by that slot; cleared by who posts |
//! | `attachment` of a slot, `arrivals` | which senders and receivers there are | see `attendance` |
//! | `receives` of a slot | 1: it may have taken a notice | that process; who reaps the slot |
//!
//! Who receives on a plain handle sleeps in the kernel's queue: the kernel wakes it. Who listens, or waits for an answer,
//! sleeps on the doorbell of its slot, which nobody else uses (R-one); see `desk` for the threads of one process.
//!
//! - **W1** (R-sleep) Who sleeps has set its bit or `awaits`, reaped the dead, and found nothing, in this order and on
//!   every round.
//! - **W2** (R-wake) Who has put a message on the queue looks at `ears` afterwards. The kernel's lock on the queue
//!   orders this: if a listener's look came before the message, its bit was set before, and is seen.
//! - **W3** Who answers a call, or finds that nobody will, looks at `awaits` afterwards; a fence stands in between.
//! - **W4** The end is looked for before messages are: what was sent before the end is received before it is told. Then
//!   complete parcels are taken without a notice, of which the last may have died with its receiver.
//! - A program that speaks plain System V posts no doorbell: who listens does not hear what it sends.

use crate::{
    RecvError, Role,
    attendance::{Arrivals, Attachment},
    channel::{
        lost::Lost,
        notice::{Notice, Tag},
        parcels::{BELLS, Parcels, number_of},
    },
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    raw::{MessageQueue, MessageType, Selector, SharedSafe},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
        fence,
    },
};

pub(super) const CLOSED: u32 = 1;

/// What everybody looks at, and seldom changes.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) state: AtomicU32,
    arrivals: Arrivals,
    pub(super) repeat: AtomicU32,
    ears: [AtomicU64; 4],
    pub(super) tag: [AtomicU64; 2],
}

/// What one slot says of itself.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    wish: AtomicU64,
    awaits: AtomicU32,
    attachment: Attachment,
    receives: AtomicU32,
}

// SAFETY: it consists of atomic integers alone, laid out by C's rules.
#[allow(unsafe_code, reason = "a promise of its layout")]
unsafe impl SharedSafe for Control {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a promise of its layout")]
unsafe impl SharedSafe for Mailbox {}

/// All words of a channel, and its queue.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) control: Mapped<Control>,
    pub(super) mailboxes: Mapped<[Mailbox]>,
    pub(super) parcels: Parcels,
    pub(super) lost: Lost,
    pub(super) queue: MessageQueue,
    pub(super) tag: Tag,
}

const NOTHING: u64 = 0;
const ANY: u64 = 1;
const TYPE: u64 = 2;
const UP_TO: u64 = 3;
const EXCEPT: u64 = 4;

/// Packs which messages somebody wants into a word.
fn wish_of(selector: Selector) -> u64 {
    let pack = |kind: u64, message_type: MessageType| {
        let number = number_of(message_type);
        if number >> 60 == 0 { number << 3 | kind } else { ANY }
    };
    match selector {
        Selector::Any => ANY,
        Selector::Type(message_type) => pack(TYPE, message_type),
        Selector::LowestUpTo(message_type) => pack(UP_TO, message_type),
        Selector::Except(message_type) => pack(EXCEPT, message_type),
    }
}

fn is_wished(wish: u64, message_type: MessageType) -> bool {
    let (kind, number, found) = (wish & 7, wish >> 3, number_of(message_type));
    match kind {
        NOTHING => false,
        TYPE => found == number,
        UP_TO => found <= number,
        EXCEPT => found != number,
        _ => true,
    }
}

impl Words {
    #[inline]
    pub(super) fn state(&self) -> u32 {
        // Relaxed: who must not miss the end looks again after it has announced itself.
        self.control.state.load(Relaxed)
    }

    /// Returns the doorbell of a slot.
    pub(super) fn bell(slot: usize) -> u16 {
        BELLS.of_slot(slot, 0)
    }

    /// Says what this process is about to sleep for (W1).
    pub(super) fn announce(&self, me: Session, wish: Option<Selector>, awaits: bool) {
        let mailbox = &self.mailboxes[me.slot()];
        if let Some(selector) = wish {
            mailbox.wish.store(wish_of(selector), SeqCst);
            self.control.ears[me.slot() / 64].fetch_or(1 << (me.slot() % 64), SeqCst);
        }
        if awaits {
            mailbox.awaits.store(1, SeqCst);
        }
        // SYNC: pairs with the fence in `tell_caller`; for messages with the kernel's lock (W2).
        fence(SeqCst);
    }

    /// A message was put on the queue: wakes who listens for it (W2).
    #[inline]
    pub(super) fn heard(&self, message_type: MessageType, members: &Members) {
        if self.control.ears.iter().any(|ears| ears.load(Relaxed) != 0) {
            self.wake_listeners(|wish| is_wished(wish, message_type), members);
        }
    }

    #[cold]
    fn wake_listeners(&self, concerns: impl Fn(u64) -> bool, members: &Members) {
        for (slot, mailbox) in self.mailboxes.iter().enumerate() {
            let (ears, bit) = (&self.control.ears[slot / 64], 1 << (slot % 64));
            let is_concerned = ears.load(SeqCst) & bit != 0 && concerns(mailbox.wish.load(SeqCst));
            if is_concerned && ears.fetch_and(!bit, SeqCst) & bit != 0 {
                // It fails only if the object was removed, which has woken everybody.
                let _ = members.post(Self::bell(slot));
            }
        }
    }

    /// A call of this slot is answered, or never will be: wakes it (W3).
    pub(super) fn tell_caller(&self, slot: u32, members: &Members) {
        // SYNC: pairs with the fence in `announce`: either we see it wait, or it sees what became of its call.
        fence(SeqCst);
        let Some(mailbox) = self.mailboxes.get(slot as usize) else { return };
        if mailbox.awaits.load(Relaxed) != 0 && mailbox.awaits.swap(0, SeqCst) != 0 {
            // It fails only if the object was removed, which has woken everybody.
            let _ = members.post(Self::bell(slot as usize));
        }
    }

    /// Returns whether it was closed; unlike `state` also after what this thread did just now (for whom it matters that
    /// either it sees the end, or those who are told of the end see what it did).
    pub(super) fn is_closed_by_now(&self) -> bool {
        // SYNC: pairs with the loads of the state in `end`, whose looks at messages and parcels come later.
        fence(SeqCst);
        self.control.state.load(SeqCst) & CLOSED != 0
    }

    pub(super) fn close(&self, members: &Members) {
        self.control.state.fetch_or(CLOSED, SeqCst);
        self.wake_listeners(|_| true, members);
    }

    /// Notes that a slot takes messages from the queue, before it does.
    #[inline]
    pub(super) fn will_receive(&self, me: Session) {
        let receives = &self.mailboxes[me.slot()].receives;
        // Relaxed: it matters after this process's death, which orders it.
        if receives.load(Relaxed) == 0 {
            receives.store(1, SeqCst);
        }
    }

    /// Returns the complete parcels that suit, in the order in which they are to be taken.
    pub(super) fn ready_for(&self, selector: Selector) -> Vec<(MessageType, Notice)> {
        // By the selector itself: a wish may be wider.
        let suits = |route| match selector {
            Selector::Any => true,
            Selector::Type(wanted) => route == wanted,
            Selector::LowestUpTo(highest) => route <= highest,
            Selector::Except(unwanted) => route != unwanted,
        };
        let mut ready: Vec<_> = self.parcels.unclaimed().filter(|&(route, _)| suits(route)).collect();
        if matches!(selector, Selector::LowestUpTo(_)) {
            ready.sort_by_key(|&(route, _)| route);
        }
        ready
    }

    /// Attaches a sender or receiver.
    pub(super) fn attach(&self, role: Role, me: Session) {
        self.control.arrivals.attach(role, &self.mailboxes[me.slot()].attachment);
    }

    /// Detaches one. Each listener checks whether it was the last one (AT4).
    pub(super) fn detach(&self, role: Role, me: Session, members: &Members) {
        self.mailboxes[me.slot()].attachment.detach(role);
        self.wake_listeners(|_| true, members);
    }

    pub(super) fn is_attached(&self, role: Role, slot: usize) -> bool {
        self.mailboxes[slot].attachment.has(role)
    }

    /// Returns why nothing more is to be expected on the queue, if that is so (W4). The dead are reaped.
    pub(super) fn end(&self, me: Session, members: &Members, wants_to_know: bool) -> Option<RecvError> {
        if self.control.state.load(SeqCst) & CLOSED != 0 {
            return Some(RecvError::Closed { object: members.object().clone() });
        }
        let is_disconnected = wants_to_know && self.is_disconnected(Role::Producer, me);
        is_disconnected.then(|| RecvError::Disconnected { object: members.object().clone() })
    }

    /// Returns whether a role is disconnected, besides the caller's own slot (AT2).
    fn is_disconnected(&self, role: Role, me: Session) -> bool {
        let others = || self.mailboxes.iter().enumerate().filter(|&(slot, _)| slot != me.slot());
        self.control.arrivals.is_disconnected(role, || others().map(|(_, mailbox)| &mailbox.attachment))
    }
}

impl Repair for Words {
    /// Parcels are freed block by block, with stores, and each lost notice is sent again once.
    const IS_SHARED: bool = false;

    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()> {
        let mailbox = &self.mailboxes[slot as usize];
        self.control.ears[slot as usize / 64].fetch_and(!(1 << (slot % 64)), SeqCst);
        mailbox.wish.store(NOTHING, SeqCst);
        mailbox.awaits.store(0, SeqCst);
        self.parcels.repair(slot, members, |caller| self.tell_caller(caller, members))?;
        // Whoever leaves by itself has no notice in hand.
        if is_begun && mailbox.receives.load(SeqCst) != 0 {
            self.note_lost();
        }
        mailbox.receives.store(0, SeqCst);
        if self.control.arrivals.reap(&mailbox.attachment) {
            self.wake_listeners(|_| true, members);
        }
        self.send_lost_if_due(members)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_wished, wish_of};
    use crate::raw::{MessageType, Selector};

    #[test]
    fn wishes_fit_what_the_kernel_would_choose() {
        let number = |number| MessageType::new(number).expect("it is positive");
        let fits = |selector| [1, 5, 6].map(|message| is_wished(wish_of(selector), number(message)));
        assert_eq!(fits(Selector::Any), [true; 3]);
        assert_eq!(fits(Selector::Type(number(5))), [false, true, false]);
        assert_eq!(fits(Selector::LowestUpTo(number(5))), [true, true, false]);
        assert_eq!(fits(Selector::Except(number(5))), [true, false, true]);
        assert!(is_wished(wish_of(Selector::Type(MessageType::MAX)), MessageType::MAX));
        assert!(!is_wished(0, MessageType::ONE));
    }
}
