//! The arguments, and which function runs for them.

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    bench, clean, close, dead, doctor,
    failed::{Ended, Failed, Result, exit_code},
    limits, list,
    out::Out,
    pages, remove,
    select::{is_address, without_secrets},
    show, top, why,
};

/// Shows, explains and cleans the System V objects of this machine.
///
/// All commands but `dead`, `close` and `bench` look at objects without opening them: they take no slot, and wake no process.
#[derive(Debug, Parser)]
#[command(name = "sysv", version, max_term_width = 110, propagate_version = false)]
#[command(after_help = EXIT_CODES)]
struct Arguments {
    /// Print one JSON object with stable names
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 something needs attention (`list --check`, `doctor`, a deadlock, a failed `clean`), \
2 wrong usage, 3 refused, by the tool or by the system.\n\nColours are shown on a terminal only, and not if NO_COLOR is set.";

#[derive(Debug, Subcommand)]
enum Command {
    /// List the objects, a line each
    List(list::Arguments),
    /// Show everything that is known of an object
    Show(show::Arguments),
    /// Follow the objects live
    Top(top::Arguments),
    /// Explain what a process waits for, or why two processes do not meet
    Why(why::Arguments),
    /// List, show, retry or drop the messages of a channel that are set aside
    Dead(dead::Arguments),
    /// Close a channel: nothing more is sent, and what is there can be received
    Close(close::Arguments),
    /// Remove what no process uses. Without --yes, only say what would be removed
    Clean(clean::Arguments),
    /// Remove one object by its name
    Remove(remove::Arguments),
    /// Show the kernel's limits, what is used of them, and how each is raised
    Limits,
    /// Find settings of this machine that harm programs with System V objects
    Doctor(doctor::Arguments),
    /// Measure rings, channels, message queues and pipes with your own size of item
    Bench(bench::Arguments),
    /// Print the completions for a shell
    Completions(pages::Completions),
    /// Print the manual page
    Man(pages::Man),
    #[command(hide = true)]
    BenchSide(bench::Side),
    #[command(hide = true)]
    TryCalls(doctor::TryCalls),
}

/// Runs the command of the arguments.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    let out = Out::new(arguments.json);
    let end = dispatch(arguments.command, out);
    if let Some(text) = end.as_ref().err().and_then(Failed::text) {
        // Standard error may be closed. Then the exit code alone tells.
        let _ = writeln!(io::stderr(), "sysv: {text}");
    }
    exit_code(&end)
}

/// Says what is wrong with the arguments, with exit code 2, or prints the help that was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let addresses: Vec<String> = arguments.filter(|argument| is_address(argument)).collect();
    if addresses.is_empty() || !error.use_stderr() {
        error.exit();
    }
    // The text quotes arguments, and an address may have a password.
    let mut text = error.to_string();
    for address in addresses {
        text = text.replace(&address, &without_secrets(&address));
    }
    // Standard error may be closed. Then the exit code alone tells.
    let _ = write!(io::stderr(), "{text}");
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn dispatch(command: Command, out: Out) -> Result<Ended> {
    match command {
        Command::List(arguments) => list::run(&arguments, out),
        Command::Show(arguments) => show::run(&arguments, out),
        Command::Top(arguments) => top::run(&arguments, out),
        Command::Why(arguments) => why::run(&arguments, out),
        Command::Dead(arguments) => dead::run(&arguments, out),
        Command::Close(arguments) => close::run(&arguments, out),
        Command::Clean(arguments) => clean::run(&arguments, out),
        Command::Remove(arguments) => remove::run(&arguments, out),
        Command::Limits => limits::run(out),
        Command::Doctor(arguments) => doctor::run(&arguments, out),
        Command::Bench(arguments) => bench::run(&arguments, out),
        Command::Completions(arguments) => pages::completions(&arguments, &mut definition()),
        Command::Man(arguments) => pages::man(&arguments, &definition()),
        Command::BenchSide(arguments) => bench::side(&arguments),
        Command::TryCalls(arguments) => doctor::try_calls(&arguments, out),
    }
}

/// Returns the definition of all commands.
fn definition() -> clap::Command {
    Arguments::command()
}
