//! The channel: plain ones, named ones, calls.

mod calls;
mod hostile_bytes;
mod named;
mod notices;
mod plain;
mod routes;
