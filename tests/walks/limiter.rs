//! A caller of a rate limiter is killed, or stopped, at each instruction: at most what it took is taken.

use std::time::Duration;

use support::{
    name,
    step::{Victim, every_instruction, instructions_of_one_of_many, mark},
};
use sysv_primitives::{Options, PoolError, RateLimiter};

use super::held_up::{Tally, stop};

const HOUR: Duration = Duration::from_secs(3600);
const SLOTS: u32 = 4;

fn options() -> Options<RateLimiter> {
    RateLimiter::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

/// After a kill the limiter can be opened by as many as before, and gives out what is left.
fn survey(name: &str, available: &[u32]) {
    let members: Vec<_> = (0..SLOTS).map(|_| options().open_or_create(name, 1_000_000, HOUR).unwrap()).collect();
    let found = members[0].available();
    assert!(available.contains(&found), "{found} are left");
    members.iter().for_each(|limiter| drop(limiter.try_acquire(found / SLOTS)));
}

#[test]
fn limiter_open_or_create_every_instruction() {
    instructions_of_one_of_many("limiter.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _limiter = options().open_or_create(&name, 1_000_000, HOUR).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name, &[1_000_000]);
        walk
    });
}

fn caller(name: &str, call: impl Fn(&RateLimiter)) -> Victim {
    Victim::start(|| {
        let limiter = options().open(name).unwrap();
        mark();
        call(&limiter);
        mark();
    })
}

#[test]
fn limiter_try_acquire_every_instruction() {
    every_instruction("limiter.try_acquire", |steps| {
        let name = name();
        let limiter = options().create(&name, 1_000_000, HOUR).unwrap();
        let walk = caller(&name, |limiter| limiter.try_acquire(1000).unwrap()).walk(steps);
        assert_eq!(limiter.members().unwrap().len(), 1);
        drop(limiter);
        // A permit comes each 3.6 milliseconds.
        let full = (1_000_000 - 100..=1_000_000).collect::<Vec<_>>();
        let taken = full.iter().map(|number| number - 1000 + 100);
        survey(&name, &[full.clone(), taken.clone().collect(), taken.map(|number| number - 100).collect()].concat());
        walk
    });
}

/// It has to wait, and has taken nothing while it does.
#[test]
fn limiter_acquire_every_instruction() {
    every_instruction("limiter.acquire, none is available", |steps| {
        let name = name();
        let limiter = options().create(&name, 4, HOUR).unwrap();
        limiter.acquire(4).unwrap();
        let before = limiter.time_until(1).unwrap();
        let victim = caller(&name, |limiter| {
            let timed_out = limiter.acquire_timeout(1, Duration::from_millis(2));
            assert!(matches!(timed_out, Err(PoolError::TimedOut)));
        });
        let walk = victim.walk(steps);
        assert!(limiter.time_until(1).unwrap() <= before);
        walk
    });
}

#[test]
fn a_caller_that_is_stopped_holds_up_no_other() {
    let (other, after) = <(Tally, Tally)>::default();
    for wanted in [1, 3] {
        every_instruction(&format!("limiter.acquire({wanted}), others acquire"), |steps| {
            let name = name();
            let limiter = options().create(&name, 4, HOUR).unwrap();
            limiter.acquire(2).unwrap();
            let victim = caller(&name, |limiter| drop(limiter.acquire_timeout(wanted, Duration::from_millis(1))));
            stop(victim, steps, || {
                other.count(limiter.try_acquire(1).is_ok());
                after.count(limiter.time_until(4).unwrap() <= HOUR);
            })
        });
    }
    other.assert_never("another permit");
    after.assert_never("the permits to come");
}

/// One call takes one clock and one atomic change, where nothing else happens.
#[cfg(target_arch = "x86_64")]
#[test]
fn try_acquire_changes_one_word() {
    let name = name();
    let limiter = options().create(&name, 1000, HOUR).unwrap();
    let nothing = caller(&name, |_| {}).count_public();
    let changes = caller(&name, |limiter| limiter.try_acquire(1).unwrap()).count_public() - nothing;
    println!("{changes} atomic changes and system calls");
    // One change, and where the clock has to be asked for, one call.
    assert!((1..=2).contains(&changes), "{changes} atomic changes and system calls");
    drop(limiter);
}
