//! A server of a test's own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use support::{LONG, skip, within};
use tempfile::TempDir;

/// Returns whether there is a server to test with. In CI there must be.
pub(crate) fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        skip(
            "redis-server is not installed, so nothing of channels on a server was tested: apt-get install redis-server",
        );
    }
    found
}

/// It is killed when the test is done with it, also by a panic, and its directory goes with it.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: TempDir,
    settings: Vec<String>,
}

impl Server {
    /// Starts one that writes before it answers. By default a busy disk may delay that, and a server that is killed loses it.
    pub(crate) fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(crate) fn with(settings: &[&str]) -> Self {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("there is room");
            // It is free now. If another process takes it first, the server ends, and another port is tried.
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port is free").port();
            let mut server = Self { child: launch(port, &folder, &settings), port, folder, settings: settings.clone() };
            if server.becomes_ready() {
                return server;
            }
        }
        panic!("redis-server ends each time it is started");
    }

    fn becomes_ready(&mut self) -> bool {
        let mut has_ended = false;
        let is_ready = within(LONG, || {
            has_ended = self.child.try_wait().expect("it is ours").is_some();
            has_ended || self.answers("PING").is_some_and(|answer| answer == "+PONG" || answer.starts_with("-NOAUTH"))
        });
        is_ready && !has_ended
    }

    /// Sends a command in one line, and returns the first line of the answer.
    fn answers(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    /// Returns how often each command was called, by clients and by scripts.
    pub(crate) fn counted(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server answers");
        stream.write_all(b"INFO commandstats\r\n").expect("the server answers");
        let (mut stream, mut length) = (BufReader::new(stream), String::new());
        stream.read_line(&mut length).expect("the server answers");
        let mut text = vec![0; length.trim().trim_start_matches('$').parse().expect("it is a length")];
        stream.read_exact(&mut text).expect("the server answers");
        let text = String::from_utf8(text).expect("it is text");
        let calls = text.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some(format!("{name}={}", rest.split(',').next()?))
        });
        calls.collect::<Vec<_>>().join(" ")
    }

    /// Returns how often a command was called.
    pub(crate) fn calls_of(&self, command: &str) -> u64 {
        let counted = self.counted();
        let found = counted.split(' ').find_map(|calls| calls.strip_prefix(command)?.strip_prefix('='));
        found.map_or(0, |calls| calls.parse().expect("it is a number"))
    }

    #[track_caller]
    pub(crate) fn command(&self, command: &str) -> String {
        let answer = self.answers(command).expect("the server answers");
        assert!(!answer.starts_with('-'), "{command}: {answer}");
        answer
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Starts it again, with what it has written.
    pub(crate) fn restart(&mut self) {
        assert!(
            within(LONG, || {
                let _ = self.child.kill();
                let _ = self.child.wait();
                self.child = launch(self.port, &self.folder, &self.settings);
                self.becomes_ready()
            }),
            "it can't be started again"
        );
    }

    pub(crate) fn address(&self, name: &str) -> String {
        format!("redis://127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(port: u16, folder: &TempDir, settings: &[String]) -> Child {
    // It dies with the thread that has started it, also if the test is killed.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server"]);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]);
    command.arg("--dir").arg(folder.path()).args(settings);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: what the terminal sends to the test is not for the server, which the test stops.
    command.process_group(0).spawn().expect("setpriv of util-linux is there")
}
