//! Values that are larger than the stack: they are made, opened and changed in place.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use support::{LONG, child, memory, name, until};
use sysv_ipc::{SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::{Mutex, OpenError};

const SIZE: usize = 3 << 20;

type Large = [u8; SIZE];

/// A usual stack, and less than one value.
const SMALL: usize = 2 << 20;

/// Runs a closure in a thread with such a stack. It aborts the process if the stack is too small.
fn with_stack<T: Send>(size: usize, body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(size).spawn_scoped(scope, body).expect("it can be started");
        thread.join().expect("it ends well")
    })
}

#[test]
fn case_c8_a_large_value_is_opened_on_a_small_stack() {
    let name = name();
    // In children: a stack that is too small ends the process.
    child(|| with_stack(SMALL, || _ = Mutex::<Large>::create_zeroed(&name).unwrap())).join();
    child(|| {
        with_stack(SMALL, || {
            let mutex = Mutex::<Large>::open(&name).unwrap();
            let mut guard = mutex.lock().unwrap();
            assert!(guard.iter().all(|&byte| byte == 0));
            (guard[0], guard[SIZE - 1]) = (1, 2);
        });
    })
    .join();
    child(|| {
        with_stack(SMALL, || {
            let mutex = Mutex::<Large>::options().open_or_create_zeroed(&name).unwrap();
            let guard = mutex.try_lock().unwrap();
            assert_eq!((guard[0], guard[1], guard[SIZE - 1]), (1, 0, 2));
        });
    })
    .join();
}

#[test]
fn case_c8_a_large_value_is_created_in_place() {
    let name = name();
    child(|| {
        with_stack(SMALL, || {
            let mutex = Mutex::create_with(&name, |value: &mut Large| value.fill(7)).unwrap();
            assert!(mutex.lock().unwrap().iter().all(|&byte| byte == 7));
        });
    })
    .join();
    child(|| {
        with_stack(SMALL, || {
            let taken = Mutex::create_with(&name, |_: &mut Large| panic!("there is one"));
            assert!(matches!(taken, Err(OpenError::NameTaken { .. })));
            assert!(matches!(Mutex::<Large>::create_zeroed(&name), Err(OpenError::NameTaken { .. })));
            let options = Mutex::<Large>::options();
            let mutex = options.open_or_create_with(&name, |_| panic!("there is one")).unwrap();
            assert_eq!(mutex.lock().unwrap()[SIZE - 1], 7);
            mutex.remove().unwrap();
            let anew = options.open_or_create_with(&name, |value| value[0] = 9).unwrap();
            assert_eq!(anew.lock().unwrap()[..2], [9, 0]);
        });
    })
    .join();
}

/// The caller makes one value. There is room for it, and not for two.
#[test]
fn case_c8_a_large_value_is_passed_without_a_copy() {
    let name = name();
    child(|| {
        with_stack(SIZE * 3 / 2, || {
            let mutex = Mutex::create(&name, [7_u8; SIZE]).unwrap();
            assert_eq!(mutex.lock().unwrap()[SIZE - 1], 7);
        });
    })
    .join();
    child(|| {
        with_stack(SIZE * 3 / 2, || {
            let mutex = Mutex::open_or_create(&name, [8_u8; SIZE]).unwrap();
            assert_eq!(mutex.lock().unwrap()[SIZE - 1], 7, "it exists");
        });
    })
    .join();
}

/// A value that is half written belongs to no object: nothing is there after a panic, and others wait for nothing.
#[test]
fn case_c8_a_panic_leaves_nothing_behind() {
    let name = name();
    let probe = Mutex::create(&name, ()).unwrap();
    let key = probe.status().unwrap().key;
    probe.remove().unwrap();
    let write = |value: &mut Large| {
        value[..SIZE / 2].fill(1);
        panic!("half-way");
    };
    let options = Mutex::<Large>::options().open_timeout(LONG);
    let creates: [&dyn Fn() -> Result<Mutex<Large>, OpenError>; 2] =
        [&|| options.create_with(&name, write), &|| options.open_or_create_with(&name, write)];
    for create in creates {
        let panic = catch_unwind(AssertUnwindSafe(|| create().map(drop))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"half-way"), "it is the caller's panic");
        assert!(SemaphoreOptions::new().open_set(key, 0).is_err_and(|error| error.is_gone()));
        assert!(SharedMemoryOptions::new().open_segment(key).is_err_and(|error| error.is_gone()));
        let started = Instant::now();
        child(|| {
            let mutex = options.create_zeroed(&name).unwrap();
            assert_eq!(mutex.lock().unwrap()[0], 0);
            mutex.remove().unwrap();
        })
        .join();
        assert!(started.elapsed() < LONG / 2, "it waited for a creation that had ended");
    }
}

/// An opener gives a slow creator up: it starts again, and writes the value again, into new memory.
#[test]
fn case_c8_the_value_is_written_again_if_the_creation_starts_again() {
    let name = name();
    let shared = memory(8);
    let word = |number: usize| -> &AtomicU32 { shared.view(4 * number).unwrap() };
    let (calls, is_given_up) = (word(0), word(1));
    let creator = child(|| {
        let mutex = Mutex::create_with(&name, |value: &mut [u32; 2]| {
            assert_eq!(*value, [0, 0], "the memory is new");
            value[0] = 1;
            if calls.fetch_add(1, SeqCst) == 0 {
                until(|| is_given_up.load(SeqCst) == 1);
            }
            value[1] = 2;
        });
        assert_eq!(*mutex.unwrap().lock().unwrap(), [1, 2]);
    });
    until(|| calls.load(SeqCst) == 1);
    let hasty = Mutex::<[u32; 2]>::options().open_timeout(Duration::from_millis(10)).open(&name);
    assert!(matches!(hasty, Err(OpenError::NoSuchName { .. })), "{hasty:?}");
    is_given_up.store(1, SeqCst);
    creator.join();
    assert_eq!(calls.load(SeqCst), 2);
    assert_eq!(*Mutex::<[u32; 2]>::open(&name).unwrap().lock().unwrap(), [1, 2]);
}

/// A creator that dies while it writes the value leaves nothing that others take for a value.
#[test]
fn case_c8_a_creator_dies_while_it_writes_the_value() {
    let name = name();
    let is_writing = memory(4);
    let is_writing: &AtomicU32 = is_writing.view(0).unwrap();
    let creator = child(|| {
        let _ = Mutex::create_with(&name, |value: &mut Large| {
            value.fill(1);
            is_writing.store(1, SeqCst);
            support::hold_for_ever();
        });
    });
    until(|| is_writing.load(SeqCst) == 1);
    creator.kill();
    let mutex =
        with_stack(SMALL, || Mutex::<Large>::options().open_timeout(LONG).open_or_create_zeroed(&name).unwrap());
    assert!(mutex.lock().unwrap().iter().all(|&byte| byte == 0));
}
