//! What routes and queued messages cost.

use std::hint::black_box;

use serde::{Deserialize, Serialize};
use sysv_ipc::{MessageBuffer, MessageType, Selector};
use sysv_primitives::{Channel, Route, messages, mpmc};

use crate::{
    graph::{Curve, Graph, repeated},
    harness::objects::queue,
    kill::{Death, ROUNDS},
    name,
    plot::Role::{Bound, Ours, Rival},
    points,
};

#[derive(Serialize, Deserialize)]
struct Job(u64);
messages! { 1 => Job }

/// The most messages of a channel.
const MOST: u32 = 64_000;
/// More than a channel may hold, for what has no such limit.
const MORE: u32 = 100_000;

const FILLER: Route = Route::new(2);
const ALL: Route = Route::new(i32::MAX);

fn channel(capacity: u32) -> Channel {
    let options = Channel::options().remove_on_drop(true).capacity(capacity).max_message_size(256).max_routes(48);
    options.create(&name("queue")).expect("a channel can be created")
}

/// Takes a message by a selection, and sends it again: the queue stays as long.
fn again(channel: &Channel, receive: impl Fn(&Channel) -> sysv_primitives::Envelope) {
    let envelope = receive(channel);
    channel.send_raw(envelope.route(), envelope.bytes()).expect("there is room");
}

fn route(number: u32) -> Route {
    Route::new(i32::try_from(number).expect("it is small"))
}

/// Routes that have a message each.
pub(crate) fn routes(title: &'static str) -> Graph {
    let points = points(&[1, 4, 16, 48, 64, 256, 1024]);
    let channels: Vec<_> = points
        .into_iter()
        .map(|routes| {
            let channel = channel(2048);
            (1..=routes).for_each(|number| channel.send_raw(route(number), b"message").expect("there is room"));
            (f64::from(routes), (routes, channel))
        })
        .collect();
    let of_last = |(routes, channel): &(u32, Channel)| {
        black_box(channel.recv_raw(route(*routes)).expect("it is there"));
        channel.send_raw(route(*routes), b"message").expect("there is room");
    };
    let any = |(_, channel): &(u32, Channel)| again(channel, |channel| channel.recv_any().expect("it is there"));
    let lowest =
        |(_, channel): &(u32, Channel)| again(channel, |channel| channel.recv_lowest(ALL).expect("it is there"));
    let curves = [
        Curve::over("recv of one route", Ours, &channels, of_last),
        Curve::over("recv_any", Ours, &channels, any),
        Curve::over("recv_lowest", Ours, &channels, lowest),
    ];
    Graph {
        title,
        axis: "routes with a message each",
        about: "A message is received by a selection and sent again, in one process.".to_owned(),
        limit: "48 routes with a lane of their own, `MOST_ROUTES` in `primitives/src/sizes.rs`: `recv_any` and `recv_lowest` \
            check the head of each lane, and the set of lanes that a member serves is one word of 64 bits, with 8 lanes \
            that all further routes share. So there may be any number of routes, and beyond 48 a receiver passes over \
            messages of others in its lane. `max_routes` sets a smaller number, by default 32"
            .to_owned(),
        curves: curves.into_iter().flatten().collect(),
    }
}

pub(crate) fn messages(title: &'static str) -> Graph {
    let mut curves = of_channel();
    curves.extend(of_ring());
    curves.extend(of_kernel());
    Graph {
        title,
        axis: "messages queued",
        about: "One message is received and one is sent, so the queue stays as long. Behind others means that the message is of \
            a route or type of its own, and all others are older."
            .to_owned(),
        limit: format!(
            "{MOST} messages in a channel, `MOST_MESSAGES` in `primitives/src/store/geometry.rs`: a hint in a lane has 16 bits \
                for the cell, and calls and control messages need some of them. `capacity` sets it, by default 1,024. The \
                segment has 256 bytes for each, and `SHMMAX` bounds it. A ring has as many slots as were asked for. A \
                kernel queue holds `MSGMNB` bytes and as many messages, 16,384 by default (`sysctl kernel.msgmnb`)"
        ),
        curves,
    }
}

