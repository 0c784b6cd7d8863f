//! Channels and queues: depth and age by route, jobs in hand with their attempts, what is set aside.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use support::{Waiters, child, hold_for_ever, name, queue, until, until_rings};
use sysv_ipc::{MessageBuffer, MessageType};
use sysv_primitives::{
    Channel, Request, Route,
    inspect::{self, Hold, Interest, Kind, Value},
    messages,
};

use crate::{codes, holders, report};

#[derive(Serialize, Deserialize)]
struct Job(u32);

#[derive(Serialize, Deserialize)]
struct Question;

impl Request for Question {
    type Response = Job;
}

messages! { 1 => Job, attempts 2; 2 => Question }

#[test]
fn depth_and_age_are_told_by_route() {
    let name = name();
    let channel = Channel::options().capacity(10).max_message_size(5000).create(&name).unwrap();
    channel.send_raw(Route::new(7), b"seven").unwrap();
    std::thread::sleep(Duration::from_millis(30));
    channel.send_raw(Route::new(9), b"a").unwrap();
    channel.send_raw(Route::new(7), &[0; 1000]).unwrap();
    let found = report(&name);
    let routes: Vec<_> = found.routes.iter().map(|route| (route.route, route.messages, route.bytes)).collect();
    assert_eq!(routes, [(7, 2, 1005), (9, 1, 1)]);
    assert!(found.routes[0].oldest >= Some(Duration::from_millis(20)), "{:?}", found.routes);
    assert!(found.routes[0].oldest > found.routes[1].oldest);
    assert_eq!(found.fill.map(|fill| (fill.used, fill.capacity)), Some((3, 10)));
    assert_eq!(found.options["max_message_size"], Value::Number(5000));
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.routes.len()), (3, 2), "as the channel itself says");
}

#[test]
fn jobs_in_hand_have_their_member_age_and_attempt() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    channel.send(&Job(1)).unwrap();
    let killed = child(|| {
        let channel = Channel::open(&name).unwrap();
        std::mem::forget(channel.claim::<Job>().unwrap());
        hold_for_ever();
    });
    until(|| !report(&name).jobs.is_empty());
    let found = report(&name);
    let job = found.jobs[0];
    assert_eq!((job.pid, job.route, job.attempt, job.is_claim, job.is_alive), (killed.id(), 1, 1, true, true));
    assert!(job.age.is_some_and(|age| age < Duration::from_secs(60)));
    killed.kill();
    assert!(!report(&name).jobs[0].is_alive, "it is dead, and was not reaped");

    let again = channel.claim::<Job>().unwrap();
    let found = report(&name);
    assert_eq!((found.jobs[0].pid, found.jobs[0].attempt), (std::process::id(), 2));
    drop(again);
    assert_eq!(report(&name).set_aside, Some(1), "that was the last attempt");
}

#[test]
fn a_call_names_its_caller_and_its_server() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let caller = child(|| drop(Channel::open(&name).unwrap().call(&Question)));
    let request = channel.recv_request::<Question>().unwrap();
    until_rings(channel.status().unwrap().set, Waiters::FOR_RESPONSES);
    let found = report(&name);
    let job = found.jobs[0];
    assert_eq!((job.pid, job.caller_pid, job.is_claim), (std::process::id(), Some(caller.id()), false));
    assert_eq!(found.waiters[0].interest, Interest::Response);
    assert_eq!((holders(&found, Hold::Call), found.counters["calls"]), (vec![(caller.id(), 1)], 1));
    assert_eq!(holders(&found, Hold::Service), [(std::process::id(), 1)]);
    drop(request);
    caller.join();
}

#[test]
fn a_receiver_that_waits_tells_its_route() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let receiver = child(|| drop(Channel::open(&name).unwrap().receiver::<Job>().unwrap().recv()));
    until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
    let found = report(&name);
    assert_eq!(found.waiters[0].interest, Interest::Messages { routes: vec![1] });
    assert_eq!(holders(&found, Hold::Consumer), [(receiver.id(), 1)]);
    let sender = channel.sender::<Job>().unwrap();
    assert!(holders(&report(&name), Hold::Producer).contains(&(std::process::id(), 1)));
    sender.send(&Job(1)).unwrap();
    receiver.join();
}

#[test]
fn a_queue_is_counted_by_type_and_nothing_is_taken() {
    let queue = queue();
    let send = |kind, bytes: &[u8]| queue.send(&MessageBuffer::new(MessageType::new(kind).unwrap(), bytes)).unwrap();
    send(3, b"three");
    send(1, b"one");
    send(3, b"3");
    let before = queue.stat().unwrap();
    let found = inspect::objects().unwrap();
    let found = found.iter().find(|report| report.queue.as_ref().is_some_and(|part| part.id == queue.id())).unwrap();
    assert_eq!(found.kind, Kind::MessageQueue);
    if !codes(found).contains(&"messages_unreadable") {
        let routes: Vec<_> = found.routes.iter().map(|route| (route.route, route.messages, route.bytes)).collect();
        assert_eq!(routes, [(1, 1, 3), (3, 2, 6)]);
    }
    assert_eq!(queue.stat().unwrap(), before, "not even the time of the last receipt");
}
