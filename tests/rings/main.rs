//! The rings of both shapes.

mod mpmc;
mod mpmc_ends;
mod refused;
mod spsc;
