//! The comparison's side of a program that drives a pool.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{DRIVE, Program, SERVER, Task};
use crate::{MMAP_THRESHOLD, TRIM_THRESHOLD, harness, server::Server};

/// Python's side of it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pools/pools.py");

/// The same over RQ.
const RQ_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pools/rq_pools.py");

/// Where `.ci/rq` installs it.
const RQ_PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/rq/bin/python");

/// Returns which RQ there is, if any. Says so if there is none, once.
pub(crate) fn rq() -> Option<&'static str> {
    static RQ: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let output = Command::new(RQ_PYTHON).args(["-c", "import rq; print('RQ', rq.VERSION)"]).output().ok();
        let output = output.filter(|output| output.status.success());
        let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        if version.is_none() {
            eprintln!("warning: RQ is not installed, so its workers are not compared: run .ci/rq");
        }
        version
    };
    RQ.get_or_init(find).as_deref()
}

/// How long a program may take to its end.
const END: Duration = Duration::from_secs(10);

/// Returns which Python there is, if any. Says so if there is none, once.
pub(crate) fn python() -> Option<&'static str> {
    static PYTHON: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let output = Command::new("python3").arg("--version").output().ok().filter(|output| output.status.success());
        let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        if version.is_none() {
            eprintln!("warning: there is no python3, so its pools are not compared");
        }
        version
    };
    PYTHON.get_or_init(find).as_deref()
}

/// A program that drives a pool. It is killed with its group if it does not end when it is dropped.
pub(crate) struct Driver {
    child: Child,
    to: Option<ChildStdin>,
    from: Option<BufReader<ChildStdout>>,
}

impl Driver {
    /// Starts one, and waits until its workers are there.
    pub(crate) fn start(task: &Task, server: Option<&Server>) -> Result<Self> {
        let mut driver = Self::spawn(task, server, Stdio::piped())?;
        let line = driver.line()?;
        ensure!(line == "ready", "{} says {line:?}", task.way.name);
        Ok(driver)
    }

    /// Starts one that writes to a file.
    pub(crate) fn start_into(task: &Task, server: Option<&Server>, file: &Path) -> Result<Self> {
        Self::spawn(task, server, File::create(file)?.into())
    }

    fn spawn(task: &Task, server: Option<&Server>, stdout: Stdio) -> Result<Self> {
        let (mut command, first) = match task.way.program {
            Program::Own => (Command::new(env::current_exe()?), DRIVE),
            Program::Python => (Command::new("python3"), SCRIPT),
            Program::Rq => (Command::new(RQ_PYTHON), RQ_SCRIPT),
        };
        command.arg(first).args(task.arguments());
        command.envs(server.map(|server| (SERVER, server.address())));
        // In programs as in forked processes, so that a pool with programs as workers has no other page faults.
        for (name, bytes) in [("MMAP", MMAP_THRESHOLD), ("TRIM", TRIM_THRESHOLD)] {
            command.env(format!("MALLOC_{name}_THRESHOLD_"), bytes.to_string());
        }
        // The kernel places it and its workers, as in practice.
        harness::unpin();
        let started = command.stdin(Stdio::piped()).stdout(stdout).process_group(0).spawn();
        let mut child = started.with_context(|| format!("can't start {}", task.way.name))?;
        let (to, from) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Self { child, to, from })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let from = self.from.as_mut().context("its output goes to a file")?;
        if from.read_line(&mut line)? == 0 {
            bail!("the program of a pool has ended: {}", self.child.wait()?);
        }
        Ok(line.trim().to_owned())
    }

    /// Has so many jobs done. Returns how long it took.
    pub(crate) fn run(&mut self, count: u64) -> Result<Duration> {
        self.tell(&count.to_string())?;
        Ok(Duration::from_nanos(self.line()?.parse()?))
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.to.as_mut().context("it is told no more")?, "{line}")?)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Tells it that there is nothing more to do, and waits for its end. Returns whether it ended.
    pub(crate) fn ends_within(&mut self, timeout: Duration) -> bool {
        self.to = None;
        let begun = Instant::now();
        while !self.has_ended() {
            if begun.elapsed() > timeout {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.has_ended() || !thread::panicking() && self.ends_within(END) {
            return;
        }
        // It is not reaped, so the group is its own.
        let group = i32::try_from(self.child.id()).expect("it is a process id");
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
