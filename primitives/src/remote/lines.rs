//! The connections of a handle: as many as threads use it at once.

use std::sync::{Arc, Mutex, PoisonError};

use redis::Client;

use super::line::Line;

/// How many connections are kept that no thread uses.
const MOST_IDLE: usize = 8;

/// The connections that no thread uses.
#[derive(Debug)]
pub(super) struct Lines {
    idle: Mutex<Vec<Line>>,
    client: Arc<Client>,
    session: String,
}

impl Lines {
    pub(super) fn new(client: &Arc<Client>, session: &str) -> Self {
        Self { idle: Mutex::default(), client: Arc::clone(client), session: session.to_owned() }
    }

    /// Does something with a connection that no other thread uses meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Line) -> T) -> T {
        // Taken out, so that no lock is held while it waits for the server.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut line = idle.unwrap_or_else(|| Line::new(&self.client, &self.session));
        let done = work(&mut line);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(line);
        }
        done
    }
}
