//! The kernel's own floor: what the cheapest things between processes cost on this machine.
//!
//! ```text
//! cargo bench --bench floor
//! ```
#![allow(unsafe_code, reason = "the C library is called directly, as the thing to compare with")]

mod harness;

use std::{
    hint, io,
    os::fd::OwnedFd,
    sync::atomic::{AtomicU32, Ordering},
};

use harness::{Alternative, Peer, RobustMutex, compare};
use nix::unistd::{pipe, read, write};
use sysv_ipc::{
    Amount, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, Selector, SemOp, Semaphore,
    SemaphoreOptions, SharedMemory, SharedMemoryOptions,
};

fn main() -> Result<(), sysv_ipc::Error> {
    locks()?;
    messages_in_one_process()?;
    ping_pong()
}

/// Objects under no key, removed as soon as nobody needs their names: a crash leaves nothing.
fn memory() -> Result<SharedMemory, sysv_ipc::Error> {
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    Ok(memory)
}

struct Objects {
    semaphores: Vec<Semaphore>,
    queues: Vec<MessageQueue>,
}

impl Objects {
    fn new() -> Self {
        Self { semaphores: Vec::new(), queues: Vec::new() }
    }

    fn semaphore(&mut self, value: u16) -> Result<Semaphore, sysv_ipc::Error> {
        let semaphore = SemaphoreOptions::new().initial_value(value).open(Key::PRIVATE)?;
        self.semaphores.push(semaphore.clone());
        Ok(semaphore)
    }

    fn queue(&mut self) -> Result<MessageQueue, sysv_ipc::Error> {
        let queue = MessageQueueOptions::new().max_message_size(8192).open(Key::PRIVATE)?;
        self.queues.push(queue.clone());
        Ok(queue)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.semaphores.iter().for_each(|semaphore| _ = semaphore.remove());
        self.queues.iter().for_each(|queue| _ = queue.remove());
    }
}

/// Takes and gives back what nobody else wants.
fn locks() -> Result<(), sysv_ipc::Error> {
    let mut objects = Objects::new();
    let plain = objects.semaphore(1)?;
    let mut undone = objects.semaphore(1)?;
    undone.set_undo(true);
    let bare = objects.semaphore(1)?;
    let pair = objects.semaphore(1)?;
    let memory = memory()?;
    let posix = memory.as_mut_ptr().cast::<libc::sem_t>();
    // SAFETY: the memory is mapped, large enough, and nobody else's.
    assert_eq!(unsafe { libc::sem_init(posix, 1, 1) }, 0);
    let robust = RobustMutex::new(&memory, 1024);
    let word: &AtomicU32 = memory.view(2048)?;
    compare(
        "lock and unlock, uncontended",
        vec![
            Alternative::new("semop -1, semop +1", |count| {
                for _ in 0..count {
                    plain.acquire().expect("it is free");
                    plain.release().expect("it is held");
                }
            }),
            Alternative::new("the same by libc alone", |count| {
                for _ in 0..count {
                    for change in [-1, 1] {
                        let mut op = libc::sembuf { sem_num: 0, sem_op: change, sem_flg: 0 };
                        // SAFETY: one operation is passed.
                        assert_eq!(unsafe { libc::semop(bare.id(), &raw mut op, 1) }, 0);
                    }
                }
            }),
            Alternative::new("the same with SEM_UNDO", |count| {
                for _ in 0..count {
                    undone.acquire().expect("it is free");
                    undone.release().expect("it is held");
                }
            }),
            Alternative::new("one semop of both", |count| {
                let both = [SemOp::sub(0, Amount::ONE), SemOp::add(0, Amount::ONE)];
                for _ in 0..count {
                    pair.as_set().op(&both).expect("it is free");
                }
            }),
            Alternative::new("POSIX semaphore, process-shared", |count| {
                for _ in 0..count {
                    // SAFETY: it was initialised above.
                    assert_eq!(unsafe { libc::sem_wait(posix) }, 0);
                    // SAFETY: as above.
                    assert_eq!(unsafe { libc::sem_post(posix) }, 0);
                }
            }),
            Alternative::new("pthread mutex, robust, process-shared", |count| {
                (0..count).for_each(|_| robust.lock_and_unlock(|| ()));
            }),
            Alternative::new("compare-exchange and swap of one word", |count| {
                for _ in 0..count {
                    let taken = word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
                    assert_eq!(hint::black_box(taken), Ok(0));
                    hint::black_box(word.swap(0, Ordering::Release));
                }
            }),
        ],
    );
    Ok(())
}

