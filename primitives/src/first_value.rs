//! The first value of an object, which is written in place before the object is published.
//!
//! A value may be larger than any stack. So nothing here moves one: `open` makes none, and a value that the caller
//! passes is copied from where the caller has it.
#![allow(unsafe_code, reason = "the first value is written through its address")]

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
};

use bytemuck::{Pod, bytes_of, bytes_of_mut};

use crate::{layout::ValueCell, raw};

/// How much a value is aligned, at most: the body is aligned to as much. It has a cache line of its own.
pub(crate) const ALIGN: usize = 128;

/// Copies the caller's value. An assignment, or passing it on, would copy it to the stack first, unless that is optimised.
pub(crate) fn copy<T: Pod>(value: &T, first: &mut T) {
    bytes_of_mut(first).copy_from_slice(bytes_of(value));
}

/// A new segment is zeroes.
pub(crate) fn leave_zeroed<T>(_: &mut T) {}

/// A panic of the caller's code that writes a first value. It is an error for now: the creation fails, and removes what it has
/// made.
#[derive(Default)]
pub(crate) struct Caught(Cell<Option<Box<dyn Any + Send>>>);

impl Caught {
    pub(crate) fn catch(&self, write: impl FnOnce()) -> raw::Result<()> {
        panic::catch_unwind(AssertUnwindSafe(write)).map_err(|panic| {
            self.0.set(Some(panic));
            // Any error that doesn't start the creation again will do. No caller sees it.
            raw::Error::NoOperations
        })
    }

    /// Lets the panic go on, if there was one.
    pub(crate) fn resume(self) {
        if let Some(panic) = self.0.into_inner() {
            panic::resume_unwind(panic);
        }
    }
}

/// The caller's way to write the first value, and how it ended.
pub(crate) struct FirstValue<'a, T> {
    write: RefCell<&'a mut dyn FnMut(&mut T)>,
    caught: Caught,
}

impl<'a, T: Pod> FirstValue<'a, T> {
    pub(crate) fn new(write: &'a mut dyn FnMut(&mut T)) -> Self {
        Self { write: RefCell::new(write), caught: Caught::default() }
    }

    /// Writes the value.
    pub(crate) fn write(&self, place: &ValueCell<T>) -> raw::Result<()> {
        self.caught.catch(|| {
            // SAFETY: the object is not published (OB1), so no other process uses its memory, and this one calls once.
            let value = unsafe { place.get_mut() };
            (self.write.borrow_mut())(value);
        })
    }

    /// Lets the panic go on, if there was one.
    pub(crate) fn resume_panic(self) {
        self.caught.resume();
    }
}
