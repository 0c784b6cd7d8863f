//! States that differ only in ids count as one: their numbers mean nothing to the protocol.

use super::{HandshakeState, Header, Id};

impl HandshakeState {
    /// Numbers ids by their first appearance, and sorts the processes if so configured.
    pub(super) fn rename(&mut self, sorts_processes: bool) {
        if sorts_processes {
            self.processes.sort_unstable();
        }
        self.segments.sort_unstable_by_key(|segment| !segment.has_key);
        self.rename_segments();
        self.rename_sets();
        if sorts_processes {
            self.processes.sort_unstable();
        }
    }

    fn rename_segments(&mut self) {
        let mut names = Names::default();
        for segment in &mut self.segments {
            segment.id = names.rename(segment.id);
        }
        for process in &mut self.processes {
            process.segment = process.segment.map(|id| names.rename(id));
        }
    }

    fn rename_sets(&mut self) {
        let mut names = Names::default();
        if let Some(set) = &mut self.set {
            set.id = names.rename(set.id);
        }
        for process in &mut self.processes {
            process.set = process.set.map(|id| names.rename(id));
        }
        for segment in &mut self.segments {
            segment.header = match segment.header {
                Header::Named(id) => Header::Named(names.rename(id)),
                Header::Complete(id) => Header::Complete(names.rename(id)),
                other => other,
            };
        }
    }
}

/// New names for ids: each is the position at which the old one appeared first.
#[derive(Default)]
struct Names(Vec<Id>);

impl Names {
    fn rename(&mut self, old: Id) -> Id {
        let known = self.0.iter().position(|name| *name == old);
        let position = known.unwrap_or_else(|| {
            self.0.push(old);
            self.0.len() - 1
        });
        Id::try_from(position).unwrap_or(Id::MAX)
    }
}
