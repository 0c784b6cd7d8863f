//! How many system calls an operation takes: as few as its checks need.

use support::{memory, queue, semaphore, step};
use sysv_ipc::{Access, AttachOptions, Key, MessageQueue, Segment, Semaphore, SemaphoreOptions, SharedMemoryOptions};

/// Counts the system calls of an operation. What it returns is dropped when they are counted.
fn calls<T>(operation: impl Fn() -> T) -> u64 {
    let count = |body: &dyn Fn()| {
        step::Victim::start(|| {
            step::mark();
            body();
            step::mark();
        })
        .count_calls()
    };
    let nothing = count(&|| ());
    count(&|| std::mem::forget(std::hint::black_box(operation()))) - nothing
}

/// G10: attaching by id takes `shmat`, and `IPC_STAT` for the size of what is mapped.
#[test]
fn case_g10_attaching_by_id() {
    let made = memory(64);
    let id = made.id();
    assert_eq!(calls(|| Segment::from_raw_id(id).attach().unwrap()), 2);
    assert_eq!(calls(|| AttachOptions::new().attach_as(&Segment::from_raw_id(id), Access::ReadOnly).unwrap()), 2);
    // With the check that it exists, before it is attached.
    assert_eq!(calls(|| Segment::from_id(id).unwrap().attach().unwrap()), 3);
    assert_eq!(calls(|| made.read(0, 0).unwrap()), 0);
}

/// G10: a handle made from an id without a check takes none.
#[test]
fn case_g10_handles_from_ids() {
    let (semaphore, queue) = (semaphore(0), queue());
    assert_eq!(calls(|| Semaphore::from_raw_id(semaphore.id())), 0);
    assert_eq!(calls(|| MessageQueue::from_raw_id(queue.id())), 0);
    assert_eq!(calls(|| Semaphore::from_id(semaphore.id()).unwrap()), 1);
    assert_eq!(calls(|| MessageQueue::from_id(queue.id()).unwrap()), 1);
}

/// G10: opening takes one call, and attaching two more. Creating sets a value only if there is one to set.
#[test]
fn case_g10_opening() {
    let (semaphore, memory) = (semaphore(1), memory(64));
    let (semaphores, segments) = (SemaphoreOptions::new(), SharedMemoryOptions::new());
    let (key, memory_key) = (semaphore.key().unwrap(), memory.key().unwrap());
    assert_eq!(calls(|| semaphores.open(key).unwrap()), 1);
    assert_eq!(calls(|| segments.open_segment(memory_key).unwrap()), 1);
    assert_eq!(calls(|| segments.open(memory_key).unwrap()), 3);
    assert_eq!(calls(|| segments.open_read_only(memory_key).unwrap()), 3);
    let remove = |semaphore: Semaphore| semaphore.remove().unwrap();
    assert_eq!(calls(|| remove(semaphores.open(Key::PRIVATE).unwrap())), 2);
    assert_eq!(calls(|| remove(SemaphoreOptions::new().initial_value(1).open(Key::PRIVATE).unwrap())), 3);
}
