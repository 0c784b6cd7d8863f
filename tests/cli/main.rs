//! The tool `sysv`, run as its users run it: its output, its exit codes, and its screen.
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
