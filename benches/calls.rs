//! The wrappers beside the bare calls, in one process.
//!
//! ```text
//! cargo bench --bench calls
//! ```
#![allow(unsafe_code, reason = "the C library is called directly, as the thing to compare with")]

mod harness;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use harness::objects;
use serde::{Deserialize, Serialize};
use sysv_ipc::{MessageBuffer, MessageType, Selector};
use sysv_primitives::{Message, Route, TypedQueue, codec::Bincode};

fn semaphores(criterion: &mut Criterion) {
    let semaphore = objects::semaphore(1).expect("it can be made");
    let mut group = criterion.benchmark_group("semaphore");
    group.bench_function("libc", |bencher| {
        bencher.iter(|| {
            for change in [-1, 1] {
                let mut op = libc::sembuf { sem_num: 0, sem_op: change, sem_flg: 0 };
                // SAFETY: one operation is passed.
                assert_eq!(unsafe { libc::semop(semaphore.id(), &raw mut op, 1) }, 0);
            }
        });
    });
    group.bench_function("acquire, release", |bencher| {
        bencher.iter(|| {
            semaphore.acquire().expect("it is free");
            semaphore.release().expect("it is held");
        });
    });
    group.bench_function("acquire_timeout, release", |bencher| {
        bencher.iter(|| {
            semaphore.acquire_timeout(std::time::Duration::from_secs(1)).expect("it is free");
            semaphore.release().expect("it is held");
        });
    });
    group.finish();
}

fn memory(criterion: &mut Criterion) {
    let memory = objects::memory(1 << 20).expect("it can be had");
    let mut group = criterion.benchmark_group("memory");
    for size in [64, 4096, 1 << 20] {
        let mut bytes = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("memcpy", size), |bencher| {
            let target = memory.as_mut_ptr();
            // SAFETY: the segment is that long, and no other process has it.
            bencher.iter(|| unsafe { target.copy_from_nonoverlapping(black_box(bytes.as_ptr()), size) });
        });
        group.bench_function(BenchmarkId::new("write", size), |bencher| {
            bencher.iter(|| memory.write(black_box(&bytes), 0).expect("it fits"));
        });
        group.bench_function(BenchmarkId::new("read_at", size), |bencher| {
            bencher.iter(|| memory.read_at(black_box(&mut bytes), 0).expect("it fits"));
        });
    }
    group.finish();
}

#[derive(Serialize, Deserialize)]
struct Sample {
    numbers: [u64; 4],
}

impl Message for Sample {
    const ROUTE: Route = Route::new(1);
    type Codec = Bincode;
}

fn messages(criterion: &mut Criterion) {
    let queue = objects::queue().expect("it can be made");
    let typed = TypedQueue::new((*queue).clone()).expect("the queue is there");
    let sample = Sample { numbers: [u64::MAX; 4] };
    let mut message = MessageBuffer::new(MessageType::ONE, &[0; 36]);
    let mut group = criterion.benchmark_group("message");
    group.bench_function("libc", |bencher| {
        let mut raw = [1_u64; 6];
        bencher.iter(|| {
            // SAFETY: type and 36 bytes lie in the array.
            assert_eq!(unsafe { libc::msgsnd(queue.id(), raw.as_ptr().cast(), 36, 0) }, 0);
            // SAFETY: there is room for type and 36 bytes.
            assert_eq!(unsafe { libc::msgrcv(queue.id(), raw.as_mut_ptr().cast(), 36, 1, 0) }, 36);
        });
    });
    group.bench_function("send, receive_into", |bencher| {
        bencher.iter(|| {
            queue.send(&message).expect("there is room");
            queue.receive_into(&mut message, Selector::Type(MessageType::ONE)).expect("it is there");
        });
    });
    group.bench_function("typed queue: send, recv", |bencher| {
        bencher.iter(|| {
            typed.send(&sample).expect("there is room");
            black_box(typed.recv::<Sample>().expect("it is there"));
        });
    });
    group.finish();
}

criterion_group!(benches, semaphores, memory, messages);
criterion_main!(benches);
