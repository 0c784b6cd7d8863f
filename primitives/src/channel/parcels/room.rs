//! Room for parcels: who takes blocks, and who waits for them (PC2, PC3, PC5).

use std::ops::Range;

use super::{Chain, Held, Notice, Parcels, State, Word};
use crate::{
    channel::doorbell::{Doorbell, Token},
    failure::Result,
    members::{Members, Repair, Session},
    raw::Deadline,
    set_layout::Bells,
    sync::{
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        fence,
    },
};

/// For what blocks are taken; each has a turnstile, a bit of the flags, and two doorbells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::channel) enum Use {
    Message,
    Answer,
}

impl Use {
    fn other(self) -> Self {
        if self == Self::Message { Self::Answer } else { Self::Message }
    }

    fn flag(self) -> u32 {
        1 << self as u32
    }

    pub(in crate::channel) fn turnstile_bell(self) -> u16 {
        2 * self as u16
    }

    fn room_bell(self) -> u16 {
        2 * self as u16 + 1
    }
}

/// The doorbells for senders, and one for each slot.
pub(in crate::channel) const BELLS: Bells = Bells::common(4).and_each(1);

impl Parcels {
    /// Takes a parcel with room for so many bytes. Waits for it until the deadline, and then returns `None`.
    pub(in crate::channel) fn rent(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        len: usize,
        deadline: Deadline,
    ) -> Result<Option<Held>> {
        let count = self.plan.blocks_for(len);
        let take = || {
            let (parcel, word) = self.take_parcel(me)?;
            match self.take_blocks(Use::Message, parcel, count, &[self.plan.for_sending()], members) {
                Some(chain) => Some(Held { notice: Notice { parcel, generation: word.generation() }, len, chain }),
                None => {
                    self.free_word(parcel, word);
                    None
                }
            }
        };
        self.in_turn(Use::Message, me, members, repair, deadline, take)
    }

    /// Takes more blocks for a parcel that this process holds, if it has not room for so many bytes. Returns whether it
    /// has it by the deadline.
    pub(in crate::channel) fn enlarge(
        &self,
        held: &mut Held,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        len: usize,
        deadline: Deadline,
    ) -> Result<bool> {
        let more = self.plan.blocks_for(len).saturating_sub(held.chain.blocks());
        if more > 0 {
            let ranges = [self.plan.for_answers(), self.plan.for_sending()];
            let take = || self.take_blocks(Use::Answer, held.notice.parcel, more, &ranges, members);
            let chain = self.in_turn(Use::Answer, me, members, repair, deadline, take)?;
            let Some(chain) = chain else { return Ok(false) };
            held.chain.merge(chain);
        }
        held.len = len;
        Ok(true)
    }

    /// R-sleep in a turnstile (PC5): `take` is all or nothing.
    fn in_turn<T>(
        &self,
        purpose: Use,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
        mut take: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        let turnstile = &self.turnstiles[purpose as usize];
        // Whoever died in it held nothing that isn't repaired: its poison means nothing.
        let entered = turnstile.try_take(me)
            || if deadline == Deadline::NOW {
                turnstile.try_take_slowly(me, members, repair)?.is_some()
            } else {
                turnstile.take_contended(me, members, repair, deadline)?.is_some()
            };
        if !entered {
            return Ok(None);
        }
        let taken = match take() {
            taken @ Some(_) => Ok(taken),
            None => self.wait_for_room(purpose, members, repair, deadline, take),
        };
        turnstile.free(me, members, false);
        taken
    }

    #[cold]
    fn wait_for_room<T>(
        &self,
        purpose: Use,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
        mut take: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        let mut token = Token::none(members, Doorbell::unannounced(purpose.room_bell()));
        loop {
            token.clear_pile()?;
            self.flags.fetch_or(purpose.flag(), SeqCst);
            // SYNC: pairs with the fence in `wake`: either it sees the flag, or we see what it freed.
            fence(SeqCst);
            members.reap_all(repair)?;
            if let Some(taken) = take() {
                token.used(|| false);
                return Ok(Some(taken));
            }
            if deadline.has_passed() || !token.sleep(deadline)? {
                return Ok(None);
            }
        }
    }

    fn take_parcel(&self, me: Session) -> Option<(usize, Word)> {
        (0..self.words.len()).find_map(|parcel| {
            let word = self.word(parcel);
            let mine = word.with_state(State::Filling).with_holder(me.owner()).with_caller(0);
            (word.state() == Some(State::Free) && self.change(parcel, word, mine)).then_some((parcel, mine))
        })
    }

    /// Takes so many blocks for a parcel of the caller's, or none (PC2).
    fn take_blocks(
        &self,
        purpose: Use,
        parcel: usize,
        count: usize,
        ranges: &[Range<usize>],
        members: &Members,
    ) -> Option<Chain> {
        let indices = || ranges.iter().cloned().flatten();
        // Whoever takes some and gives them back keeps them from others for a moment.
        if indices().filter(|&index| self.blocks[index].load(Relaxed) == 0).take(count).count() < count {
            return None;
        }
        let name = Self::name(parcel);
        let mut chain = Chain::default();
        for index in indices() {
            if chain.blocks() == count {
                break;
            }
            let block = &self.blocks[index];
            // SYNC: Acquire pairs with the stores that free blocks: who had it before is done with it.
            if block.load(Relaxed) == 0 && block.compare_exchange(0, name, Acquire, Relaxed).is_ok() {
                chain.add(index);
            }
        }
        if chain.blocks() == count {
            return Some(chain);
        }
        // The other turnstile's holder was faster with some of them, and may have missed these.
        chain.indices().for_each(|index| self.blocks[index].store(0, Release));
        self.wake_for(&[purpose.other()], members);
        None
    }

    /// Something was freed: wakes who waits for it.
    pub(super) fn wake(&self, members: &Members) {
        self.wake_for(&[Use::Message, Use::Answer], members);
    }

    fn wake_for(&self, purposes: &[Use], members: &Members) {
        // SYNC: pairs with the fence in `wait_for_room`.
        fence(SeqCst);
        if self.flags.load(Relaxed) == 0 {
            return;
        }
        for purpose in purposes {
            if self.flags.fetch_and(!purpose.flag(), SeqCst) & purpose.flag() != 0 {
                // It fails only if the object was removed, which has woken everybody.
                let _ = members.post(purpose.room_bell());
            }
        }
    }
}
