//! Asking before something is removed.

use std::io::{self, BufRead, IsTerminal, Write as _};

use crate::failed::{Failed, Result};

/// Asks on a terminal, and goes on by itself elsewhere. Anything but yes is a refusal.
pub(crate) fn on_terminal(question: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failed::refused("nothing was changed")),
    }
}
