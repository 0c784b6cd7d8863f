//! The channel: plain ones, named ones, calls.

mod calls;
mod named;
mod notices;
mod plain;
mod routes;