fn of_channel() -> Vec<Curve> {
    let filled = |messages: u32| {
        let channel = channel(messages + 1);
        (0..messages).for_each(|_| channel.send_raw(FILLER, b"message").expect("there is room"));
        (f64::from(messages), channel)
    };
    let channels: Vec<_> = points(&[10, 100, 1_000, 10_000, MOST - 1]).into_iter().map(filled).collect();
    let oldest = |channel: &Channel| {
        black_box(channel.recv_raw(FILLER).expect("it is there"));
        channel.send_raw(FILLER, b"message").expect("there is room");
    };
    let any = |channel: &Channel| again(channel, |channel| channel.recv_any().expect("it is there"));
    let lowest = |channel: &Channel| again(channel, |channel| channel.recv_lowest(ALL).expect("it is there"));
    let behind = |channel: &Channel| {
        channel.send(&Job(1)).expect("there is room");
        black_box(channel.recv::<Job>().expect("it is there").0);
    };
    let curves = [
        Curve::over("channel, recv of one route", Ours, &channels, oldest),
        Curve::over("channel, recv_any", Ours, &channels, any),
        Curve::over("channel, recv_lowest", Ours, &channels, lowest),
        Curve::over("channel, behind others", Ours, &channels, behind),
    ];
    curves.into_iter().flatten().collect()
}

fn of_ring() -> Option<Curve> {
    let filled = |items: u32| {
        let options = mpmc::Ring::<u64>::options().remove_on_drop(true);
        let ring = options.create(&name("ring"), items as usize + 1).expect("a ring can be created");
        let (producer, consumer) = (ring.producer().expect("it is free"), ring.consumer().expect("it is free"));
        (0..items).for_each(|item| producer.push(item.into()).expect("there is room"));
        let act = move || {
            let _ = &ring;
            producer.push(black_box(consumer.pop().expect("it is there"))).expect("there is room");
        };
        (f64::from(items), repeated(act))
    };
    let points = points(&[10, 100, 1_000, 10_000, MORE]).into_iter().map(filled).collect();
    Curve::in_turn("mpmc ring, push and pop", Ours, points)
}

/// The kernel's own queue, as long as it may be here.
fn of_kernel() -> Vec<Curve> {
    let most = sysv_ipc::limits().map_or(0, |limits| limits.message_queues.max_queue_size);
    let [filler, wanted] = [2, 1].map(|number| MessageType::new(number).expect("it is positive"));
    let filled = |messages: u32| {
        let queue = queue().expect("a queue can be created");
        let message = MessageBuffer::new(filler, b"message");
        (0..messages).for_each(|_| queue.try_send(&message).expect("there is room"));
        (f64::from(messages), queue)
    };
    let fits = |messages: &u32| u64::from(messages + 1) * 7 <= most;
    let queues: Vec<_> = points(&[10, 100, 1_000, 10_000, MORE]).into_iter().filter(fits).map(filled).collect();
    let each = |of: MessageType, selector: Selector| -> Vec<_> {
        let act = |(messages, queue)| {
            let queue: &crate::harness::objects::Removed<sysv_ipc::MessageQueue> = queue;
            let (sent, mut received) = (MessageBuffer::new(of, b"message"), MessageBuffer::with_capacity(of, 8));
            let once = move || {
                queue.send(&sent).expect("there is room");
                queue.receive_into(&mut received, selector).expect("it is there");
            };
            (messages, repeated(once))
        };
        queues.iter().map(|(messages, queue)| act((*messages, queue))).collect()
    };
    let curves = [
        Curve::in_turn("System V queue, oldest", Bound, each(filler, Selector::Any)),
        Curve::in_turn("System V queue, behind others", Rival, each(wanted, Selector::Type(wanted))),
    ];
    curves.into_iter().flatten().collect()
}

/// A process is killed that has claimed a message, in channels of any length.
pub(crate) fn recovery(title: &'static str) -> Graph {
    let mut again = Curve::new("until another process has the message", Ours);
    let mut ended = Curve::new("until its parent can wait for it", Bound);
    for messages in points(&[10, 100, 1_000, 10_000, MOST - 1]) {
        let channel = channel(messages + 1);
        (0..messages).for_each(|_| channel.send_raw(FILLER, b"message").expect("there is room"));
        let hold = || {
            channel.send(&Job(1)).expect("there is room");
            std::mem::forget(channel.claim::<Job>().expect("it is there"));
        };
        let next = || _ = channel.claim::<Job>().expect("it comes back").done().expect("it is ours");
        // The message is in no process's hands when the next one begins.
        let times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let until = Death::new(&hold).until_ended();
                next();
                (until, Death::new(&hold).until(&next))
            })
            .collect();
        let x = f64::from(messages);
        ended.add(x, &times.iter().map(|times| times.0).collect::<Vec<_>>());
        again.add(x, &times.iter().map(|times| times.1).collect::<Vec<_>>());
    }
    Graph {
        title,
        axis: "messages queued",
        about: "A process has claimed a message and is killed. Another process waits for the same message. It has the repair of all \
            that the dead process left in its time.".to_owned(),
        limit: "the kernel ends the process first. Then the survivor checks each cell that a message was ever in \
            (`touched_cells` in `primitives/src/store/`): their number is at most `capacity` and some for calls and control \
            messages, and does not depend on how many are queued now"
            .to_owned(),
        curves: vec![again, ended],
    }
}
