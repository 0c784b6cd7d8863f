//! The kernel's limits: what they are, and how meeting each of them is reported.
//!
//! Where a small limit is needed the test makes its own IPC namespace, which takes root.
#![cfg(target_os = "linux")]

use std::fs;

use support::{in_own_namespace, own, set_limit, text_of};
use sysv_ipc::{Amount, Error, Key, Limit, MessageQueueOptions, SemOp, SemaphoreOptions, SharedMemoryOptions, limits};

fn proc_number(name: &str) -> u64 {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap().trim().parse().unwrap()
}

/// R161: every limit is what /proc says.
#[test]
fn r161_limits_are_those_of_proc() {
    let limits = limits().unwrap();
    let sem = fs::read_to_string("/proc/sys/kernel/sem").unwrap();
    let sem: Vec<u64> = sem.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let found = [Limit::Semmsl, Limit::Semmns, Limit::Semopm, Limit::Semmni].map(|limit| limits.value(limit).unwrap());
    assert_eq!(found[..], sem[..]);
    for (name, limit) in [
        ("shmmni", Limit::Shmmni),
        ("shmmax", Limit::Shmmax),
        ("shmall", Limit::Shmall),
        ("msgmni", Limit::Msgmni),
        ("msgmax", Limit::Msgmax),
        ("msgmnb", Limit::Msgmnb),
    ] {
        assert_eq!(limits.value(limit), Some(proc_number(name)), "{name}");
    }
    assert_eq!(limits.semaphores.max_value, u64::from(sysv_ipc::SEMAPHORE_VALUE_MAX));
    assert_eq!(limits.shared_memory.min_size, 1);
}

/// What is in use counts what is made.
#[test]
fn use_is_counted() {
    in_own_namespace(|| {
        let none = limits().unwrap();
        let set = support::semaphores(3);
        let memory = support::memory(5000);
        memory.fill(1);
        let queue = support::queue();
        queue.send(&sysv_ipc::MessageBuffer::new(sysv_ipc::MessageType::ONE, b"12345")).unwrap();
        let some = limits().unwrap();
        assert_eq!((none.semaphores.used_sets, some.semaphores.used_sets), (0, 1));
        assert_eq!(some.semaphores.used_semaphores, 3);
        assert_eq!((some.shared_memory.used_segments, some.shared_memory.used_pages), (1, 2));
        assert_eq!(some.shared_memory.resident_pages + some.shared_memory.swapped_pages, 2);
        assert_eq!((some.message_queues.used_queues, some.message_queues.used_messages), (1, 1));
        assert_eq!(some.message_queues.used_bytes, 5);
        drop(set);
        assert_eq!(limits().unwrap().semaphores.used_sets, 0);
    });
}

/// Asserts that the error names the limit, its value, and how to raise it.
#[track_caller]
fn assert_limit<T>(result: Result<T, Error>, expected: Limit, value: u64) {
    let text = text_of(
        result,
        |error| matches!(error, Error::LimitReached { limit, value: Some(v), .. } if (*limit, *v) == (expected, value)),
    );
    assert!(text.contains(&expected.to_string()) && text.contains(&value.to_string()), "{text}");
    assert!(text.contains(expected.advice()), "{text}");
}

/// `SEMMNI`, `SEMMNS`, `SEMMSL` and `SEMOPM` are distinguished.
#[test]
fn semaphore_limits() {
    in_own_namespace(|| {
        set_limit("sem", "5 8 2 3");
        let mut options = SemaphoreOptions::new();
        options.create(true);
        let first = own(options.open_set(Key::PRIVATE, 5).unwrap());
        assert_limit(options.open_set(Key::PRIVATE, 6), Limit::Semmsl, 5);
        assert_limit(options.open_set(support::free_key(), 6), Limit::Semmsl, 5);
        assert_limit(SemaphoreOptions::new().open_set(support::free_key(), 6), Limit::Semmsl, 5);
        assert_limit(options.open_set(Key::PRIVATE, 4), Limit::Semmns, 8);
        let add = SemOp::add(0, Amount::ONE);
        assert_limit(first.op(&[add, add, add]), Limit::Semopm, 2);
        assert_eq!(first.value(0).unwrap(), 0);
        let _rest = [own(options.open(Key::PRIVATE).unwrap()), own(options.open(Key::PRIVATE).unwrap())];
        assert_limit(options.open(Key::PRIVATE), Limit::Semmni, 3);
        assert_limit(options.open_random(), Limit::Semmni, 3);
    });
}

/// `SHMMNI`, `SHMMAX` and `SHMALL` are distinguished.
#[test]
fn shared_memory_limits() {
    in_own_namespace(|| {
        set_limit("shmmax", "100000");
        set_limit("shmall", "20");
        set_limit("shmmni", "2");
        let mut options = SharedMemoryOptions::new();
        options.create(true);
        assert_limit(options.size(100_001).open(Key::PRIVATE), Limit::Shmmax, 100_000);
        let _first = own(options.size(19 * 4096).open(Key::PRIVATE).unwrap());
        assert_limit(options.size(2 * 4096).open(Key::PRIVATE), Limit::Shmall, 20);
        let _second = own(options.size(1).open(Key::PRIVATE).unwrap());
        assert_limit(options.size(1).open(Key::PRIVATE), Limit::Shmmni, 2);
    });
}

/// R123: `MSGMNI` and `MSGMAX` are distinguished. The queue's own size is in `message_queue.rs`.
#[test]
fn message_queue_limits() {
    in_own_namespace(|| {
        set_limit("msgmni", "1");
        set_limit("msgmax", "100");
        let queue = support::queue();
        assert_limit(MessageQueueOptions::new().open_random(), Limit::Msgmni, 1);
        let message = sysv_ipc::MessageBuffer::new(sysv_ipc::MessageType::ONE, &[0; 101]);
        let text =
            text_of(queue.send(&message), |error| matches!(error, Error::MessageExceedsMsgmax { msgmax: 100, .. }));
        assert!(text.contains("kernel.msgmax"), "{text}");
    });
}
