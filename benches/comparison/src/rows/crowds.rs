//! One thing that a process does again and again, alone or while others do so, too.

use anyhow::Result;

use crate::{
    calls,
    harness::{Alternative, Comparison, Crowd, Kind, is_wanted, measure},
    report::{Fact, Section},
    timed::Timed,
};

/// What is done, and what that is to us.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    kind: Kind,
    name: &'static str,
    once: &'a dyn Fn(),
    /// How often it was done, as the processes have counted.
    sum: Option<&'a dyn Fn() -> u64>,
}

impl<'a> Operation<'a> {
    pub(super) fn new(kind: Kind, name: &'static str, once: &'a dyn Fn()) -> Self {
        Self { kind, name, once, sum: None }
    }

    /// The sum is checked after each crowd.
    pub(super) fn summed(self, sum: &'a dyn Fn() -> u64) -> Self {
        Self { sum: Some(sum), ..self }
    }

    /// Has a crowd do it so often. The caller is one of them, and does it in a way of its own.
    fn run(&self, crowd: &Crowd, count: u64, own: &dyn Fn()) {
        let before = self.sum.map(|sum| sum());
        let done = crowd.run(count, own);
        let counted = self.sum.zip(before).map_or(done, |(sum, before)| sum() - before);
        assert_eq!(counted, done, "{} has let two in at once", self.name);
    }
}

/// One process does it.
pub(super) fn alone<'a>(&Operation { kind, name, once, .. }: &Operation<'a>) -> Alternative<'a> {
    Alternative::new(name, move |count| (0..count).for_each(|_| once())).kind(kind)
}

/// So many processes do it at once.
pub(super) fn crowds(title: &str, processes: u16, operations: &[Operation<'_>]) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    measure(title, operations.iter().map(|&operation| together(processes, operation)).collect())
}

pub(super) fn together(processes: u16, operation: Operation<'_>) -> Alternative<'_> {
    let crowd = Crowd::start(usize::from(processes), operation.once);
    let run = move |count| operation.run(&crowd, count, operation.once);
    Alternative::new(operation.name, run).kind(operation.kind)
}

/// The same, and one of the processes notes how long each of its own takes.
pub(super) fn waits(section: &mut Section, of: &str, title: &str, processes: u16, operations: &[Operation<'_>]) {
    if !is_wanted(title) {
        return;
    }
    section.add_timed(of, title, operations.iter().map(|&operation| timed_together(processes, operation)).collect());
}

fn timed_together(processes: u16, operation: Operation<'_>) -> Timed<'_> {
    let crowd = Crowd::start(usize::from(processes), operation.once);
    Timed::new(operation.name, operation.kind, move |count, times| {
        operation.run(&crowd, count, &|| times.time(operation.once));
    })
}

/// Counts the system calls of each.
pub(super) fn count_calls(section: &mut Section, title: &str, of: &str, operations: &[Operation<'_>]) -> Result<()> {
    if !is_wanted(title) {
        return Ok(());
    }
    let count = |&Operation { name, kind, once, .. }: &Operation<'_>| {
        let count = calls::count(|count| (0..count).for_each(|_| once()))?;
        Ok(Fact::new(name, kind, vec![count.into()]))
    };
    let rows = operations.iter().map(count).collect::<Result<_>>()?;
    section.add_facts(title, &[&format!("system calls for one {of}")], rows);
    Ok(())
}