/// Sends a message and receives it again, by size.
fn messages_in_one_process() -> Result<(), sysv_ipc::Error> {
    let mut objects = Objects::new();
    let sizes = [0, 32, 256, 2048, 8192].map(|size| (size, MessageBuffer::new(MessageType::ONE, &vec![7; size])));
    let queue = objects.queue()?;
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
        for _ in 0..count {
            transfer(&reader, &writer);
        }
    }));
    compare("a message to oneself", alternatives);
    Ok(())
}

fn transfer(reader: &OwnedFd, writer: &OwnedFd) {
    let mut bytes = [7; 32];
    assert_eq!(write(writer, &bytes), Ok(bytes.len()));
    assert_eq!(read(reader, &mut bytes), Ok(bytes.len()));
}

/// There and back between two processes on two processors.
fn ping_pong() -> Result<(), sysv_ipc::Error> {
    let mut objects = Objects::new();
    let memory = memory()?;
    let (ping, pong): (&AtomicU32, &AtomicU32) = (memory.view(0)?, memory.view(128)?);
    let _cache_peer = Peer::start(|| {
        for turn in 1.. {
            wait_for(ping, turn);
            pong.store(turn, Ordering::Release);
        }
    });
    let mut turn = 0;
    let cache = Alternative::new("cache line, spinning", |count| {
        for _ in 0..count {
            turn += 1;
            ping.store(turn, Ordering::Release);
            wait_for(pong, turn);
        }
    });

    let (there, back) = (objects.semaphore(0)?, objects.semaphore(0)?);
    let _semaphore_peer = Peer::start(|| while there.acquire().is_ok() && back.release().is_ok() {});
    let semaphores = Alternative::new("System V semaphores", |count| {
        for _ in 0..count {
            there.release().expect("the peer lives");
            back.acquire().expect("the peer lives");
        }
    });

    let queue = objects.queue()?;
    let (request, reply) = (MessageType::ONE, MessageType::new(2)?);
    let _queue_peer = Peer::start(|| {
        let mut message = MessageBuffer::default();
        while queue.receive_into(&mut message, Selector::Type(request)).is_ok() {
            message.set_message_type(reply);
            if queue.send(&message).is_err() {
                break;
            }
        }
    });
    let messages = Alternative::new("System V messages of 32 bytes", |count| {
        let mut message = MessageBuffer::new(request, &[7; 32]);
        for _ in 0..count {
            message.set_message_type(request);
            queue.send(&message).expect("the peer lives");
            queue.receive_into(&mut message, Selector::Type(reply)).expect("the peer lives");
        }
    });

    let posix = memory.as_mut_ptr().wrapping_add(1024).cast::<libc::sem_t>();
    for semaphore in [posix, posix.wrapping_add(4)] {
        // SAFETY: the memory is mapped, large enough, and used for nothing else.
        assert_eq!(unsafe { libc::sem_init(semaphore, 1, 0) }, 0);
    }
    let hand_over = |from: *mut libc::sem_t, to: *mut libc::sem_t| {
        // SAFETY: both were initialised above.
        assert_eq!(unsafe { libc::sem_post(to) }, 0);
        // SAFETY: as above.
        while unsafe { libc::sem_wait(from) } != 0 {
            assert_eq!(io::Error::last_os_error().kind(), io::ErrorKind::Interrupted);
        }
    };
    let _posix_peer = Peer::start(|| {
        // SAFETY: it was initialised above.
        assert_eq!(unsafe { libc::sem_wait(posix) }, 0);
        loop {
            hand_over(posix, posix.wrapping_add(4));
        }
    });
    let posix_semaphores = Alternative::new("POSIX semaphores", |count| {
        for _ in 0..count {
            hand_over(posix.wrapping_add(4), posix);
        }
    });

    let (their_reader, writer) = pipe().expect("a pipe can be made");
    let (reader, their_writer) = pipe().expect("a pipe can be made");
    let _pipe_peer = Peer::start(|| {
        loop {
            let mut bytes = [0; 32];
            assert!(read(&their_reader, &mut bytes).is_ok_and(|count| count > 0));
            assert!(write(&their_writer, &bytes).is_ok());
        }
    });
    let pipes = Alternative::new("pipes, 32 bytes", |count| {
        for _ in 0..count {
            transfer(&reader, &writer);
        }
    });
    compare("there and back between processes", vec![messages, semaphores, posix_semaphores, pipes, cache]);
    Ok(())
}

fn wait_for(word: &AtomicU32, value: u32) {
    while word.load(Ordering::Acquire) != value {
        hint::spin_loop();
    }
}
