//! Names, and the keys they give.

use std::fmt;

use crate::{fingerprint::fnv1a, raw::Key};

/// The name of an object, up to 255 bytes of text. It is checked once, when it is made.
///
/// The kernel knows numbers alone, so kind and name are hashed to a 31-bit key. The name itself
/// stands in the object, and a second name with the same key is an error that shows both.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(String);

/// A text that is no name.
#[derive(Debug)]
pub(crate) struct BadName(pub(crate) String);

/// The longest name, in bytes.
pub(crate) const LONGEST: usize = 255;

impl Name {
    pub(crate) fn new(name: &str) -> Result<Self, BadName> {
        if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
            return Err(BadName(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key, which must be the same in every version of this crate, forever.
    ///
    /// FNV-1a over the kind and the name, folded to 31 bits. Zero, which is the private key, becomes one.
    pub(crate) fn key(&self, kind: &str) -> Key {
        let hash = fnv1a(kind.bytes().chain([0]).chain(self.0.bytes()));
        let folded = (hash ^ (hash >> 31)) & 0x7fff_ffff;
        // 31 bits, and not 0: each is a key.
        i32::try_from(folded).ok().and_then(|number| Key::new(number.max(1)).ok()).unwrap_or(Key::MAX)
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

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn keys_never_change() {
        let key = |kind, name| Name::new(name).expect("the name is good").key(kind).get();
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
