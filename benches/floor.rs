//! The kernel's own floor: what the cheapest things between processes cost on this machine.
//!
//! ```text
//! cargo bench --bench floor
//! ```
#![allow(unsafe_code, reason = "the C library is called directly, as the thing to compare with")]

mod harness;

use std::{
    hint,
    os::fd::OwnedFd,
    sync::atomic::{AtomicU32, Ordering},
};

use harness::{
    Alternative, PosixSemaphore, RobustMutex, compare,
    gate::Other,
    objects::{Removed, memory, queue, semaphore, undone_semaphore},
};
use nix::unistd::{pipe, read, write};
use sysv_ipc::{Amount, Error, MessageBuffer, MessageType, Selector, SemOp, Semaphore, SharedMemory};

fn main() -> Result<(), Error> {
    locks()?;
    messages_in_one_process()?;
    ping_pong()
}

/// Takes and gives back what no other process wants.
fn locks() -> Result<(), Error> {
    compare(
        "lock and unlock, uncontended",
        vec![
            semop("semop -1, semop +1", semaphore(1)?),
            bare_semop()?,
            semop("the same with SEM_UNDO", undone_semaphore(1)?),
            one_semop()?,
            posix_semaphore()?,
            robust_mutex()?,
            one_word()?,
        ],
    );
    Ok(())
}

fn semop(name: &str, semaphore: Removed<Semaphore>) -> Alternative<'static> {
    Alternative::new(name, move |count| {
        for _ in 0..count {
            semaphore.acquire().expect("it is free");
            semaphore.release().expect("it is held");
        }
    })
}

fn bare_semop() -> Result<Alternative<'static>, Error> {
    let semaphore = semaphore(1)?;
    Ok(Alternative::new("the same by libc alone", move |count| {
        for _ in 0..count {
            for change in [-1, 1] {
                let mut op = libc::sembuf { sem_num: 0, sem_op: change, sem_flg: 0 };
                // SAFETY: one operation is passed.
                assert_eq!(unsafe { libc::semop(semaphore.id(), &raw mut op, 1) }, 0);
            }
        }
    }))
}

fn one_semop() -> Result<Alternative<'static>, Error> {
    let semaphore = semaphore(1)?;
    Ok(Alternative::new("one semop of both", move |count| {
        let both = [SemOp::sub(0, Amount::ONE), SemOp::add(0, Amount::ONE)];
        (0..count).for_each(|_| semaphore.as_set().op(&both).expect("it is free"));
    }))
}

fn posix_semaphore() -> Result<Alternative<'static>, Error> {
    let memory = memory(4096)?;
    let semaphore = PosixSemaphore::new(&memory, 0, 1);
    let run = move |count| {
        for _ in 0..count {
            semaphore.wait();
            semaphore.post();
        }
    };
    Ok(Alternative::new("POSIX semaphore, process-shared", run).keeping(memory))
}

fn robust_mutex() -> Result<Alternative<'static>, Error> {
    let memory = memory(4096)?;
    let mutex = RobustMutex::new(&memory, 0);
    let run = move |count| (0..count).for_each(|_| mutex.lock_and_unlock(|| ()));
    Ok(Alternative::new("pthread mutex, robust, process-shared", run).keeping(memory))
}

fn one_word() -> Result<Alternative<'static>, Error> {
    let memory = memory(4096)?;
    Ok(Alternative::new("compare-exchange and swap of one word", move |count| {
        let word: &AtomicU32 = memory.view(0).expect("it fits");
        for _ in 0..count {
            let taken = word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            assert_eq!(hint::black_box(taken), Ok(0));
            hint::black_box(word.swap(0, Ordering::Release));
        }
    }))
}

/// Sends a message and receives it again, by size.
fn messages_in_one_process() -> Result<(), Error> {
    let sizes = [0, 32, 256, 2048, 8192].map(|size| (size, MessageBuffer::new(MessageType::ONE, &vec![7; size])));
    let queue = queue()?;
    let mut alternatives: Vec<_> = sizes
        .iter()
        .map(|(size, message)| {
            let queue = &queue;
            Alternative::new(format!("msgsnd and msgrcv of {size} bytes"), move |count| {
                let mut received = MessageBuffer::default();
                for _ in 0..count {
                    queue.send(message).expect("there is room");
                    queue.receive_into(&mut received, Selector::Any).expect("it is there");
                }
            })
        })
        .collect();
    let (reader, writer) = pipe().expect("a pipe can be made");
    alternatives.push(Alternative::new("pipe, 32 bytes", move |count| {
        (0..count).for_each(|_| transfer(&reader, &writer));
    }));
    compare("a message to oneself", alternatives);
    Ok(())
}

