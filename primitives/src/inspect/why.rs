//! What a process waits for in the end: from wait to holder to wait, and which processes wait in a circle.
//!
//! Some waits need *each* process in the way to act: a lock's holder, the readers of an rwlock, the missing of a barrier. Others need
//! *any*: one that frees a permit, pushes an item, or makes room. So a circle alone proves no deadlock. A process is stuck if it
//! waits, and cannot go on whatever the processes do that are not stuck. Those are found by taking away, from all that wait, each
//! that can go on, until none is left that can. A circle among the rest is a deadlock.
//!
//! Not known: which thread of a process holds something. So in a process with several threads another thread may yet break a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    proc,
    processes::{InTheWay, Link, ObjectRef, Unreadable, WaitingProcesses, Why},
};
use crate::{
    Role,
    raw::process,
    report::{Hold, Interest, Kind, Report, Waiter},
};

/// How many processes of a chain are followed.
const MOST_PROCESSES: usize = 4096;

/// Which of the processes in the way must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Each,
    Any,
}

/// One wait, as the graph has it.
struct Wait {
    link: Link,
    needs: Needs,
}

/// Follows the chain from a process.
pub(super) fn follow(pid: u32, reports: &[Report], waiting: WaitingProcesses) -> Why {
    let mut chain: BTreeMap<u32, Vec<Wait>> = BTreeMap::new();
    let (mut order, mut queue) = (Vec::new(), VecDeque::from([pid]));
    while let Some(next) = queue.pop_front() {
        if chain.contains_key(&next) || chain.len() == MOST_PROCESSES {
            continue;
        }
        let waits = waits_of(next, reports, &waiting);
        queue.extend(waits.iter().flat_map(|wait| wait.link.in_the_way.iter().map(|other| other.pid)));
        chain.insert(next, waits);
        order.push(next);
    }
    let deadlocks = circles(&chain, &order);
    let ends =
        order.iter().filter(|&&end| end != pid && chain[&end].is_empty()).map(|&end| proc::process(end)).collect();
    let links = order.iter().flat_map(|pid| chain.remove(pid).unwrap_or_default()).map(|wait| wait.link).collect();
    let is_in_chain = |unreadable: &Unreadable| order.contains(&unreadable.pid);
    let unreadable = waiting.unreadable.into_iter().filter(is_in_chain).collect();
    Why { pid, links, ends, deadlocks, unreadable, trouble: waiting.trouble }
}

/// Returns what a process waits for: as the objects say, and as the kernel does.
fn waits_of(pid: u32, reports: &[Report], waiting: &WaitingProcesses) -> Vec<Wait> {
    let mut waits = Vec::new();
    let mut known = BTreeSet::new();
    for report in reports {
        let Some(id) = report.set.as_ref().map(|set| set.id) else { continue };
        let mine =
            report.waiters.iter().filter(|waiter| waiter.is_alive && waiter.pid == pid && is_here(report, waiter.slot));
        for waiter in mine {
            known.insert(id);
            let (in_the_way, needs) = in_the_way(report, waiter);
            let link = Link {
                process: proc::process(pid),
                object: ObjectRef::of(report),
                id,
                interest: Some(waiter.interest.clone()),
                waited: waiter.waited,
                in_the_way,
            };
            waits.push(Wait { link, needs });
        }
    }
    // A thread that sleeps where the object does not say for what: in a rate limiter, or in another program's object.
    for thread in waiting.threads.iter().filter(|thread| thread.pid == pid && !known.contains(&thread.id)) {
        let link = Link {
            process: proc::process(pid),
            object: thread.object.clone(),
            id: thread.id,
            interest: None,
            waited: None,
            in_the_way: Vec::new(),
        };
        waits.push(Wait { link, needs: Needs::Any });
    }
    waits
}

/// Returns whether the member of a slot is a process of this PID namespace, as far as that can be told: its pid is its own.
fn is_here(report: &Report, slot: u32) -> bool {
    let member = report.members.iter().chain(&report.dead).find(|member| member.slot == slot);
    member.is_none_or(|member| process::start_time(member.pid).is_none_or(|started| started == member.start_time))
}

