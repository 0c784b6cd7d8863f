//! A deserializer within the bounds of `bounds.rs`, around another one.
//!
//! It lets everything pass, and wraps each way in: what a deserializer gives to a visitor, what a visitor asks an access
//! for, and what a seed makes a value of.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{
    bounds::{Exceeded, MOST_DEPTH, SPARE_ELEMENTS},
    source::Source,
};

/// What is left of the bounds of one message.
pub(super) struct Left<'a, S> {
    source: &'a S,
    elements: Cell<usize>,
    exceeded: Cell<Option<Exceeded>>,
}

impl<'a, S: Source> Left<'a, S> {
    pub(super) fn new(source: &'a S) -> Self {
        // Elements with bytes are bounded by the bytes. Only those without need the spare ones.
        let elements = Cell::new(source.left().saturating_add(SPARE_ELEMENTS));
        Self { source, elements, exceeded: Cell::new(None) }
    }

    /// Returns the bound that the value exceeds, for formats with errors that do not say it.
    #[cfg(feature = "postcard")]
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    #[cold]
    fn exceeds<E: de::Error>(&self, bound: Exceeded) -> E {
        self.exceeded.set(Some(bound));
        E::custom(bound)
    }

    /// Returns a deserializer at the outermost level.
    pub(super) fn bound<D>(&self, deserializer: D) -> Bounded<'_, D, S> {
        Bounded { inner: deserializer, left: self, depth: MOST_DEPTH }
    }

    /// CB2: takes the elements of the sequence or map that comes next.
    #[inline]
    fn take_elements<E: de::Error>(&self) -> Result<(), E> {
        // Without a length the format refuses the sequence itself.
        let Some(len) = self.source.next_length().map_err(E::custom)? else { return Ok(()) };
        // CB2: taken before the first element is made, so a length that lies costs nothing.
        let left = usize::try_from(len).ok().and_then(|len| self.elements.get().checked_sub(len));
        self.elements.set(left.ok_or_else(|| self.exceeds(Exceeded::Elements))?);
        Ok(())
    }

    /// CB3: checks the string or bytes that come next.
    #[inline]
    fn check_bytes<E: de::Error>(&self) -> Result<(), E> {
        match self.source.next_length().map_err(E::custom)? {
            // Its own length is among what is left, so this is a little generous.
            Some(len) if len > self.source.left() as u64 => {
                Err(self.exceeds(Exceeded::Bytes { len, left: self.source.left() }))
            }
            _ => Ok(()),
        }
    }
}

/// A deserializer, visitor, access or seed, and how many levels may still be inside it.
pub(super) struct Bounded<'a, T, S> {
    inner: T,
    left: &'a Left<'a, S>,
    depth: u8,
}

impl<'a, T, S: Source> Bounded<'a, T, S> {
    #[inline]
    fn around<U>(&self, inner: U) -> Bounded<'a, U, S> {
        Bounded { inner, left: self.left, depth: self.depth }
    }

    /// CB1: the same a level deeper.
    #[inline]
    fn deeper<U, E: de::Error>(&self, inner: U) -> Result<Bounded<'a, U, S>, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| self.left.exceeds(Exceeded::Depth))?;
        Ok(Bounded { inner, left: self.left, depth })
    }
}

macro_rules! leaves {
    ($($name:ident),*) => {$(
        #[inline]
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$name(visitor)
        }
    )*};
}

macro_rules! bytes {
    ($($name:ident),*) => {$(
        #[inline]
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            // Before the format reserves memory for them.
            self.left.check_bytes()?;
            self.inner.$name(visitor)
        }
    )*};
}

macro_rules! elements {
    ($($name:ident),*) => {$(
        #[inline]
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            // CB1: the elements are a level below the sequence.
            let visitor = self.deeper(visitor)?;
            // Before the format acts on the length, and before the visitor reserves memory for it.
            self.left.take_elements()?;
            self.inner.$name(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>, S: Source> Deserializer<'de> for Bounded<'_, D, S> {
    type Error = D::Error;

    leaves! {
        deserialize_any, deserialize_bool, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64,
        deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
        deserialize_f32, deserialize_f64, deserialize_char, deserialize_unit, deserialize_identifier,
        deserialize_ignored_any
    }
    bytes! { deserialize_str, deserialize_string, deserialize_bytes, deserialize_byte_buf }
    elements! { deserialize_seq, deserialize_map }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        // A level also if it is `None`: that is known only once the byte was read.
        let visitor = self.deeper(visitor)?;
        self.inner.deserialize_option(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.deeper(visitor)?;
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.deeper(visitor)?;
        // No length to check: it is the type that says it, and not the message.
        self.inner.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.deeper(visitor)?;
        self.inner.deserialize_tuple_struct(name, len, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.deeper(visitor)?;
        self.inner.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // A level also for a variant without a value: which one comes is not known before it was read.
        let visitor = self.deeper(visitor)?;
        self.inner.deserialize_enum(name, variants, visitor)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Of what has values inside it. Leaves come to the type's own visitor.
impl<'de, V: Visitor<'de>, S: Source> Visitor<'de> for Bounded<'_, V, S> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        // The level was counted when the visitor was wrapped.
        self.inner.visit_some(deserializer)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_seq(access)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_map(access)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_enum(access)
    }
}

impl<'de, T: DeserializeSeed<'de>, S: Source> DeserializeSeed<'de> for Bounded<'_, T, S> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>, S: Source> SeqAccess<'de> for Bounded<'_, A, S> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.around(seed);
        // Each element begins at the same level, however deep the one before it went.
        self.inner.next_element_seed(seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>, S: Source> MapAccess<'de> for Bounded<'_, A, S> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.next_value_seed(seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'a, 'de, A: EnumAccess<'de>, S: Source> EnumAccess<'de> for Bounded<'a, A, S> {
    type Error = A::Error;
    type Variant = Bounded<'a, A::Variant, S>;

    /// Which variant it is, is a number.
    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let Bounded { inner, left, depth } = self;
        // The number itself is a leaf. What the variant has inside goes through the access, so that is wrapped.
        inner.variant_seed(seed).map(|(value, inner)| (value, Bounded { inner, left, depth }))
    }
}

impl<'de, A: VariantAccess<'de>, S: Source> VariantAccess<'de> for Bounded<'_, A, S> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.newtype_variant_seed(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
