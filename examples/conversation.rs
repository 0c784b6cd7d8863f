//! Two processes talk through shared memory, guarded by a semaphore: the first demonstration of Python's `sysv_ipc`.
//!
//! ```text
//! cargo run --release --example conversation
//! ```
//!
//! Each new text is answered by its MD5, so either side can compute what the other must have
//! written, and a torn text is noticed. Semaphore and segment have the same key, which is possible
//! because each kind of object has keys of its own. The text lies at the beginning of the segment
//! and ends with a NUL, so that a peer in C or Python can take part: start one side with `--role`.
//! Without the semaphore (`--live-dangerously`) texts may be torn, and usually are sooner or later.
//! If the premise is killed, both objects stay until `ipcrm -S 42 -M 42` removes them.

use std::{
    env,
    process::{Child, Command},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use md5::{Digest, Md5};
use sysv_ipc::{
    Deadline, Key, Semaphore, SemaphoreOptions, SharedMemory, SharedMemoryOptions, page_size, remove_semaphore,
    remove_shared_memory,
};

/// How long the other side may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Creates both objects, speaks first, and removes them at the end.
    Premise,
    /// Opens them by their key, and answers.
    Conclusion,
}

#[derive(Parser)]
struct Arguments {
    /// How many texts each side reads.
    #[arg(long, default_value_t = 1000)]
    iterations: u32,
    /// The key of semaphore and segment.
    #[arg(long, default_value = "42")]
    key: Key,
    /// Plays one side alone. By default both, each in a process of its own.
    #[arg(long)]
    role: Option<Role>,
    /// Leaves the semaphore out.
    #[arg(long)]
    live_dangerously: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Conclusion) => conclusion(&arguments),
        Some(Role::Premise) | None => premise(&arguments),
    }
}

/// Semaphore and segment. The process that made them removes them, also on an error.
struct Stage {
    semaphore: Semaphore,
    memory: SharedMemory,
    guarded: bool,
    owned: bool,
}

impl Stage {
    fn create(arguments: &Arguments) -> Result<Self> {
        let semaphore = SemaphoreOptions::new().create(true).exclusive(true).open(arguments.key)?;
        let mut options = SharedMemoryOptions::new();
        options.create(true).exclusive(true).size(page_size()).init_character(b' ');
        let memory = options.open(arguments.key).inspect_err(|_| {
            // Half a stage is of no use, and the first error is the one that tells.
            let _ = semaphore.remove();
        })?;
        Ok(Self { semaphore, memory, guarded: !arguments.live_dangerously, owned: true })
    }

    fn open(arguments: &Arguments) -> Result<Self> {
        let semaphore = SemaphoreOptions::new().open(arguments.key)?;
        let memory = SharedMemoryOptions::new().open(arguments.key)?;
        Ok(Self { semaphore, memory, guarded: !arguments.live_dangerously, owned: false })
    }

    fn acquire(&self) -> Result<()> {
        if self.guarded {
            self.semaphore.acquire_timeout(PATIENCE).context("the other side holds the semaphore")?;
        }
        Ok(())
    }

    fn release(&self) -> Result<()> {
        if self.guarded {
            self.semaphore.release()?;
        }
        Ok(())
    }

    /// Waits for a text that is not what this side has `written`. Called, and left, with the semaphore.
    fn hear(&self, written: Option<&str>) -> Result<Vec<u8>> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let heard = self.read()?;
            if written.is_none_or(|written| heard != written.as_bytes()) {
                return Ok(heard);
            }
            ensure!(!deadline.has_passed(), "the other side is silent");
            self.release()?;
            self.acquire()?;
        }
    }

    /// Reads the text: what stands before the first NUL.
    fn read(&self) -> Result<Vec<u8>> {
        let mut text = self.memory.read(0, 0)?;
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        text.truncate(end);
        Ok(text)
    }

    fn write(&self, text: &str) -> Result<()> {
        let terminated = [text.as_bytes(), b"\0"].concat();
        Ok(self.memory.write(&terminated, 0)?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.owned {
            // By id, as any process with the right could. An object that was removed already needs no removing.
            let _ = remove_shared_memory(self.memory.id());
            let _ = remove_semaphore(self.semaphore.id());
        }
    }
}

fn answer_to(text: &[u8]) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn premise(arguments: &Arguments) -> Result<()> {
    let stage = Stage::create(arguments).context("can't create semaphore and segment")?;
    let mut written = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
    stage.write(&written)?;
    let other = match arguments.role {
        None => Some(start_conclusion(arguments)?),
        Some(_) => None,
    };
    for iteration in 0..arguments.iterations {
        stage.release()?;
        stage.acquire()?;
        let heard = stage.hear(Some(&written))?;
        if heard != answer_to(written.as_bytes()).as_bytes() {
            bail!("corruption after {iteration} iterations");
        }
        written = answer_to(&heard);
        stage.write(&written)?;
    }
    // The other side released before its last answer was read: it needs nothing more.
    stage.release()?;
    if let Some(mut other) = other {
        let status = other.0.wait()?;
        ensure!(status.success(), "the other side failed: {status}");
    }
    println!("{} iterations, no corruption", arguments.iterations);
    Ok(())
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

fn start_conclusion(arguments: &Arguments) -> Result<Other> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--role", "conclusion"]);
    command.args(["--iterations", &arguments.iterations.to_string()]);
    command.args([format!("--key={}", arguments.key)]);
    if arguments.live_dangerously {
        command.arg("--live-dangerously");
    }
    command.spawn().map(Other).context("can't start the other side")
}

fn conclusion(arguments: &Arguments) -> Result<()> {
    let stage = Stage::open(arguments).context("can't open semaphore and segment; start the premise first")?;
    let mut written: Option<String> = None;
    for iteration in 0..arguments.iterations {
        stage.acquire()?;
        let heard = stage.hear(written.as_deref())?;
        // The first text may be anything. Later ones are answers.
        if written.as_ref().is_some_and(|written| heard != answer_to(written.as_bytes()).as_bytes()) {
            bail!("corruption after {iteration} iterations");
        }
        let answer = answer_to(&heard);
        stage.write(&answer)?;
        written = Some(answer);
        stage.release()?;
    }
    Ok(())
}
