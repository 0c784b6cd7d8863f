//! An rwlock's futures, their clerks, and a thread of another process, in every interleaving with few preemptions. A wait that is never
//! over is a deadlock, which loom reports.

use std::sync::Arc;

use loom::thread;
use sysv_loom_async::{
    explore::explore,
    rwlock::{RwHandle, RwScene, Waits, finish, poll, reads, writes},
};

/// How often a future is polled before it is dropped: up to the third poll it goes on, if it is not woken.
const POLLS: usize = 3;

/// Makes a future of a handle.
type Makes = for<'a> fn(&'a RwHandle) -> Waits<'a>;

/// Does something in a thread of another process.
type Work = fn(&RwHandle);

fn start(handle: &Arc<RwHandle>, body: impl FnOnce(&RwHandle) + 'static) -> thread::JoinHandle<()> {
    let handle = Arc::clone(handle);
    thread::spawn(move || body(&handle))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it ends well"));
}

/// A future that is polled whenever it is woken, and a thread of another process.
fn beside(makes: Makes, work: Work) {
    let scene = RwScene::new(2);
    let (handle, other) = (scene.open(0), scene.open(1));
    let waiting = start(&handle, move |handle| finish(makes(handle)));
    work(&other);
    join([waiting]);
    handle.close();
}

#[test]
fn a_readers_future_and_a_writer() {
    explore(2, || beside(reads, RwHandle::write));
}

#[test]
fn a_writers_future_and_a_reader() {
    explore(2, || beside(writes, RwHandle::read));
}

#[test]
fn a_writers_future_and_a_writer() {
    explore(2, || beside(writes, RwHandle::write));
}

/// Another process has the lock while a future is polled so often and dropped. Then a thread of a third one waits, and gets the lock.
fn dropped(makes: Makes, polls: usize, [begin, end]: [Work; 2], next: Work) {
    let scene = RwScene::new(3);
    let (handle, other, third) = (scene.open(0), scene.open(1), scene.open(2));
    begin(&other);
    let dropping = start(&handle, move |handle| drop(poll(makes(handle), polls)));
    let waiting = start(&third, next);
    end(&other);
    join([dropping, waiting]);
    handle.close();
}

const READING: [Work; 2] = [RwHandle::begin_to_read, RwHandle::end_reading];
const WRITING: [Work; 2] = [RwHandle::begin_to_write, RwHandle::end_writing];

/// It waits for the gate.
#[test]
fn a_readers_future_that_is_dropped_keeps_no_writer_out() {
    (1..=POLLS).for_each(|polls| explore(2, move || dropped(reads, polls, WRITING, RwHandle::write)));
}

/// It waits for the lock.
#[test]
fn a_writers_future_that_is_dropped_before_it_has_the_lock_keeps_its_call_from_none() {
    (1..=POLLS).for_each(|polls| explore(2, move || dropped(writes, polls, WRITING, RwHandle::write)));
}

/// It has the lock, and waits for the reader.
#[test]
fn a_writers_future_that_is_dropped_opens_the_gate() {
    (1..=POLLS).for_each(|polls| explore(2, move || dropped(writes, polls, READING, RwHandle::read)));
}

/// The clerk sleeps for it. The next writer waits for the reader on the same doorbell.
#[test]
fn a_writers_future_that_is_dropped_leaves_the_doorbell_to_another_writer() {
    (1..=POLLS).for_each(|polls| explore(2, move || dropped(writes, polls, READING, RwHandle::write)));
    explore(2, || {
        let scene = RwScene::new(3);
        let (handle, other, third) = (scene.open(0), scene.open(1), scene.open(2));
        other.begin_to_read();
        let future = poll(writes(&handle), POLLS);
        scene.until_asleep(1);
        drop(future);
        let waiting = start(&third, RwHandle::write);
        scene.until_asleep(1);
        other.end_reading();
        join([waiting]);
        handle.close();
    });
}

/// A writer's future waits for a reader that does not leave, and is not polled any more. A thread of a third process reads.
#[test]
fn a_writers_future_that_is_not_polled_lets_a_reader_in() {
    explore(2, || {
        let scene = RwScene::new(3);
        let (handle, other, third) = (scene.open(0), scene.open(1), scene.open(2));
        other.begin_to_read();
        let future = poll(writes(&handle), POLLS);
        assert!(future.is_some(), "the reader is there");
        let waiting = start(&third, RwHandle::read);
        // It wakes the future, which is not polled for 10 milliseconds.
        other.end_reading();
        join([waiting]);
        // It begins anew.
        let future = future.expect("it was not polled");
        finish(future);
        handle.close();
    });
}
