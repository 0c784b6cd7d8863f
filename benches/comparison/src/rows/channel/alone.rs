//! The channel in one process, which never sleeps: what types and order cost, and what must be copied.

use std::hint::black_box;

use anyhow::Result;
use sysv_primitives::{Channel, Route, TypedQueue};

use super::{Job, Payload, channel, job, payload};
use crate::{
    calls,
    harness::{Alternative, Comparison, Kind, is_wanted, measure as measure_these, objects},
    lanes::{Lane, Lines, Receiver, Sender, SystemV},
    report::{Fact, Section},
};

pub(super) fn measure(section: &mut Section) -> Result<()> {
    // A scale of powers has no zero.
    section.add("message", behind(0)?);
    let points = [1, 10, 100, 1000].into_iter().map(|others| anyhow::Ok((f64::from(others), behind(others)?)));
    let points = points.collect::<Result<Vec<_>>>()?;
    section.add_family("message", "64 bytes, sent and received behind messages of another route", "messages", points);
    [1 << 20, 16 << 20].into_iter().try_for_each(|size| copies(section, size))?;
    let title = "System calls for a message, sent and received";
    if is_wanted(title) {
        section.add_facts(title, &["system calls for one message"], calls_per_message()?);
    }
    Ok(())
}

fn once(channel: &Channel, number: u64) {
    channel.send(&job(number)).expect("there is room");
    black_box(channel.recv::<Job>().expect("it is there"));
}

fn behind(others: u32) -> Result<Option<Comparison>> {
    let title = match others {
        0 => "64 bytes, sent and received in one process".to_owned(),
        1 => "64 bytes, in one process, behind 1 message of another route".to_owned(),
        _ => format!("64 bytes, in one process, behind {others} messages of another route"),
    };
    if !is_wanted(&title) {
        return Ok(None);
    }
    let bare = <SystemV as Lane<Lines<1>>>::new(0)?;
    let channel = channel(1 << 20)?;
    let (mut sender, mut receiver) = (Lane::<Lines<1>>::sender(&bare)?, Lane::<Lines<1>>::receiver(&bare)?);
    for _ in 0..others {
        TypedQueue::new(bare.queue().clone())?.send_raw(Route::new(9), b"x")?;
        channel.send_raw(Route::new(9), b"x")?;
    }
    let alternatives = vec![
        Alternative::new("channel", |count| (0..count).for_each(|number| once(&channel, number))).ours(),
        Alternative::new("msgsnd, msgrcv by type", |count| {
            for number in 0..count {
                sender.send(number);
                black_box(receiver.receive());
            }
        })
        .limit(),
    ];
    Ok(measure_these(&title, alternatives))
}

/// Long messages, beside what has to be copied at least.
fn copies(section: &mut Section, size: usize) -> Result<()> {
    let title = format!("{} MiB, sent and received in one process", size >> 20);
    if !is_wanted(&title) {
        return Ok(());
    }
    let memory = objects::memory(size)?;
    let channel = channel(size + 100)?;
    let payload = payload(size);
    let mut out = vec![0_u8; size];
    let alternatives = vec![
        Alternative::new("channel", |count| {
            (0..count).for_each(|_| {
                channel.send(&payload).expect("there is room");
                black_box(channel.recv::<Payload>().expect("it is there"));
            });
        })
        .ours(),
        Alternative::new("one memcpy in, one out", |count| {
            for _ in 0..count {
                // SAFETY: both have so many bytes, and nothing else uses the memory.
                #[allow(unsafe_code, reason = "the limit is reached by address")]
                unsafe {
                    memory.as_mut_ptr().copy_from_nonoverlapping(payload.bytes.as_ptr(), size);
                }
                // SAFETY: as above.
                #[allow(unsafe_code, reason = "the limit is reached by address")]
                unsafe {
                    memory.as_mut_ptr().copy_to_nonoverlapping(out.as_mut_ptr(), size);
                }
                black_box(&mut out);
            }
        })
        .limit(),
    ];
    section.add("message", measure_these(&title, alternatives));
    Ok(())
}

fn calls_per_message() -> Result<Vec<Fact>> {
    let channel = channel(2 << 20)?;
    let payload = payload(1 << 20);
    let (sender, from_sender) = ipc_channel::ipc::channel::<Job>()?;
    let short = calls::count(|count| (0..count).for_each(|number| once(&channel, number)))?;
    let long = calls::count(|count| {
        (0..count).for_each(|_| {
            channel.send(&payload).expect("there is room");
            black_box(channel.recv::<Payload>().expect("it is there"));
        });
    })?;
    let theirs = calls::count(|count| {
        (0..count).for_each(|number| {
            sender.send(job(number)).expect("there is room");
            black_box(from_sender.recv().expect("it is there"));
        });
    })?;
    let rows = [
        ("channel, 64 bytes", Kind::Ours, short),
        ("channel, 1 MiB", Kind::Ours, long),
        ("ipc-channel, 64 bytes", Kind::Rival, theirs),
    ];
    Ok(rows.map(|(what, kind, count)| Fact::new(what, kind, vec![count.into()])).into())
}
