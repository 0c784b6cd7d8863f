//! Damaged and hostile memory: errors or wrong data, and never a crash, a hang, or a look outside.

mod support;

use std::time::Duration;

use support::{child, name, own};
use sysv_ipc::{Segment, SharedMemory};
use sysv_primitives::{Mutex, Options, Pool};

const SHORT: Duration = Duration::from_millis(2);

/// Overwrites some bytes anywhere in the segment, mostly with what is likely to hurt.
fn damage(memory: &SharedMemory) {
    for _ in 0..fastrand::usize(1..12) {
        let offset = fastrand::usize(..memory.len());
        let bytes: Vec<u8> = match fastrand::u8(..4) {
            0 => vec![0xff; fastrand::usize(1..64)],
            1 => vec![0; fastrand::usize(1..64)],
            2 => fastrand::u32(..70).to_ne_bytes().to_vec(),
            _ => (0..fastrand::usize(1..64)).map(|_| fastrand::u8(..)).collect(),
        };
        memory.write_truncating(&bytes, offset).unwrap();
    }
}

fn segment_of(id: i32) -> SharedMemory {
    Segment::from_id(id).unwrap().attach().unwrap()
}

/// Everything that a user may do, within a bounded time.
fn use_mutex(mutex: &Mutex<[u32; 3]>) {
    let _ = mutex.try_lock().map(|mut guard| guard[2] = guard[2].wrapping_add(1));
    let _ = mutex.lock_timeout(SHORT).map(|mut guard| guard[1] = guard[1].wrapping_add(1));
    let _ = (mutex.holder(), mutex.is_poisoned(), mutex.members(), mutex.status());
    mutex.clear_poison();
}

fn use_pool(pool: &Pool) {
    let _ = pool.try_acquire();
    let _ = pool.acquire_timeout(SHORT);
    let _ = pool.try_acquire_many(2);
    let _ = pool.acquire_many_timeout(3, SHORT);
    let _ = (pool.available(), pool.holders(), pool.members(), pool.permits(), pool.capacity());
    let _ = pool.resize(2);
}

const CASES: u32 = 150;

#[test]
fn a_damaged_mutex_does_no_harm() {
    for case in 0..CASES {
        let name = name();
        let options = Options::new().max_processes(4).patience(SHORT);
        let mutex = options.create_mutex(&name, [1_u32, 2, 3]).unwrap();
        let status = mutex.status().unwrap();
        let memory = segment_of(status.segment);
        let _cleanup = (own(sysv_ipc::SemaphoreSet::from_id(status.set).unwrap()), own(memory.segment().clone()));
        fastrand::seed(u64::from(case));
        damage(&memory);
        // In a child: a crash or a hang of it fails the test, and this process stays well.
        child(|| {
            use_mutex(&mutex);
            if let Ok(opened) = options.open_mutex::<[u32; 3]>(&name) {
                use_mutex(&opened);
            }
            let _ = options.open_or_create_mutex(&name, [0_u32; 3]);
        })
        .join();
        // While it is used, memory goes on changing.
        let user = child(|| {
            for _ in 0..50 {
                use_mutex(&mutex);
            }
        });
        (0..100).for_each(|_| damage(&memory));
        user.join();
    }
}

#[test]
fn a_damaged_pool_does_no_harm() {
    for case in 0..CASES {
        let name = name();
        let options = Options::new().max_processes(4).patience(SHORT);
        let pool = options.create_pool(&name, 3, 5).unwrap();
        let status = pool.status().unwrap();
        let memory = segment_of(status.segment);
        let _cleanup = (own(sysv_ipc::SemaphoreSet::from_id(status.set).unwrap()), own(memory.segment().clone()));
        fastrand::seed(u64::from(case));
        damage(&memory);
        child(|| {
            use_pool(&pool);
            if let Ok(opened) = options.open_pool(&name) {
                use_pool(&opened);
            }
            let _ = options.open_or_create_pool(&name, 3, 3);
        })
        .join();
        let user = child(|| {
            for _ in 0..30 {
                use_pool(&pool);
            }
        });
        (0..100).for_each(|_| damage(&memory));
        user.join();
    }
}
