//! Shared memory that outlives processes: segments, and their attachments.

mod access;
mod any_access;
mod attach;
mod copy;
mod memory;
mod options;
mod segment;
mod view;

pub use self::{
    access::{Access, AnyAccess, Protection, ReadOnly, ReadWrite},
    attach::AttachOptions,
    memory::SharedMemory,
    options::SharedMemoryOptions,
    segment::{Segment, SegmentStat, remove_shared_memory},
    view::{LoadOnly, SharedSafe},
};
