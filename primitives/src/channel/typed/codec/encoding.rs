//! A serializer within the bounds of `bounds.rs`, around another one: what could not be decoded is not encoded.

use std::{cell::Cell, fmt};

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::bounds::{Exceeded, MOST_DEPTH, SPARE_ELEMENTS};

/// How many elements a value has, and the bound that it exceeds.
#[derive(Default)]
pub(super) struct Count {
    elements: Cell<usize>,
    exceeded: Cell<Option<Exceeded>>,
}

impl Count {
    /// Returns a value at the outermost level.
    pub(super) fn bound<T>(&self, value: T) -> Bounded<'_, T> {
        Bounded { inner: value, count: self, depth: MOST_DEPTH }
    }

    fn add(&self, elements: Option<usize>) {
        // Both formats refuse a sequence that does not know its length, so one without adds nothing.
        self.elements.set(self.elements.get().saturating_add(elements.unwrap_or(0)));
    }

    /// Returns the bound that the value exceeds, for formats with errors that do not say it.
    #[cfg(feature = "postcard")]
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    #[cold]
    fn too_deep<E: Error>(&self) -> E {
        self.exceeded.set(Some(Exceeded::Depth));
        E::custom(Exceeded::Depth)
    }

    /// CB2: checks the elements of a value that was encoded in so many bytes.
    pub(super) fn check(&self, bytes: usize) -> Result<(), Exceeded> {
        if self.elements.get() <= bytes.saturating_add(SPARE_ELEMENTS) { Ok(()) } else { Err(Exceeded::Elements) }
    }
}

/// A value or serializer, and how many levels may still be inside it.
pub(super) struct Bounded<'a, T> {
    inner: T,
    count: &'a Count,
    depth: u8,
}

impl<'a, T> Bounded<'a, T> {
    #[inline]
    fn around<U>(&self, inner: U) -> Bounded<'a, U> {
        Bounded { inner, count: self.count, depth: self.depth }
    }

    /// CB1: the same a level deeper.
    #[inline]
    fn deeper<E: Error>(self) -> Result<Self, E> {
        // The depth stands in the value, and not in the count: a sibling begins at the level of its parent.
        let depth = self.depth.checked_sub(1).ok_or_else(|| self.count.too_deep())?;
        Ok(Self { depth, ..self })
    }
}

impl<T: Serialize + ?Sized> Serialize for Bounded<'_, &T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(self.around(serializer))
    }
}

macro_rules! leaves {
    ($($name:ident: $type:ty),*) => {$(
        #[inline]
        fn $name(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$name(value)
        }
    )*};
}

/// Goes on a level deeper with what the inner serializer makes of these arguments.
macro_rules! compounds {
    ($($name:ident($($argument:ident: $type:ty),*) -> $compound:ident;)*) => {$(
        #[inline]
        fn $name(self, $($argument: $type),*) -> Result<Self::$compound, S::Error> {
            let Bounded { inner, count, depth } = self.deeper()?;
            Ok(Bounded { inner: inner.$name($($argument),*)?, count, depth })
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Bounded<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Bounded<'a, S::SerializeSeq>;
    type SerializeTuple = Bounded<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Bounded<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Bounded<'a, S::SerializeTupleVariant>;
    type SerializeMap = Bounded<'a, S::SerializeMap>;
    type SerializeStruct = Bounded<'a, S::SerializeStruct>;
    type SerializeStructVariant = Bounded<'a, S::SerializeStructVariant>;

    leaves! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str
    }

    compounds! {
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeTupleVariant;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeStructVariant;
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        // CB2: only added up here. The bytes are known when all of the value is written.
        self.count.add(len);
        let Bounded { inner, count, depth } = self.deeper()?;
        Ok(Bounded { inner: inner.serialize_seq(len)?, count, depth })
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        // CB2: an entry counts once, as in the receiver, which reads one length for keys and values.
        self.count.add(len);
        let Bounded { inner, count, depth } = self.deeper()?;
        Ok(Bounded { inner: inner.serialize_map(len)?, count, depth })
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        // The receiver counts a level for each enum, since it does not know yet which variant comes.
        let Bounded { inner, .. } = self.deeper()?;
        inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        // The receiver counts an `Option` before it knows whether a value is in it.
        let Bounded { inner, .. } = self.deeper()?;
        inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let Bounded { inner, count, depth } = self.deeper()?;
        inner.serialize_some(&Bounded { inner: value, count, depth })
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        let Bounded { inner, count, depth } = self.deeper()?;
        inner.serialize_newtype_struct(name, &Bounded { inner: value, count, depth })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let Bounded { inner, count, depth } = self.deeper()?;
        inner.serialize_newtype_variant(name, index, variant, &Bounded { inner: value, count, depth })
    }

    #[inline]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        // A text has nothing inside it.
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Compounds with values that come one by one, each with these arguments before it.
macro_rules! values {
    ($($compound:ident: $name:ident($($argument:ident: $type:ty),*);)*) => {$(
        impl<C: $compound> $compound for Bounded<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $name<T: Serialize + ?Sized>(&mut self, $($argument: $type,)* value: &T) -> Result<(), C::Error> {
                let value = self.around(value);
                self.inner.$name($($argument,)* &value)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

values! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(key: &'static str);
    SerializeStructVariant: serialize_field(key: &'static str);
}

impl<M: SerializeMap> SerializeMap for Bounded<'_, M> {
    type Ok = M::Ok;
    type Error = M::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), M::Error> {
        let key = self.around(key);
        self.inner.serialize_key(&key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), M::Error> {
        let value = self.around(value);
        self.inner.serialize_value(&value)
    }

    #[inline]
    fn end(self) -> Result<M::Ok, M::Error> {
        self.inner.end()
    }
}
