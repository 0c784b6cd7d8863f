//! Futures, their clerk, and a thread of another process, in every interleaving with few preemptions. A wait that is never over
//! is a deadlock, which loom reports.

use std::sync::Arc;

use loom::thread;
use sysv_loom_async::{
    calls::Calls,
    explore::explore,
    scene::{Handle, Rules, Scene, poll},
};

/// Whether a clerk goes back to sleep while its front is polled (CK7).
const BOTH: [bool; 2] = [false, true];

/// How often a future is polled before it is dropped: the first poll lets others run, and the second one joins the list.
const POLLS: usize = 4;

fn start(handle: &Arc<Handle>, body: impl FnOnce(&Handle) + 'static) -> thread::JoinHandle<()> {
    let handle = Arc::clone(handle);
    thread::spawn(move || body(&handle))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it ends well"));
}

/// One future is dropped after so many polls. If it took the thing, there is one more.
fn drop_after(handle: &Handle, polls: usize) {
    let (future, is_ready) = poll(handle, polls);
    if is_ready {
        handle.make();
    }
    drop(future);
}

/// A future is dropped, and another one of the process waits.
fn beside_another_future(polls: usize, clerks_stay: bool) {
    let scene = Scene::new(2, Rules::All, clerks_stay);
    let (handle, other) = (scene.open(0), scene.open(1));
    let waiting = start(&handle, Handle::block_on_take);
    let dropping = start(&handle, move |handle| drop_after(handle, polls));
    other.make();
    join([waiting, dropping]);
    handle.close();
}

#[test]
fn a_dropped_future_leaves_the_thing_to_another_one() {
    for stays in BOTH {
        (1..=POLLS).for_each(|polls| explore(2, move || beside_another_future(polls, stays)));
    }
}

/// Two futures are dropped one after the other, and a thread of another process waits.
fn beside_another_process(polls: [usize; 2], rules: Rules, clerks_stay: bool) {
    let scene = Scene::new(2, rules, clerks_stay);
    let (handle, other) = (scene.open(0), scene.open(1));
    let waiting = start(&other, Handle::take);
    let dropping = start(&handle, move |handle| {
        let (first, took_first) = poll(handle, polls[0]);
        let (second, took_second) = poll(handle, polls[1]);
        (0..u32::from(took_first) + u32::from(took_second)).for_each(|_| handle.make());
        drop(first);
        drop(second);
        handle.close();
    });
    other.make();
    join([waiting, dropping]);
}

#[test]
fn dropped_futures_leave_the_thing_to_another_process() {
    for stays in BOTH {
        for first in 2..=POLLS {
            explore(2, move || beside_another_process([first, 0], Rules::All, stays));
        }
        explore(2, move || beside_another_process([2, 2], Rules::All, stays));
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_dropped_future_that_keeps_its_call() {
    explore(2, || beside_another_process([2, 0], Rules::LeaverKeeps, false));
}

/// A future waits and is not polled any more. Another process waits as well.
fn withheld(rules: Rules, clerks_stay: bool) {
    let scene = Scene::new(2, rules, clerks_stay);
    let (handle, other) = (scene.open(0), scene.open(1));
    let (future, is_ready) = poll(&handle, 2);
    assert!(!is_ready);
    let waiting = start(&other, Handle::take);
    other.make();
    join([waiting]);
    drop(future);
    handle.close();
}

#[test]
fn a_future_that_is_not_polled_holds_up_no_other_process() {
    BOTH.into_iter().for_each(|stays| explore(3, move || withheld(Rules::All, stays)));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_clerk_that_keeps_the_call_of_a_future_that_is_not_polled() {
    explore(3, || withheld(Rules::ClerkKeeps, false));
}

/// A future waits and is not polled any more. Another one of its process waits as well.
#[test]
fn a_future_that_is_not_polled_holds_up_no_other_one() {
    for stays in BOTH {
        explore(3, move || {
            let scene = Scene::new(2, Rules::All, stays);
            let (handle, other) = (scene.open(0), scene.open(1));
            let (future, is_ready) = poll(&handle, 2);
            assert!(!is_ready);
            let waiting = start(&handle, Handle::block_on_take);
            other.make();
            join([waiting]);
            drop(future);
            handle.close();
        });
    }
}

/// The first future leaves, and the next one leads and is not polled. A third one comes, and no process is announced for it.
#[test]
fn a_future_that_leads_and_is_not_polled_holds_up_no_other_one() {
    for stays in BOTH {
        explore(3, move || {
            let scene = Scene::new(2, Rules::All, stays);
            let (handle, other) = (scene.open(0), scene.open(1));
            let (first, _) = poll(&handle, 2);
            let (next, _) = poll(&handle, 2);
            drop(first);
            let waiting = start(&handle, Handle::block_on_take);
            other.make();
            join([waiting]);
            drop(next);
            handle.close();
        });
    }
}

/// The clerk sleeps for a future that is dropped. A thread of the same process sleeps on the same doorbell.
#[test]
fn a_clerk_that_sleeps_for_no_future_posts_again() {
    for stays in BOTH {
        explore(3, move || {
            let scene = Scene::new(2, Rules::All, stays);
            let (handle, other) = (scene.open(0), scene.open(1));
            let (future, _) = poll(&handle, 2);
            let waiting = start(&handle, move |handle| handle.take());
            drop(future);
            other.make();
            join([waiting]);
            handle.close();
        });
    }
}

/// The same, and posts are refused for a while.
#[test]
fn a_clerk_that_is_refused_a_post_makes_it_later() {
    explore(3, || {
        let scene = Scene::new(2, Rules::All, false);
        let (handle, other) = (scene.open(0), scene.open(1));
        let (future, _) = poll(&handle, 2);
        let waiting = start(&handle, Handle::take);
        drop(future);
        other.make();
        scene.refuse_posts(true);
        thread::yield_now();
        scene.refuse_posts(false);
        join([waiting]);
        handle.close();
    });
}

/// Two futures of a process wait, each for a response of its own. The second response comes first, and the other one after the
/// future that waits for it is over.
fn two_calls(asks: bool) {
    let calls = Calls::new(asks);
    let (caller, server) = (calls.open(0), calls.open(1));
    let wait = |call| {
        let caller = Arc::clone(&caller);
        thread::spawn(move || caller.wait(call))
    };
    let (first, second) = (wait(0), wait(1));
    server.respond(1);
    join([second]);
    server.respond(0);
    join([first]);
    caller.close();
}

#[test]
fn a_response_finds_its_caller() {
    explore(2, || two_calls(true));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_leader_that_does_not_ask_for_the_others() {
    explore(2, || two_calls(false));
}
