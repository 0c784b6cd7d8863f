//! Settings of the kernel: limits that are too small, and segments that do not last.

use sysv_primitives::raw::{self, Limits, limits};

use super::Finding;
use crate::limits::{Row, rows};

/// The operations that one `semop` of the primitives has at most, where the number does not depend on the handles.
const LEAST_OPERATIONS: u64 = 7;
/// The operations by which an object with the default of 64 handles is condemned only if none of its members lives.
const OPERATIONS_TO_CLEAN: u64 = 64 + 3;
/// The semaphores of a channel with the default of 64 handles, which takes more than any other kind.
const LARGEST_DEFAULT_SET: u64 = 64 * 6 + 3;

pub(super) fn findings() -> Vec<Finding> {
    match (limits(), rows()) {
        (Ok(limits), Ok(rows)) => {
            vec![segments_last(&limits), operations(&limits), set_size(&limits), queue_size(&limits), near(&rows)]
        }
        (Err(error), _) | (_, Err(error)) => vec![unreadable(&error)],
    }
}

fn unreadable(error: &raw::Error) -> Finding {
    Finding::attention(
        "limits",
        format!("the limits can't be read: {error}"),
        "no object can be made without these calls",
    )
}

fn segments_last(limits: &Limits) -> Finding {
    const CHECK: &str = "shm-rmid-forced";
    if !limits.shared_memory.removes_unused {
        return Finding::fine(CHECK, "kernel.shm_rmid_forced=0: segments outlive their processes");
    }
    let why = "the kernel removes a segment with its last process. Objects then do not outlive their handles, \
               and a name may find a set without its segment";
    Finding::attention(CHECK, "kernel.shm_rmid_forced=1", why).change("sysctl -w kernel.shm_rmid_forced=0")
}

fn operations(limits: &Limits) -> Finding {
    const CHECK: &str = "semopm";
    let most = limits.semaphores.max_operations;
    let what = format!("SEMOPM is {most}");
    if most < LEAST_OPERATIONS {
        let why = format!("the primitives need {LEAST_OPERATIONS} operations in one semop, and fail with fewer");
        return Finding::attention(CHECK, what, why).change(sem_line(limits, 2, 500));
    }
    if most < OPERATIONS_TO_CLEAN {
        let why = format!(
            "`sysv clean` tests all handles of an object in one semop: {OPERATIONS_TO_CLEAN} operations for 64 handles. \
             It refuses objects with more handles than that"
        );
        return Finding::attention(CHECK, what, why).change(sem_line(limits, 2, 500));
    }
    Finding::fine(CHECK, format!("{what}: enough for objects of {} handles to be cleaned in one step", most - 3))
}

fn set_size(limits: &Limits) -> Finding {
    const CHECK: &str = "semmsl";
    let most = limits.semaphores.max_per_set;
    if most >= LARGEST_DEFAULT_SET {
        return Finding::fine(CHECK, format!("SEMMSL is {most}: enough for a channel of {} handles", (most - 3) / 6));
    }
    let why = format!(
        "a channel of 64 handles takes {LARGEST_DEFAULT_SET} semaphores in one set. New objects get fewer handles \
         by default, and are refused if more are asked for"
    );
    Finding::attention(CHECK, format!("SEMMSL is {most}"), why).change(sem_line(limits, 0, 32_000))
}

/// Returns the line that sets one of the four numbers.
fn sem_line(limits: &Limits, place: usize, number: u64) -> String {
    let semaphores = &limits.semaphores;
    let mut numbers =
        [semaphores.max_per_set, semaphores.max_semaphores, semaphores.max_operations, semaphores.max_sets];
    numbers[place] = number;
    format!("sysctl -w kernel.sem='{}'", numbers.map(|number| number.to_string()).join(" "))
}

fn queue_size(limits: &Limits) -> Finding {
    const CHECK: &str = "msgmnb";
    let (queue, message) = (limits.message_queues.max_queue_size, limits.message_queues.max_message_size);
    let what = format!("MSGMNB is {queue}, MSGMAX is {message}");
    if queue < message {
        let why = "a new queue has no room for the largest message: sending one waits for ever. \
                   It concerns MessageQueue and TypedQueue alone";
        return Finding::attention(CHECK, what, why).change(format!("sysctl -w kernel.msgmnb={}", message.max(16_384)));
    }
    if queue <= 16_384 {
        let why = "a queue holds no more than that, so a receiver that is late makes its senders wait. \
                   It concerns MessageQueue and TypedQueue alone: a Channel has its own room";
        return Finding::note(CHECK, what, why).change("sysctl -w kernel.msgmnb=1048576");
    }
    Finding::fine(CHECK, what)
}

fn near(rows: &[Row]) -> Finding {
    const CHECK: &str = "limits";
    let Some(row) = rows.iter().find(|row| row.is_near()) else {
        return Finding::fine(CHECK, "less than 80 % of each limit is used");
    };
    let what = format!("{} ({}): {} of {} are used", row.name, row.what, row.used.unwrap_or(0), row.limit);
    let finding = Finding::attention(
        CHECK,
        what,
        "what would exceed it is refused. Leftovers may be the cause: see `sysv clean`",
    );
    match &row.raise {
        Some(line) => finding.change(line.as_str()),
        None => finding,
    }
}
