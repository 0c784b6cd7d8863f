//! The rings.

use std::time::Duration;

use sysv_primitives::{Member, Options, Result, Status, broadcast, mpmc, spsc};

use super::{Kind, Wait, any, otherwise};

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
