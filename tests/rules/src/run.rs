//! Compiles and runs one test in the copy.

use std::{
    fs::{self, File},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde::Deserialize;

use crate::{copy::Copy, list::Noticer, outcome::Outcome};

/// How long a line of the table is quoted.
const MOST_CHARACTERS: usize = 110;

/// What cargo says of a program that it has compiled.
#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    executable: Option<PathBuf>,
}

impl Copy {
    /// Compiles a test, and runs it for so many seconds at most.
    pub(crate) fn run(&self, noticer: &Noticer, seconds: u64) -> Result<Outcome> {
        let program = self.compile(noticer)?;
        let said = self.target.join("said.txt");
        let out = File::create(&said)?;
        // What a test leaves behind ends with the namespace.
        let mut command = if may_unshare() {
            let mut command = Command::new("unshare");
            command.arg("--ipc").arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .arg(&noticer.test)
            .current_dir(self.checkout.join(noticer.directory()))
            .env("WALK_SECONDS", "2")
            .env_remove("RUST_BACKTRACE")
            // A test that skips what it is for would miss every rule.
            .env("CI", "1")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let ended = Running::start(command)?.wait(Duration::from_secs(seconds))?;
        let said = String::from_utf8_lossy(&fs::read(said)?).into_owned();
        let Some(status) = ended else { return Ok(Outcome::Limit { seconds }) };
        ensure!(!said.contains("\nrunning 0 tests"), "{noticer} is no test");
        Ok(outcome(status, &said))
    }

    /// Compiles the program of a test, and returns where it is.
    fn compile(&self, noticer: &Noticer) -> Result<PathBuf> {
        let compiled = self.cargo(noticer).output().context("cargo can't be run")?;
        if !compiled.status.success() {
            bail!("{noticer} does not compile:\n{}", String::from_utf8_lossy(&compiled.stderr));
        }
        let said = String::from_utf8_lossy(&compiled.stdout);
        let artifacts = said.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut programs = artifacts.filter_map(|artifact: Artifact| artifact.executable);
        // The tool may be compiled beside its tests.
        let found = programs.rfind(|program| program.parent().is_some_and(|parent| parent.ends_with("deps")));
        found.with_context(|| format!("{noticer} has no program"))
    }

    fn cargo(&self, noticer: &Noticer) -> Command {
        let mut command = Command::new("cargo");
        command.args(["test", "--no-run", "--quiet", "--locked", "--message-format=json-render-diagnostics"]);
        command.args(["--package", &noticer.package]);
        match noticer.program.as_str() {
            "lib" => command.arg("--lib"),
            program => command.args(["--test", program]),
        };
        match noticer.package.as_str() {
            // The client of a server is compiled for its own tests alone, and so is the tool.
            "sysv-tests" if noticer.program == "remote" => {
                command.args(["--no-default-features", "--features", "redis,async"]);
            }
            "sysv-tests" if !["cli", "events"].contains(&noticer.program.as_str()) => {
                command.args(["--no-default-features", "--features", "async,serde"]);
            }
            "sysv-primitives" => drop(command.args(["--features", "async,serde"])),
            _ => {}
        }
        command
            .current_dir(&self.checkout)
            .env("CARGO_TARGET_DIR", &self.target)
            // Short to compile, since that takes longest.
            .args(["--config", "profile.dev.package.sysv-loom.opt-level=1"])
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .stdin(Stdio::null());
        command
    }
}

/// Returns whether this process may make IPC namespaces.
fn may_unshare() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    let try_it = || Command::new("unshare").args(["--ipc", "true"]).stderr(Stdio::null()).status();
    *MAY.get_or_init(|| try_it().is_ok_and(|status| status.success()))
}

/// A command that runs, with all that it has started.
struct Running {
    child: Child,
    /// Its IPC namespace, once it has one of its own.
    namespace: Option<PathBuf>,
}

impl Running {
    fn start(mut command: Command) -> Result<Self> {
        // A group of its own, so that what it has started can be ended with it.
        let child = command.process_group(0).spawn().context("cargo can't be run")?;
        Ok(Self { child, namespace: None })
    }

    /// Waits for its end. Returns `None` if it took too long, and was killed.
    fn wait(mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let (begun, own) = (Instant::now(), namespace_of("self"));
        while begun.elapsed() < limit {
            // It begins in this namespace, and makes its own soon.
            if let now @ Some(_) = namespace_of(&self.child.id().to_string())
                && own.is_some()
                && now != own
            {
                self.namespace = now;
            }
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(None)
    }
}

impl Drop for Running {
    /// Ends the group, and what has left the group but not the namespace.
    fn drop(&mut self) {
        // Each fails if there is nothing left to end.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        for process in self.namespace.iter().flat_map(|namespace| in_namespace(namespace)) {
            let _ = kill(process, Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

fn namespace_of(process: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/ipc")).ok()
}

fn in_namespace(namespace: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let names = processes.filter_map(|process| process.ok()?.file_name().into_string().ok());
    let there = names.filter(|name| namespace_of(name).as_deref() == Some(namespace));
    there.filter_map(|name| name.parse().ok().map(Pid::from_raw)).collect()
}

/// Returns what a test program did, by how it ended and what it said.
fn outcome(status: ExitStatus, said: &str) -> Outcome {
    if status.success() {
        return Outcome::Survived;
    }
    let failed = said.lines().find_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"));
    let Some(test) = failed else {
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        let how = status.signal().map_or_else(|| last.to_owned(), |signal| format!("signal {signal}"));
        return Outcome::Ended { how: shortened(&how) };
    };
    // The first panic is the reason: that of a child comes before that of the test which waits for it.
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at "));
    let place = lines.next().unwrap_or_default();
    // One line has the place, and the next one the message.
    let message = lines.next().unwrap_or(place);
    Outcome::Failed { test: test.to_owned(), said: shortened(message) }
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
