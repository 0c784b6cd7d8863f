//! Kill storms: processes with futures and processes that block use the same mutex, pool and ring, and are killed at random.
//!
//! `STORM_KILLS` sets how many are killed: a tenth of that, 200 by default.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_ipc::SharedMemory;
use sysv_primitives::{LockError, Mutex, MutexGuard, Options, Pool, mpmc};

const PROCESSES: usize = 6;
/// The tasks of each process with futures.
const TASKS: usize = 4;

fn options<K>() -> Options<K> {
    Options::new().max_handles(32).open_timeout(Duration::from_millis(300))
}

/// What all processes see.
struct Ledger<'a> {
    done: &'a AtomicU64,
    /// The worker that is inside, plus one. A worker that is killed may stay there.
    inside: &'a AtomicU32,
    /// By worker: 1 from before its kill.
    doomed: &'a [AtomicU32],
}

impl<'a> Ledger<'a> {
    fn of(memory: &'a SharedMemory, workers: usize) -> Self {
        Self {
            done: memory.view(0).expect("it fits"),
            inside: memory.view(8).expect("it fits"),
            doomed: memory.slice(64, workers).expect("it fits"),
        }
    }

    fn visit(&self, me: u32, guard: MutexGuard<'_, [u64; 2]>) {
        let mut guard = guard;
        let former = self.inside.swap(me + 1, SeqCst);
        let was_killed = former != 0 && self.doomed[former as usize - 1].load(SeqCst) == 1;
        assert!(former == 0 || was_killed, "{former} and {me} have the lock");
        guard[0] += 1;
        (0..fastrand::u32(..2000)).for_each(|_| std::hint::spin_loop());
        guard[1] += 1;
        self.inside.store(0, SeqCst);
        self.done.fetch_add(1, SeqCst);
    }
}

struct Objects {
    mutex: Mutex<[u64; 2]>,
    pool: Pool,
    producer: mpmc::Producer<u32>,
    consumer: mpmc::Consumer<u32>,
}

impl Objects {
    fn open(name: &str) -> Self {
        let ring = options::<mpmc::Ring<u32>>().open_or_create(name, 4096).expect("it can be opened");
        Self {
            mutex: options::<Mutex<_>>().open_or_create(name, [0; 2]).expect("it can be opened"),
            pool: options::<Pool>().open_or_create(name, 3).expect("it can be opened"),
            producer: ring.producer().expect("it can be made"),
            consumer: ring.consumer().expect("it can be made"),
        }
    }

    /// Mends what a dead holder left.
    fn mend(&self) {
        let mut guard = self.mutex.ignore_poison().lock_timeout(LONG).expect("no wake-up is lost");
        guard[1] = guard[0];
        self.mutex.clear_poison();
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    within(LONG, future).await.expect("no wake-up is lost")
}

/// Drops the future after some time.
async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let late = async {
        smol::Timer::after(time).await;
        None
    };
    smol::future::or(async { Some(future.await) }, late).await
}

/// Works by futures, some of which are dropped, until it is killed.
async fn work(objects: &Objects, ledger: &Ledger<'_>, me: u32) {
    loop {
        match fastrand::u8(..6) {
            0 => drop(in_time(objects.pool.acquire_many_async(2)).await.expect("it is there")),
            1 => drop(in_time(objects.pool.acquire_async()).await.expect("it is there")),
            2 => {
                in_time(objects.producer.push_async(7)).await.expect("it is there");
                assert_eq!(in_time(objects.consumer.pop_async()).await.expect("it is there"), 7);
            }
            3 => {
                let soon = Duration::from_micros(fastrand::u64(..300));
                drop(within(soon, objects.mutex.lock_async()).await);
                drop(within(soon, objects.pool.acquire_many_async(3)).await);
            }
            _ => match in_time(objects.mutex.lock_async()).await {
                Ok(guard) => ledger.visit(me, guard),
                Err(LockError::Poisoned { .. }) => objects.mend(),
                Err(error) => panic!("{error}"),
            },
        }
    }
}

/// Works by calls that block, until it is killed.
fn work_blocking(objects: &Objects, ledger: &Ledger<'_>, me: u32) {
    loop {
        match fastrand::u8(..5) {
            0 => drop(objects.pool.acquire_many_timeout(2, LONG).expect("no wake-up is lost")),
            1 => drop(objects.pool.acquire_timeout(LONG).expect("no wake-up is lost")),
            2 => {
                objects.producer.push_timeout(7, LONG).expect("no wake-up is lost");
                assert_eq!(objects.consumer.pop_timeout(LONG).expect("no wake-up is lost"), 7);
            }
            _ => match objects.mutex.lock_timeout(LONG) {
                Ok(guard) => ledger.visit(me, guard),
                Err(LockError::Poisoned { .. }) => objects.mend(),
                Err(error) => panic!("{error}"),
            },
        }
    }
}

fn worker(name: &str, ledger: &Ledger<'_>, me: u32) -> Child {
    child(|| {
        let objects = Objects::open(name);
        if me.is_multiple_of(2) {
            return work_blocking(&objects, ledger, me);
        }
        let executor = smol::Executor::new();
        let _tasks: Vec<_> = (0..TASKS).map(|_| executor.spawn(work(&objects, ledger, me))).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| smol::block_on(executor.run(smol::future::pending::<()>())));
            smol::block_on(executor.run(smol::future::pending::<()>()));
        });
    })
}

#[test]
fn processes_with_futures_and_processes_that_block() {
    let kills = usize::try_from(number_from_env("STORM_KILLS", 2000) / 10).unwrap();
    let workers = kills + PROCESSES;
    let name = name();
    let memory = memory(64 + 4 * workers);
    let ledger = Ledger::of(&memory, workers);
    let objects = Objects::open(&name);
    let mut alive: Vec<(u32, Child)> = Vec::new();
    let (begun, mut next) = (Instant::now(), 0);
    for _ in 0..kills {
        while alive.len() < PROCESSES {
            alive.push((next, worker(&name, &ledger, next)));
            next += 1;
        }
        std::thread::sleep(Duration::from_micros(fastrand::u64(..8000)));
        let (number, victim) = alive.swap_remove(fastrand::usize(..alive.len()));
        if fastrand::u8(..4) == 0 {
            victim.signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_millis(fastrand::u64(..15)));
            victim.signal(Signal::SIGCONT);
        }
        ledger.doomed[number as usize].store(1, SeqCst);
        victim.kill();
    }
    println!("{} visits beside {kills} kills in {:?}", ledger.done.load(SeqCst), begun.elapsed());
    alive.iter().for_each(|(number, _)| ledger.doomed[*number as usize].store(1, SeqCst));
    alive.into_iter().for_each(|(_, worker)| worker.kill());
    // All comes back.
    drop(objects.pool.acquire_many_timeout(3, LONG).expect("no permit is lost"));
    match objects.mutex.lock_timeout(LONG) {
        Ok(guard) => assert_eq!(guard[0], guard[1]),
        Err(LockError::Poisoned { .. }) => objects.mend(),
        Err(error) => panic!("{error}"),
    }
}
