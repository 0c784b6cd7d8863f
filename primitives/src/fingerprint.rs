//! What is known of a type at run time, so that two programs notice when they mean different ones.
//!
//! Size and alignment alone don't tell a `u64` from an `f64`. So the name of the type is compared as well, by a hash of
//! the whole name. The name comes from [`std::any::type_name`] without the paths of modules and crates:
//!
//! | `type_name` | name |
//! | --- | --- |
//! | `prog_a::bank::Account` | `Account` |
//! | `[core::num::wrapping::Wrapping<u32>; 4]` | `[Wrapping<u32>; 4]` |
//! | `prog_a::run::{{closure}}::Local` | `Local` |
//!
//! So two programs that each declare the same struct agree, and a struct may move to another module. Rust promises nothing
//! of the text of `type_name`: another compiler may write it differently. `Options::type_name` is the way out.

use std::{any::type_name, fmt};

use crate::options::Settings;

/// The type of the values in an object, as far as it can be told at run time.
///
/// Two are equal if all fields but the text of the name are. Of that text an object keeps at most 128 bytes.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fingerprint {
    /// The size of the type in bytes.
    pub size: u64,
    /// Its alignment in bytes.
    pub align: u64,
    /// The number that the program gave to the meaning of the values. 0 by default.
    pub schema: u64,
    /// FNV-1a of the type's whole name in 64 bits. 0 if the kind of object has no type.
    pub name_hash: u64,
    /// The type's name. See [`Options::type_name`](crate::Options::type_name).
    pub name: String,
}

impl Fingerprint {
    /// Returns the fingerprint of an object that has values of type `T`.
    pub(crate) fn of<T>(options: &Settings) -> Self {
        let name = options.type_name.clone().unwrap_or_else(|| without_paths(type_name::<T>()));
        Self {
            size: size_of::<T>() as u64,
            align: align_of::<T>() as u64,
            schema: options.schema,
            name_hash: fnv1a(name.bytes()),
            name,
        }
    }

    /// Returns the fingerprint of an object of a kind that has no type.
    pub(crate) fn without_type(options: &Settings) -> Self {
        Self { schema: options.schema, ..Self::default() }
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.size, it.align, it.schema, it.name_hash);
        parts(self) == parts(other)
    }
}

impl Eq for Fingerprint {}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, align, schema, name_hash, name } = self;
        match name_hash {
            0 => write!(f, "schema {schema}"),
            _ => write!(f, "values of type {name} ({size} bytes, alignment {align}, schema {schema})"),
        }
    }
}

/// Makes bytes from shared memory fit to be shown: they may be no text at all.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let is_shown = |char: &char| matches!(char, '"' | '\'' | '\\') || char.escape_debug().len() == 1;
    let shown = |char: char| if is_shown(&char) { char } else { char::REPLACEMENT_CHARACTER };
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

/// Returns a type's name without the paths of modules and crates in it.
fn without_paths(full: &str) -> String {
    let (mut short, mut rest) = (String::with_capacity(full.len()), full);
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            short.truncate(last_component(&short));
            rest = after;
            continue;
        }
        let (now, later) = rest.split_at(if next == '\'' { quoted(rest) } else { next.len_utf8() });
        short.push_str(now);
        rest = later;
    }
    short
}

/// Returns where the last component of a path begins: a name, with what is in brackets behind it, as in `<A as B>`.
fn last_component(path: &str) -> usize {
    let mut depth = 0_usize;
    for (index, char) in path.char_indices().rev() {
        match char {
            '>' | '}' => depth += 1,
            '<' | '{' if depth > 0 => depth -= 1,
            _ if depth > 0 || char.is_alphanumeric() || matches!(char, '_' | '#') => {}
            _ => return index + char.len_utf8(),
        }
    }
    0
}

/// Returns the length of a character in quotes, as in a generic constant. Returns 1 for the quote of a lifetime.
fn quoted(text: &str) -> usize {
    let mut inner = text[1..].char_indices();
    match (inner.next(), inner.next()) {
        (Some((_, '\\')), Some((second, _))) => text[1 + second + 1..].find('\'').map_or(1, |end| second + end + 3),
        (Some(_), Some((end, '\''))) => end + 2,
        _ => 1,
    }
}

/// FNV-1a of 64 bits, which is the same in every version of this crate, forever.
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, fnv1a, printable, without_paths};
    use crate::options::Settings;

    #[test]
    fn case_f7_paths_are_left_out_of_a_types_name() {
        for (full, short) in [
            ("u64", "u64"),
            ("()", "()"),
            ("prog_a::bank::Account", "Account"),
            ("[core::num::wrapping::Wrapping<u32>; 4]", "[Wrapping<u32>; 4]"),
            ("(a::B, [c::d::E<f::G, h::I>; 2])", "(B, [E<G, I>; 2])"),
            ("a::run::{{closure}}::Local", "Local"),
            ("a::<impl a::Foo<b::Bar>>::method::Local", "Local"),
            ("<a::Foo as b::Bar<c::Baz>>::method::Local<d::E>", "Local<E>"),
            ("a::B<':', c::D>", "B<':', D>"),
            ("a::B<'\\'', c::D>", "B<'\\'', D>"),
            ("a::B<'_, c::D>", "B<'_, D>"),
            ("a::r#type::Größe", "Größe"),
            ("&dyn a::B + c::D", "&dyn B + D"),
        ] {
            assert_eq!(without_paths(full), short);
        }
    }

    #[test]
    fn case_f7_a_name_that_was_said_is_taken_as_it_is() {
        let said = Fingerprint::of::<u64>(&Settings { type_name: Some("bank::Account".to_owned()), ..Settings::new() });
        assert_eq!(said.name, "bank::Account");
        assert_eq!(
            said,
            Fingerprint::of::<i64>(&Settings { type_name: Some("bank::Account".to_owned()), ..Settings::new() })
        );
        assert_ne!(said, Fingerprint::of::<u64>(&Settings::new()));
    }

    /// Objects outlive programs: their hashes must be the same in every version.
    #[test]
    fn hashes_never_change() {
        assert_eq!(fnv1a(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn text_from_outside_is_made_printable() {
        assert_eq!(printable(b"a\x1b[2J\0\nb\xff \"c'"), "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd} \"c'");
        assert_eq!(printable("a\u{202e}b".as_bytes()), "a\u{fffd}b");
    }
}
