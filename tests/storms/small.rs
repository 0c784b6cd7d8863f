//! Kill storms over a watch, a once lock, a barrier and a rate limiter: processes are killed, stopped and continued at random.
//!
//! `STORM_KILLS` sets how many are killed. By default 600 at the barrier and 300 at the others.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, Name, child, memory, name, number_from_env, until};
use sysv_primitives::{Barrier, BarrierError, OnceLock, Options, RateLimiter, Watch};

fn options<K>() -> Options<K> {
    Options::new().max_handles(32).open_timeout(Duration::from_millis(300))
}

fn a_moment(most: u64) {
    std::thread::sleep(Duration::from_micros(fastrand::u64(..most)));
}

/// Stops one of them for a moment, now and then.
fn stop_one(crowd: &[Child]) {
    if fastrand::u8(..8) == 0 {
        let stopped = &crowd[fastrand::usize(..crowd.len())];
        stopped.signal(Signal::SIGSTOP);
        a_moment(2000);
        stopped.signal(Signal::SIGCONT);
    }
}

/// Meets the others again and again. Told of a death, it goes on.
fn meet(name: &Name, passed: &AtomicU64, told: &AtomicU64) {
    let barrier = options::<Barrier>().open(name).unwrap();
    loop {
        match barrier.wait_timeout(LONG) {
            Ok(_) => passed.fetch_add(1, SeqCst),
            Err(BarrierError::Broken { member, .. }) => {
                assert!(member.is_some_and(|member| member.pid != std::process::id()), "{member:?}");
                told.fetch_add(1, SeqCst)
            }
            Err(error) => panic!("stuck: {error}"),
        };
    }
}

#[test]
fn a_barrier_in_a_storm() {
    const PROCESSES: u16 = 4;
    let kills = number_from_env("STORM_KILLS", 600);
    let (name, memory) = (name(), memory(16));
    let (passed, told): (&AtomicU64, &AtomicU64) = (memory.view(0).unwrap(), memory.view(8).unwrap());
    let begun = Instant::now();
    drop(options::<Barrier>().create(&name, PROCESSES).unwrap());
    let start = || child(|| meet(&name, passed, told));
    let mut crowd: Vec<Child> = (0..PROCESSES).map(|_| start()).collect();
    for _ in 0..kills {
        a_moment(4000);
        stop_one(&crowd);
        crowd.swap_remove(fastrand::usize(..crowd.len())).kill();
        crowd.push(start());
    }
    let before = passed.load(SeqCst);
    until(|| passed.load(SeqCst) > before + 1000);
    println!("storm: {kills} kills, {passed:?} passed, {told:?} told, in {:.1?}", begun.elapsed());
    assert!(told.load(SeqCst) > 0 || kills < 600);
    crowd.into_iter().for_each(Child::kill);
}

/// Each round has a lock of its own. All initialise, and some are killed before it is set, or just then.
#[test]
fn once_locks_in_a_storm() {
    const RACERS: usize = 5;
    let rounds = number_from_env("STORM_KILLS", 300) / 3;
    let begun = Instant::now();
    let mut anew = 0;
    for _ in 0..rounds {
        let (name, memory) = (name(), memory(4));
        let inits: &AtomicU32 = memory.view(0).unwrap();
        let race = || {
            let once = options::<OnceLock<[u64; 64]>>().open_or_create(&name).unwrap();
            let init = || {
                inits.fetch_add(1, SeqCst);
                a_moment(3000);
                [u64::from(std::process::id()); 64]
            };
            let value = once.get_or_init_timeout(LONG, init).expect("it is not stuck");
            assert!(value.iter().all(|&number| number == value[0] && number != 0), "half a value");
        };
        let mut crowd: Vec<Child> = (0..RACERS).map(|_| child(race)).collect();
        for _ in 0..3 {
            a_moment(2000);
            stop_one(&crowd);
            crowd.swap_remove(fastrand::usize(..crowd.len())).kill_unless_done();
        }
        crowd.into_iter().for_each(Child::join);
        let once = OnceLock::<[u64; 64]>::open(&name).unwrap();
        assert!(once.get().is_some() && inits.load(SeqCst) >= 1);
        anew += inits.load(SeqCst) - 1;
    }
    println!("storm: {rounds} values, {anew} begun anew, in {:.1?}", begun.elapsed());
}

