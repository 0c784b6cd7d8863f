//! Completions for shells, and the manual page: both are made of the definition of the arguments.

use std::io::{self, Write as _};

use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man as Page;

use crate::failed::{Ended, Failed, Result};

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The page of one command instead of that of all
    command: Option<String>,
}

pub(crate) fn completions(arguments: &Completions, definition: &mut clap::Command) -> Result<Ended> {
    // The generator panics if it can't write, so it writes into memory.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, definition, "sysv", &mut text);
    io::stdout().write_all(&text)?;
    Ok(Ended::Well)
}

pub(crate) fn man(arguments: &Man, definition: &clap::Command) -> Result<Ended> {
    let page = match &arguments.command {
        None => definition.clone(),
        Some(name) => {
            let found = definition.find_subcommand(name).filter(|command| !command.is_hide_set());
            let found = found.ok_or_else(|| Failed::Usage(format!("there is no command {name:?}")))?;
            found.clone().name(format!("sysv-{name}"))
        }
    };
    let mut text = Vec::new();
    Page::new(page).render(&mut text)?;
    io::stdout().write_all(&text)?;
    Ok(Ended::Well)
}
