//! Processes with futures are stopped while their clerks sleep, and then there is one event: a future of a process that came
//! after them, and runs, goes on. RM6.

use pollster::block_on;
use support::{
    letters::Number,
    name,
    prompt::{PROMPT, each_event_passes_stopped_sleepers, join_promptly, passes_stopped_sleepers, resume},
};
use sysv_primitives::{Channel, Mutex};

#[test]
fn a_message_goes_to_a_future_that_runs() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let receive = || {
        let channel = Channel::open(&name).unwrap();
        assert_eq!(block_on(channel.recv_async::<Number>()).unwrap(), Number(1));
    };
    each_event_passes_stopped_sleepers(receive, || channel.send(&Number(1)).unwrap());
    assert!(channel.try_recv_any().is_err(), "each message came once");
}

#[test]
fn an_unlock_wakes_a_future_that_runs() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let guard = mutex.lock().unwrap();
    let lock = || *block_on(Mutex::<u32>::open(&name).unwrap().lock_async()).unwrap() += 1;
    let stopped = passes_stopped_sleepers(lock, || drop(guard));
    stopped.iter().for_each(resume);
    stopped.into_iter().for_each(|waiter| join_promptly("a waiter that was stopped goes on", waiter));
    assert_eq!(*mutex.lock_timeout(PROMPT).unwrap(), 3);
}
