//! The raw layer beside the bare calls.
#![allow(unsafe_code, reason = "the C library is called directly, as the thing to compare with")]

use std::hint::black_box;

use anyhow::Result;
use sysv_ipc::{Amount, MessageBuffer, MessageType, Selector, SemOp};

use crate::{
    harness::{Alternative, measure as measure_these, objects},
    lanes::{Lane, Lines, Receiver, Sender, SystemV},
    report::Section,
};

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    semaphores(section)?;
    messages(section)?;
    memory(section)
}

fn semaphores(section: &mut Section) -> Result<()> {
    let semaphore = objects::semaphore(1)?;
    let mut undone = (*semaphore).clone();
    undone.set_undo(true);
    let id = semaphore.id();
    let both = [SemOp::sub(0, Amount::ONE), SemOp::add(0, Amount::ONE)];
    let alternatives = vec![
        Alternative::new("acquire, release", |count| {
            for _ in 0..count {
                semaphore.acquire().expect("it is free");
                semaphore.release().expect("it is held");
            }
        })
        .ours(),
        Alternative::new("acquire, release with undo", |count| {
            for _ in 0..count {
                undone.acquire().expect("it is free");
                undone.release().expect("it is held");
            }
        })
        .ours(),
        Alternative::new("both in one step", |count| {
            (0..count).for_each(|_| semaphore.as_set().op(&both).expect("it is free"));
        })
        .ours(),
        Alternative::new("semop twice, by libc", |count| {
            for _ in 0..count {
                for change in [-1, 1] {
                    let mut op = libc::sembuf { sem_num: 0, sem_op: change, sem_flg: 0 };
                    // SAFETY: one operation is passed.
                    assert_eq!(unsafe { libc::semop(id, &raw mut op, 1) }, 0);
                }
            }
        })
        .limit(),
    ];
    section.add("acquire and release", measure_these("a semaphore, uncontended", alternatives));
    Ok(())
}

fn messages(section: &mut Section) -> Result<()> {
    let queue = objects::queue()?;
    let bare = <SystemV as Lane<Lines<1>>>::new(0)?;
    let (mut sender, mut receiver) = (Lane::<Lines<1>>::sender(&bare)?, Lane::<Lines<1>>::receiver(&bare)?);
    let mut message = MessageBuffer::new(MessageType::ONE, &[0; 64]);
    let alternatives = vec![
        Alternative::new("send, receive_into", |count| {
            for _ in 0..count {
                queue.send(&message).expect("there is room");
                queue.receive_into(&mut message, Selector::Type(MessageType::ONE)).expect("it is there");
            }
        })
        .ours(),
        Alternative::new("msgsnd, msgrcv, by libc", |count| {
            for number in 0..count {
                sender.send(number);
                black_box(receiver.receive());
            }
        })
        .limit(),
    ];
    section.add("message, sent and received", measure_these("a message of 64 bytes", alternatives));
    Ok(())
}

fn memory(section: &mut Section) -> Result<()> {
    let memory = objects::memory(1 << 20)?;
    let bytes = vec![7; 1 << 20];
    let alternatives = vec![
        Alternative::new("SharedMemory::write", |count| {
            (0..count).for_each(|_| memory.write(black_box(&bytes), 0).expect("it fits"));
        })
        .ours(),
        Alternative::new("memcpy", |count| {
            for _ in 0..count {
                // SAFETY: the segment is that long, and nothing else uses it.
                unsafe { memory.as_mut_ptr().copy_from_nonoverlapping(black_box(bytes.as_ptr()), bytes.len()) };
            }
        })
        .limit(),
    ];
    section.add("write of 1 MiB", measure_these("1 MiB into shared memory", alternatives));
    Ok(())
}
