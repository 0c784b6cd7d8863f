//! What an error tells: its errno, and what of it an `io::Error` keeps.

use std::{io, time::Duration};

use support::{as_nobody, assert_fails, child, free_key, memory, message, queue, semaphore};
use sysv_ipc::{
    Amount, AttachOptions, Errno, Error, Key, Limit, MessageQueueOptions, MessageType, SEMAPHORE_VALUE_MAX, Segment,
    Selector, SemOp, SemaphoreOptions, SharedMemoryOptions, remove_semaphore,
};

/// Returns errno, kind, and the raw errno of the `io::Error`.
fn told<T: std::fmt::Debug>(result: sysv_ipc::Result<T>) -> (Option<Errno>, io::ErrorKind, Option<Errno>) {
    let error = result.expect_err("it is refused");
    let io = io::Error::from(error.clone());
    assert_eq!(io.kind(), error.io_kind(), "{error:?}");
    // What has no errno has the error itself.
    if io.raw_os_error().is_none() {
        assert_eq!(io.get_ref().and_then(|inner| inner.downcast_ref::<Error>()), Some(&error));
        assert_eq!(io.to_string(), error.to_string());
    }
    (error.errno(), io.kind(), io.raw_os_error().map(Errno::from_raw))
}

/// An errno that the `io::Error` keeps.
fn kept(errno: Errno, kind: io::ErrorKind) -> (Option<Errno>, io::ErrorKind, Option<Errno>) {
    (Some(errno), kind, Some(errno))
}

/// An errno for which the standard library has another kind, or which no call has said.
fn held(errno: Errno, kind: io::ErrorKind) -> (Option<Errno>, io::ErrorKind, Option<Errno>) {
    (Some(errno), kind, None)
}

/// G7: an error has the errno that the system said, and its `io::Error` keeps it.
#[test]
fn case_g7_errno_as_the_system_said_it() {
    use io::ErrorKind;
    let semaphore = semaphore(0);
    let key = semaphore.key().unwrap();
    let mut exclusive = SemaphoreOptions::new();
    exclusive.create(true).exclusive(true);

    assert_eq!(told(MessageQueueOptions::new().open(free_key())), kept(Errno::ENOENT, ErrorKind::NotFound));
    assert_eq!(told(exclusive.open(key)), kept(Errno::EEXIST, ErrorKind::AlreadyExists));
    assert_eq!(told(semaphore.try_acquire()), kept(Errno::EAGAIN, ErrorKind::WouldBlock));
    let larger = SemaphoreOptions::new().open_set(key, 2);
    assert_eq!(told(larger), kept(Errno::EINVAL, ErrorKind::InvalidInput));
    let absurd = MessageQueueOptions::new().max_message_size(usize::MAX).open_random().unwrap();
    let absurd = support::own(absurd);
    assert_eq!(told(absurd.try_receive(Selector::Any)), kept(Errno::ENOMEM, ErrorKind::OutOfMemory));
    as_nobody(|| {
        assert_eq!(told(semaphore.value()), kept(Errno::EACCES, ErrorKind::PermissionDenied));
        assert_eq!(told(semaphore.remove()), kept(Errno::EPERM, ErrorKind::PermissionDenied));
    });
}

/// G7: a wait that timed out is never an `EAGAIN`, whatever call it was.
#[test]
fn case_g7_errno_of_a_timeout() {
    let timed_out = kept(Errno::ETIMEDOUT, io::ErrorKind::TimedOut);
    assert_eq!(told(semaphore(0).acquire_timeout(Duration::from_millis(1))), timed_out);
    assert_eq!(told(queue().receive_timeout(Selector::Any, Duration::from_millis(1))), timed_out);
}

/// G7: where the standard library has another kind for an errno, the kind stays, and the error is held.
#[test]
fn case_g7_errno_of_another_kind() {
    use io::ErrorKind;
    let gone = queue();
    let waiting = child(|| assert_eq!(told(gone.receive(Selector::Any)), held(Errno::EIDRM, ErrorKind::NotFound)));
    waiting.until_asleep();
    gone.remove().unwrap();
    waiting.join();
    assert_eq!(told(gone.stat()), held(Errno::EINVAL, ErrorKind::NotFound));
    assert_eq!(told(remove_semaphore(-1)), held(Errno::EINVAL, ErrorKind::NotFound));
    assert_eq!(told(Segment::from_id(-1)), held(Errno::EINVAL, ErrorKind::NotFound));

    let short = queue();
    assert_eq!(told(short.try_receive(Selector::Any)), held(Errno::ENOMSG, ErrorKind::WouldBlock));
    short.send(&message(1, b"long")).unwrap();
    let mut narrow = sysv_ipc::MessageQueue::clone(&short);
    narrow.set_max_message_size(1);
    assert_eq!(told(narrow.receive(Selector::Any)), held(Errno::E2BIG, ErrorKind::InvalidInput));
    let full = semaphore(SEMAPHORE_VALUE_MAX);
    assert_eq!(told(full.release()), held(Errno::ERANGE, ErrorKind::InvalidInput));
    let beyond = full.as_set().op(&[SemOp::sub(9, Amount::ONE)]);
    assert_eq!(told(beyond), held(Errno::EFBIG, ErrorKind::InvalidInput));
}

