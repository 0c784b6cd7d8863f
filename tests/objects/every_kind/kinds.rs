//! What the tests must know of each kind of object.
#![allow(unreachable_pub, reason = "it is another module of the tests")]

use std::{sync::mpsc, thread, time::Duration};

use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Barrier, BarrierError, Channel, Error, Member, Mutex, OnceError, OnceLock, Options, Pool, RateLimiter, Request,
    Result, Route, RwLock, Status, Watch, broadcast, messages, mpmc, spsc,
};

/// Lets one waiter go on.
pub type Release<'a> = Box<dyn FnOnce() + 'a>;

/// A way to wait.
pub struct Wait<T> {
    pub name: &'static str,
    /// Whether several can wait so at once.
    pub is_shared: bool,
    /// Whether a wake-up passes on from a waiter that dies with it. With other kinds it has claimed something as well.
    pub is_passed_on: bool,
    /// Sees to it that one has to wait.
    pub hinder: for<'a> fn(&'a T) -> Release<'a>,
    /// Waits without a deadline.
    pub wait: fn(&T) -> Result<()>,
}

/// A kind of named object.
pub trait Kind: Sized + 'static {
    /// What errors call it.
    const NAME: &'static str;

    fn create(options: &Options<Self>, name: &str) -> Result<Self>;
    fn open(options: &Options<Self>, name: &str) -> Result<Self>;
    fn open_or_create(options: &Options<Self>, name: &str) -> Result<Self>;
    fn unlink(name: &str) -> Result<()>;
    fn remove(&self) -> Result<()>;
    fn members(&self) -> Result<Vec<Member>>;
    fn status(&self) -> Result<Status>;

    /// Takes out what the waits left in it.
    fn empty(&self) {}

    /// What comes of opening it as what it is not.
    fn open_otherwise(name: &str) -> Vec<Result<()>>;

    /// What comes of opening it with one option of this kind that it was not made with, and which option that is.
    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)>;

    /// All ways to wait.
    fn waits() -> Vec<Wait<Self>>;
}

/// What all have under the same names.
macro_rules! delegate {
    ($type:ty $(, $argument:expr)*) => {
        fn create(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.create(name $(, $argument)*)?)
        }

        fn open(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.open(name)?)
        }

        fn open_or_create(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.open_or_create(name $(, $argument)*)?)
        }

        fn unlink(name: &str) -> Result<()> {
            Ok(<$type>::unlink(name)?)
        }

        fn remove(&self) -> Result<()> {
            Ok(<$type>::remove(self)?)
        }

        fn members(&self) -> Result<Vec<Member>> {
            Ok(<$type>::members(self)?)
        }

        fn status(&self) -> Result<Status> {
            Ok(<$type>::status(self)?)
        }
    };
}

/// Any error, of whatever family.
fn any<T, E: Into<Error>>(result: std::result::Result<T, E>) -> Result<()> {
    result.map(drop).map_err(E::into)
}

fn otherwise<K>() -> Options<K> {
    Options::new().schema(1)
}

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

impl Kind for Pool {
    const NAME: &'static str = "pool";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        vec![
            ("permits", any(options.clone().capacity(2).open_or_create(name, 1))),
            ("capacity", any(options.clone().capacity(3).open_or_create(name, 2))),
        ]
    }

    delegate!(Pool, 2);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        fn take_all(pool: &Pool) -> Release<'_> {
            let all = pool.acquire_many(2).unwrap();
            Box::new(move || drop(all))
        }
        vec![
            Wait {
                name: "acquire",
                is_shared: true,
                is_passed_on: true,
                hinder: take_all,
                wait: |pool| any(pool.acquire()),
            },
            Wait {
                name: "acquire_many",
                is_shared: true,
                is_passed_on: true,
                hinder: take_all,
                wait: |pool| any(pool.acquire_many(2)),
            },
        ]
    }
}

/// How long a permit of the limiter takes.
const PER: Duration = Duration::from_secs(1);

