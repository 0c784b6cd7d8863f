//! Items one way, in a row.

use std::{thread, time::Duration};

use anyhow::{Context, Result};

use super::{Item, Lane, Receiver, Sender};
use crate::harness::{Alternative, gate::Other};

fn serve(mut receiver: impl Receiver) -> impl FnMut(u64) {
    move |count| (0..count).for_each(|number| assert_eq!(receiver.receive(), number, "an item is lost"))
}

fn drive<'a, T: Item, L: Lane<T>>(lane: &L, other: Other) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let mut sender = lane.sender().context(L::NAME)?;
    let run = move |count| other.run(count, || (0..count).for_each(|number| sender.send(number)));
    Ok(Alternative::new(L::NAME, run).kind(L::KIND))
}

/// Items from this process to another.
pub(crate) fn stream<'a, T: Item, L: Lane<T> + 'a>(capacity: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let lane = L::new(capacity).context(L::NAME)?;
    let other = Other::process(|| serve(lane.receiver().expect("it can be had")));
    let alternative = drive(&lane, other)?;
    Ok(alternative.keeping(lane))
}

/// Items from this thread to another.
pub(crate) fn stream_to_thread<'a, T: Item, L: Lane<T>>(capacity: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
    L::Receiver: Send + 'static,
{
    let lane = L::new(capacity).context(L::NAME)?;
    drive(&lane, Other::thread(serve(lane.receiver()?)))
}

/// Sends items one by one, each to a receiver that has had a while to fall asleep.
pub(crate) fn send_to_sleeper<T: Item, L: Lane<T>>(count: u64) {
    let lane = L::new(16).expect("it can be made");
    let other = Other::process(|| serve(lane.receiver().expect("it can be had")));
    let mut sender = lane.sender().expect("it can be had");
    other.run(count, || {
        for number in 0..count {
            thread::sleep(Duration::from_millis(2));
            sender.send(number);
        }
    });
}
