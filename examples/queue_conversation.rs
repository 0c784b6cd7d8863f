//! Two processes talk over a message queue: the second demonstration of Python's `sysv_ipc`.
//!
//! ```text
//! cargo run --release --example queue_conversation
//! ```
//!
//! Each text is answered by its MD5. All messages have type 1 and go over one queue, so each side
//! now and then receives its own and puts it back. A peer in C or Python can take part: start one
//! side with `--role`. A program of today would give each direction a type of its own and let the
//! kernel choose. `worker_pool` does. If the premise is killed, the queue stays until `ipcrm -Q 42`
//! removes it.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use md5::{Digest, Md5};
use sysv_ipc::{Deadline, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, Selector};

/// How long the other side may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Creates the queue, speaks first, and removes it at the end.
    Premise,
    /// Opens it by its key, and answers.
    Conclusion,
}

#[derive(Parser)]
struct Arguments {
    /// How many texts each side receives.
    #[arg(long, default_value_t = 1000)]
    iterations: u32,
    /// The key of the queue.
    #[arg(long, default_value = "42")]
    key: Key,
    /// Plays one side alone. By default both, each in a process of its own.
    #[arg(long)]
    role: Option<Role>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Conclusion) => conclusion(&arguments),
        Some(Role::Premise) | None => premise(&arguments),
    }
}

/// The process of the other side, which doesn't outlive this one's function.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        // It has ended already unless this side failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Removes the queue at the end, also on an error.
struct Owned(MessageQueue);

impl Drop for Owned {
    fn drop(&mut self) {
        // What is gone already needs no removing.
        let _ = self.0.remove();
    }
}

fn answer_to(text: &[u8]) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends `said`, if anything, and returns what the other side says.
fn talk(queue: &MessageQueue, said: Option<&str>) -> Result<Vec<u8>> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let message = queue.receive_timeout(Selector::Any, PATIENCE).context("the other side is silent")?;
        if said.is_none_or(|said| message.bytes() != said.as_bytes()) {
            return Ok(message.into_bytes());
        }
        ensure!(!deadline.has_passed(), "the other side is silent");
        queue.send(&message)?;
        thread::yield_now();
    }
}

/// Receives a text, compares it with what is expected, and answers it.
fn answer(queue: &MessageQueue, said: Option<&str>) -> Result<String> {
    let heard = talk(queue, said)?;
    if let Some(said) = said {
        ensure!(heard == answer_to(said.as_bytes()).as_bytes(), "this is no answer to {said}");
    }
    let answer = answer_to(&heard);
    queue.send(&MessageBuffer::new(MessageType::ONE, answer.as_bytes()))?;
    Ok(answer)
}

fn premise(arguments: &Arguments) -> Result<()> {
    let queue = MessageQueueOptions::new().create(true).exclusive(true).open(arguments.key);
    let queue = Owned(queue.context("can't create the queue")?);
    let mut said = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
    queue.0.send(&MessageBuffer::new(MessageType::ONE, said.as_bytes()))?;
    let other = match arguments.role {
        None => Some(start_conclusion(arguments)?),
        Some(_) => None,
    };
    for _ in 0..arguments.iterations {
        said = answer(&queue.0, Some(&said))?;
    }
    if let Some(mut other) = other {
        let status = other.0.wait()?;
        ensure!(status.success(), "the other side failed: {status}");
    }
    println!("{} iterations, every answer was right", arguments.iterations);
    Ok(())
}

fn start_conclusion(arguments: &Arguments) -> Result<Other> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--role", "conclusion"]);
    command.args(["--iterations", &arguments.iterations.to_string()]);
    command.args([format!("--key={}", arguments.key)]);
    command.spawn().map(Other).context("can't start the other side")
}

fn conclusion(arguments: &Arguments) -> Result<()> {
    let queue = MessageQueueOptions::new().open(arguments.key);
    let queue = queue.context("can't open the queue; start the premise first")?;
    let mut said = None;
    for _ in 0..arguments.iterations {
        said = Some(answer(&queue, said.as_deref())?);
    }
    Ok(())
}
