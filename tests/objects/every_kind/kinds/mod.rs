//! What the tests must know of each kind of object.
#![allow(unreachable_pub, reason = "it is another module of the tests")]

use sysv_primitives::{Error, Member, Options, Result, Status};

/// Lets one waiter go on.
pub type Release<'a> = Box<dyn FnOnce() + 'a>;

/// A way to wait.
pub struct Wait<T> {
    pub name: &'static str,
    /// Whether several can wait so at once.
    pub is_shared: bool,
    /// Whether a wake-up passes on from a waiter that dies with it. With other kinds it has claimed something as well.
    pub is_passed_on: bool,
    /// Sees to it that one has to wait.
    pub hinder: for<'a> fn(&'a T) -> Release<'a>,
    /// Waits without a deadline.
    pub wait: fn(&T) -> Result<()>,
}

/// A kind of named object.
pub trait Kind: Sized + 'static {
    /// What errors call it.
    const NAME: &'static str;

    fn create(options: &Options<Self>, name: &str) -> Result<Self>;
    fn open(options: &Options<Self>, name: &str) -> Result<Self>;
    fn open_or_create(options: &Options<Self>, name: &str) -> Result<Self>;
    fn unlink(name: &str) -> Result<()>;
    fn remove(&self) -> Result<()>;
    fn members(&self) -> Result<Vec<Member>>;
    fn status(&self) -> Result<Status>;

    /// Takes out what the waits left in it.
    fn empty(&self) {}

    /// What comes of opening it as what it is not.
    fn open_otherwise(name: &str) -> Vec<Result<()>>;

    /// What comes of opening it with one option of this kind that it was not made with, and which option that is.
    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)>;

    /// All ways to wait.
    fn waits() -> Vec<Wait<Self>>;
}

/// What all have under the same names.
macro_rules! delegate {
    ($type:ty $(, $argument:expr)*) => {
        fn create(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.create(name $(, $argument)*)?)
        }

        fn open(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.open(name)?)
        }

        fn open_or_create(options: &Options<Self>, name: &str) -> Result<Self> {
            Ok(options.open_or_create(name $(, $argument)*)?)
        }

        fn unlink(name: &str) -> Result<()> {
            Ok(<$type>::unlink(name)?)
        }

        fn remove(&self) -> Result<()> {
            Ok(<$type>::remove(self)?)
        }

        fn members(&self) -> Result<Vec<Member>> {
            Ok(<$type>::members(self)?)
        }

        fn status(&self) -> Result<Status> {
            Ok(<$type>::status(self)?)
        }
    };
}

mod channel;
mod counts;
mod locks;
mod rings;
mod values;

/// Any error, of whatever family.
fn any<T, E: Into<Error>>(result: std::result::Result<T, E>) -> Result<()> {
    result.map(drop).map_err(E::into)
}

fn otherwise<K>() -> Options<K> {
    Options::new().schema(1)
}
