//! The names of objects in errors.

use std::{fmt, sync::Arc};

/// The kind and the name of an object, as errors show them.
///
/// ```
/// use sysv_primitives::{OpenError, Pool};
///
/// let Err(OpenError::NoSuchName { object }) = Pool::open("no pool has this name") else { panic!("there is one") };
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
    /// A typed queue has no name.
    Queue(i32),
}

impl ObjectName {
    pub(crate) fn new(kind: &'static str, name: &str) -> Self {
        Self(Arc::new(Parts { kind, called: Called::Name(name.into()) }))
    }

    /// Returns the name of a typed queue.
    pub(crate) fn of_queue(id: i32) -> Self {
        Self(Arc::new(Parts { kind: "queue", called: Called::Queue(id) }))
    }

    /// Returns the kind: `"mutex"`, `"rwlock"`, `"once lock"`, `"watch"`, `"rate limiter"`, `"barrier"`, `"pool"`, `"spsc ring"`,
    /// `"mpmc ring"`, `"broadcast ring"`, `"channel"`, or `"queue"` for a typed queue.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.kind
    }

    /// Returns the name that the object was opened by. Returns `None` for a typed queue.
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
            Called::Queue(id) => write!(f, "message queue {id}"),
        }
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
