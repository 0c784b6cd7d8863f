//! What the tests stand on: the watchdog distinguishes a hang from a slow machine.
//!
//! There is one test in this program: another one would count as activity.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "a process is given the lowest priority")]

use std::{thread, time::Duration};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use support::{Child, child, hold_for_ever, prompt::stop, skip, watchdog::activity};

const A_WHILE: Duration = Duration::from_millis(400);

/// Returns whether a process or a descendant ran, or waited for a processor, in a while.
fn is_busy(process: u32) -> bool {
    let before = activity(process);
    thread::sleep(A_WHILE);
    before != activity(process)
}

fn spin(priority: libc::c_int) -> Child {
    child(move || {
        let mut first = CpuSet::new();
        first.set(0).unwrap();
        // Where a sandbox forbids it, both share what there is.
        let _ = sched_setaffinity(Pid::from_raw(0), &first);
        let zero = libc::sched_param { sched_priority: 0 };
        // SAFETY: the structure is valid.
        assert_eq!(unsafe { libc::sched_setscheduler(0, priority, &raw const zero) }, 0);
        loop {
            std::hint::spin_loop();
        }
    })
}

/// Nothing is busy while all processes sleep. A process that is starved is busy, as one that runs.
#[test]
fn case_c23_a_starved_process_is_no_hang() {
    let this = std::process::id();
    if activity(this).is_none() {
        return skip("this kernel does not count how long a thread ran");
    }
    let sleeper = child(|| hold_for_ever());
    sleeper.until_asleep();
    assert!(!is_busy(this), "a process that sleeps is idle");

    // Both want one processor, and one of them gets next to nothing of it.
    let (hog, starved) = (spin(libc::SCHED_OTHER), spin(libc::SCHED_IDLE));
    thread::sleep(A_WHILE);
    for _ in 0..3 {
        assert!(is_busy(starved.id()), "a process that waits for a processor is busy");
        assert!(is_busy(this), "and so is the program that started it");
    }
    hog.kill();
    assert!(is_busy(starved.id()), "a process that runs is busy");
    stop(&starved);
    thread::sleep(A_WHILE);
    assert!(!is_busy(this), "a process that is stopped is idle");
    starved.kill();
}
