//! Killed right after it took a wake-up, and before it did anything with it: the next one goes on all the same.

use super::*;
use support::step::{Victim, mark};

fn woken_and_killed<K: Kind>() {
    for wait in K::waits().into_iter().filter(|wait| wait.is_passed_on) {
        let name = name();
        let object: K = create(&name);
        let release = (wait.hinder)(&object);
        let victim = Victim::start(|| {
            let object: K = open(&name);
            mark();
            let _ = (wait.wait)(&object);
        });
        // It is the first in the kernel's line.
        let victim = victim.until_asleep();
        let beside = wait.is_shared.then(|| start(&name, &wait));
        release();
        victim.until_woken();
        drop(victim);
        beside.unwrap_or_else(|| start_at_once(&name, &wait)).join();
    }
}

/// Starts a process that need not wait any more.
fn start_at_once<K: Kind>(name: &str, wait: &Wait<K>) -> Child {
    child(|| (wait.wait)(&open(name)).unwrap_or_else(|error| panic!("{}: {error}", wait.name)))
}

#[test]
fn mutex() {
    woken_and_killed::<Mutex<u64>>();
}

#[test]
fn rwlock() {
    woken_and_killed::<RwLock<u64>>();
}

#[test]
fn pool() {
    woken_and_killed::<Pool>();
}

#[test]
fn rate_limiter() {
    woken_and_killed::<RateLimiter>();
}

#[test]
fn once_lock() {
    woken_and_killed::<OnceLock<u64>>();
}

#[test]
fn watch() {
    woken_and_killed::<Watch<u64>>();
}

#[test]
fn spsc_ring() {
    woken_and_killed::<spsc::Ring<u64>>();
}

#[test]
fn mpmc_ring() {
    woken_and_killed::<mpmc::Ring<u64>>();
}

#[test]
fn broadcast_ring() {
    woken_and_killed::<broadcast::Ring<u64>>();
}

#[test]
fn channel() {
    woken_and_killed::<Channel>();
}
