//! How soon a lock goes on after its holder was killed, by the memory that the holder had touched.

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use sysv_primitives::Mutex;

use crate::{
    graph::{Curve, Graph},
    harness::{RobustMutex, objects::memory},
    is_quick,
    kill::Death,
    name,
    plot::Role::{Bound, Ours, Rival},
};

const MIB: u64 = 1 << 20;

/// At each size. Each takes seconds for the largest.
const ROUNDS: usize = 3;

/// After that time there are no second rounds any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes, as far as the machine has room for them.
fn sizes() -> Vec<u64> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
    let most = if is_quick() { 16 * MIB } else { kib * 1024 / 3 };
    let sizes = [1, 16, 128, 1024, 4096].map(|size| size * MIB);
    sizes.into_iter().filter(|&size| size <= most.max(MIB)).collect()
}

/// Has the process touch so much memory before it dies.
fn touching<'a>(bytes: u64, hold: &'a dyn Fn()) -> impl Fn() + 'a {
    move || {
        let bytes = usize::try_from(bytes).expect("it is less than what there is");
        // Ones, since the kernel gives zeroes without memory behind them.
        std::mem::forget(black_box(vec![1_u8; bytes]));
        hold();
    }
}

pub(crate) fn measure(title: &'static str) -> Graph {
    let mutex = Mutex::options().remove_on_drop(true).create(&name("memory"), 0_u64).expect("it can be created");
    let shared = memory(4096).expect("memory can be had");
    let robust = RobustMutex::new(&shared, 0);
    let hold = || std::mem::forget(mutex.ignore_poison().lock().expect("it is free"));
    let next = || drop(mutex.ignore_poison().lock().expect("it comes"));
    let hold_robust = || _ = robust.lock();
    let next_robust = || {
        assert!(robust.lock(), "its holder was killed");
        robust.unlock();
    };
    let mut curves = [
        Curve::new("Mutex, locked again", Ours),
        Curve::new("pthread mutex, robust, locked again", Rival),
        Curve::new("until its parent can wait for it", Bound),
    ];
    let begun = Instant::now();
    for bytes in sizes() {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for round in 0..ROUNDS {
            // Each size is measured once at least.
            if round > 0 && begun.elapsed() > PATIENCE {
                break;
            }
            let (locked, ended) = Death::new(&touching(bytes, &hold)).until_both(&next);
            let robust = Death::new(&touching(bytes, &hold_robust)).until(&next_robust);
            times.iter_mut().zip([locked, robust, ended]).for_each(|(times, time)| times.push(time));
        }
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let x = bytes as f64 / MIB as f64;
        curves.iter_mut().zip(&times).for_each(|(curve, times)| curve.add(x, times));
    }
    Graph {
        title,
        axis: "MiB touched",
        about: "A process that holds a lock is killed while another process waits for the lock.".to_owned(),
        limit: "the kernel. A process that ends gives back its memory first (`exit_mm` in `do_exit`), and its semaphores are \
            undone afterwards (`exit_sem`): so all that it takes to give back the memory comes before. The C library's robust \
            list is walked at the begin of `exit_mm`, before the memory. Huge pages \
            (`/sys/kernel/mm/transparent_hugepage`) make it shorter"
            .to_owned(),
        curves: curves.into(),
    }
}
