//! The primitives beside what one would take instead, in one run; see `benches/`.
//!
//! ```text
//! cargo bench --bench ring
//! ```
//!
//! Each rival is used as its own documentation advises.

pub mod gate;
