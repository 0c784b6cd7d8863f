//! Calls between processes, and what becomes of them when the process that works on one is killed.
//!
//! ```text
//! cargo run --release --example rpc
//! ```
//!
//! Servers are this program, started again. The client has several calls under way, kills the server that works on one of
//! them, learns at once which call will never be answered, and asks again: another server answers.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde::{Deserialize, Serialize};
use sysv_primitives::{CallError, Channel, PendingResponse, Request, Router, messages};

/// Asks for the smallest factor of a number.
#[derive(Serialize, Deserialize)]
struct SmallestFactor(u64);

/// Asks which server responds. The server is busy for so long first, and says when it begins.
#[derive(Serialize, Deserialize)]
struct WhoIsThere {
    busy: Duration,
}

/// Says that a server has begun to be busy.
#[derive(Serialize, Deserialize)]
struct Begun {
    pid: u32,
}

messages! {
    1 => SmallestFactor;
    2 => WhoIsThere;
    3 => Begun;
}

impl Request for SmallestFactor {
    type Response = Option<u64>;
}

impl Request for WhoIsThere {
    type Response = u32;
}

fn smallest_factor(number: u64) -> Option<u64> {
    (2..).take_while(|factor| factor * factor <= number).find(|factor| number.is_multiple_of(*factor))
}

/// Calls between processes, one of which is killed.
#[derive(Parser)]
struct Arguments {
    #[arg(long, hide = true)]
    serve: Option<String>,
}

const SERVERS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    match Arguments::parse().serve {
        Some(name) => serve(&name),
        None => call(),
    }
}

/// Answers requests until the channel is closed.
fn serve(name: &str) -> Result<()> {
    let begun = Channel::open(&format!("{name}-begun"))?;
    let requests = Channel::open(name)?;
    let mut router = Router::new();
    router.respond(|SmallestFactor(number)| smallest_factor(number))?;
    router.respond(|WhoIsThere { busy }| {
        let pid = std::process::id();
        // If no process reads its output, that is no reason not to work.
        let _ = begun.try_send(&Begun { pid });
        thread::sleep(busy);
        pid
    })?;
    Ok(router.run(&requests)?)
}

/// The servers. They are killed if this program ends before its time.
struct Servers(Vec<Child>);

impl Servers {
    fn start(name: &str) -> Result<Self> {
        let start = |_| Command::new(env::current_exe()?).args(["--serve", name]).spawn();
        Ok(Self((0..SERVERS).map(start).collect::<Result<_, _>>().context("can't start a server")?))
    }

    fn kill(&mut self, pid: u32) -> Result<()> {
        let index = self.0.iter().position(|server| server.id() == pid).context("it is no server of ours")?;
        self.0[index].kill()?;
        self.0.swap_remove(index).wait()?;
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn call() -> Result<()> {
    let name = format!("rpc-{}", std::process::id());
    let options = Channel::options().remove_on_drop(true);
    let (channel, begun) = (options.create(&name)?, options.create(&format!("{name}-begun"))?);
    let mut servers = Servers::start(&name)?;

    // One call, and several under way at once.
    println!("the smallest factor of 1,000,003: {:?}", channel.call_timeout(&SmallestFactor(1_000_003), PATIENCE)?);
    let numbers = 999_999_000_000..999_999_000_010_u64;
    let asked: Vec<_> =
        numbers.clone().map(|number| channel.request(&SmallestFactor(number))).collect::<Result<_, _>>()?;
    for (number, mut pending) in numbers.zip(asked) {
        println!("the smallest factor of {number}: {:?}", pending.wait_timeout(PATIENCE)?);
    }

    // A server is killed while it works.
    let mut pending: PendingResponse<WhoIsThere> = channel.request(&WhoIsThere { busy: PATIENCE })?;
    let Begun { pid } = begun.recv_timeout(PATIENCE)?;
    let killed = Instant::now();
    servers.kill(pid)?;
    match pending.wait_timeout(PATIENCE) {
        Err(error @ CallError::NoResponse { .. }) => println!("told after {:.1?}: {error}", killed.elapsed()),
        other => bail!("a killed server's answer: {other:?}"),
    }
    let other = channel.call_timeout(&WhoIsThere { busy: Duration::ZERO }, PATIENCE)?;
    ensure!(other != pid, "a dead server answered");
    println!("asked again: another server answers");

    channel.close()?;
    for mut server in std::mem::take(&mut servers.0) {
        ensure!(server.wait()?.success(), "a server failed");
    }
    Ok(())
}
