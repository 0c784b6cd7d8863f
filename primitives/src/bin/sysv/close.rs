//! `sysv close`: closes a channel, so that its senders stop and its receivers end when they have received what is there.

use clap::Args;
use serde::Serialize;

use crate::{
    ask, dead,
    failed::{Ended, Failed, Result},
    out::Out,
    select::without_secrets,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The name of the channel, or its address on a server: redis://host/name
    name: String,
    /// Do not ask on a terminal
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    let channel = dead::open(&arguments.name)?;
    let name = without_secrets(&arguments.name);
    if !arguments.yes {
        ask::on_terminal(&format!("Close the channel {name:?} for good?"))?;
    }
    channel.close().map_err(Failed::refused)?;
    if out.json {
        #[derive(Serialize)]
        struct Closed {
            name: String,
            closed: bool,
        }
        out.json("close", Closed { name, closed: true })?;
    } else {
        out.line(format_args!("The channel {name:?} is closed."))?;
    }
    Ok(Ended::Well)
}
