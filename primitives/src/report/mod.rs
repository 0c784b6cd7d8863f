//! Reports, and how they are made: what each kind says beside its state, in its own file `report.rs`.
//!
//! A kind knows what its words mean, and `inspect` knows which object is which. Both use what is here.

mod facts;
mod image;
mod kind;
mod parts;
#[cfg(feature = "serde")]
pub(crate) mod serial;
mod source;

pub use self::{
    facts::{Fill, Finding, Hold, Holder, Interest, Job, Member, Report, Route, Severity, Subscriber, Value, Waiter},
    kind::{Kind, State},
    parts::{Access, QueuePart, SegmentPart, SetPart},
};
pub(crate) use self::{
    image::{Cut, Image},
    source::{Findings, Inspected, SlotSeen, Source},
};
