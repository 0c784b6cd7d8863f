//! The tool `sysv`, run as its users run it: its output, its exit codes, and its screen.
//!
//! What removes an object is tested in an IPC namespace of its own. Elsewhere a report of another test, or a child that another test
//! forks, may have the segment attached at that moment, and then the tool rightly leaves it.
//!
//! cargo builds the tool before it builds this program, from the same files as `sysv-primitives` does.
#![cfg(target_os = "linux")]

mod bench;
mod clean;
mod dead;
mod doctor;
mod hidden;
mod list;
mod pages;
mod schema;
mod show;
mod tool;
mod top;
mod why;
