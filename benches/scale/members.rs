//! What members cost: handles that are registered with one object, from 2 to the most that it may have.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Mutex, messages};

use crate::{
    graph::{Curve, Graph, rounds},
    kill::{Death, ROUNDS},
    name,
    plot::Role::Ours,
    points,
};

#[derive(Serialize, Deserialize)]
struct Job(u64);
messages! { 1 => Job }

/// The most handles of a mutex, and of a channel.
const MOST: u32 = 7_900;
const MOST_IN_CHANNEL: u32 = 5_300;

/// How long handles are opened for one object. A machine that is slower reaches fewer members.
const PATIENCE: Duration = Duration::from_secs(25);

/// Says how many members there are, where the time was too short for all of them.
fn reached<T>(crowds: &[(f64, Crowded<T>)]) -> String {
    let counts = crowds.iter().map(|(slots, crowd)| (slots, crowd.others.len() + 1));
    let fewer = counts.filter(|(slots, count)| **slots > f64::from(u32::try_from(*count).unwrap_or(u32::MAX)));
    let fewer: Vec<String> = fewer.map(|(slots, count)| format!("{count} of {slots}")).collect();
    match fewer.is_empty() {
        true => "All slots have members.".to_owned(),
        false => {
            format!("All slots have members, or as many as {} s suffice for: {}.", PATIENCE.as_secs(), fewer.join(", "))
        }
    }
}

/// An object with all members but one.
struct Crowded<T> {
    name: String,
    others: Vec<T>,
}

impl<T> Crowded<T> {
    fn new(members: u32, make: impl Fn(&str, u32) -> T, open: impl Fn(&str) -> T) -> (f64, Self) {
        let name = name("members");
        let (begun, mut others) = (Instant::now(), vec![make(&name, members)]);
        // The last slot is for the handle that is opened and closed.
        while others.len() + 1 < members as usize && begun.elapsed() < PATIENCE {
            others.push(open(&name));
        }
        (f64::from(members), Self { name, others })
    }

    fn first(&self) -> &T {
        &self.others[0]
    }

    /// Removes the object, and leaves the handles to the end of this process: to close them takes as long as to open them.
    fn end(self, remove: impl Fn(&T)) {
        remove(self.first());
        std::mem::forget(self.others);
    }
}

fn mutex(members: u32) -> (f64, Crowded<Mutex<u64>>) {
    let make = |name: &str, members| {
        let options = Mutex::options().remove_on_drop(true).max_handles(members);
        options.create(name, 0).expect("a mutex can be created")
    };
    Crowded::new(members, make, |name| Mutex::open(name).expect("there is a slot"))
}

fn channel(members: u32) -> (f64, Crowded<Channel>) {
    let make = |name: &str, members| {
        let options = Channel::options().remove_on_drop(true).max_handles(members);
        options.create(name).expect("a channel can be created")
    };
    Crowded::new(members, make, |name| Channel::open(name).expect("there is a slot"))
}

pub(crate) fn of_mutex(title: &'static str) -> Graph {
    let crowds: Vec<_> = points(&[2, 16, 128, 1024, MOST]).into_iter().map(mutex).collect();
    let lock = |crowd: &Crowded<Mutex<u64>>| *crowd.first().lock().expect("no holder dies") += 1;
    let open = |crowd: &Crowded<Mutex<u64>>| drop(Mutex::<u64>::open(&crowd.name).expect("there is a slot"));
    let list = |crowd: &Crowded<Mutex<u64>>| {
        black_box(crowd.first().members().expect("it is there"));
    };
    let mut curves: Vec<Curve> = [
        Curve::over("lock and unlock", Ours, &crowds, lock),
        Curve::over("open and close", Ours, &crowds, open),
        Curve::over("members()", Ours, &crowds, list),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut killed = Curve::new("holder killed, until locked again", Ours);
    for (x, crowd) in &crowds {
        let mutex = crowd.first();
        let hold = || std::mem::forget(mutex.ignore_poison().lock().expect("it is free"));
        let next = || drop(mutex.ignore_poison().lock().expect("it is free"));
        let times: Vec<_> = (0..ROUNDS).map(|_| Death::new(&hold).until(&next)).collect();
        killed.add(*x, &times);
    }
    curves.push(killed);
    let reached = reached(&crowds);
    crowds.into_iter().for_each(|(_, crowd)| crowd.end(|mutex| mutex.remove().expect("it is there")));
    Graph {
        title,
        axis: "slots for members",
        about: format!(
            "Members are handles of one process, in an object with so many slots. To open is to register in a slot, and reads \
                all semaphores of the set. {reached}"
        ),
        limit: format!(
            "{MOST}, `MOST_HANDLES` in `primitives/src/options.rs`: a member takes up to 4 semaphores of one set, and Linux \
                allows 32,000 in a set (`SEMMSL`, the first number of `sysctl kernel.sem`). The rest is for what all \
                members share. Where `SEMMSL` is smaller, creating fails and says which number fits"
        ),
        curves,
    }
}

pub(crate) fn of_channel(title: &'static str) -> Graph {
    let crowds: Vec<_> = points(&[2, 16, 128, 1024, MOST_IN_CHANNEL]).into_iter().map(channel).collect();
    let exchange = |crowd: &Crowded<Channel>| {
        crowd.first().send(&Job(1)).expect("there is room");
        black_box(crowd.first().recv::<Job>().expect("it is there").0);
    };
    let open = |crowd: &Crowded<Channel>| drop(Channel::open(&crowd.name).expect("there is a slot"));
    let list = |crowd: &Crowded<Channel>| {
        black_box(crowd.first().members().expect("it is there"));
    };
    let mut curves: Vec<Curve> = [
        Curve::over("send and recv", Ours, &crowds, exchange),
        Curve::over("open and close", Ours, &crowds, open),
        Curve::over("members()", Ours, &crowds, list),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut depth = Curve::new("depth()", Ours);
    for (x, crowd) in &crowds {
        depth.add(*x, &rounds(5, || _ = black_box(crowd.first().depth().expect("it is there"))));
    }
    curves.push(depth);
    let reached = reached(&crowds);
    crowds.into_iter().for_each(|(_, crowd)| crowd.end(|channel| channel.remove().expect("it is there")));
    Graph {
        title,
        axis: "slots for members",
        about: format!("As with the mutex. One process sends and receives, so no waiter is called. {reached}"),
        limit: format!(
            "{MOST_IN_CHANNEL}, `MOST_IN_CHANNEL` in `primitives/src/options.rs`: a member takes 6 semaphores of one set, and \
                some 600 bytes of the segment. `SEMMSL` is the kernel's part of it, as for a mutex"
        ),
        curves,
    }
}
