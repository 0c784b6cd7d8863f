//! Lanes: each way to carry items from one side to another, used as its own documentation advises.
//!
//! A sender makes an item in its own memory and hands it over. A receiver reads all of it, in place where the lane lets
//! it. Every item says in each of its words which number it is, and that is checked.

mod all;
mod any;
mod bare;
mod between_threads;
mod iceoryx;
mod ipmpsc;
mod item;
mod kernel;
mod one;
mod paused;
mod queues;
mod shmem;
mod stream;
mod trips;

use std::{cell::RefCell, hint::spin_loop, thread};

use anyhow::{Context, Result};

pub(crate) use self::{
    all::All,
    any::Any,
    bare::{Futex, Line, Memory},
    between_threads::{Bounded, Queue, Rtrb},
    iceoryx::{Iceoryx, IceoryxEvents},
    ipmpsc::Ipmpsc,
    item::{Item, Lines, Word},
    kernel::{Datagrams, Pipe, Socket, again, enlarge},
    one::One,
    paused::{Paused, paused},
    queues::{Posix, SystemV},
    shmem::ShmemIpc,
    stream::{send_to_sleeper, stream, stream_to_thread},
    trips::{answered, line_there_and_back, there_and_back, there_and_back_by_thread},
};
use crate::harness::Kind;

/// Where items are put.
pub(crate) trait Sender {
    /// Makes the item of this number, and sends it. Waits for room as the lane does.
    fn send(&mut self, number: u64);
}

/// Where items come out.
pub(crate) trait Receiver {
    /// Waits for an item as the lane does, reads it, and returns its number.
    fn receive(&mut self) -> u64;
}

/// A way from one side to the other, for items of one kind.
pub(crate) trait Lane<T: Item>: Sized {
    const NAME: &'static str;
    const KIND: Kind = Kind::Rival;
    type Sender: Sender;
    type Receiver: Receiver;

    /// Makes one for so many items. Processes forked afterwards share it.
    fn new(capacity: usize) -> Result<Self>;

    /// Opens the sending end, once in each process.
    fn sender(&self) -> Result<Self::Sender>;

    /// Opens the receiving end, once in each process.
    fn receiver(&self) -> Result<Self::Receiver>;
}

/// An end that was made together with the other, and is taken once.
struct Once<T>(RefCell<Option<T>>);

impl<T> Once<T> {
    fn new(value: T) -> Self {
        Self(RefCell::new(Some(value)))
    }

    fn take(&self) -> Result<T> {
        self.0.borrow_mut().take().context("this end is taken")
    }
}

/// So many pauses are longer than an item takes that is on its way.
const PAUSES: u32 = 1000;

/// How a lane waits that can't sleep, or needn't: check, pause for a moment, and check again. After a while it lets others
/// have the processor: where there are more processes than processors, one of them is to send.
#[inline]
fn look_again<R>(mut look: impl FnMut() -> Option<R>) -> R {
    for _ in 0..PAUSES {
        if let Some(found) = look() {
            return found;
        }
        spin_loop();
    }
    loop {
        if let Some(found) = look() {
            return found;
        }
        thread::yield_now();
    }
}
