//! The single semaphore: construction, acquire and release, attributes.

mod support;

use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigHandler, Signal};
use support::{SHORT, as_nobody, child, free_key, hold_for_ever, install, own, semaphore, semaphores, until};
use sysv_ipc::{
    Amount, Deadline, Error, Key, Mode, SEMAPHORE_VALUE_MAX, SemOp, Semaphore, SemaphoreOptions, SharedMemoryOptions,
    remove_semaphore,
};

fn amount(number: u16) -> Amount {
    Amount::new(number).expect("it is in range")
}

// Construction ------------------------------------------------------------------------------

/// R25 R29 R30 R31 R154: opening, opening or creating, creating; two handles are independent.
#[test]
fn r25_open_create_exclusive() {
    let key = free_key();
    let mut options = SemaphoreOptions::new();
    assert_fails!(options.open(key), Error::NotFound { call: "semget", .. });
    let made = own(options.create(true).mode(0o640).initial_value(3).open(key).unwrap());
    let opened = options.open(key).unwrap();
    assert_eq!((opened.id(), opened.value().unwrap()), (made.id(), 3));
    assert_fails!(options.exclusive(true).open(key), Error::AlreadyExists { call: "semget", .. });

    let mut other = SemaphoreOptions::new().open(key).unwrap();
    other.set_undo(true).set_block(false);
    assert!(!opened.undo() && opened.block());
}

/// R7: exclusive without create is refused before any system call.
#[test]
fn r7_exclusive_needs_create() {
    assert_fails!(SemaphoreOptions::new().exclusive(true).open(free_key()), Error::ExclusiveWithoutCreate);
}

/// R8 R27: the private key makes a new semaphore whatever the options say; children share it.
#[test]
fn r8_private_key() {
    let first = own(SemaphoreOptions::new().open(Key::PRIVATE).unwrap());
    let second = own(SemaphoreOptions::new().open(Key::PRIVATE).unwrap());
    assert_ne!(first.id(), second.id());
    assert_eq!(first.key(), Some(Key::PRIVATE));
    child(|| first.release().unwrap()).join();
    assert_eq!(first.value().unwrap(), 1);
    // Whoever has the id can use it.
    Semaphore::from_id(first.id()).unwrap().acquire().unwrap();
}

/// R28 R56: a random key is positive, new, and known afterwards; forks draw different ones.
#[test]
fn r28_random_keys() {
    let first = semaphore(0);
    let second = semaphore(0);
    let key = first.key().unwrap();
    assert!(key.get() > 0);
    assert_ne!(first.key(), second.key());
    // The whole range: a key of 15 bits, or of 30, would show in so many.
    let highest = (0..64).map(|_| semaphore(0).key().unwrap().get()).max();
    assert!(highest > Some(1 << 30), "{highest:?}");
    assert_eq!(SemaphoreOptions::new().open(key).unwrap().id(), first.id());

    let drawn = support::memory(8);
    let draw = |offset: usize| {
        let mine = own(SemaphoreOptions::new().open_random().unwrap());
        drawn.write(&mine.key().unwrap().get().to_ne_bytes(), offset).unwrap();
    };
    let (one, other) = (child(|| draw(0)), child(|| draw(4)));
    one.join();
    other.join();
    assert_ne!(drawn.read(4, 0).unwrap(), drawn.read(4, 4).unwrap());
}

/// R26: a handle of a larger set reaches its first member alone.
#[test]
fn r26_first_member_of_a_larger_set() {
    let key = free_key();
    let set = own(SemaphoreOptions::new().create(true).initial_value(5).open_set(key, 3).unwrap());
    let first = SemaphoreOptions::new().open(key).unwrap();
    first.acquire().unwrap();
    assert_eq!(set.values().unwrap(), [4, 5, 5]);
}

/// R155: what is made is its owner's alone, unless the options say otherwise.
#[test]
fn r155_private_by_default() {
    let made = [
        semaphore(0).permissions().unwrap(),
        support::memory(1).permissions().unwrap(),
        support::queue().permissions().unwrap(),
    ];
    assert!(made.iter().all(|permissions| permissions.mode == Mode::PRIVATE && permissions.mode.bits() == 0o600));
}

