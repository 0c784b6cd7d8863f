//! `sysv`: shows, explains and cleans the System V objects of this machine.
//!
//! | file | what it does |
//! | --- | --- |
//! | `command.rs` | the arguments, and which function runs for them |
//! | `out.rs` | what is printed: tables, JSON, colours |
//! | `failed.rs` | why a command ended without its result, and with which exit code |
//! | `select.rs`, `words.rs`, `ask.rs` | which objects are meant, what things are called, questions |
//! | one file a command | the command |
//!
//! The library knows how objects lie in memory. The tool knows how to show them.

mod ask;
mod bench;
mod clean;
mod close;
mod command;
mod dead;
mod doctor;
mod failed;
mod limits;
mod list;
mod out;
mod pages;
mod remove;
mod select;
mod show;
mod top;
mod why;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