/// Setters, readers and waiters are killed and stopped. Each reader finds a whole value, and no version is lost.
#[test]
fn a_watch_in_a_storm() {
    const WORDS: usize = 40;
    type Value = [u64; WORDS];
    let kills = number_from_env("STORM_KILLS", 300);
    let (name, memory) = (name(), memory(24));
    let counts: &[AtomicU64] = memory.slice(0, 3).unwrap();
    let begun = Instant::now();
    let watch = options::<Watch<Value>>().create(&name, [0; WORDS]).unwrap();
    let assert_whole = |value: &Value| assert!(value.iter().all(|&word| word == value[0]), "half a value");
    let part = |part: usize| {
        let watch = options::<Watch<Value>>().open(&name).unwrap();
        let mut watcher = watch.watcher();
        loop {
            match part {
                0 => watch.update(|value| *value = [value[0] + 1; WORDS]).unwrap(),
                1 => assert_whole(&watch.get().unwrap()),
                _ => {
                    let before = watcher.seen();
                    watcher.changed_timeout(LONG).expect("it is told");
                    let value = watcher.get().unwrap();
                    assert_whole(&value);
                    assert!(watcher.seen() > before && value[0] == watcher.seen(), "each version is the next number");
                }
            }
            counts[part].fetch_add(1, SeqCst);
            a_moment(200);
        }
    };
    let start = |number: usize| child(move || part(number % 3));
    let mut crowd: Vec<Child> = (0..6).map(start).collect();
    for _ in 0..kills {
        a_moment(3000);
        stop_one(&crowd);
        let victim = fastrand::usize(..crowd.len());
        std::mem::replace(&mut crowd[victim], start(victim)).kill();
    }
    let before: Vec<u64> = counts.iter().map(|count| count.load(SeqCst)).collect();
    until(|| counts.iter().zip(&before).all(|(count, before)| count.load(SeqCst) > before + 100));
    crowd.into_iter().for_each(Child::kill);
    println!("storm: {kills} kills, {} versions, in {:.1?}", watch.version(), begun.elapsed());
    watch.update_timeout(LONG, |value| value[0] += 1).expect("it is not stuck");
}

/// However many are killed, no more is given out than the rate allows, and not much less.
#[test]
fn a_rate_limiter_in_a_storm() {
    const PROCESSES: usize = 6;
    const RATE: u32 = 2000;
    let kills = number_from_env("STORM_KILLS", 300);
    let (name, memory) = (name(), memory(8));
    let given: &AtomicU64 = memory.view(0).unwrap();
    let limiter = options::<RateLimiter>().burst(20).create(&name, RATE, Duration::from_secs(1)).unwrap();
    let begun = Instant::now();
    let take = || {
        let limiter = options::<RateLimiter>().open(&name).unwrap();
        loop {
            let permits = fastrand::u32(1..4);
            limiter.acquire(permits).unwrap();
            given.fetch_add(permits.into(), SeqCst);
        }
    };
    let mut crowd: Vec<Child> = (0..PROCESSES).map(|_| child(take)).collect();
    for _ in 0..kills {
        a_moment(3000);
        stop_one(&crowd);
        crowd.swap_remove(fastrand::usize(..crowd.len())).kill();
        crowd.push(child(take));
    }
    crowd.into_iter().for_each(Child::kill);
    let most = 20.0 + begun.elapsed().as_secs_f64() * f64::from(RATE);
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let share = given.load(SeqCst) as f64 / most;
    println!("storm: {kills} kills, {:.0} % of the rate, in {:.1?}", share * 100.0, begun.elapsed());
    assert!(share <= 1.0, "more than the rate");
    limiter.acquire_timeout(20, LONG).expect("it is not stuck");
}
