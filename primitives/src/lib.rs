//! Crash-safe, typed primitives between processes.
pub use sysv_ipc as raw;
