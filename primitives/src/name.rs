//! Names, and the keys they give.

use std::{fmt, sync::Arc};

use crate::{Error, Result, raw::Key};

/// The name of an object, up to 255 bytes of text. It is checked once, when it is made.
///
/// The kernel knows numbers alone, so kind and name are hashed to a 31-bit key. The name itself
/// stands in the object, and a second name with the same key is an error that shows both.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(String);

/// The longest name, in bytes.
pub(crate) const LONGEST: usize = 255;

impl Name {
    pub(crate) fn new(name: &str) -> Result<Self> {
        if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
            return Err(Error::BadName { name: name.to_owned() });
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key, which must be the same in every version of this crate, for ever.
    ///
    /// FNV-1a over the kind and the name, folded to 31 bits. Zero, which is the private key, becomes one.
    pub(crate) fn key(&self, kind: &str) -> Result<Key> {
        let hash = fnv1a(kind.bytes().chain([0]).chain(self.0.bytes()));
        let folded = (hash ^ (hash >> 31)) & 0x7fff_ffff;
        Ok(Key::try_from(folded.max(1))?)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// FNV-1a of 64 bits, which is the same in every version of this crate, for ever.
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The kind and the name of an object, as errors show them.
///
/// ```
/// use sysv_primitives::{Error, Pool};
///
/// let Err(Error::NoSuchName { object }) = Pool::open("no pool has this name") else { panic!("there is one") };
/// assert_eq!((object.kind(), object.name()), ("pool", Some("no pool has this name")));
/// assert_eq!(object.to_string(), r#"pool "no pool has this name""#);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectName(Arc<Parts>);

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    kind: &'static str,
    called: Called,
}

#[derive(PartialEq, Eq, Hash)]
enum Called {
    Name(Box<str>),
    /// A channel over a plain message queue has no name.
    Queue(i32),
}

impl ObjectName {
    pub(crate) fn new(kind: &'static str, name: &str) -> Self {
        Self(Arc::new(Parts { kind, called: Called::Name(name.into()) }))
    }

    /// Returns what a channel over a plain message queue is called.
    pub(crate) fn of_queue(id: i32) -> Self {
        Self(Arc::new(Parts { kind: "channel", called: Called::Queue(id) }))
    }

    /// Returns the kind: `"mutex"`, `"pool"`, `"spsc ring"`, `"mpmc ring"` or `"channel"`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.kind
    }

    /// Returns the name that the object was opened by; `None` for a channel over a plain message queue.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0.called {
            Called::Name(name) => Some(name),
            Called::Queue(_) => None,
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.called {
            Called::Name(name) => write!(f, "{} {name:?}", self.0.kind),
            Called::Queue(id) => write!(f, "{} over message queue {id}", self.0.kind),
        }
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn keys_never_change() {
        let key = |kind, name| Name::new(name).and_then(|name| name.key(kind)).expect("the name is good").get();
        assert_ne!(key("mutex", "a"), key("pool", "a"));
        assert_ne!(key("mutex", "ab"), key("mutexa", "b"));
        assert_eq!(key("mutex", "counter"), KEY_OF_COUNTER);
    }

    /// Written down when the first version was made: programs of different versions must meet.
    const KEY_OF_COUNTER: i32 = 1_301_211_654;

    #[test]
    fn bad_names_are_refused() {
        for name in ["", "a\0b", &"x".repeat(256)] {
            assert!(Name::new(name).is_err());
        }
        assert!(Name::new(&"x".repeat(255)).is_ok());
    }
}
