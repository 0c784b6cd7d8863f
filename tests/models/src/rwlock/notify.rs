//! Notifying all readers that wait.

use super::{At, Entry, RwLock, RwLockState, Slot, bit};

impl RwLock {
    pub(super) fn notify(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        match at {
            At::LookAtFlag if !state.flag => self.notified(state, index),
            At::LookAtFlag => {
                let process = &mut state.processes[index];
                (process.is_current, process.unseen, process.chosen, process.fresh) = (true, self.all_slots(), 0, 0);
                At::Choose
            }
            At::PostAll => {
                let chosen = state.processes[index].chosen;
                for slot in self.all().filter(|slot| chosen & bit(*slot) != 0) {
                    let mut bell = state.places[usize::from(slot)].bell;
                    self.post(&mut bell, 1);
                    state.place(slot).bell = bell;
                }
                state.processes[index].chosen = 0;
                At::Mark
            }
            At::Mark => {
                // One step for all: each mark touches one word, and a waiter distinguishes UNPOSTED from CALLED by its post alone.
                let fresh = state.processes[index].fresh;
                for slot in self.all().filter(|slot| fresh & bit(*slot) != 0) {
                    let entry = &mut state.place(slot).entry;
                    if *entry == Entry::Unposted {
                        *entry = Entry::Called;
                    }
                }
                state.processes[index].fresh = 0;
                At::ClearFlag
            }
            _ => {
                if state.processes[index].is_current || !self.rules.clear_by_version {
                    state.flag = false;
                }
                self.notified(state, index)
            }
        }
    }

    /// RM1 and RM2: an UNPOSTED reader is posted as well.
    pub(super) fn choose(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        let entry = &mut state.place(slot).entry;
        let is_chosen = matches!(*entry, Entry::Announced | Entry::Unposted);
        if is_chosen {
            *entry = Entry::Unposted;
        }
        let process = &mut state.processes[index];
        if is_chosen {
            process.chosen |= bit(slot);
            process.fresh |= bit(slot);
        }
        match process {
            process if process.unseen != 0 => At::Choose,
            process if process.chosen != 0 => At::PostAll,
            _ => At::ClearFlag,
        }
    }

    fn notified(&self, state: &mut RwLockState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.is_current, process.chosen, process.fresh) = (false, 0, 0);
        if process.helps.is_some() {
            return self.repaired();
        }
        // It has notified before it opened the gate.
        if process.has_freed { At::Free } else { self.end(state, index) }
    }
}
