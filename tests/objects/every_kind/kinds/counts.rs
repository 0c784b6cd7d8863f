//! The kinds that count: the pool, the rate limiter and the barrier.

use std::time::Duration;

use sysv_primitives::{Barrier, BarrierError, Member, Options, Pool, RateLimiter, Result, Status};

use super::{Kind, Release, Wait, any, otherwise};

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
