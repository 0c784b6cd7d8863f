//! Semaphores: sets of them, and single ones.

mod get;
mod initialized;
mod op;
mod options;
mod semaphore;
mod set;

pub use self::{
    op::{Amount, SemOp},
    options::SemaphoreOptions,
    semaphore::{Semaphore, SemaphoreGuard},
    set::{SemaphoreSet, SemaphoreStat, remove_semaphore},
};