/// R178: a handle knows the key it was opened with, and claims none when it was made from an id.
#[test]
fn r178_key_of_a_handle() {
    let made = semaphore(0);
    assert!(made.key().is_some());
    assert_eq!(Semaphore::from_id(made.id()).unwrap().key(), None);
    let memory = support::memory(1);
    assert_eq!(sysv_ipc::Segment::from_id(memory.id()).unwrap().key(), None);
    let queue = support::queue();
    assert_eq!(sysv_ipc::MessageQueue::from_id(queue.id()).unwrap().key(), None);
}

/// R32: bits of the mode beyond permissions don't become flags.
#[test]
fn r32_mode_bits_are_no_flags() {
    assert_fails!(SemaphoreOptions::new().mode(0o1600).open(free_key()), Error::NotFound { .. });
    let made = own(SemaphoreOptions::new().mode(0o3600).open_random().unwrap());
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o600));
}

/// R6 R33 R173: opening by create leaves value, mode and undo of an existing semaphore alone.
#[test]
fn r33_initial_value_only_when_created() {
    let key = free_key();
    let made = own(SemaphoreOptions::new().create(true).initial_value(5).open(key).unwrap());
    SemaphoreOptions::new().create(true).mode(0o666).initial_value(1).open(key).unwrap();
    assert_eq!(made.value().unwrap(), 5);
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o600));
}

/// R34 R171: a read-only semaphore can be made; its initial value is skipped.
#[test]
fn r34_read_only_semaphore() {
    let made = own(SemaphoreOptions::new().mode(0o400).initial_value(5).open_random().unwrap());
    assert_eq!(made.value().unwrap(), 0);
}

/// R35: a plain open asks for no access, and one that asks is refused at once.
#[test]
fn r35_access_wanted_is_not_the_mode() {
    let made = own(SemaphoreOptions::new().mode(0o604).initial_value(1).open_random().unwrap());
    let key = made.key().unwrap();
    as_nobody(|| {
        let opened = SemaphoreOptions::new().open(key).unwrap();
        assert_eq!(opened.value().unwrap(), 1);
        assert_fails!(opened.acquire(), Error::PermissionDenied { .. });
        assert!(SemaphoreOptions::new().read(true).open(key).is_ok());
        assert_fails!(SemaphoreOptions::new().write(true).open(key), Error::PermissionDenied { .. });
    });
}

/// R36 R37 R158 R172: a value out of range is refused before anything is made; 0 and the largest are not.
#[test]
fn r36_initial_value_out_of_range() {
    let key = free_key();
    let mut options = SemaphoreOptions::new();
    options.create(true).exclusive(true);
    assert_fails!(options.initial_value(SEMAPHORE_VALUE_MAX + 1).open(key), Error::ValueOutOfRange { .. });
    assert_fails!(SemaphoreOptions::new().open(key), Error::NotFound { .. });
    let largest = own(options.initial_value(SEMAPHORE_VALUE_MAX).open(key).unwrap());
    assert_eq!(largest.value().unwrap(), SEMAPHORE_VALUE_MAX);
    assert_eq!(semaphore(0).value().unwrap(), 0);
}

/// R73: each kind of object has keys of its own.
#[test]
fn r73_key_spaces_are_separate() {
    let semaphore = semaphore(1);
    let key = semaphore.key().unwrap();
    let memory = own(SharedMemoryOptions::new().create(true).exclusive(true).open(key).unwrap());
    assert_eq!(memory.key(), semaphore.key());
}

// Acquire, release, wait for zero ------------------------------------------------------------

/// R38 R46 R49: acquire takes and release gives, one or several.
#[test]
fn r38_acquire_and_release() {
    let semaphore = semaphore(3);
    semaphore.acquire().unwrap();
    semaphore.acquire_many(amount(2)).unwrap();
    assert_eq!(semaphore.value().unwrap(), 0);
    semaphore.release().unwrap();
    semaphore.release_many(amount(4)).unwrap();
    assert_eq!(semaphore.value().unwrap(), 5);
}

