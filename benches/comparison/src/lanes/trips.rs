//! Items there and back, each single trip timed.

use anyhow::{Context, Result};

use super::{Item, Lane, Line, Receiver, Sender};
use crate::{
    harness::{Kind, gate::Other},
    timed::Timed,
};

/// How many items lie there at most: one, and no lane should be at its end.
const CAPACITY: usize = 16;

fn echo(mut from: impl Receiver, mut to: impl Sender) -> impl FnMut(u64) {
    move |count| (0..count).for_each(|_| to.send(from.receive()))
}

/// Something with an answer, again and again: `once` is told the number, and comes back with the answer.
pub(crate) fn answered<'a>(name: &str, kind: Kind, other: Other, mut once: impl FnMut(u64) + 'a) -> Timed<'a> {
    Timed::new(name, kind, move |count, times| {
        other.run(count, || (0..count).for_each(|number| times.time(|| once(number))));
    })
}

fn trips<'a, T: Item, L: Lane<T>>(there: &L, back: &L, other: Other) -> Result<Timed<'a>>
where
    L::Sender: 'a,
    L::Receiver: 'a,
{
    let (mut to, mut from) = (there.sender().context(L::NAME)?, back.receiver().context(L::NAME)?);
    Ok(answered(L::NAME, L::KIND, other, move |number| {
        to.send(number);
        assert_eq!(from.receive(), number, "an item is lost");
    }))
}

/// Between this process and one on that processor.
pub(crate) fn there_and_back<'a, T: Item, L: Lane<T> + 'a>(processor: usize) -> Result<Timed<'a>>
where
    L::Sender: 'a,
    L::Receiver: 'a,
{
    let (there, back) = (L::new(CAPACITY).context(L::NAME)?, L::new(CAPACITY).context(L::NAME)?);
    let other = Other::process_on(processor, || {
        echo(there.receiver().expect("it can be had"), back.sender().expect("it can be had"))
    });
    Ok(trips(&there, &back, other)?.keeping((there, back)))
}

/// A bare cache line there and another one back, so many times: a measure of how long processors need to tell each other.
pub(crate) fn line_there_and_back<'a>(trips: u64) -> Result<Timed<'a>> {
    let (there, back) = (Line::new(CAPACITY)?, Line::new(CAPACITY)?);
    let other = Other::process(|| {
        let mut echo = echo(there.receiver().expect("it can be had"), back.sender().expect("it can be had"));
        move |count| echo(count * trips)
    });
    let (mut to, mut from) = (there.sender()?, back.receiver()?);
    Ok(answered(&format!("{trips} trips of a bare cache line"), Kind::Limit, other, move |number| {
        for _ in 0..trips {
            to.send(number);
            assert_eq!(from.receive(), number, "an item is lost");
        }
    }))
}

/// Between this thread and another.
pub(crate) fn there_and_back_by_thread<'a, T: Item, L: Lane<T>>() -> Result<Timed<'a>>
where
    L::Sender: Send + 'static,
    L::Receiver: Send + 'static,
{
    let (there, back) = (L::new(CAPACITY)?, L::new(CAPACITY)?);
    let other = Other::thread(echo(there.receiver()?, back.sender()?));
    trips(&there, &back, other)
}
