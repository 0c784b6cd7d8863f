//! The typed queue, beside the kernel queue that it is made of.

use std::hint::black_box;

use anyhow::Result;

use super::{Job, Plain, typed::InQueue};
use crate::{
    harness::{is_wanted, measure as measure_these},
    lanes::{Lane, Lines, Receiver, Sender, SystemV, stream},
    report::Section,
    timed::{Stopwatch, Timed},
};

/// How many messages of 64 bytes it may have to hold, which the kernel decides.
const CAPACITY: usize = 16;

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let title = "TypedQueue, 64 bytes, one to one";
    if is_wanted(title) {
        let alternatives = vec![
            stream::<Lines<1>, InQueue<Job>>(CAPACITY)?,
            stream::<Lines<1>, InQueue<Plain>>(CAPACITY)?,
            stream::<Lines<1>, SystemV>(CAPACITY)?.limit(),
        ];
        section.add("message", measure_these(title, alternatives));
    }
    let title = "TypedQueue, 64 bytes, sent and received by one process";
    if is_wanted(title) {
        let lanes = vec![alone::<InQueue<Job>>()?, alone::<InQueue<Plain>>()?, alone::<SystemV>()?.limit()];
        section.add_timed("message", title, lanes);
    }
    Ok(())
}

fn alone<'a, L: Lane<Lines<1>> + 'a>() -> Result<Timed<'a>>
where
    L::Sender: 'a,
    L::Receiver: 'a,
{
    let lane = L::new(CAPACITY)?;
    let (mut sender, mut receiver) = (lane.sender()?, lane.receiver()?);
    let run = move |count, times: &Stopwatch| {
        for number in 0..count {
            times.time(|| {
                sender.send(number);
                assert_eq!(black_box(receiver.receive()), number, "a message is lost");
            });
        }
    };
    Ok(Timed::new(L::NAME, L::KIND, run).keeping(lane))
}
