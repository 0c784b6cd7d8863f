//! How deep a value may be nested, and how many elements it may have.
//!
//! Bytes from outside ask for what they like. Three numbers bound what they get, for every type:
//!
//! - **CB1** Each level of nesting uses the stack. A value has at most [`MOST_DEPTH`] levels: each struct, tuple, enum,
//!   sequence, map, `Option` and newtype inside another one is a level. `Box` and other pointers are none.
//! - **CB2** Elements of no bytes, as those of a `Vec<()>`, cost time and memory all the same. All sequences and maps of a
//!   message together have at most as many elements as the message has bytes, and [`SPARE_ELEMENTS`] more. Elements that
//!   have bytes are never refused: each has a first byte that is no other one's.
//! - **CB3** Strings and bytes are as long as what is left of the message at most.
//!
//! The sender counts as the receiver does, so that a value which can't be received is not sent.

use std::fmt;

/// How many levels a value may have.
pub(super) const MOST_DEPTH: u8 = 128;

/// How many elements a message may have that have no bytes.
pub(super) const SPARE_ELEMENTS: usize = 1 << 16;

/// A limit that a value exceeds.
#[derive(Clone, Copy)]
pub(super) enum Exceeded {
    Depth,
    Elements,
    Bytes { len: u64, left: usize },
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "it is nested more than {MOST_DEPTH} levels deep"),
            Self::Elements => {
                write!(f, "it has more than {SPARE_ELEMENTS} elements that have no bytes")
            }
            Self::Bytes { len, left } => write!(f, "a string or bytes would be {len} long, and {left} bytes are left"),
        }
    }
}
