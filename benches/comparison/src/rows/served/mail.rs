//! Ways to bring 64 bytes from process to process over a server, each as its documentation advises.

use std::time::Duration;

use anyhow::Result;
use bytemuck::{Pod, Zeroable};
use redis::{Cmd, Commands, Connection, cmd, streams::StreamReadReply};
use sysv_primitives::{Channel, messages};

use crate::{harness::Kind, server};

/// Eight numbers, which need no encoding.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::rows) struct Letter([u64; 8]);
messages! { 1 => Letter, codec pod }

impl Letter {
    fn new(number: u64) -> Self {
        Self([number; 8])
    }

    fn of(bytes: &[u8]) -> Self {
        bytemuck::pod_read_unaligned(bytes)
    }

    fn check(self) {
        assert!(self.0.iter().all(|&word| word == self.0[0]), "a message is torn");
    }
}

/// A connection of one process.
pub(in crate::rows) trait Mail: Sized {
    const NAME: &'static str;
    const KIND: Kind;

    /// Connects: the server, and a name there.
    fn open(server: &str, name: &str) -> Result<Self>;

    fn send(&mut self, number: u64) -> Result<()>;

    /// Waits for a message, and has it for good.
    fn receive(&mut self) -> Result<()>;

    /// Waits for a message, and keeps it as one that is worked on.
    fn take(&mut self) -> Result<()>;
}

/// Our channel: what is received is gone.
pub(in crate::rows) struct Received(Channel);

impl Mail for Received {
    const NAME: &'static str = "channel, send and recv";
    const KIND: Kind = Kind::Ours;

    fn open(server: &str, name: &str) -> Result<Self> {
        Ok(Self(Channel::connect(&format!("{server}/{name}"))?))
    }

    fn send(&mut self, number: u64) -> Result<()> {
        Ok(self.0.send(&Letter::new(number))?)
    }

    fn receive(&mut self) -> Result<()> {
        self.0.recv::<Letter>()?.check();
        Ok(())
    }

    fn take(&mut self) -> Result<()> {
        self.receive()
    }
}

/// Our channel: what is claimed comes again if its process dies. The lease is this number of milliseconds.
pub(in crate::rows) struct Claimed<const LEASE: u64>(Channel);

impl<const LEASE: u64> Mail for Claimed<LEASE> {
    const NAME: &'static str = match LEASE {
        300 => "channel, claim, with a lease of 0.3 s",
        600 => "channel, claim, with a lease of 0.6 s",
        _ => "channel, send, claim and done",
    };
    const KIND: Kind = Kind::Ours;

    fn open(server: &str, name: &str) -> Result<Self> {
        let options = Channel::options().lease(Duration::from_millis(LEASE));
        Ok(Self(options.connect(&format!("{server}/{name}"))?))
    }

    fn send(&mut self, number: u64) -> Result<()> {
        Ok(self.0.send(&Letter::new(number))?)
    }

    fn receive(&mut self) -> Result<()> {
        self.0.claim::<Letter>()?.done()?.check();
        Ok(())
    }

    fn take(&mut self) -> Result<()> {
        // It is worked on until the end of the process.
        std::mem::forget(self.0.claim::<Letter>()?);
        Ok(())
    }
}

/// A list: what is popped is gone.
pub(in crate::rows) struct Popped(Connection, String);

fn push(connection: &mut Connection, list: &str, number: u64) -> Result<()> {
    Ok(cmd("LPUSH").arg(list).arg(bytemuck::bytes_of(&Letter::new(number))).exec(connection)?)
}

impl Mail for Popped {
    const NAME: &'static str = "LPUSH and BRPOP";
    const KIND: Kind = Kind::Limit;

    fn open(server: &str, name: &str) -> Result<Self> {
        Ok(Self(server::connect(server)?, name.to_owned()))
    }

    fn send(&mut self, number: u64) -> Result<()> {
        push(&mut self.0, &self.1, number)
    }

    fn receive(&mut self) -> Result<()> {
        let (_, bytes): (String, Vec<u8>) = self.0.brpop(&self.1, 0.0)?;
        Letter::of(&bytes).check();
        Ok(())
    }

    fn take(&mut self) -> Result<()> {
        self.receive()
    }
}

/// A list, and another one for what is worked on, as the documentation of `LMOVE` advises for queues that lose nothing.
pub(in crate::rows) struct Moved(Connection, String, String);

impl Moved {
    fn moved(&mut self) -> Result<Vec<u8>> {
        Ok(cmd("BLMOVE").arg(&self.1).arg(&self.2).arg("RIGHT").arg("LEFT").arg(0).query(&mut self.0)?)
    }
}

impl Mail for Moved {
    const NAME: &'static str = "LPUSH, BLMOVE and LREM";
    const KIND: Kind = Kind::Rival;

    fn open(server: &str, name: &str) -> Result<Self> {
        Ok(Self(server::connect(server)?, name.to_owned(), format!("{name}:{}", std::process::id())))
    }

    fn send(&mut self, number: u64) -> Result<()> {
        push(&mut self.0, &self.1, number)
    }

    fn receive(&mut self) -> Result<()> {
        let bytes = self.moved()?;
        Letter::of(&bytes).check();
        Ok(cmd("LREM").arg(&self.2).arg(1).arg(bytes).exec(&mut self.0)?)
    }

    fn take(&mut self) -> Result<()> {
        self.moved().map(drop)
    }
}

/// A stream with a group of consumers.
pub(in crate::rows) struct Streamed {
    connection: Connection,
    stream: String,
    /// Reads one for this process.
    read: Cmd,
}

impl Streamed {
    fn entry(&mut self) -> Result<(String, Vec<u8>)> {
        let StreamReadReply { mut keys } = self.read.query(&mut self.connection)?;
        let mut entry = keys.pop().and_then(|mut key| key.ids.pop()).expect("it waits for one");
        let redis::Value::BulkString(bytes) = entry.map.remove("m").expect("it has this field") else {
            anyhow::bail!("the entry is no text");
        };
        Ok((entry.id, bytes))
    }
}

impl Mail for Streamed {
    const NAME: &'static str = "XADD, XREADGROUP and XACK";
    const KIND: Kind = Kind::Rival;

    fn open(server: &str, name: &str) -> Result<Self> {
        let mut connection = server::connect(server)?;
        let stream = name.to_owned();
        // Another process may have made the group.
        let _ = cmd("XGROUP").arg("CREATE").arg(&stream).arg("all").arg("0").arg("MKSTREAM").exec(&mut connection);
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg("all").arg(std::process::id()).arg("COUNT").arg(1).arg("BLOCK").arg(0);
        read.arg("STREAMS").arg(&stream).arg(">");
        Ok(Self { connection, stream, read })
    }

    fn send(&mut self, number: u64) -> Result<()> {
        let letter = Letter::new(number);
        let mut add = cmd("XADD");
        add.arg(&self.stream).arg("*").arg("m").arg(bytemuck::bytes_of(&letter));
        Ok(add.exec(&mut self.connection)?)
    }

    fn receive(&mut self) -> Result<()> {
        let (id, bytes) = self.entry()?;
        Letter::of(&bytes).check();
        // In one round trip. What is only acknowledged stays in memory.
        let mut both = redis::pipe();
        both.cmd("XACK").arg(&self.stream).arg("all").arg(&id).cmd("XDEL").arg(&self.stream).arg(&id);
        Ok(both.exec(&mut self.connection)?)
    }

    fn take(&mut self) -> Result<()> {
        self.entry().map(drop)
    }
}
