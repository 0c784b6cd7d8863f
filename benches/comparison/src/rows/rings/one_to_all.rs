//! One that sends, and some that each receive everything.

use anyhow::{Context, Result};

use crate::{
    harness::{self, Alternative, Comparison, gate::Other, is_wanted},
    lanes::{All, Iceoryx, IceoryxEvents, Lane, Lines, Receiver, Sender},
    report::Section,
};

type Line = Lines<1>;

const CAPACITY: usize = 1024;

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let point = |subscribers: u8| anyhow::Ok((f64::from(subscribers), to_each(subscribers)?));
    let points = [1, 4, 8].into_iter().map(point).collect::<Result<_>>()?;
    section.add_family(
        "item",
        "One to all, 64 bytes, by receivers, each of which gets every item",
        "receivers",
        points,
    );
    Ok(())
}

fn to_each(subscribers: u8) -> Result<Option<Comparison>> {
    let title = format!("one to all, items of 64 bytes, {subscribers} receivers");
    if !is_wanted(&title) {
        return Ok(None);
    }
    let subscribers = usize::from(subscribers);
    let alternatives = vec![
        to_all(All::<Line>::new(CAPACITY)?, subscribers)?,
        to_all(Iceoryx::to_all(CAPACITY, subscribers), subscribers)?,
        to_all(IceoryxEvents::to_all(CAPACITY, subscribers), subscribers)?,
    ];
    Ok(harness::measure(&title, alternatives))
}

/// Sends to receivers in processes of their own. An item counts once, however many receive it.
///
/// Between rounds the receivers sleep at a gate: otherwise those of a lane that never sleeps would run while another is
/// measured.
fn to_all<'a, L: Lane<Line> + 'a>(lane: L, subscribers: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let start = |number: usize| {
        Other::process_on(number + 1, || {
            let mut receiver = lane.receiver().expect("it can be had");
            let mut expected = 0;
            move |count| {
                for _ in 0..count {
                    assert_eq!(receiver.receive(), expected, "an item is lost");
                    expected += 1;
                }
            }
        })
    };
    let receivers: Vec<Other> = (0..subscribers).map(start).collect();
    let mut sender = lane.sender().context(L::NAME)?;
    let mut sent = 0;
    let alternative = Alternative::new(L::NAME, move |count| {
        Other::run_all(&receivers, count, || (sent..sent + count).for_each(|number| sender.send(number)));
        sent += count;
    });
    Ok(alternative.kind(L::KIND).keeping(lane))
}
