//! What the hardware allows: memory, and processes that read it.

mod futex;
mod line;
mod memory;

pub(crate) use self::{futex::Futex, line::Line, memory::Memory};
