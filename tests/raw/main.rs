//! The raw layer: every call, every refusal, every limit.

mod errors;
#[cfg(target_os = "linux")]
mod forks;
mod inventory;
mod keys;
mod limits;
mod message_queue;
mod message_queue_time;
mod open_forms;
mod processes;
mod semaphore;
mod semaphore_open;
mod semaphore_set;
mod semaphore_undo;
mod shared_memory;
mod shared_memory_open;
mod signals;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system_calls;
