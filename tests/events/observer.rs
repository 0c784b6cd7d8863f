//! A subscriber that keeps the events that it sees.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use support::{LONG, alone};
use sysv_primitives::events;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    dispatcher::with_default,
    field::{Field, Visit},
    span,
};

/// An event, as a subscriber sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub(crate) fn event(&self) -> &str {
        self.field("event")
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// A subscriber that keeps what it sees, and then does something.
#[derive(Clone)]
pub(crate) struct Observer {
    seen: Arc<StdMutex<Vec<Seen>>>,
    then: Arc<dyn Fn(&Seen) + Send + Sync>,
}

impl Observer {
    fn new(then: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        Self { seen: Arc::default(), then: Arc::new(then) }
    }

    /// Runs a body with it as the subscriber.
    pub(crate) fn observe<T>(&self, body: impl FnOnce() -> T) -> T {
        with_default(&Dispatch::new(self.clone()), body)
    }

    /// Takes what was seen of the events so far.
    #[track_caller]
    pub(crate) fn take(&self) -> Vec<Seen> {
        assert!(events::flush(LONG), "the events are emitted");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Takes the only event, which must be of this name and about this object.
    #[track_caller]
    pub(crate) fn take_only(&self, event: &str, kind: &str, name: &str) -> Seen {
        let seen = self.take();
        let [only] = seen.as_slice() else { panic!("not only {event}: {seen:?}") };
        assert_eq!((only.event(), only.field("object.kind"), only.field("object.name")), (event, kind, name));
        only.clone()
    }
}

impl Subscriber for Observer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sysv_primitives"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen { level: *event.metadata().level(), fields: BTreeMap::new() };
        event.record(&mut seen);
        assert_eq!(event.metadata().name(), seen.event());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        (self.then)(&seen);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Runs a test in a process of its own, with a subscriber. No thread of the harness uses `tracing`, so a child inherits
/// none of its locks locked.
pub(crate) fn observed(then: impl Fn(&Seen) + Send + Sync + 'static, body: impl FnOnce(&Observer)) {
    alone(|| {
        let observer = Observer::new(then);
        observer.observe(|| body(&observer));
    });
}
