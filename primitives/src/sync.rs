//! The atomics that the protocols are written with; the model checker brings its own.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering, fence};

pub(crate) use crossbeam_utils::Backoff;