impl Kind for RateLimiter {
    const NAME: &'static str = "rate limiter";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        vec![
            ("permits", any(options.clone().burst(1).open_or_create(name, 2, PER))),
            ("nanoseconds", any(options.open_or_create(name, 1, PER * 2))),
            ("burst", any(options.clone().burst(2).open_or_create(name, 1, PER))),
        ]
    }

    delegate!(RateLimiter, 1, PER);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![Wait {
            name: "acquire",
            is_shared: true,
            is_passed_on: true,
            hinder: |limiter| {
                limiter.acquire(1).unwrap();
                Box::new(|| ())
            },
            wait: |limiter| any(limiter.acquire(1)),
        }]
    }
}

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

impl Kind for Barrier {
    const NAME: &'static str = "barrier";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        vec![("participants", any(options.open_or_create(name, 3)))]
    }

    delegate!(Barrier, 2);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        /// Two that are left after a death meet in the next generation.
        fn wait(barrier: &Barrier) -> Result<()> {
            loop {
                match barrier.wait() {
                    Err(BarrierError::Broken { .. }) => {}
                    other => return any(other),
                }
            }
        }
        vec![Wait {
            name: "wait",
            is_shared: false,
            is_passed_on: false,
            hinder: |barrier| Box::new(|| wait(barrier).unwrap()),
            wait,
        }]
    }
}

impl Kind for spsc::Ring<u64> {
    const NAME: &'static str = "spsc ring";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let heavy = options.clone().light_fences(false);
        vec![("capacity", any(options.open_or_create(name, 3))), ("light_fences", any(heavy.open(name)))]
    }

    delegate!(spsc::Ring<u64>, 2);

    fn empty(&self) {
        let mut consumer = self.consumer().unwrap();
        while consumer.try_pop().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![
            any(spsc::Ring::<u32>::open(name)),
            any(spsc::Ring::<f64>::open(name)),
            any(otherwise::<Self>().open(name)),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "pop",
                is_shared: false,
                is_passed_on: true,
                hinder: |ring| Box::new(|| ring.producer().unwrap().push(1).unwrap()),
                wait: |ring| any(ring.consumer()?.pop()),
            },
            Wait {
                name: "push",
                is_shared: false,
                is_passed_on: true,
                hinder: |ring| {
                    assert_eq!(ring.producer().unwrap().push_slice(&[1; 2]).unwrap(), 2);
                    Box::new(|| assert_eq!(ring.consumer().unwrap().pop().unwrap(), 1))
                },
                wait: |ring| any(ring.producer()?.push(1)),
            },
            Wait {
                name: "producer_timeout",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    let producer = ring.producer().unwrap();
                    Box::new(move || drop(producer))
                },
                wait: |ring| any(ring.producer_timeout(Duration::MAX)),
            },
            Wait {
                name: "consumer_timeout",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    let consumer = ring.consumer().unwrap();
                    Box::new(move || drop(consumer))
                },
                wait: |ring| any(ring.consumer_timeout(Duration::MAX)),
            },
        ]
    }
}

impl Kind for mpmc::Ring<u64> {
    const NAME: &'static str = "mpmc ring";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let heavy = options.clone().light_fences(false);
        vec![("capacity", any(options.open_or_create(name, 3))), ("light_fences", any(heavy.open(name)))]
    }

    delegate!(mpmc::Ring<u64>, 2);

    fn empty(&self) {
        let consumer = self.consumer().unwrap();
        while consumer.try_pop().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![
            any(mpmc::Ring::<u32>::open(name)),
            any(mpmc::Ring::<f64>::open(name)),
            any(otherwise::<Self>().open(name)),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "pop",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| Box::new(|| ring.producer().unwrap().push(1).unwrap()),
                wait: |ring| any(ring.consumer()?.pop()),
            },
            Wait {
                name: "push",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    assert_eq!(ring.producer().unwrap().push_slice(&[1; 2]).unwrap(), 2);
                    Box::new(|| assert_eq!(ring.consumer().unwrap().pop().unwrap(), 1))
                },
                wait: |ring| any(ring.producer()?.push(1)),
            },
        ]
    }
}