/// R39 R67: a waiter for more than there is waits; a later one that wants less overtakes it.
#[test]
fn r39_all_or_nothing_and_no_queue() {
    let semaphore = semaphore(3);
    let greedy = child(|| semaphore.acquire_many(amount(4)).unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    assert_eq!(semaphore.value().unwrap(), 3);
    semaphore.acquire_timeout(Duration::from_secs(10)).unwrap();
    semaphore.release_many(amount(2)).unwrap();
    greedy.join();
    assert_eq!((semaphore.value().unwrap(), semaphore.waiting_for_nonzero().unwrap()), (0, 0));
}

/// R40 R51 R54: without a timeout it waits until somebody releases, in another process or another thread of its own,
/// which runs on meanwhile.
#[test]
fn r40_waits_without_limit() {
    let semaphore = semaphore(0);
    let waiter = child(|| semaphore.p().unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    std::thread::sleep(SHORT);
    semaphore.v().unwrap();
    waiter.join();
    std::thread::scope(|scope| {
        scope.spawn(|| semaphore.p().unwrap());
        until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
        semaphore.v().unwrap();
    });
}

/// R41 R42: a timeout of zero doesn't wait, a longer one is an upper bound, and both take what is there.
#[test]
fn r41_timeouts() {
    let semaphore = semaphore(1);
    semaphore.acquire_timeout(Duration::ZERO).unwrap();
    assert_fails!(semaphore.acquire_timeout(Duration::ZERO), Error::TimedOut { .. });
    assert_fails!(semaphore.try_acquire(), Error::WouldBlock { .. });
    let started = Instant::now();
    assert_fails!(semaphore.acquire_timeout(SHORT), Error::TimedOut { call: "semop", .. });
    assert!(started.elapsed() >= SHORT);
    semaphore.release().unwrap();
    semaphore.acquire_timeout(SHORT).unwrap();
    assert_fails!(semaphore.acquire_many_timeout(amount(2), SHORT), Error::TimedOut { .. });
    assert_fails!(semaphore.guard_deadline(Deadline::NOW), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_deadline(Deadline::from(started)), Error::TimedOut { .. });
}

/// R43: the longest duration there is waits as long as it takes, and ends when it may.
#[test]
fn r43_durations_beyond_the_clock() {
    let semaphore = semaphore(0);
    let waiter = child(|| {
        semaphore.acquire_timeout(Duration::MAX).unwrap();
        semaphore.acquire_timeout(Duration::from_secs(u64::MAX / 4)).unwrap();
    });
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.release_many(amount(2)).unwrap();
    waiter.join();
}

/// R12 R44: timeouts work on every system; this constant says only whether the kernel does it.
#[test]
fn r44_timeouts_are_never_ignored() {
    assert_eq!(sysv_ipc::SEMAPHORE_TIMEOUT_SUPPORTED, cfg!(target_os = "linux"));
    assert_fails!(semaphore(0).acquire_timeout(SHORT), Error::TimedOut { .. });
}

/// R45 R61 R175: a handle that doesn't block never waits, whatever timeout is given.
#[test]
fn r45_block_false_trumps_every_timeout() {
    let kept = semaphore(0);
    let mut semaphore = Semaphore::clone(&kept);
    semaphore.set_block(false);
    assert!(!semaphore.block());
    assert_fails!(semaphore.acquire(), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_timeout(Duration::from_secs(20)), Error::WouldBlock { .. });
    semaphore.release().unwrap();
    assert_fails!(semaphore.wait_zero_timeout(Duration::from_secs(20)), Error::WouldBlock { .. });
    semaphore.acquire().unwrap();
}

/// R47 R48 R176: amounts are 1 to 32,767; nothing else can be said.
#[test]
fn r47_amounts() {
    assert_fails!(Amount::new(0), Error::AmountOutOfRange { amount: 0 });
    assert_fails!(Amount::new(32_768), Error::AmountOutOfRange { amount: 32_768 });
    for number in [0, -1, -32_768, 32_768, 1 << 32, i64::MIN] {
        assert_fails!(Amount::try_from(number), Error::AmountOutOfRange { amount } if amount == number);
    }
    let semaphore = semaphore(0);
    semaphore.release_many(Amount::MAX).unwrap();
    semaphore.acquire_many(Amount::MAX).unwrap();
    assert_eq!(semaphore.value().unwrap(), 0);
}

/// R49: beyond the largest value a release is refused and changes nothing; anyone may release.
#[test]
fn r49_release_beyond_the_maximum() {
    let semaphore = semaphore(SEMAPHORE_VALUE_MAX);
    assert_fails!(semaphore.release(), Error::ValueOutOfRange { call: "semop", .. });
    assert_eq!(semaphore.value().unwrap(), SEMAPHORE_VALUE_MAX);
    semaphore.acquire().unwrap();
    child(|| semaphore.release().unwrap()).join();
    assert_eq!(semaphore.value().unwrap(), SEMAPHORE_VALUE_MAX);
}

/// R50 R52 R68 R69: Z waits for zero, needs read permission alone, and counts as an operation.
#[test]
fn r52_wait_zero() {
    let semaphore = semaphore(1);
    assert_fails!(semaphore.try_wait_zero(), Error::WouldBlock { .. });
    assert_fails!(semaphore.wait_zero_timeout(SHORT), Error::TimedOut { .. });
    assert_eq!(semaphore.o_time().unwrap(), None);
    let waiter = child(|| semaphore.z().unwrap());
    until(|| semaphore.waiting_for_zero().unwrap() == 1);
    semaphore.p().unwrap();
    waiter.join();

    let readable = own(SemaphoreOptions::new().mode(0o604).open_random().unwrap());
    as_nobody(|| Semaphore::from_id(readable.id()).unwrap().wait_zero().unwrap());
    until(|| readable.o_time().unwrap().is_some() || !nix::unistd::getuid().is_root());
}

/// R1 R53 R170: removal wakes those who wait, then nothing is there; another one gets another id.
#[test]
fn r53_removal() {
    let semaphore = semaphore(0);
    let waiters: Vec<_> = (0..2)
        .map(|_| child(|| assert_fails!(semaphore.acquire_timeout(Duration::from_secs(50)), Error::Removed { .. })))
        .collect();
    until(|| semaphore.waiting_for_nonzero().unwrap() == 2);
    semaphore.remove().unwrap();
    waiters.into_iter().for_each(support::Child::join);
    assert_fails!(semaphore.value(), Error::Removed { .. });
    assert_fails!(semaphore.acquire(), Error::Removed { .. });
    assert_fails!(semaphore.remove(), Error::Removed { .. });
    assert_fails!(remove_semaphore(semaphore.id()), Error::NotFound { .. });
    assert_fails!(remove_semaphore(-1), Error::NotFound { .. });
    let key = semaphore.key().unwrap();
    let again = own(SemaphoreOptions::new().create(true).exclusive(true).open(key).unwrap());
    assert_ne!(again.id(), semaphore.id());
}

/// R18 R55: a signal doesn't end a wait, nor prolong it, unless the handle asked to be told.
#[test]
fn r55_signals() {
    let semaphore = semaphore(0);
    let patient = child(|| {
        count_signals();
        let started = Instant::now();
        // The signal has that long to come.
        let timeout = Duration::from_secs(3);
        assert_fails!(semaphore.acquire_timeout(timeout), Error::TimedOut { .. });
        assert!(started.elapsed() >= timeout && SIGNALS.load(std::sync::atomic::Ordering::Relaxed) > 0);
    });
    let interrupted = child(|| {
        count_signals();
        let mut impatient = Semaphore::clone(&semaphore);
        impatient.set_interruptible(true);
        assert_fails!(impatient.acquire(), Error::Interrupted { call: "semop", .. });
    });
    until(|| semaphore.waiting_for_nonzero().unwrap() == 2);
    patient.signal(Signal::SIGUSR1);
    interrupted.signal(Signal::SIGUSR1);
    interrupted.join();
    patient.join();
}

static SIGNALS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

fn count_signals() {
    install(Signal::SIGUSR1, SigHandler::Handler(count));
}

/// A guard releases when it is dropped, on a panic too.
#[test]
fn guard_releases_on_panic() {
    let semaphore = semaphore(1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = semaphore.guard().unwrap();
        assert_eq!(semaphore.value().unwrap(), 0);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    assert_eq!(semaphore.value().unwrap(), 1);
    let _guard = semaphore.try_guard().unwrap();
    assert_fails!(semaphore.guard_timeout(SHORT), Error::TimedOut { .. });
    assert_fails!(semaphore.try_guard(), Error::WouldBlock { .. });
}

/// What a guard took is given back once: by the process that took it.
#[test]
fn forked_child_drops_its_parents_guard() {
    let semaphore = semaphore(1);
    // Both processes have it after the fork, and the parent keeps its own.
    let mut guard = Some(semaphore.guard().unwrap());
    child(|| {
        drop(guard.take());
        assert_eq!(semaphore.value().unwrap(), 0, "the parent still has it");
        semaphore.release().unwrap();
        drop(semaphore.guard().unwrap());
        assert_eq!(semaphore.value().unwrap(), 1, "the child's own is given back");
        semaphore.acquire().unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 0);
    drop(guard);
    assert_eq!(semaphore.value().unwrap(), 1);
}

/// D3: whether a child returns, panics or is killed, the parent gets the semaphore.
#[test]
fn d3_the_parent_gets_the_semaphore_however_the_child_ends() {
    let semaphore = semaphore(1);
    child(|| drop(semaphore.guard().unwrap())).join();
    child(|| {
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = semaphore.guard().unwrap();
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
    })
    .join();
    let killed = child(|| {
        let mut undone = Semaphore::clone(&semaphore);
        undone.set_undo(true);
        let _guard = undone.guard().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 0);
    killed.kill();
    semaphore.acquire_timeout(Duration::from_secs(10)).unwrap();
}

// Undo ---------------------------------------------------------------------------------------

fn undoing(semaphore: &Semaphore) -> Semaphore {
    let mut undone = semaphore.clone();
    undone.set_undo(true);
    undone
}

/// R59: the end of a process reverses what it did with undo, by kill as well as by exit.
#[test]
fn r59_undo_at_every_end() {
    let semaphore = semaphore(5);
    child(|| undoing(&semaphore).acquire_many(amount(2)).unwrap()).join();
    assert_eq!(semaphore.value().unwrap(), 5);
    let killed = child(|| {
        undoing(&semaphore).acquire_many(amount(3)).unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 2);
    killed.kill();
    assert_eq!(semaphore.value().unwrap(), 5);
    // R69 R66: it counts as an operation, of the process that ended.
    assert!(semaphore.o_time().unwrap().is_some());
}

/// R59: the account is the process's, not the thread's, and `fork` doesn't inherit it.
#[test]
fn r59_undo_belongs_to_the_process() {
    let semaphore = semaphore(2);
    child(|| {
        let undone = undoing(&semaphore);
        std::thread::scope(|scope| scope.spawn(|| undone.acquire().unwrap()).join()).unwrap();
        assert_eq!(semaphore.value().unwrap(), 1, "a thread that ends gives nothing back");
        child(|| {}).join();
        assert_eq!(semaphore.value().unwrap(), 1, "a child inherits no account");
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 2);
}

/// R59: with undo on one side alone, the value is one too high afterwards.
#[test]
fn r59_undo_must_be_on_both_sides() {
    let semaphore = semaphore(1);
    child(|| {
        undoing(&semaphore).acquire().unwrap();
        semaphore.release().unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 2);
}

/// R60: on Linux a reversal stops at 0.
#[test]
#[cfg(target_os = "linux")]
fn r60_undo_is_clamped() {
    let semaphore = semaphore(0);
    child(|| {
        undoing(&semaphore).release_many(amount(3)).unwrap();
        semaphore.acquire_many(amount(2)).unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 0);
}

// Attributes ---------------------------------------------------------------------------------

/// R57 R58 R172: the value can be set within its range; setting clears undo, wakes, and leaves o_time.
#[test]
fn r58_set_value() {
    let semaphore = semaphore(0);
    assert!(semaphore.id() >= 0);
    let waiter = child(|| semaphore.acquire().unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.set_value(3).unwrap();
    waiter.join();
    assert_eq!(semaphore.value().unwrap(), 2);
    assert_fails!(semaphore.set_value(SEMAPHORE_VALUE_MAX + 1), Error::ValueOutOfRange { .. });
    assert_eq!(semaphore.value().unwrap(), 2);

    let holder = child(|| {
        undoing(&semaphore).acquire().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 1);
    semaphore.set_value(7).unwrap();
    holder.kill();
    assert_eq!(semaphore.value().unwrap(), 7, "the account was cleared");
}

/// R10: the largest value.
#[test]
fn r10_value_max() {
    assert_eq!(SEMAPHORE_VALUE_MAX, 32_767);
}

/// R66: the process of the last operation; nobody at first.
#[test]
fn r66_last_pid() {
    let set = semaphores(1);
    assert_eq!(set.last_pid(0).unwrap(), None);
    let worker = child(|| set.op(&[SemOp::add(0, Amount::ONE)]).unwrap());
    let pid = worker.id();
    worker.join();
    assert_eq!(set.last_pid(0).unwrap(), Some(pid));
    set.set_value(0, 0).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(set.last_pid(0).unwrap(), Some(std::process::id()));
    }
}

/// R69: no time at first, none by failures or by setting the value, then whole seconds.
#[test]
fn r69_o_time() {
    let semaphore = semaphore(0);
    assert_fails!(semaphore.try_acquire(), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_timeout(SHORT), Error::TimedOut { .. });
    semaphore.set_value(1).unwrap();
    assert_eq!(semaphore.o_time().unwrap(), None);
    semaphore.acquire().unwrap();
    let time = semaphore.o_time().unwrap().unwrap();
    assert_eq!(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos(), 0);
    assert!(SystemTime::now().duration_since(time).unwrap() < Duration::from_secs(60));
}

/// R62: the mode can be changed, and keeps nine bits alone.
#[test]
fn r62_mode() {
    let semaphore = semaphore(0);
    semaphore.set_mode(0o107_777).unwrap();
    assert_eq!(semaphore.permissions().unwrap().mode.bits(), 0o777);
    semaphore.set_mode(0o640).unwrap();
    assert_eq!(semaphore.permissions().unwrap().mode.to_string(), "0640");
}

/// R64 R65: the owner can be changed; the creator stays, and keeps control.
#[test]
fn r64_owner_and_creator() {
    let semaphore = semaphore(0);
    let before = semaphore.permissions().unwrap();
    if !nix::unistd::getuid().is_root() {
        semaphore.set_owner(Some(before.uid), None).unwrap();
        return;
    }
    semaphore.set_owner(Some(65_534), None).unwrap();
    let after = semaphore.permissions().unwrap();
    assert_eq!((after.uid, after.gid), (65_534, before.gid));
    assert_eq!((after.cuid, after.cgid), (before.cuid, before.cgid));
    as_nobody(|| {
        let mine = own(SemaphoreOptions::new().open_random().unwrap());
        mine.set_owner(Some(1), None).unwrap();
        mine.set_mode(0o666).unwrap();
        mine.remove().unwrap();
    });
}

/// R20: without permission to read, attributes are refused; EPERM is the same error.
#[test]
fn r20_permission_errors() {
    let semaphore = semaphore(1);
    as_nobody(|| {
        let stranger = Semaphore::from_id(semaphore.id()).unwrap();
        assert_fails!(stranger.value(), Error::PermissionDenied { errno: sysv_ipc::Errno::EACCES, .. });
        assert_fails!(stranger.acquire(), Error::PermissionDenied { .. });
        assert_fails!(stranger.remove(), Error::PermissionDenied { errno: sysv_ipc::Errno::EPERM, .. });
        assert_fails!(remove_semaphore(stranger.id()), Error::PermissionDenied { .. });
    });
    assert_eq!(semaphore.value().unwrap(), 1);
}

/// R153: what a handle shows has key and id.
#[test]
fn r153_debug() {
    let semaphore = semaphore(0);
    let text = format!("{semaphore:?}");
    assert!(text.contains(&semaphore.id().to_string()) && text.contains(&semaphore.key().unwrap().to_string()));
}

/// R21: never there and removed are told apart, and both are gone.
#[test]
fn r21_gone() {
    assert_fails!(Semaphore::from_id(i32::MAX), Error::NotFound { .. });
    let semaphore = semaphore(0);
    semaphore.remove().unwrap();
    assert!(semaphore.value().unwrap_err().is_gone());
}

/// R22: one question covers would-block and timed-out.
#[test]
fn r22_busy() {
    let semaphore = semaphore(0);
    assert!(semaphore.try_acquire().unwrap_err().is_busy());
    assert!(semaphore.acquire_timeout(SHORT).unwrap_err().is_busy());
    assert!(!semaphore.release().is_err_and(|error| error.is_busy()));
}
