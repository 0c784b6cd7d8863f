//! What the tests must know of each kind of object.
#![allow(unreachable_pub, reason = "it is another module of the tests")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Channel, Error, Member, Mutex, Options, Pool, Request, Result, Route, Status, messages, mpmc, spsc,
};

/// Lets one who waits go on.
pub type Release<'a> = Box<dyn FnOnce() + 'a>;

/// A way to wait.
pub struct Wait<T> {
    pub name: &'static str,
    /// Whether several can wait so at once.
    pub is_shared: bool,
    /// Whether a wake-up passes on from who dies with it; others have something in hand with it.
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
            options.create(name $(, $argument)*)
        }

        fn open(options: &Options<Self>, name: &str) -> Result<Self> {
            options.open(name)
        }

        fn open_or_create(options: &Options<Self>, name: &str) -> Result<Self> {
            options.open_or_create(name $(, $argument)*)
        }

        fn unlink(name: &str) -> Result<()> {
            <$type>::unlink(name)
        }

        fn remove(&self) -> Result<()> {
            <$type>::remove(self)
        }

        fn members(&self) -> Result<Vec<Member>> {
            <$type>::members(self)
        }

        fn status(&self) -> Result<Status> {
            <$type>::status(self)
        }
    };
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
        vec![
            Mutex::<u32>::open(name).map(drop),
            Mutex::<f64>::open(name).map(drop),
            otherwise::<Self>().open(name).map(drop),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![Wait {
            name: "lock",
            is_shared: true,
            is_passed_on: true,
            hinder: |mutex| {
                let guard = mutex.lock().unwrap();
                Box::new(move || drop(guard))
            },
            wait: |mutex| mutex.lock().map(drop).map_err(Error::from),
        }]
    }
}

impl Kind for Pool {
    const NAME: &'static str = "pool";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        vec![
            ("permits", options.clone().capacity(2).open_or_create(name, 1).map(drop)),
            ("capacity", options.clone().capacity(3).open_or_create(name, 2).map(drop)),
        ]
    }

    delegate!(Pool, 2);

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![otherwise::<Self>().open(name).map(drop)]
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
                wait: |pool| pool.acquire().map(drop),
            },
            Wait {
                name: "acquire_many",
                is_shared: true,
                is_passed_on: true,
                hinder: take_all,
                wait: |pool| pool.acquire_many(2).map(drop),
            },
        ]
    }
}

impl Kind for spsc::Ring<u64> {
    const NAME: &'static str = "spsc ring";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let heavy = options.clone().light_fences(false);
        vec![("capacity", options.open_or_create(name, 3).map(drop)), ("light_fences", heavy.open(name).map(drop))]
    }

    delegate!(spsc::Ring<u64>, 2);

    fn empty(&self) {
        let mut consumer = self.consumer().unwrap();
        while consumer.try_pop().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![
            spsc::Ring::<u32>::open(name).map(drop),
            spsc::Ring::<f64>::open(name).map(drop),
            otherwise::<Self>().open(name).map(drop),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "pop",
                is_shared: false,
                is_passed_on: true,
                hinder: |ring| Box::new(|| ring.producer().unwrap().push(1).unwrap()),
                wait: |ring| ring.consumer()?.pop().map(drop),
            },
            Wait {
                name: "push",
                is_shared: false,
                is_passed_on: true,
                hinder: |ring| {
                    assert_eq!(ring.producer().unwrap().push_slice(&[1; 2]).unwrap(), 2);
                    Box::new(|| assert_eq!(ring.consumer().unwrap().pop().unwrap(), 1))
                },
                wait: |ring| ring.producer()?.push(1).map_err(|refused| refused.error),
            },
            Wait {
                name: "producer_timeout",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    let producer = ring.producer().unwrap();
                    Box::new(move || drop(producer))
                },
                wait: |ring| ring.producer_timeout(Duration::MAX).map(drop),
            },
            Wait {
                name: "consumer_timeout",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    let consumer = ring.consumer().unwrap();
                    Box::new(move || drop(consumer))
                },
                wait: |ring| ring.consumer_timeout(Duration::MAX).map(drop),
            },
        ]
    }
}

impl Kind for mpmc::Ring<u64> {
    const NAME: &'static str = "mpmc ring";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let heavy = options.clone().light_fences(false);
        vec![("capacity", options.open_or_create(name, 3).map(drop)), ("light_fences", heavy.open(name).map(drop))]
    }

    delegate!(mpmc::Ring<u64>, 2);

    fn empty(&self) {
        let consumer = self.consumer().unwrap();
        while consumer.try_pop().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![
            mpmc::Ring::<u32>::open(name).map(drop),
            mpmc::Ring::<f64>::open(name).map(drop),
            otherwise::<Self>().open(name).map(drop),
        ]
    }

    fn waits() -> Vec<Wait<Self>> {
        vec![
            Wait {
                name: "pop",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| Box::new(|| ring.producer().unwrap().push(1).unwrap()),
                wait: |ring| ring.consumer()?.pop().map(drop),
            },
            Wait {
                name: "push",
                is_shared: true,
                is_passed_on: true,
                hinder: |ring| {
                    assert_eq!(ring.producer().unwrap().push_slice(&[1; 2]).unwrap(), 2);
                    Box::new(|| assert_eq!(ring.consumer().unwrap().pop().unwrap(), 1))
                },
                wait: |ring| ring.producer()?.push(1).map_err(|refused| refused.error),
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
        vec![("max_message_size", smaller.open(name).map(drop))]
    }

    delegate!(Channel);

    fn empty(&self) {
        while self.try_recv_any().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![otherwise::<Self>().open(name).map(drop)]
    }

    fn waits() -> Vec<Wait<Self>> {
        fn send_later(channel: &Channel) -> Release<'_> {
            Box::new(|| channel.send(&Text("short".into())).unwrap())
        }
        vec![
            Wait {
                name: "recv",
                is_shared: true,
                is_passed_on: false,
                hinder: send_later,
                wait: |channel| channel.recv::<Text>().map(drop),
            },
            Wait {
                name: "Receiver::recv",
                is_shared: true,
                is_passed_on: true,
                hinder: send_later,
                wait: |channel| channel.receiver()?.recv::<Text>().map(drop),
            },
            Wait {
                name: "call",
                is_shared: true,
                is_passed_on: false,
                hinder: |channel| {
                    // All of them: the first may be a dead one's, whose answer goes nowhere.
                    Box::new(|| {
                        while let Ok(asked) = channel.try_recv_request::<Double>() {
                            let double = asked.0 * 2;
                            asked.respond(&double).unwrap();
                        }
                    })
                },
                wait: |channel| channel.call(&Double(4)).map(|double| assert_eq!(double, 8)),
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
                wait: |channel| channel.send(&Text("x".repeat(1000))),
            },
        ]
    }
}
