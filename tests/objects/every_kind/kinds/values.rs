//! The kinds that hold a value without a lock for the user: the once lock, and the watch.

use std::{sync::mpsc, thread};

use sysv_primitives::{Member, OnceError, OnceLock, Options, Result, Status, Watch};

use super::{Kind, Release, Wait, any, otherwise};

impl Kind for OnceLock<u64> {
    const NAME: &'static str = "once lock";

    fn open_with_another(_: &Options<Self>, _: &str) -> Vec<(&'static str, Result<()>)> {
        Vec::new()
    }

    delegate!(OnceLock<u64>);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(OnceLock::<u32>::open(name)), any(OnceLock::<f64>::open(name)), any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        // All initialisers fail, so that there is something to wait for the next time.
        fn fail(once: &OnceLock<u64>, init: impl FnOnce()) -> Result<()> {
            let failed: std::result::Result<_, OnceError> = once.get_or_try_init(|| {
                init();
                Err(OnceError::WouldBlock)
            });
            match failed {
                Err(OnceError::WouldBlock) => Ok(()),
                other => any(other),
            }
        }
        vec![Wait {
            name: "get_or_try_init",
            is_shared: true,
            is_passed_on: true,
            hinder: |once| {
                let other = OnceLock::<u64>::open(&once.status().unwrap().name).unwrap();
                let (release, released) = mpsc::channel::<()>();
                let (begin, begun) = mpsc::channel();
                let hinders = thread::spawn(move || {
                    fail(&other, || {
                        begin.send(()).unwrap();
                        let _ = released.recv();
                    })
                });
                begun.recv().unwrap();
                Box::new(move || {
                    drop(release);
                    hinders.join().unwrap().unwrap();
                })
            },
            wait: |once| fail(once, || ()),
        }]
    }
}

impl Kind for Watch<u64> {
    const NAME: &'static str = "watch";

    fn open_with_another(_: &Options<Self>, _: &str) -> Vec<(&'static str, Result<()>)> {
        Vec::new()
    }

    delegate!(Watch<u64>, 7);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(Watch::<u32>::open(name)), any(Watch::<f64>::open(name)), any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        /// Another process or thread sets the value meanwhile.
        fn be_setting(watch: &Watch<u64>) -> Release<'_> {
            let other = Watch::<u64>::open(&watch.status().unwrap().name).unwrap();
            let (release, released) = mpsc::channel::<()>();
            let (begin, begun) = mpsc::channel();
            let hinders = thread::spawn(move || {
                other.update(|_| {
                    begin.send(()).unwrap();
                    let _ = released.recv();
                })
            });
            begun.recv().unwrap();
            Box::new(move || {
                drop(release);
                hinders.join().unwrap().unwrap();
            })
        }
        vec![
            Wait {
                name: "changed",
                is_shared: true,
                is_passed_on: false,
                hinder: |watch| Box::new(|| watch.update(|value| *value += 1).unwrap()),
                wait: |watch| any(watch.watcher().changed()),
            },
            Wait {
                name: "wait_for",
                is_shared: true,
                is_passed_on: true,
                hinder: |watch| {
                    watch.set(7).unwrap();
                    Box::new(|| watch.set(8).unwrap())
                },
                wait: |watch| any(watch.wait_for(|value| *value == 8)),
            },
            Wait {
                name: "set",
                is_shared: true,
                is_passed_on: true,
                hinder: be_setting,
                wait: |watch| any(watch.set(8)),
            },
        ]
    }
}