/// Returns which processes are in the way of a waiter.
fn in_the_way(report: &Report, waiter: &Waiter) -> (Vec<InTheWay>, Needs) {
    let (holds, needs): (&[Hold], Needs) = match &waiter.interest {
        Interest::Lock => (&[Hold::Lock, Hold::Offer], Needs::Each),
        Interest::Write => (&[Hold::Write, Hold::Offer, Hold::Read], Needs::Each),
        Interest::Read => (&[Hold::Write, Hold::Offer], Needs::Each),
        Interest::Readers => (&[Hold::Read], Needs::Each),
        Interest::BlockLock => (&[Hold::BlockLock, Hold::Offer], Needs::Each),
        Interest::Value => (&[Hold::Initialisation], Needs::Each),
        Interest::Barrier => (&[Hold::Participation], Needs::Each),
        Interest::Role { role: Role::Producer } => (&[Hold::Producer, Hold::Offer], Needs::Each),
        Interest::Role { role: Role::Consumer } => (&[Hold::Consumer, Hold::Offer], Needs::Each),
        Interest::Permits { .. } => (&[Hold::Permits, Hold::Turnstile], Needs::Any),
        Interest::Items | Interest::Messages { .. } => (&[Hold::Producer, Hold::Writing], Needs::Any),
        Interest::Room if report.kind == Kind::BroadcastRing => return (slowest(report), Needs::Each),
        Interest::Room => (&[Hold::Consumer, Hold::Claim], Needs::Any),
        Interest::Response => return (responders(report, waiter), Needs::Any),
        Interest::Change => (&[], Needs::Any),
    };
    let has_arrived = |slot: u32| {
        let is_arrival = |other: &Waiter| other.slot == slot && other.interest == Interest::Barrier;
        waiter.interest == Interest::Barrier && report.waiters.iter().any(is_arrival)
    };
    let found = report.holders.iter().filter(|holder| holds.contains(&holder.what) && !has_arrived(holder.slot));
    // A writer that waits for readers may read itself by another thread. It is in its own way then, as is a thread that locks twice.
    let ways = found.map(|holder| InTheWay { pid: holder.pid, holds: holder.what, is_alive: holder.is_alive });
    (ways.collect(), needs)
}

/// Returns which subscribers have as many items to pop as a broadcast ring has room for.
fn slowest(report: &Report) -> Vec<InTheWay> {
    let full = report.fill.map_or(u64::MAX, |fill| fill.capacity);
    let ways = report.subscribers.iter().filter(|subscriber| subscriber.lag >= full);
    ways.map(|way| InTheWay { pid: way.pid, holds: Hold::Consumer, is_alive: way.is_alive }).collect()
}

/// Returns which processes work on the calls of a waiter, or else which could.
fn responders(report: &Report, waiter: &Waiter) -> Vec<InTheWay> {
    let jobs = report.jobs.iter().filter(|job| job.caller_pid == Some(waiter.pid));
    let working: Vec<InTheWay> =
        jobs.map(|job| InTheWay { pid: job.pid, holds: Hold::Claim, is_alive: job.is_alive }).collect();
    if !working.is_empty() {
        return working;
    }
    let servers = report.holders.iter().filter(|holder| holder.what == Hold::Service && holder.slot != waiter.slot);
    servers.map(|holder| InTheWay { pid: holder.pid, holds: Hold::Service, is_alive: holder.is_alive }).collect()
}

/// The processes that cannot go on, whatever the others do.
struct Stuck {
    pids: BTreeSet<u32>,
    /// How many threads each process has that waits.
    threads: HashMap<u32, usize>,
}

impl Stuck {
    fn of(chain: &BTreeMap<u32, Vec<Wait>>) -> Self {
        let pids: BTreeSet<u32> = chain.iter().filter(|(_, waits)| !waits.is_empty()).map(|(&pid, _)| pid).collect();
        let threads = pids.iter().map(|&pid| (pid, threads_of(pid))).collect();
        let mut stuck = Self { pids, threads };
        loop {
            let can_go_on = |pid: u32| chain[&pid].iter().all(|wait| !stuck.is_held(pid, wait));
            let free: Vec<u32> = stuck.pids.iter().copied().filter(|&pid| can_go_on(pid)).collect();
            if free.is_empty() {
                return stuck;
            }
            stuck.pids.retain(|pid| !free.contains(pid));
        }
    }

    /// Returns whether a wait lasts as long as these processes do not go on.
    fn is_held(&self, pid: u32, wait: &Wait) -> bool {
        let mut ways = wait.link.in_the_way.iter();
        match wait.needs {
            Needs::Each => ways.any(|way| self.is_in_the_way(pid, way)),
            Needs::Any => !wait.link.in_the_way.is_empty() && ways.all(|way| self.is_in_the_way(pid, way)),
        }
    }

