//! One connection to the server, which is made again when it breaks.
//!
//! A script that was sent, and not answered, is sent again with the same number over the next connection (RD10). Then the server
//! answers as it did before, if it had run it. So a broken connection costs time, and nothing else, as long as the server comes back.

use std::{
    fmt,
    sync::atomic::Ordering::Relaxed,
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::{Duration, Instant},
};

use redis::{Client, Connection, ConnectionAddr, ErrorKind, RedisError, ServerErrorKind, Value};

use super::{
    reply::entries,
    script::{SCRIPTS, Script},
    stream::notices_key,
};
use crate::raw::Deadline;

/// How long the server may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long it may take to answer a script before the connection counts as broken.
const ANSWERING: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long the server remembers the last answer of a line, with a margin (RD10).
const REMEMBERED: Duration = Duration::from_secs(540);

/// Why the server did not do something.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be reached. It may have run the script, if that was sent.
    Unreachable { why: String, may_have_run: bool },
    /// It refused.
    Refused(String),
    /// The caller is to stop.
    Stopped,
}

/// A connection, and what the server knows this one by.
pub(super) struct Line {
    client: Arc<Client>,
    connection: Option<Connection>,
    /// How long the connection waits for an answer, as it was told last.
    patience: Option<Duration>,
    name: String,
    number: u64,
    /// The last notice that was read.
    heard: String,
    hashes: [Option<String>; SCRIPTS],
}

/// How one try ended that did not succeed.
enum Failed {
    /// The next try may succeed.
    ForNow {
        why: String,
        was_sent: bool,
    },
    Refused(String),
    /// It does not have the script.
    NoScript,
}