impl Kind for broadcast::Ring<u64> {
    const NAME: &'static str = "broadcast ring";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let (heavy, lagging) = (options.clone().light_fences(false), options.clone().lagging(true));
        vec![
            ("capacity", any(options.open_or_create(name, 3))),
            ("light_fences", any(heavy.open(name))),
            ("lagging", any(lagging.open(name))),
        ]
    }

    delegate!(broadcast::Ring<u64>, 2);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![
            any(broadcast::Ring::<u32>::open(name)),
            any(broadcast::Ring::<f64>::open(name)),
            any(otherwise::<Self>().open(name)),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "pop",
                is_shared: true,
                is_passed_on: false,
                hinder: |ring| Box::new(|| ring.producer().unwrap().push(1).unwrap()),
                wait: |ring| any(ring.subscriber()?.pop()),
            },
            Wait {
                name: "push",
                is_shared: false,
                is_passed_on: true,
                hinder: |ring| {
                    let mut slow = ring.subscriber().unwrap();
                    assert_eq!(ring.producer().unwrap().push_slice(&[1; 2]).unwrap(), 2);
                    Box::new(move || assert_eq!(slow.pop().unwrap(), 1))
                },
                wait: |ring| any(ring.producer()?.push(1)),
            },
            Wait {
                name: "producer_timeout",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    let producer = ring.producer().unwrap();
                    Box::new(move || drop(producer))
                },
                wait: |ring| any(ring.producer_timeout(Duration::MAX)),
            },
        ]
    }
}

#[derive(Serialize, Deserialize)]
pub struct Text(String);
#[derive(Serialize, Deserialize)]
pub struct Double(u64);

messages! { 1 => Text; 2 => Double }

impl Request for Double {
    type Response = u64;
}

impl Kind for Channel {
    const NAME: &'static str = "channel";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let smaller = options.clone().max_message_size(10_000);
        let fewer = options.clone().capacity(10);
        let routes = options.clone().max_routes(3);
        vec![
            ("max_message_size", any(smaller.open(name))),
            ("capacity", any(fewer.open(name))),
            ("max_routes", any(routes.open(name))),
        ]
    }

    delegate!(Channel);

    fn empty(&self) {
        while self.try_recv_any().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        fn send_later(channel: &Channel) -> Release<'_> {
            Box::new(|| channel.send(&Text("short".into())).unwrap())
        }
        vec![
            Wait {
                name: "recv",
                is_shared: true,
                is_passed_on: true,
                hinder: send_later,
                wait: |channel| any(channel.recv::<Text>()),
            },
            Wait {
                name: "Receiver::recv",
                is_shared: true,
                is_passed_on: true,
                hinder: send_later,
                wait: |channel| any(channel.receiver::<Text>()?.recv()),
            },
            Wait {
                name: "call",
                is_shared: true,
                is_passed_on: false,
                hinder: |channel| {
                    // All of them: the first may be from a dead caller, and its answer goes nowhere.
                    Box::new(|| {
                        while let Ok(asked) = channel.try_recv_request::<Double>() {
                            let double = asked.0 * 2;
                            asked.respond(&double).unwrap();
                        }
                    })
                },
                wait: |channel| any(channel.call(&Double(4)).map(|double| assert_eq!(double, 8))),
            },
            Wait {
                name: "send",
                is_shared: true,
                is_passed_on: false,
                hinder: |channel| {
                    let route = Route::new(9);
                    while channel.try_send_raw(route, &[0; 1000]).is_ok() {}
                    Box::new(move || while channel.try_recv_raw(route).is_ok() {})
                },
                wait: |channel| any(channel.send(&Text("x".repeat(1000)))),
            },
        ]
    }
}
