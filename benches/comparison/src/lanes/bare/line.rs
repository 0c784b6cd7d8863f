//! One cache line.

use std::{
    hint::spin_loop,
    rc::Rc,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use anyhow::Result;
use sysv_ipc::SharedMemory;

use super::super::{Lane, Receiver, Sender, Word};
use crate::harness::{Kind, objects::memory};

/// A cache line that holds the number of the last item, and no more than one item.
pub(crate) struct Line(Rc<SharedMemory>);

pub(crate) struct LineEnd(Rc<SharedMemory>, u64);

impl Lane<Word> for Line {
    const NAME: &'static str = "a bare cache line";
    const KIND: Kind = Kind::Limit;
    type Sender = LineEnd;
    type Receiver = LineEnd;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(Rc::new(memory(4096)?)))
    }

    fn sender(&self) -> Result<LineEnd> {
        Ok(LineEnd(Rc::clone(&self.0), 0))
    }

    fn receiver(&self) -> Result<LineEnd> {
        self.sender()
    }
}

impl LineEnd {
    fn word(&self) -> &AtomicU64 {
        self.0.view(0).expect("it fits")
    }
}

/// The upper half says how many were sent, so that the same number can come again. The lower is the number.
impl Sender for LineEnd {
    #[inline]
    fn send(&mut self, number: u64) {
        self.1 += 1;
        self.word().store(self.1 << 32 | number, Release);
    }
}

impl Receiver for LineEnd {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.1 += 1;
        loop {
            let seen = self.word().load(Acquire);
            if seen >> 32 == self.1 & 0xffff_ffff {
                return seen & 0xffff_ffff;
            }
            spin_loop();
        }
    }
}
