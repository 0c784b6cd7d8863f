//! Several processes, of which one leads. It is killed, and another one leads at once.
//!
//! ```text
//! cargo run --example leader_election [-- --candidates 4]
//! ```
//!
//! The leader holds a `Mutex<()>` for as long as it lives, and the candidates wait for it. Its death gives the lock to the
//! next one. A second mutex has the state, and the processes wait for what they need of it by `wait_while`.

use std::{
    env,
    process::{self, Child, Command},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sysv_primitives::{
    LockError, Mutex, Options,
    bytemuck::{Pod, Zeroable},
};

#[derive(Parser)]
struct Arguments {
    /// How many processes want to lead.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=60))]
    candidates: u32,
    #[arg(long, hide = true)]
    name: Option<String>,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(C)]
struct State {
    /// How many leaders there have been.
    term: u32,
    leader: u32,
    is_over: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.name {
        Some(name) => stand(&Mutex::open(name)?, &Mutex::open(&format!("{name}-state"))?),
        None => hold_elections(arguments.candidates),
    }
}

fn hold_elections(candidates: u32) -> Result<()> {
    let name = format!("leader-election-{}", process::id());
    let _leadership = Options::<Mutex>::new().remove_on_drop(true).create(&name, ())?;
    let state = Mutex::options().remove_on_drop(true).create(&format!("{name}-state"), State::zeroed())?;
    let mut crowd = (0..candidates).map(|_| Candidate::start(&name)).collect::<Result<Vec<_>>>()?;
    let (mut term, mut killed_at) = (0, None::<Instant>);
    while !crowd.is_empty() {
        let elected = wait_while(&state, |state| state.term == term)?;
        let after = killed_at.map_or(String::new(), |then| format!(", {:.1?} after the death", then.elapsed()));
        println!("term {}: process {} leads{after}", elected.term, elected.leader);
        let leader =
            crowd.iter().position(|candidate| candidate.0.id() == elected.leader).context("a stranger leads")?;
        let mut leader = crowd.swap_remove(leader);
        if crowd.is_empty() {
            change(&state, |state| state.is_over = 1)?;
            ensure!(leader.0.wait()?.success(), "the last leader failed");
            println!("process {} was the last one, and ended by itself", elected.leader);
        } else {
            (term, killed_at) = (elected.term, Some(Instant::now()));
            drop(leader);
        }
    }
    Ok(())
}

/// Waits to lead, and then leads until it is killed, or all is over.
fn stand(leadership: &Mutex, state: &Mutex<State>) -> Result<()> {
    // The lock guards no value, so a dead leader leaves nothing to repair.
    let _leads_as_long_as_it_lives = leadership.ignore_poison().lock()?;
    change(state, |state| (state.term, state.leader) = (state.term + 1, process::id()))?;
    wait_while(state, |state| state.is_over == 0)?;
    Ok(())
}

fn change(state: &Mutex<State>, change: impl FnOnce(&mut State)) -> Result<()> {
    change(&mut *state.ignore_poison().lock()?);
    Ok(())
}

fn wait_while(state: &Mutex<State>, condition: impl Fn(&State) -> bool) -> Result<State> {
    loop {
        match state.lock().and_then(|guard| guard.wait_while(&condition)) {
            Err(LockError::Poisoned { .. }) => {
                // A leader is killed after its change is seen, so the value is whole.
                let _guard = state.ignore_poison().lock()?;
                state.clear_poison();
            }
            waited => return Ok(*waited?),
        }
    }
}

/// A process that wants to lead. It is killed when this is dropped, if it is still there.
struct Candidate(Child);

impl Candidate {
    fn start(name: &str) -> Result<Self> {
        Command::new(env::current_exe()?).args(["--name", name]).spawn().map(Self).context("can't start a candidate")
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
