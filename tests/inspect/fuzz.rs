//! Objects with memory that is overwritten at random: reading ends, with a report, and asks for nothing outside.

use std::time::{Duration, Instant};

use support::{child, hold_for_ever, name, number_from_env, until};
use sysv_ipc::{Segment, SharedMemory};
use sysv_primitives::{
    Barrier, Channel, Mutex, OnceLock, Pool, RateLimiter, Route, RwLock, Status, Watch, broadcast,
    inspect::{self, Report},
    mpmc, spsc,
};

/// Overwrites some bytes or words, mostly with what is likely to hurt, and returns what was there.
fn damage(memory: &SharedMemory, random: &mut fastrand::Rng) -> Vec<(usize, Vec<u8>)> {
    let mut before = Vec::new();
    for _ in 0..random.usize(1..8) {
        // Half of it in the header and the first words, where it matters most.
        let most = if random.bool() { memory.len().min(2048) } else { memory.len() };
        let offset = random.usize(..most) & if random.bool() { !7 } else { !0 };
        let bytes: Vec<u8> = match random.u8(..5) {
            0 => vec![0xff; random.usize(1..64)],
            1 => vec![0; random.usize(1..64)],
            2 => random.u32(..70).to_ne_bytes().to_vec(),
            3 => {
                let bit = memory.read(1, offset).unwrap()[0] ^ 1 << random.u8(..8);
                vec![bit]
            }
            _ => (0..random.usize(1..64)).map(|_| random.u8(..)).collect(),
        };
        before.push((offset, memory.read(bytes.len(), offset).unwrap()));
        memory.write_truncating(&bytes, offset).unwrap();
    }
    before
}

/// Damages an object again and again, and reads it each time in each way.
fn fuzz(status: &Status, cases: u64) {
    let memory = Segment::from_id(status.segment).unwrap().attach().unwrap();
    let whole = memory.read(0, 0).unwrap();
    let mut found_damaged = 0;
    for case in 0..cases {
        let mut random = fastrand::Rng::with_seed(case);
        let before = damage(&memory, &mut random);
        let begun = Instant::now();
        let reports = inspect::named(&status.name).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "case {case} took too long");
        assert!(reports.len() <= 2, "case {case}");
        for report in &reports {
            check(report, case);
        }
        found_damaged += usize::from(reports.iter().any(|report| report.state != inspect::State::Live));
        // Mostly the damage stays for a while, and adds up.
        if random.u8(..8) == 0 {
            memory.write(&whole, 0).unwrap();
        } else if random.bool() {
            before.into_iter().rev().for_each(|(offset, bytes)| memory.write(&bytes, offset).unwrap());
        }
    }
    memory.write(&whole, 0).unwrap();
    assert!(found_damaged > 0, "the damage was never seen");
    assert_eq!(inspect::named(&status.name).unwrap()[0].state, inspect::State::Live, "it is whole again");
}

/// What a report may say of memory that says anything: it is bounded, and fit to be shown.
fn check(report: &Report, case: u64) {
    let text = format!("{report:?}");
    assert!(text.len() < 4 << 20, "case {case}: {} bytes", text.len());
    assert!(report.findings.len() < 40, "case {case}");
    let shown = report.name.iter().chain(report.fingerprint.as_ref().map(|fingerprint| &fingerprint.name));
    assert!(shown.flat_map(|text| text.chars()).all(|char| !char.is_control()), "case {case}");
    #[cfg(feature = "serde")]
    serde_json::to_string(report).unwrap_or_else(|error| panic!("case {case}: {error}"));
}

/// 10,000 cases of all kinds together in the long form.
fn cases() -> u64 {
    number_from_env("HOSTILE_INPUTS", 1000).div_ceil(11)
}

macro_rules! fuzzed {
    ($($test:ident, $make:expr;)*) => {$(
        #[test]
        fn $test() {
            let name = name();
            let make: fn(&str) -> (Status, Box<dyn std::any::Any>) = $make;
            let (status, _object) = make(&name);
            let member = child(|| {
                let (_status, _object) = open(stringify!($test), &name);
                hold_for_ever();
            });
            until(|| inspect::named(&name).unwrap()[0].members.len() == 2);
            fuzz(&status, cases());
            drop(member);
        }
    )*};
}

