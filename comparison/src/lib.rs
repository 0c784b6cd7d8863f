//! The primitives beside what one would take instead, in one run; everything is in `benches/`.
//!
//! ```text
//! cargo bench --bench ring
//! ```
//!
//! Each rival is used as its own documentation advises.
