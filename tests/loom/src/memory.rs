//! Shared memory: values that each handle finds at the same place.

use std::{
    any::Any,
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    ops::Deref,
    ptr::NonNull,
    sync::{Arc, Mutex},
};

/// Nothing fails to lie in this memory.
pub(crate) type Result<T> = std::result::Result<T, Infallible>;

/// A promise of the real types.
///
/// # Safety
///
/// It means nothing here.
#[allow(unsafe_code, reason = "the real code implements it as an unsafe trait")]
pub(crate) unsafe trait SharedSafe {}

/// What lies where. A value is made when the first handle looks for it, as zeros would be.
#[derive(Default)]
pub(crate) struct SharedMemory {
    values: Mutex<BTreeMap<usize, Box<dyn Any + Send + Sync>>>,
}

impl SharedMemory {
    fn find<T: ?Sized + Send + Sync + 'static>(&self, offset: usize, make: impl FnOnce() -> Arc<T>) -> Mapped<T> {
        let mut values = self.values.lock().expect("no code panics while it is held");
        let value = values.entry(offset).or_insert_with(|| Box::new(make()));
        Mapped(Arc::clone(value.downcast_ref().expect("each handle finds the same there")))
    }

    pub(crate) fn id(&self) -> usize {
        0
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedMemory")
    }
}

/// A value in the memory.
#[derive(Debug)]
pub(crate) struct Mapped<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Clone for Mapped<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Mapped<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: Default + Send + Sync + 'static> Mapped<T> {
    pub(crate) fn at(memory: &Arc<SharedMemory>, offset: usize) -> Result<Self> {
        Ok(memory.find(offset, Arc::default))
    }
}

impl<T: Default + Send + Sync + 'static> Mapped<[T]> {
    pub(crate) fn slice(memory: &Arc<SharedMemory>, offset: usize, len: usize) -> Result<Self> {
        Ok(memory.find(offset, || (0..len).map(|_| T::default()).collect()))
    }
}

impl<T> FromIterator<T> for Mapped<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: ?Sized> Deref for Mapped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Plain bytes are no part of the models: no message here is longer than a cell.
pub(crate) fn room<T>(_: &SharedMemory, _: usize, _: usize) -> Result<NonNull<T>> {
    Ok(NonNull::dangling())
}
