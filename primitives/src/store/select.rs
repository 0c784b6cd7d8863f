//! Which message comes next: the four selections, over the lanes that they need (ST4, ST6).

use super::{
    Store,
    control::WIDE,
    lane::Found,
    wishes::Wishes,
    word::{CellWord, Hint},
};
use crate::{failure::Result, members::Members, sizes::SHARED_LANES, sync::Ordering::Relaxed};

/// How often to search all lanes again, if each time an older message was found, or the one before was taken.
const LOOKS: usize = 32;

/// What a receiver wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The oldest message of this route.
    Only(u32),
    /// The oldest message.
    Any,
    /// The oldest message of the lowest route up to this one.
    UpTo(u32),
    /// The oldest message of any other route.
    Except(u32),
}

impl Selection {
    #[inline]
    fn fits(self, route: u32) -> bool {
        match self {
            Self::Only(only) => route == only,
            Self::Any => true,
            Self::UpTo(most) => route <= most,
            Self::Except(not) => route != not,
        }
    }

    /// Returns a number that only this selection has, if it has one.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Only(route) => Some(route.into()),
            Self::Any => Some(1 << 32),
            Self::UpTo(_) | Self::Except(_) => None,
        }
    }

    /// Returns a number that is lower for a message that comes sooner.
    #[inline]
    fn rank(self, route: u32, sent_at: u64) -> (u32, u64) {
        (if matches!(self, Self::UpTo(_)) { route } else { 0 }, sent_at)
    }
}

/// A message that may be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) hint: Hint,
    pub(super) word: CellWord,
    pub(super) route: u32,
    /// In which lane, and at which position of it. `None` for a returned message.
    pub(super) entry: Option<(usize, u64)>,
    rank: (u32, u64),
}

fn sooner(first: Option<Candidate>, second: Option<Candidate>) -> Option<Candidate> {
    match (first, second) {
        (Some(first), Some(second)) => Some(if second.rank < first.rank { second } else { first }),
        (first, second) => first.or(second),
    }
}

impl Store {
    /// Returns the lane of a route, which stays the same for ever.
    #[inline]
    pub(crate) fn lane_of(&self, route: u32) -> usize {
        let own = self.control.own_lane(route, self.geometry.max_routes);
        let lane = own.unwrap_or_else(|| self.geometry.max_routes as usize + route as usize % SHARED_LANES);
        self.control.seldom.use_lane(lane);
        lane
    }

    /// Returns the lanes that may have a message for a selection, a bit for each. With [`WIDE`] if they are several.
    pub(super) fn lanes_of(&self, selection: Selection) -> u64 {
        match selection {
            Selection::Only(route) => 1 << self.lane_of(route),
            Selection::Any => u64::MAX,
            Selection::UpTo(_) | Selection::Except(_) => self.fitting_lanes(selection, u64::MAX) | WIDE,
        }
    }

