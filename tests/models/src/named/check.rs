//! What must hold.

use super::{At, Message, Named, NamedState, Notify, Process, Wait, Word, bit};

impl NamedState {
    fn sleeps(&self, index: usize) -> bool {
        self.processes[index].at == At::Wait(Wait::Sleep) && self.posts[index] == 0
    }

    pub(super) fn has_sleeper(&self) -> bool {
        (0..self.processes.len()).any(|index| self.sleeps(index))
    }

    /// Whether a process that has a step to take is on its way with a message.
    fn is_with(&self, model: &Named, index: usize, message: usize) -> bool {
        let process: &Process = &self.processes[index];
        let was_called = matches!(self.words[index], Word::Unposted(what) | Word::Called(what) if what == message);
        // In a lane of several routes it calls the next one.
        let has_posted = matches!(process.at, At::Notify(Notify::Mark(..) | Notify::Lower(_))) && !model.shared;
        match process.at {
            At::Notify(_) => process.memory.message == message && !has_posted,
            At::Wait(_) => !self.sleeps(index) && (was_called || process.called_for == Some(message)),
            At::Outside | At::Rest | At::Push => false,
        }
    }
}

impl Named {
    pub(super) fn is_on_its_way(&self, state: &NamedState) -> bool {
        (0..self.messages()).filter(|message| state.messages[*message] == Message::There).all(|message| {
            let wants = |index: &usize| self.wants(*index, &state.processes[*index]) & bit(self.route(message)) != 0;
            let has_sleeper = (0..state.processes.len()).filter(wants).any(|index| state.sleeps(index));
            !has_sleeper || (0..state.processes.len()).any(|index| state.is_with(self, index, message))
        })
    }
}