/// Opens the object of a test in another process.
fn open(test: &str, name: &str) -> (Status, Box<dyn std::any::Any>) {
    macro_rules! opened {
        ($object:expr) => {{
            let object = $object.unwrap();
            (object.status().unwrap(), Box::new(object) as Box<dyn std::any::Any>)
        }};
    }
    match test {
        "a_mutex" => opened!(Mutex::<[u32; 9]>::open(name)),
        "an_rwlock" => opened!(RwLock::<[u32; 9]>::open(name)),
        "a_pool" => opened!(Pool::open(name)),
        "an_spsc_ring" => opened!(spsc::Ring::<u64>::open(name)),
        "an_mpmc_ring" => opened!(mpmc::Ring::<u64>::open(name)),
        "a_channel" => opened!(Channel::open(name)),
        "a_once_lock" => opened!(OnceLock::<u64>::open(name)),
        "a_barrier" => opened!(Barrier::open(name)),
        "a_watch" => opened!(Watch::<[u32; 9]>::open(name)),
        "a_broadcast_ring" => {
            let ring = broadcast::Ring::<u64>::open(name).unwrap();
            let subscribers = [ring.subscriber().unwrap(), ring.subscriber().unwrap()];
            (ring.status().unwrap(), Box::new((ring, subscribers)))
        }
        _ => opened!(RateLimiter::open(name)),
    }
}

fuzzed! {
    a_mutex, |name| {
        let mutex = Mutex::create(name, [0_u32; 9]).unwrap();
        std::mem::forget(mutex.lock().unwrap());
        (mutex.status().unwrap(), Box::new(mutex))
    };
    an_rwlock, |name| {
        let lock = RwLock::create(name, [0_u32; 9]).unwrap();
        std::mem::forget(lock.read().unwrap());
        (lock.status().unwrap(), Box::new(lock))
    };
    a_pool, |name| {
        let pool = Pool::create(name, 40).unwrap();
        std::mem::forget(pool.acquire_many(20).unwrap());
        (pool.status().unwrap(), Box::new(pool))
    };
    an_spsc_ring, |name| {
        let ring = spsc::Ring::<u64>::create(name, 64).unwrap();
        std::mem::forget(ring.producer().unwrap());
        (ring.status().unwrap(), Box::new(ring))
    };
    an_mpmc_ring, |name| {
        let ring = mpmc::Ring::<u64>::create(name, 64).unwrap();
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        (0..20).for_each(|item| producer.push(item).unwrap());
        std::mem::forget(consumer.claim().unwrap());
        (ring.status().unwrap(), Box::new((ring, producer)))
    };
    a_channel, |name| {
        let channel = Channel::options().capacity(32).max_message_size(2000).create(name).unwrap();
        (1..20).for_each(|route| channel.send_raw(Route::new(route), &[1; 500]).unwrap());
        (channel.status().unwrap(), Box::new(channel))
    };
    a_once_lock, |name| {
        let once = OnceLock::<u64>::create(name).unwrap();
        (once.status().unwrap(), Box::new(once))
    };
    a_barrier, |name| {
        let barrier = Barrier::create(name, 3).unwrap();
        (barrier.status().unwrap(), Box::new(barrier))
    };
    a_watch, |name| {
        let watch = Watch::create(name, [0_u32; 9]).unwrap();
        let writer = watch.writer().unwrap();
        (1..20).for_each(|value| watch.set([value; 9]).unwrap());
        (watch.status().unwrap(), Box::new((watch, writer)))
    };
    a_broadcast_ring, |name| {
        let ring = broadcast::Ring::<u64>::create(name, 64).unwrap();
        let (mut producer, subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        (0..20).for_each(|item| producer.push(item).unwrap());
        (ring.status().unwrap(), Box::new((ring, producer, subscriber)))
    };
    a_rate_limiter, |name| {
        let limiter = RateLimiter::create(name, 7, Duration::from_secs(1)).unwrap();
        (limiter.status().unwrap(), Box::new(limiter))
    };
}