    /// Returns those of some lanes that may have a message for a selection.
    #[inline]
    fn fitting_lanes(&self, selection: Selection, lanes: u64) -> u64 {
        let own = (1_u64 << self.geometry.max_routes) - 1;
        let (mut fitting, mut left) = (lanes, lanes & own);
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            // A lane without a route may get one that fits.
            let route = self.control.route_of(lane);
            if route != 0 && !selection.fits(route) {
                fitting &= !(1 << lane);
            }
            left &= left - 1;
        }
        fitting
    }

    /// Returns the message that a selection receives next.
    #[inline]
    pub(super) fn find(&self, selection: Selection, members: &Members) -> Result<Option<Candidate>> {
        let seldom = &self.control.seldom;
        let (lane, used) = match selection {
            Selection::Only(route) => (self.lane_of(route), None),
            _ => {
                let used = seldom.used_lanes();
                let lanes = self.fitting_lanes(selection, used);
                let lane = lanes.trailing_zeros() as usize;
                // Often one route is used of all those that fit.
                if !lanes.is_power_of_two() || lane >= self.geometry.lanes() {
                    return self.find_in_several(selection, members);
                }
                (lane, Some(used))
            }
        };
        let found = self.first_in(lane, selection, members)?;
        // ST6: a sender may have pushed a message to a lane that was not used before, and then this one. Its bit is set before
        // either of them. SYNC: so the Acquire load of this message's entry makes the bit visible here.
        let is_one = used.is_none_or(|used| used == seldom.used_lanes());
        // Afterwards: a sender that empties the entry of a message marks the message before. A lane and the returned
        // messages are several things to check.
        if is_one && !self.is_dirty() { Ok(found) } else { self.find_in_several(selection, members) }
    }

    /// Searches all lanes, and the returned messages, until the same message is the next one twice.
    ///
    /// While lanes are searched one after another, a sender may push to a lane that was passed, and then to one that
    /// was not. The second search finds its first message, if it found the second one before (ST6). Likewise a sender
    /// may push a message to a lane that was passed, and die before it pushes the next one, which then is a returned
    /// message.
    fn find_in_several(&self, selection: Selection, members: &Members) -> Result<Option<Candidate>> {
        let mut before = None::<Candidate>;
        for _ in 0..LOOKS {
            let used = self.control.seldom.used_lanes();
            let lanes = match selection {
                Selection::Only(route) => 1 << self.lane_of(route),
                _ => self.fitting_lanes(selection, used),
            };
            let mut found = None;
            let mut left = lanes;
            while left != 0 {
                let lane = left.trailing_zeros() as usize;
                left &= left - 1;
                if lane < self.geometry.lanes() {
                    found = sooner(found, self.first_in(lane, selection, members)?);
                }
            }
            // Afterwards: a sender that empties the entry of a message marks the message before.
            if self.is_dirty() {
                found = sooner(self.first_returned(selection), found);
            }
            let is_same = before.map(|before| before.hint) == found.map(|found| found.hint);
            if found.is_none() || is_same {
                return Ok(found);
            }
            before = found;
        }
        Ok(before)
    }

    /// Returns the first message of a lane that fits and can be taken.
    #[inline]
    fn first_in(&self, number: usize, selection: Selection, members: &Members) -> Result<Option<Candidate>> {
        let lane = self.lane(number);
        let (mut position, mut steps) = (lane.head(), self.steps());
        let mut best = None;
        loop {
            match lane.look(position) {
                Found::End => return Ok(best),
                Found::Passed => position = position.wrapping_add(1),
                Found::Behind(ahead) => position = lane.catch_up(position, ahead),
                Found::Hint(hint, cell) => {
                    let word = cell.word();
                    if !word.is_ready(hint.generation) {
                        // ST4: any process that meets such a hint empties its entry.
                        lane.pass(position, hint);
                    } else if let found @ Some(_) = self.candidate(selection, hint, word, Some((number, position))) {
                        best = sooner(best, found);
                        // In a shared lane a lower route may come later.
                        let is_first =
                            !matches!(selection, Selection::UpTo(_)) || number < self.geometry.max_routes as usize;
                        if is_first {
                            return Ok(best);
                        }
                    }
                    position = position.wrapping_add(1);
                }
            }
            steps.next(members)?;
        }
    }

    /// Returns the message of a cell as a candidate, if it fits. It is the message of the word only if that is still the same
    /// afterwards, which the claim sees to.
    #[inline]
    fn candidate(
        &self,
        selection: Selection,
        hint: Hint,
        word: CellWord,
        entry: Option<(usize, u64)>,
    ) -> Option<Candidate> {
        let cell = self.cell_of(hint)?;
        let (route, sent_at) = (cell.route.load(Relaxed), cell.sent_at.load(Relaxed));
        selection.fits(route).then(|| Candidate { hint, word, route, entry, rank: selection.rank(route, sent_at) })
    }

    #[cold]
    fn first_returned(&self, selection: Selection) -> Option<Candidate> {
        let mut best = None;
        self.for_each_returned(|hint, word| best = sooner(best, self.candidate(selection, hint, word, None)));
        best
    }

    /// Takes the next message: READY becomes HELD, or CLAIMED. Returns `None` if there is none.
    #[inline]
    pub(super) fn try_take(
        &self,
        selection: Selection,
        claims: bool,
        owner: u32,
        members: &Members,
    ) -> Result<Option<super::Held>> {
        let mut steps = self.steps();
        if self.control.seldom.earliest.is_any() {
            self.promote_soon(owner, members)?;
        }
        loop {
            let Some(found) = self.find(selection, members)? else { return Ok(None) };
            let Some(cell) = self.cell_of(found.hint) else { return Err(members.damaged("the state of the cells")) };
            // These fields may be another message's by now. Then the word has changed, and the compare-and-swap fails.
            let held = match claims {
                true => found.word.claimed(owner, Wishes(cell.wishes.load(Relaxed)).is_redelivered()),
                false => found.word.held(owner),
            };
            if cell.change(found.word, held) {
                if let Some((lane, position)) = found.entry {
                    let lane = self.lane(lane);
                    lane.pass(position, found.hint);
                }
                let number = usize::from(found.hint.cell);
                // ST5: by the holder, before it frees the cell.
                self.clear_returned(number);
                // A word comes back after its generation has wrapped, perhaps with the message of another route.
                if cell.route.load(Relaxed) == found.route {
                    return Ok(Some(super::Held { cell: number, word: held }));
                }
                self.put_back(number, held, members)?;
            }
            steps.next(members)?;
        }
    }
}
