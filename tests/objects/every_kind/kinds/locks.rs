//! The locks.

use sysv_primitives::{Member, Mutex, Options, Result, RwLock, Status};

use super::{Kind, Release, Wait, any, otherwise};

impl Kind for Mutex<u64> {
    const NAME: &'static str = "mutex";

    fn open_with_another(_: &Options<Self>, _: &str) -> Vec<(&'static str, Result<()>)> {
        Vec::new()
    }

    delegate!(Mutex<u64>, 7);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(Mutex::<u32>::open(name)), any(Mutex::<f64>::open(name)), any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        let lock = Wait {
            name: "lock",
            is_shared: true,
            is_passed_on: true,
            hinder: |mutex: &Self| {
                let guard = mutex.lock().unwrap();
                Box::new(move || drop(guard)) as Release<'_>
            },
            wait: |mutex: &Self| any(mutex.lock()),
        };
        // Each waiter takes one away, so one change lets one of them go on.
        let wait_while = Wait {
            name: "wait_while",
            is_shared: true,
            is_passed_on: true,
            hinder: |mutex: &Self| {
                *mutex.lock().unwrap() = 0;
                Box::new(|| *mutex.lock().unwrap() += 1)
            },
            wait: |mutex: &Self| {
                let mut guard = mutex.lock()?.wait_while(|&left| left == 0)?;
                *guard -= 1;
                drop(guard);
                any(mutex.lock())
            },
        };
        vec![lock, wait_while]
    }
}

impl Kind for RwLock<u64> {
    const NAME: &'static str = "rwlock";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let heavy = options.clone().light_fences(false);
        vec![("light_fences", any(heavy.open(name)))]
    }

    delegate!(RwLock<u64>, 7);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(RwLock::<u32>::open(name)), any(RwLock::<f64>::open(name)), any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "read",
                is_shared: true,
                is_passed_on: true,
                hinder: |lock| {
                    let guard = lock.write().unwrap();
                    Box::new(move || drop(guard))
                },
                wait: |lock| any(lock.read()),
            },
            Wait {
                name: "write, another writes",
                is_shared: true,
                is_passed_on: true,
                hinder: |lock| {
                    let guard = lock.write().unwrap();
                    Box::new(move || drop(guard))
                },
                wait: |lock| any(lock.write()),
            },
            Wait {
                name: "write, another reads",
                is_shared: true,
                is_passed_on: true,
                hinder: |lock| {
                    let guard = lock.read().unwrap();
                    Box::new(move || drop(guard))
                },
                wait: |lock| any(lock.write()),
            },
        ]
    }
}
