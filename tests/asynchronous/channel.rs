//! Channels in futures: selections, calls, streams and sinks, with processes that block at the other end.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use futures_core::Stream;
use futures_sink::Sink;
use serde::{Deserialize, Serialize};
use support::{child, name, until};
use sysv_primitives::{CallError, Channel, Message, RecvError, Request, SendError, messages};

use super::by_hand::ByHand;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Number(u64);
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Square(u64);
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Text(String);

messages! { 1 => Number; 2 => Square; 3 => Text }

impl Request for Square {
    type Response = u64;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

#[test]
fn each_selection_waits_for_its_messages() {
    let name = name();
    let (channel, other) = (Channel::create(&name).unwrap(), Channel::open(&name).unwrap());
    let mut number = ByHand::new(channel.recv_async::<Number>());
    let mut text = ByHand::new(channel.recv_async::<Text>());
    let mut lowest = ByHand::new(channel.recv_lowest_async(Square::ROUTE));
    let mut except = ByHand::new(channel.claim_except_async::<Number>());
    number.until_waiting();
    text.until_waiting();
    other.send(&Text("the first".into())).unwrap();
    assert_eq!(text.finish().unwrap(), Text("the first".into()));
    except.until_waiting();
    other.send(&Text("the second".into())).unwrap();
    let second = except.finish().unwrap().done().unwrap();
    assert_eq!(second.decode::<Text>().unwrap(), Text("the second".into()));
    other.send(&Number(7)).unwrap();
    assert_eq!(number.finish().unwrap(), Number(7));
    lowest.until_waiting();
    other.send(&Number(8)).unwrap();
    assert_eq!(lowest.finish().unwrap().decode::<Number>().unwrap(), Number(8));
}

/// Each message finds the one future that wants it, whichever leads.
#[test]
fn futures_of_several_routes_and_a_sender_process() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let sender = child(|| {
        let channel = Channel::open(&name).unwrap();
        for number in 0..1000 {
            if number % 2 == 0 {
                channel.send(&Number(number)).unwrap();
            } else {
                channel.send(&Text(number.to_string())).unwrap();
            }
            if number % 64 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        channel.close().unwrap();
    });
    let runtime = runtime();
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let channel = channel.clone();
            runtime.spawn(async move {
                let mut received = 0_u64;
                loop {
                    let ended = match task % 2 {
                        0 => channel.recv_async::<Number>().await.map(drop),
                        _ => channel.recv_async::<Text>().await.map(drop),
                    };
                    match ended {
                        Ok(()) => received += 1,
                        Err(RecvError::Closed { .. }) => return received,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    let received: u64 = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum();
    assert_eq!(received, 1000);
    sender.join();
}

#[test]
fn many_calls_of_one_handle_and_servers_that_block() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let servers = [(); 2].map(|()| {
        child(|| {
            let channel = Channel::open(&name).unwrap();
            while let Ok(request) = channel.recv_request::<Square>() {
                let square = request.0 * request.0;
                request.respond(&square).unwrap();
            }
        })
    });
    let runtime = runtime();
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let channel = channel.clone();
            runtime.spawn(async move {
                for turn in 0..20 {
                    let number = task * 100 + turn;
                    assert_eq!(channel.call_async(&Square(number)).await.unwrap(), number * number);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    channel.close().unwrap();
    servers.into_iter().for_each(support::Child::join);
}

#[test]
fn a_server_of_futures_and_callers_that_block() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let callers = [(); 3].map(|()| {
        child(|| {
            let channel = Channel::open(&name).unwrap();
            (0..100).for_each(|number| assert_eq!(channel.call(&Square(number)).unwrap(), number * number));
        })
    });
    let runtime = runtime();
    for _ in 0..4 {
        let channel = channel.clone();
        runtime.spawn(async move {
            while let Ok(request) = channel.recv_request_async::<Square>().await {
                let square = request.0 * request.0;
                request.respond(&square).unwrap();
            }
        });
    }
    callers.into_iter().for_each(support::Child::join);
}

/// A call that is dropped leaves nothing behind, before it was taken and after.
#[test]
fn a_dropped_call_is_taken_back() {
    let name = name();
    let (channel, other) = (Channel::create(&name).unwrap(), Channel::open(&name).unwrap());
    let mut call = ByHand::new(channel.call_async(&Square(3)));
    call.until_waiting();
    drop(call);
    assert!(other.try_recv_request::<Square>().unwrap_err().is_busy());
    let mut call = ByHand::new(channel.call_async(&Square(3)));
    call.until_waiting();
    let request = other.try_recv_request::<Square>().unwrap();
    drop(call);
    // Its response is dropped.
    drop(request.respond(&9));
    assert_eq!(channel.depth().unwrap().calls, 0);
}

#[test]
fn the_death_of_a_server_ends_a_call() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let server = child(|| {
        let channel = Channel::open(&name).unwrap();
        let _request = channel.recv_request::<Square>().unwrap();
        support::hold_for_ever();
    });
    let pending = channel.request(&Square(3)).unwrap();
    until(|| pending.taken_by().is_some());
    let mut call = ByHand::new(pending);
    call.until_waiting();
    server.kill();
    assert!(matches!(call.finish(), Err(CallError::NoResponse { .. })));
}

#[test]
fn a_sink_and_a_stream() {
    let name = name();
    let channel = Channel::options().capacity(4).create(&name).unwrap();
    let sender = child(|| {
        let channel = Channel::open(&name).unwrap();
        let mut sink = channel.sink::<Number>();
        pollster::block_on(async {
            for number in 0..500 {
                poll_fn(|context| Pin::new(&mut sink).poll_ready(context)).await.unwrap();
                Pin::new(&mut sink).start_send(Number(number)).unwrap();
            }
            poll_fn(|context| Pin::new(&mut sink).poll_flush(context)).await.unwrap();
        });
        channel.close().unwrap();
    });
    let mut stream = channel.stream::<Number>();
    let mut expected = 0;
    while let Some(number) = pollster::block_on(poll_fn(|context| Pin::new(&mut stream).poll_next(context))) {
        assert_eq!(number.unwrap(), Number(expected));
        expected += 1;
    }
    assert_eq!(expected, 500);
    sender.join();
}

/// Several branches wait, and one of them ends: the others have taken nothing.
#[test]
fn a_select_over_a_channel_a_mutex_and_a_timer() {
    let name = name();
    let (channel, other) = (Channel::create(&name).unwrap(), Channel::open(&name).unwrap());
    let holder = sysv_primitives::Mutex::create(&name, 0_u32).unwrap();
    let mutex = sysv_primitives::Mutex::<u32>::open(&name).unwrap();
    runtime().block_on(async {
        for round in 0..200_u64 {
            let guard = holder.lock().unwrap();
            match round % 3 {
                0 => other.send(&Number(round)).unwrap(),
                1 => drop(guard),
                _ => {}
            }
            tokio::select! {
                number = channel.recv_async::<Number>() => assert_eq!(number.unwrap(), Number(round)),
                _guard = mutex.lock_async() => assert_eq!(round % 3, 1),
                () = tokio::time::sleep(Duration::from_millis(2)), if round % 3 == 2 => {}
            }
        }
    });
    assert!(channel.try_recv::<Number>().unwrap_err().is_busy());
}

/// A sender of a long message that waits for room finds the channel closed.
#[test]
fn closing_ends_the_wait_for_room() {
    for bytes in [1, 60_000] {
        let name = name();
        let messages = if bytes > 1 { 64 } else { 1 };
        let channel = Channel::options().capacity(messages).max_message_size(70_000).create(&name).unwrap();
        while channel.try_send(&Text("x".repeat(bytes))).is_ok() {}
        let text = Text("y".repeat(bytes));
        let mut send = ByHand::new(channel.send_async(&text));
        send.until_waiting();
        channel.close().unwrap();
        assert!(matches!(send.finish(), Err(SendError::Closed { .. })), "{bytes} bytes");
    }
}

/// A response rouses its own caller, and the one that leads for all of them. Not all callers of the handle.
#[test]
fn a_response_wakes_its_caller() {
    const CALLS: usize = 100;
    let name = name();
    let (caller, server) = (Channel::create(&name).unwrap(), Channel::open(&name).unwrap());
    let mut calls: Vec<_> =
        (0..CALLS).map(|number| Some(ByHand::new(caller.request(&Square(number as u64)).unwrap()))).collect();
    calls.iter_mut().flatten().for_each(ByHand::until_waiting);
    let mut requests: Vec<_> = (0..CALLS).map(|_| server.recv_request::<Square>().unwrap()).collect();
    let mut polls = 0;
    // From the last one to the first, which leads to the end.
    while let Some(request) = requests.pop() {
        let number = request.0;
        request.respond(&(number * number)).unwrap();
        let of_it = usize::try_from(number).unwrap();
        until(|| {
            for call in calls.iter_mut() {
                let Some(future) = call else { continue };
                if !future.is_woken() {
                    continue;
                }
                polls += 1;
                if let Poll::Ready(response) = future.poll() {
                    assert_eq!(response.unwrap(), number * number);
                    *call = None;
                }
            }
            calls[of_it].is_none()
        });
    }
    println!("{polls} polls for {CALLS} responses");
    // Two each, and some for the obituaries that a new member suspects. If a response woke all it would be 5,000.
    assert!(polls < 6 * CALLS, "{polls} polls for {CALLS} responses");
}