impl Line {
    pub(super) fn new(client: &Arc<Client>, session: &str) -> Self {
        static LINES: AtomicU64 = AtomicU64::new(0);
        let name = format!("{session}.{:x}", LINES.fetch_add(1, Relaxed));
        Self {
            client: Arc::clone(client),
            connection: None,
            patience: None,
            name,
            number: 0,
            heard: "0-0".to_owned(),
            hashes: Default::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns a name that nothing else has, for what the next script makes.
    pub(super) fn unique(&self) -> String {
        format!("{}.{:x}", self.name, self.number + 1)
    }

    /// Runs a script. Its arguments come after the name of the line, the number of the call, and whether it is a repetition.
    pub(super) fn run_numbered(
        &mut self,
        script: Script,
        key: &str,
        arguments: &[&[u8]],
        deadline: Deadline,
        stops: &dyn Fn() -> bool,
    ) -> Result<Vec<Value>, Trouble> {
        self.number += 1;
        let (name, number) = (self.name.clone(), format!("{:x}", self.number));
        let mut all: Vec<&[u8]> = vec![name.as_bytes(), number.as_bytes(), b"0"];
        all.extend(arguments);
        self.persist(deadline, stops, |line, is_repeated| {
            all[2] = if is_repeated { b"1" } else { b"0" };
            line.evaluate(script, key, &all)
        })
    }

    /// Runs a script that does the same when it is run twice.
    pub(super) fn run(
        &mut self,
        script: Script,
        key: &str,
        arguments: &[&[u8]],
        deadline: Deadline,
    ) -> Result<Vec<Value>, Trouble> {
        self.persist(deadline, &|| false, |line, _| line.evaluate(script, key, arguments))
    }

    /// Runs a command that does the same when it is run twice.
    pub(super) fn command(&mut self, words: &[&[u8]], deadline: Deadline) -> Result<Value, Trouble> {
        self.persist(deadline, &|| false, |line, _| line.ask(words, ANSWERING))
    }

    /// Waits for an entry of these streams after those named, for so long at most. Returns the entries: none when the time is over, or
    /// if the connection broke.
    pub(super) fn wait_for(&mut self, streams: &[(&str, &str)], time: Duration) -> Result<Value, Trouble> {
        // A whole millisecond at least: 0 is for ever.
        let block = time.as_millis().max(1).to_string();
        let mut words: Vec<&[u8]> = vec![b"XREAD", b"BLOCK", block.as_bytes(), b"STREAMS"];
        words.extend(streams.iter().map(|(stream, _)| stream.as_bytes()));
        words.extend(streams.iter().map(|(_, after)| after.as_bytes()));
        match self.ask(&words, time + ANSWERING) {
            Ok(found) => Ok(found),
            // The caller looks again, and that connects anew.
            Err(Failed::ForNow { .. }) => Ok(Value::Nil),
            Err(Failed::Refused(why)) => Err(Trouble::Refused(why)),
            Err(Failed::NoScript) => Ok(Value::Nil),
        }
    }

    /// Waits for a notice for this line, for so long at most.
    pub(super) fn wait_for_notice(&mut self, state: &str, time: Duration) -> Result<(), Trouble> {
        let (key, heard) = (notices_key(state, &self.name), std::mem::take(&mut self.heard));
        let found = self.wait_for(&[(&key, &heard)], time);
        self.heard = heard;
        if let Some(last) = entries(found?).pop() {
            self.heard = last.name;
        }
        Ok(())
    }

    /// Tries until it succeeds, or the deadline has passed. Without a deadline, twice: a connection may have broken long ago.
    fn persist<T>(
        &mut self,
        deadline: Deadline,
        stops: &dyn Fn() -> bool,
        mut attempt: impl FnMut(&mut Self, bool) -> Result<T, Failed>,
    ) -> Result<T, Trouble> {
        let (begun, mut pause, mut may_have_run, mut tries) = (Instant::now(), FIRST_PAUSE, false, 0);
        loop {
            let why = match attempt(self, may_have_run) {
                Ok(answer) => return Ok(answer),
                Err(Failed::Refused(why)) => return Err(Trouble::Refused(why)),
                // It was loaded before, each time.
                Err(Failed::NoScript) => "it loses its scripts".to_owned(),
                Err(Failed::ForNow { why, was_sent }) => {
                    may_have_run |= was_sent;
                    why
                }
            };
            tries += 1;
            if stops() {
                return Err(Trouble::Stopped);
            }
            // After that the server would run it a second time.
            let is_forgotten = may_have_run && begun.elapsed() > REMEMBERED;
            if is_forgotten || (tries > 1 && deadline.has_passed()) {
                return Err(Trouble::Unreachable { why, may_have_run });
            }
            if tries > 1 {
                let left = deadline.remaining().unwrap_or(pause);
                thread::sleep(pause.min(left));
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }

    fn connected(&mut self) -> Result<&mut Connection, Failed> {
        if self.connection.is_none() {
            let connected = self.client.get_connection_with_timeout(CONNECTING).and_then(|connection| {
                connection.set_write_timeout(Some(ANSWERING))?;
                Ok(connection)
            });
            self.connection = Some(connected.map_err(|error| match failed(&error, false) {
                Failed::ForNow { why, was_sent } if error.is_timeout() && self.is_tls() => {
                    Failed::ForNow { why: format!("{why}; see that it speaks TLS at this port"), was_sent }
                }
                failed => failed,
            })?);
            self.patience = None;
        }
        self.connection.as_mut().ok_or_else(|| Failed::Refused("it has no connection".to_owned()))
    }

    fn is_tls(&self) -> bool {
        matches!(self.client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Has the connection wait so long for an answer. It is told only what it was not told last, since that is a system call.
    fn be_patient(&mut self, time: Duration) -> Result<(), RedisError> {
        if self.patience != Some(time)
            && let Some(connection) = &self.connection
        {
            connection.set_read_timeout(Some(time))?;
            self.patience = Some(time);
        }
        Ok(())
    }

    /// Sends a command, and returns its answer.
    fn ask(&mut self, words: &[&[u8]], time: Duration) -> Result<Value, Failed> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        self.connected()?;
        let patient = self.be_patient(time);
        let connection = self.connected()?;
        patient.and_then(|()| command.query::<Value>(connection)).map_err(|error| {
            let failure = failed(&error, true);
            // What is still to come over it would be taken for the answer to something else.
            if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                self.connection = None;
            }
            failure
        })
    }

    fn evaluate(&mut self, script: Script, key: &str, arguments: &[&[u8]]) -> Result<Vec<Value>, Failed> {
        // Twice: the server may have lost its scripts, by a restart or by `SCRIPT FLUSH`.
        for _ in 0..2 {
            let hash = match &self.hashes[script as usize] {
                Some(hash) => hash.clone(),
                None => self.load(script)?,
            };
            let mut words: Vec<&[u8]> = vec![b"EVALSHA", hash.as_bytes(), b"1", key.as_bytes()];
            words.extend(arguments);
            match self.ask(&words, ANSWERING) {
                Ok(Value::Array(answer)) => return Ok(answer),
                Ok(_) => {
                    return Err(Failed::Refused(
                        "a script answered in a way that this program does not know".to_owned(),
                    ));
                }
                Err(Failed::NoScript) => self.hashes[script as usize] = None,
                Err(failed) => return Err(failed),
            }
        }
        Err(Failed::NoScript)
    }

    fn load(&mut self, script: Script) -> Result<String, Failed> {
        let text = script.text();
        let loaded = self.ask(&[b"SCRIPT", b"LOAD", text.as_bytes()], ANSWERING);
        let hash = match loaded {
            Ok(Value::BulkString(hash)) => String::from_utf8_lossy(&hash).into_owned(),
            Ok(_) => return Err(Failed::Refused("it did not load a script".to_owned())),
            Err(Failed::ForNow { why, .. }) => return Err(Failed::ForNow { why, was_sent: false }),
            Err(refused) => return Err(refused),
        };
        self.hashes[script as usize] = Some(hash.clone());
        Ok(hash)
    }
}

/// Sorts errors into those that pass and those that stay. The text of the client library has no credentials.
fn failed(error: &RedisError, was_sent: bool) -> Failed {
    let passes = matches!(
        error.kind(),
        ErrorKind::Io
            | ErrorKind::Parse
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
            )
    );
    if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) {
        return Failed::NoScript;
    }
    // What a server shows for its name is the same the next time.
    #[cfg(feature = "redis-tls")]
    if let Some(why) = super::tls::refusal(error) {
        return Failed::Refused(why);
    }
    let is_busy = error.code() == Some("BUSY");
    // An answer of the server says that the script was not run.
    let was_sent = was_sent && matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse);
    if passes || is_busy {
        // The system's own text for it is of something else.
        let why = if error.is_timeout() { "it does not answer".to_owned() } else { error.to_string() };
        Failed::ForNow { why, was_sent }
    } else {
        Failed::Refused(error.to_string())
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client has the password.
        f.debug_struct("Line")
            .field("name", &self.name)
            .field("is_open", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}
