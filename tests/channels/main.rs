//! The channel: plain ones, named ones, calls.

mod calls;
mod hostile_bytes;
mod named;
mod queue;
mod routes;
mod stopped;