fn transfer(reader: &OwnedFd, writer: &OwnedFd) {
    let mut bytes = [7; 32];
    assert_eq!(write(writer, &bytes), Ok(bytes.len()));
    assert_eq!(read(reader, &mut bytes), Ok(bytes.len()));
}

/// There and back between two processes on two processors. The process that waits for its turn sleeps.
fn ping_pong() -> Result<(), Error> {
    let alternatives =
        vec![messages_there_and_back()?, semaphores()?, posix_semaphores()?, pipes_there_and_back(), cache_line()?];
    compare("there and back between processes", alternatives);
    Ok(())
}

fn messages_there_and_back() -> Result<Alternative<'static>, Error> {
    let queue = queue()?;
    let (request, reply) = (MessageType::ONE, MessageType::new(2)?);
    let peer = Other::process(|| {
        |count| {
            let mut message = MessageBuffer::default();
            for _ in 0..count {
                queue.receive_into(&mut message, Selector::Type(request)).expect("it comes");
                message.set_message_type(reply);
                queue.send(&message).expect("the other side lives");
            }
        }
    });
    Ok(Alternative::new("System V messages of 32 bytes", move |count| {
        let mut message = MessageBuffer::new(request, &[7; 32]);
        peer.run(count, || {
            for _ in 0..count {
                message.set_message_type(request);
                queue.send(&message).expect("the peer lives");
                queue.receive_into(&mut message, Selector::Type(reply)).expect("the peer lives");
            }
        });
    }))
}

fn semaphores() -> Result<Alternative<'static>, Error> {
    let (there, back) = (semaphore(0)?, semaphore(0)?);
    let peer = Other::process(|| {
        |count| {
            for _ in 0..count {
                there.acquire().expect("the other side lives");
                back.release().expect("the other side lives");
            }
        }
    });
    Ok(Alternative::new("System V semaphores", move |count| {
        peer.run(count, || {
            for _ in 0..count {
                there.release().expect("the peer lives");
                back.acquire().expect("the peer lives");
            }
        });
    }))
}

fn posix_semaphores() -> Result<Alternative<'static>, Error> {
    let memory = memory(4096)?;
    let [there, back] = [0, 128].map(|offset| PosixSemaphore::new(&memory, offset, 0));
    let peer = Other::process(|| {
        |count| {
            for _ in 0..count {
                there.wait();
                back.post();
            }
        }
    });
    let run = move |count| {
        peer.run(count, || {
            for _ in 0..count {
                there.post();
                back.wait();
            }
        });
    };
    Ok(Alternative::new("POSIX semaphores", run).keeping(memory))
}

fn pipes_there_and_back() -> Alternative<'static> {
    let (their_reader, writer) = pipe().expect("a pipe can be made");
    let (reader, their_writer) = pipe().expect("a pipe can be made");
    let peer = Other::process(|| {
        |count| {
            for _ in 0..count {
                let mut bytes = [0; 32];
                assert_eq!(read(&their_reader, &mut bytes), Ok(bytes.len()));
                assert_eq!(write(&their_writer, &bytes), Ok(bytes.len()));
            }
        }
    });
    Alternative::new("pipes, 32 bytes", move |count| {
        peer.run(count, || (0..count).for_each(|_| transfer(&reader, &writer)));
    })
}

fn cache_line() -> Result<Alternative<'static>, Error> {
    let memory = memory(4096)?;
    let peer = Other::process(|| {
        let (ping, pong) = ping_and_pong(&memory);
        let mut turn = 0;
        move |count| {
            for _ in 0..count {
                turn += 1;
                wait_for(ping, turn);
                pong.store(turn, Ordering::Release);
            }
        }
    });
    let mut turn = 0;
    Ok(Alternative::new("cache line, spinning", move |count| {
        let (ping, pong) = ping_and_pong(&memory);
        peer.run(count, || {
            for _ in 0..count {
                turn += 1;
                ping.store(turn, Ordering::Release);
                wait_for(pong, turn);
            }
        });
    }))
}

/// Two words on lines of their own.
fn ping_and_pong(memory: &SharedMemory) -> (&AtomicU32, &AtomicU32) {
    (memory.view(0).expect("it fits"), memory.view(128).expect("it fits"))
}

fn wait_for(word: &AtomicU32, value: u32) {
    while word.load(Ordering::Acquire) != value {
        hint::spin_loop();
    }
}
