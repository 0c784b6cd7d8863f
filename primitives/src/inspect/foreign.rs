//! What the kernel tells of sets, segments and queues, whatever they are for.

use crate::{
    raw::{Entry, MessageQueue, MessageQueueStat, Permissions, SegmentStat, SemaphoreSet, SemaphoreStat},
    report::{Access, Findings, Kind, QueuePart, Report, SegmentPart, SetPart, Severity, State},
};

/// How many messages of a queue are counted by type: each takes a call that walks over all before it.
const MOST_MESSAGES: usize = 500;
/// In how many semaphores of another program's set the sleepers are counted.
const MOST_SEMAPHORES: usize = 64;

pub(super) fn access(permissions: &Permissions) -> Access {
    let Permissions { uid, gid, cuid, cgid, mode } = *permissions;
    Access { uid, gid, cuid, cgid, mode: mode.bits() }
}

pub(super) fn segment_part(segment: &Entry<SegmentStat>) -> SegmentPart {
    let stat = &segment.stat;
    SegmentPart {
        id: segment.id,
        access: access(&stat.permissions),
        bytes: stat.size,
        attached: stat.attached,
        is_removed: stat.marked_removed,
        creator_pid: stat.creator_pid,
        last_pid: stat.last_pid,
    }
}

pub(super) fn set_part(set: &Entry<SemaphoreStat>, sleepers: Option<usize>) -> SetPart {
    SetPart { id: set.id, access: access(&set.stat.permissions), semaphores: set.stat.len, sleepers }
}

/// Returns the report of a set, as if it was another program's.
pub(super) fn set(set: &Entry<SemaphoreStat>) -> Report {
    let handle = SemaphoreSet::from_raw_id(set.id);
    let sleepers_of = |index| Some(handle.waiting_for_nonzero(index).ok()? + handle.waiting_for_zero(index).ok()?);
    let sleepers = (0..set.stat.len.min(MOST_SEMAPHORES)).map(sleepers_of).sum();
    Report {
        set: Some(set_part(set, sleepers)),
        created: set.stat.c_time,
        last_used: set.stat.o_time,
        ..Report::new(Kind::SemaphoreSet, State::Foreign, set.key.get())
    }
}

/// Returns the report of a segment, as if it was another program's.
pub(super) fn segment(segment: &Entry<SegmentStat>) -> Report {
    Report {
        segment: Some(segment_part(segment)),
        created: segment.stat.change_time,
        last_used: segment.stat.attach_time.max(segment.stat.detach_time),
        ..Report::new(Kind::SharedMemory, State::Foreign, segment.key.get())
    }
}

/// Returns the report of a queue.
pub(super) fn queue(queue: &Entry<MessageQueueStat>) -> Report {
    let stat = &queue.stat;
    let mut report = Report {
        queue: Some(QueuePart {
            id: queue.id,
            access: access(&stat.permissions),
            messages: stat.messages,
            bytes: stat.bytes,
            max_bytes: stat.max_size,
            last_send_pid: stat.last_send_pid,
            last_receive_pid: stat.last_receive_pid,
        }),
        created: stat.change_time,
        last_used: stat.send_time.max(stat.receive_time),
        ..Report::new(Kind::MessageQueue, State::Foreign, queue.key.get())
    };
    count_messages(queue.id, &mut report);
    report
}

/// Counts the messages by type, as far as this process may copy them. None is taken.
#[allow(clippy::useless_conversion, reason = "a type has 32 bits on some machines")]
fn count_messages(id: i32, report: &mut Report) {
    let (queue, mut findings) = (MessageQueue::from_raw_id(id), Findings::default());
    for index in 0..=MOST_MESSAGES {
        if index == MOST_MESSAGES {
            findings.add(Severity::Note, "not_all_messages", || {
                format!("only the first {MOST_MESSAGES} are counted by type")
            });
            break;
        }
        match queue.peek(index) {
            Ok(message) => report.message(message.message_type().get().into(), message.bytes().len() as u64),
            // There are no more, or the queue is gone.
            Err(error) if error.is_busy() || error.is_gone() => break,
            Err(error) => {
                findings.add(Severity::Note, "messages_unreadable", || {
                    format!("what waits by type can't be read: {error}")
                });
                break;
            }
        }
    }
    report.routes.sort_by_key(|route| route.route);
    findings.move_to(&mut report.findings);
}
