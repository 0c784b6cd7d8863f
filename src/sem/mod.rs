//! Semaphores: sets of them, and single ones.

mod get;
mod initialized;
mod options;
mod semaphore;
mod set;

pub use self::{
    options::SemaphoreOptions,
    semaphore::{Semaphore, SemaphoreGuard},
    set::{SemaphoreSet, SemaphoreStat, remove_semaphore},
};
