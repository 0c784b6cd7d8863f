//! A Redis server of the comparison's own, and what it counts.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use redis::{Client, Connection};

use crate::{harness, rows::name};

/// How long it may take to answer first.
const START: Duration = Duration::from_secs(20);

/// As a program in use has it: what it writes is on the disk a second later.
const SETTINGS: [&str; 8] = [
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "everysec",
    // It would be rewritten in the middle of a measurement.
    "--auto-aof-rewrite-percentage",
    "0",
];

/// Returns which server there is, if any. Says so if there is none, once.
pub(crate) fn version() -> Option<&'static str> {
    static VERSION: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let output =
            Command::new("redis-server").arg("--version").output().ok().filter(|output| output.status.success());
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = text.as_deref().and_then(|text| Some(text.split_once("v=")?.1.split(' ').next()?.to_owned()));
        if version.is_none() {
            eprintln!("warning: there is no redis-server, so nothing is compared on one: apt-get install redis-server");
        }
        version
    };
    VERSION.get_or_init(find).as_deref()
}

/// It is killed when this is dropped, or when this process dies, and its directory goes with it.
pub(crate) struct Server {
    child: Child,
    port: u16,
    directory: PathBuf,
}

/// What it has counted since it was started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Requests that it has read: the round trips of all its clients.
    pub(crate) trips: f64,
    /// Commands, those of scripts too.
    pub(crate) commands: f64,
    /// The microseconds of its processor time.
    pub(crate) time: f64,
}

impl Server {
    /// Starts one, if there is one.
    pub(crate) fn start() -> Result<Option<Self>> {
        if version().is_none() {
            return Ok(None);
        }
        for _ in 0..20 {
            // It is free now. If another process takes it first the server ends, and another one is tried.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let directory = env::temp_dir().join(name("server"));
            fs::create_dir(&directory)?;
            let mut server = Self { child: launch(port, &directory)?, port, directory };
            if server.is_ready()? {
                return Ok(Some(server));
            }
        }
        bail!("redis-server ends each time it is started")
    }

    fn is_ready(&mut self) -> Result<bool> {
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if self.connect().is_ok() {
                return Ok(true);
            }
            if begun.elapsed() > START {
                bail!("redis-server does not answer");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(false)
    }

    /// The address, without the name of anything on it.
    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connect(&self) -> Result<Connection> {
        connect(&self.address())
    }

    /// Asks what it has counted.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let info: String = redis::cmd("INFO").arg("everything").query(&mut self.connect()?)?;
        let value = |key: &str| -> Result<f64> {
            let line = info.lines().find_map(|line| line.trim_end().strip_prefix(key)?.strip_prefix(':'));
            Ok(line.with_context(|| format!("the server does not say its {key}"))?.parse()?)
        };
        Ok(Counts {
            trips: value("total_reads_processed")?,
            commands: value("total_commands_processed")?,
            time: 1e6 * (value("used_cpu_user")? + value("used_cpu_sys")?),
        })
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> Result<()> {
        Ok(redis::cmd("FLUSHALL").exec(&mut self.connect()?)?)
    }
}

/// Connects to a server, without more.
pub(crate) fn connect(address: &str) -> Result<Connection> {
    Ok(Client::open(address)?.get_connection_with_timeout(Duration::from_secs(10))?)
}

fn launch(port: u16, directory: &Path) -> Result<Child> {
    // The kernel places it.
    harness::unpin();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(SETTINGS).arg("--dir").arg(directory).args(["--loglevel", "warning"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().context("can't start redis-server by setpriv of util-linux")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