/// G7: a limit has the errno of the call that met it.
#[test]
#[cfg(target_os = "linux")]
fn case_g7_errno_of_a_limit() {
    let set = support::semaphores(1);
    let most = usize::try_from(sysv_ipc::limits().unwrap().semaphores.max_operations).unwrap();
    let too_many = vec![SemOp::zero(0); most + 1];
    assert_fails!(set.op(&too_many), Error::LimitReached { limit: Limit::Semopm, errno: Errno::E2BIG, .. });
    assert_eq!(told(set.op(&too_many)), held(Errno::E2BIG, io::ErrorKind::QuotaExceeded));
    let too_large = SharedMemoryOptions::new().create(true).size(usize::MAX).open(Key::PRIVATE);
    assert!(matches!(told(too_large).0, Some(Errno::EINVAL | Errno::ENOSPC | Errno::ENOMEM)));
}

/// G7: what this crate refuses before a call has the errno of that call, and its text in the `io::Error`.
#[test]
fn case_g7_errno_of_checks_of_our_own() {
    use io::ErrorKind;
    let invalid = held(Errno::EINVAL, ErrorKind::InvalidInput);
    let semaphore = semaphore(0);
    assert_eq!(told(semaphore.set_value(u16::MAX)), held(Errno::ERANGE, ErrorKind::InvalidInput));
    assert_eq!(told(semaphore.as_set().op(&[])), invalid);
    assert_eq!(told(MessageType::new(0)), invalid);
    let small = queue();
    small.set_max_size(1).unwrap();
    assert_eq!(told(small.send(&message(1, b"two"))), invalid);
    let memory = memory(8);
    assert_eq!(told(AttachOptions::new().address(1).attach(memory.segment())), invalid);

    let none = (None, ErrorKind::InvalidInput, None);
    assert_eq!(told(Key::new(0)), none);
    assert_eq!(told(Amount::new(0)), none);
    assert_eq!(told(memory.read(1, 8)), none);
    assert_eq!(told(SemaphoreOptions::new().exclusive(true).open(free_key())), none);
}

/// C3: `EPERM` from a call that the kernel never refuses so names the sandbox, and no owner or mode.
#[test]
#[cfg(target_os = "linux")]
fn case_c3_a_sandbox_is_named() {
    let (semaphore, queue, memory) = (semaphore(1), queue(), memory(8));
    queue.send(&message(1, b"x")).unwrap();
    child(|| {
        support::forbid(&[
            libc::SYS_semget,
            libc::SYS_semop,
            libc::SYS_semtimedop,
            libc::SYS_msgget,
            libc::SYS_msgsnd,
            libc::SYS_msgrcv,
            libc::SYS_shmget,
            libc::SYS_shmat,
        ]);
        let long = Duration::from_secs(60);
        let refused = [
            SemaphoreOptions::new().open(semaphore.key().unwrap()).map(drop),
            semaphore.acquire(),
            semaphore.acquire_timeout(long),
            semaphore.release(),
            MessageQueueOptions::new().open(queue.key().unwrap()).map(drop),
            queue.send(&message(1, b"x")),
            queue.send_timeout(&message(1, b"x"), long),
            queue.receive(Selector::Any).map(drop),
            queue.receive_timeout(Selector::Any, long).map(drop),
            SharedMemoryOptions::new().open_segment(memory.key().unwrap()).map(drop),
            memory.segment().attach().map(drop),
        ];
        for (number, result) in refused.into_iter().enumerate() {
            let error = result.expect_err("the filter refuses it");
            assert_fails!(Err::<(), _>(&error), Error::PermissionDenied { errno: Errno::EPERM, .. });
            assert_eq!(error.io_kind(), io::ErrorKind::PermissionDenied);
            let text = error.to_string();
            assert!(text.contains("a sandbox forbids the call") && !text.contains("owner"), "{number}: {text}");
        }
    })
    .join();
    as_nobody(|| {
        let by_mode = semaphore.acquire().unwrap_err();
        assert_fails!(Err::<(), _>(&by_mode), Error::PermissionDenied { errno: Errno::EACCES, .. });
        assert!(!by_mode.to_string().contains("sandbox"), "{by_mode}");
        let by_owner = semaphore.remove().unwrap_err();
        assert!(by_owner.to_string().contains("only its owner, its creator or root may"), "{by_owner}");
    });
}
