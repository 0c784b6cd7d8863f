//! What the scripts answer, taken apart. An answer that is not as it must be is an error, and no panic.

use std::vec;

use redis::Value;

use crate::store::Ending;

/// The parts of an answer, one after another.
pub(super) struct Reply(vec::IntoIter<Value>);

impl Reply {
    pub(super) fn new(parts: Vec<Value>) -> Self {
        Self(parts.into_iter())
    }

    /// Returns the parts of a list inside an answer.
    pub(super) fn of(value: Value) -> Self {
        Self::new(match value {
            Value::Array(parts) => parts,
            _ => Vec::new(),
        })
    }

    pub(super) fn bytes(&mut self) -> Vec<u8> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => bytes,
            Some(Value::SimpleString(text)) => text.into_bytes(),
            Some(Value::Int(number)) => number.to_string().into_bytes(),
            _ => Vec::new(),
        }
    }

    pub(super) fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Returns a number. What is none, or too large, is the default of the type: it comes from outside, and nothing is indexed by it.
    pub(super) fn number<T: std::str::FromStr + Default>(&mut self) -> T {
        self.text().parse().unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    pub(super) fn list(&mut self) -> Vec<Value> {
        match self.0.next() {
            Some(Value::Array(parts)) => parts,
            _ => Vec::new(),
        }
    }
}

impl Iterator for Reply {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.0.next()
    }
}

/// An entry of a stream.
pub(super) struct Entry {
    pub(super) name: String,
    fields: Vec<(String, Vec<u8>)>,
}

impl Entry {
    /// Returns an entry without fields.
    #[cfg(feature = "async")]
    pub(super) fn named(name: String) -> Self {
        Self { name, fields: Vec::new() }
    }

    #[cfg(all(test, feature = "async"))]
    pub(super) fn with(name: &str, fields: &[(&str, String)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
        Self { name: name.to_owned(), fields }
    }

    /// Returns the value of a field. Without one it is empty.
    pub(super) fn field(&self, name: &str) -> &[u8] {
        self.fields.iter().find(|(found, _)| found == name).map_or(&[], |(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(self.field(name)).into_owned()
    }
}

/// Returns the entries of one stream, as `XREAD` returns them.
pub(super) fn entries(value: Value) -> Vec<Entry> {
    streams(value).into_iter().flat_map(|(_, entries)| entries).collect()
}

/// Returns the entries of each stream, by its key, as `XREAD` returns them.
pub(super) fn streams(value: Value) -> Vec<(String, Vec<Entry>)> {
    let entry = |entry: Value| {
        let mut entry = Reply::of(entry);
        let name = entry.text();
        let mut fields = Reply::new(entry.list());
        let mut pairs = Vec::new();
        while !fields.is_empty() {
            pairs.push((fields.text(), fields.bytes()));
        }
        Entry { name, fields: pairs }
    };
    let stream = |key: Value, entries: Value| (Reply::new(vec![key]).text(), Reply::of(entries).map(entry).collect());
    match value {
        Value::Map(streams) => streams.into_iter().map(|(key, entries)| stream(key, entries)).collect(),
        streams => Reply::of(streams)
            .filter_map(|parts| {
                let mut parts = Reply::of(parts);
                Some(stream(parts.next()?, parts.next()?))
            })
            .collect(),
    }
}

/// The name of an event: the server's time, and a number.
#[cfg(feature = "async")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event(u64, u64);

#[cfg(feature = "async")]
impl Event {
    /// Returns the event with a name. What is none comes before all others.
    pub(super) fn of(name: &str) -> Self {
        let mut parts = name.split('-').map(|part| part.parse().unwrap_or(0));
        Self(parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

#[cfg(feature = "async")]
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Returns how attempts ended, as the server has it: `number,cause,status,host:process:session;` …
pub(crate) fn ending_of(text: &str) -> Vec<(u32, Ending)> {
    let ending = |text: &str| {
        let mut parts = text.split(',');
        let mut number = || parts.next().and_then(|number| number.parse::<u32>().ok());
        let (attempt, cause, status) = (number()?, number()?, number()?);
        let pid = parts.next().and_then(|owner| owner.split(':').nth(1)).and_then(|pid| pid.parse().ok()).unwrap_or(0);
        let (cause, status) = (u8::try_from(cause).unwrap_or(0), u16::try_from(status).unwrap_or(0));
        Some((attempt, Ending { cause, status, pid }))
    };
    text.split(';').filter_map(ending).collect()
}
