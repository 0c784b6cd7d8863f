//! Semaphores: sets of them, and single ones.

mod get;
mod guard;
mod initialized;
mod operate;
mod options;
mod semaphore;
mod set;

pub use self::{
    guard::SemaphoreGuard,
    options::SemaphoreOptions,
    semaphore::Semaphore,
    set::{SemaphoreSet, SemaphoreStat, remove_semaphore},
};