    fn is_in_the_way(&self, pid: u32, way: &InTheWay) -> bool {
        // Several threads of one process may well wait for each other in turn. A dead process is repaired by the waiter.
        way.is_alive && self.pids.contains(&way.pid) && (way.pid != pid || self.threads.get(&pid) == Some(&1))
    }

    /// Returns the first process that holds a stuck one, which is stuck as well.
    fn next(&self, pid: u32, chain: &BTreeMap<u32, Vec<Wait>>) -> Option<u32> {
        let held = chain.get(&pid)?.iter().filter(|wait| self.is_held(pid, wait));
        held.flat_map(|wait| &wait.link.in_the_way).find(|way| self.is_in_the_way(pid, way)).map(|way| way.pid)
    }
}

/// Returns the circles among the processes that are stuck.
fn circles(chain: &BTreeMap<u32, Vec<Wait>>, order: &[u32]) -> Vec<Vec<u32>> {
    let stuck = Stuck::of(chain);
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for &start in order.iter().filter(|pid| stuck.pids.contains(pid)) {
        // From each stuck process to one that holds it: each has one, so that ends in a circle.
        let (mut path, mut at) = (Vec::new(), Some(start));
        while let Some(pid) = at.filter(|pid| !path.contains(pid) && !seen.contains(pid)) {
            path.push(pid);
            at = stuck.next(pid, chain);
        }
        if let Some(first) = path.iter().position(|&pid| Some(pid) == at) {
            found.push(path[first..].to_vec());
        }
        seen.extend(path);
    }
    found
}

fn threads_of(pid: u32) -> usize {
    proc::numbers_in(&format!("/proc/{pid}/task")).map_or(1, |threads| threads.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::processes::{Activity, Process};

    fn wait(pid: u32, needs: Needs, others: &[u32]) -> Wait {
        let process = Process { pid, command: None, uid: None, activity: Activity::Sleeping, age: None };
        let in_the_way = others.iter().map(|&pid| InTheWay { pid, holds: Hold::Lock, is_alive: true }).collect();
        let link = Link { process, object: None, id: 0, interest: None, waited: None, in_the_way };
        Wait { link, needs }
    }

    /// Processes that exist nowhere, with what each of them waits for.
    fn circles_of(waits: &[(u32, Needs, &[u32])]) -> Vec<Vec<u32>> {
        let mut chain: BTreeMap<u32, Vec<Wait>> = BTreeMap::new();
        for &(pid, needs, others) in waits {
            let of_pid = chain.entry(pid).or_default();
            if !others.is_empty() {
                of_pid.push(wait(pid, needs, others));
            }
        }
        let order: Vec<u32> = chain.keys().copied().collect();
        circles(&chain, &order)
    }

    const FIRST: u32 = u32::MAX - 8;
    const SECOND: u32 = FIRST + 1;
    const THIRD: u32 = FIRST + 2;

    #[test]
    fn locks_in_a_circle_are_a_deadlock() {
        let chain =
            [(FIRST, Needs::Each, &[SECOND][..]), (SECOND, Needs::Each, &[THIRD]), (THIRD, Needs::Each, &[SECOND])];
        assert_eq!(circles_of(&chain), [[SECOND, THIRD]], "the first one waits for it, and is not in it");
        assert_eq!(circles_of(&[(FIRST, Needs::Each, &[FIRST])]), [[FIRST]], "it has locked twice");
    }

    #[test]
    fn a_chain_with_an_end_is_none() {
        assert!(circles_of(&[(FIRST, Needs::Each, &[SECOND]), (SECOND, Needs::Each, &[])]).is_empty());
    }

    #[test]
    fn one_that_can_go_on_is_enough_where_any_will_do() {
        let any = |ways: &'static [u32]| {
            [(FIRST, Needs::Any, ways), (SECOND, Needs::Each, &[FIRST][..]), (THIRD, Needs::Each, &[])]
        };
        assert!(circles_of(&any(&[SECOND, THIRD])).is_empty(), "the third one may give a permit back");
        assert_eq!(circles_of(&any(&[SECOND])), [[FIRST, SECOND]]);
    }

    #[test]
    fn a_dead_process_holds_up_no_other() {
        let mut waits = [wait(FIRST, Needs::Each, &[SECOND]), wait(SECOND, Needs::Each, &[FIRST])];
        waits[0].link.in_the_way[0].is_alive = false;
        let chain = waits.into_iter().map(|wait| (wait.link.process.pid, vec![wait])).collect();
        assert!(circles(&chain, &[FIRST, SECOND]).is_empty());
    }
}
