//! `sysv top`: the objects live, with rates, fill, the longest wait and deaths.
//!
//! | file | what is there |
//! | --- | --- |
//! | `sample.rs` | what changed between two looks: rates, waits, deaths |
//! | `app.rs` | the state that keys change: selection, filter, order |
//! | `view.rs` | how it is drawn |

mod app;
mod sample;
mod view;

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use clap::Args;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use sysv_primitives::inspect::{self, Kind};

use self::{app::App, sample::Sampler};
use crate::{
    failed::{Ended, Failed, Result},
    out::{Out, may_colour},
    select::{is_foreign, kind_parser},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only objects of this kind
    #[arg(long, value_parser = kind_parser())]
    kind: Option<Kind>,
    /// Objects of other programs as well
    #[arg(long)]
    foreign: bool,
    /// Milliseconds from one look to the next
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(20..=3_600_000))]
    interval: u64,
}

pub(crate) fn run(arguments: &Arguments, out: Out) -> Result<Ended> {
    if out.json {
        return Err(Failed::Usage("top draws on a terminal. `sysv list --json` has the same as JSON".to_owned()));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failed::refused("top needs a terminal. `sysv list` prints the objects once"));
    }
    // Before the screen changes: a system without this says so as usual.
    inspect::objects()?;
    // It also restores the screen if this program panics.
    let mut terminal = ratatui::try_init()?;
    let ended = follow(&mut terminal, arguments);
    ratatui::try_restore()?;
    ended?;
    Ok(Ended::Well)
}

fn follow(terminal: &mut DefaultTerminal, arguments: &Arguments) -> Result<()> {
    let interval = Duration::from_millis(arguments.interval);
    let (mut sampler, mut app) = (Sampler::default(), App::new(may_colour()));
    let mut next = Instant::now();
    while !app.is_done() {
        if Instant::now() >= next {
            if !app.is_paused() {
                app.show(sampler.take(look(arguments)?, Instant::now()));
            }
            next = Instant::now() + interval;
        }
        terminal.draw(|frame| view::draw(frame, &mut app))?;
        // It sleeps until a key comes or the next look is due.
        if event::poll(next.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => app.press(key),
                _ => {}
            }
        }
    }
    Ok(())
}

fn look(arguments: &Arguments) -> Result<Vec<inspect::Report>> {
    let mut reports = inspect::objects()?;
    reports.retain(|report| {
        let is_of_kind = arguments.kind.is_none_or(|kind| report.kind == kind);
        is_of_kind && (arguments.foreign || arguments.kind.is_some() || !is_foreign(report))
    });
    Ok(reports)
}
