//! Receiving and claiming from a server.

#[cfg(feature = "async")]
use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{Channel, envelope::Envelope, taken::Taken, transport::Transport, typed::Message};
use crate::{
    Failure, RecvError,
    raw::Deadline,
    remote::{self, Refusal, Remote, Wanted},
    store::{Selection, Wants},
};

/// Returns why no message was received.
fn not_received(remote: &Remote, refusal: Refusal, deadline: Deadline) -> RecvError {
    match refusal {
        Refusal::Empty if deadline == Deadline::NOW => RecvError::Empty,
        Refusal::Closed => RecvError::Closed { object: remote.name().clone() },
        Refusal::Stopped => RecvError::Stopped,
        Refusal::Failed(failure) => failure.into(),
        // Receiving is not bounded, so it is never full.
        Refusal::Empty | Refusal::Full { .. } | Refusal::TooLong | Refusal::Maybe(_) => RecvError::TimedOut,
    }
}

/// Polls for a message on the server.
#[cfg(feature = "async")]
pub(super) fn poll_take(
    taking: &mut remote::Taking,
    remote: &Remote,
    context: &Context<'_>,
) -> Poll<Result<remote::Taken, RecvError>> {
    taking.poll_take(context).map_err(|refusal| not_received(remote, refusal, Deadline::NEVER))
}

impl Channel {
    /// Takes a message from the server.
    pub(super) fn take_remotely(
        &self,
        selection: Selection,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<remote::Taken, RecvError> {
        let Transport::Server(remote) = &self.transport else {
            // The transport was asked before.
            return Err(RecvError::Empty);
        };
        self.check_detection(remote)?;
        remote.take(Wanted { selection, wants, deadline }).map_err(|refusal| not_received(remote, refusal, deadline))
    }

    /// Fails if this handle detects what a server does not know.
    fn check_detection(&self, remote: &Remote) -> Result<(), Failure> {
        if self.detects_disconnect {
            let (object, operation) = (remote.name().clone(), "detection of disconnected senders");
            return Err(Failure::Unsupported { object, operation, instead: "close the channel when all is sent" });
        }
        Ok(())
    }

    /// Returns a future's wait for a message on the server.
    #[cfg(feature = "async")]
    pub(super) fn taking(
        &self,
        remote: &Arc<Remote>,
        selection: Selection,
        claims: bool,
    ) -> Result<remote::Taking, Failure> {
        self.check_detection(remote)?;
        Ok(remote::Taking::new(remote, selection, claims, self.stop.as_ref()))
    }

    pub(super) fn recv_value_remotely<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        let taken = self.take_remotely(Selection::Only(T::ROUTE.number()), self.wants(), deadline)?;
        // A request that is received as a message is dropped with this, which tells its caller.
        Taken::Server(taken).decode()
    }

    pub(super) fn recv_incoming_remotely<T: Message>(
        &self,
        deadline: Deadline,
    ) -> Result<(T, Option<Taken>), RecvError> {
        let taken = self.take_remotely(Selection::Only(T::ROUTE.number()), self.wants(), deadline)?;
        let is_kept = taken.is_kept();
        let taken = Taken::Server(taken);
        let value = taken.decode()?;
        Ok((value, is_kept.then_some(taken)))
    }

    pub(super) fn recv_selected_remotely(
        &self,
        selection: Selection,
        deadline: Deadline,
    ) -> Result<Envelope, RecvError> {
        let taken = self.take_remotely(selection, self.wants(), deadline)?;
        let is_kept = taken.is_kept();
        let taken = Taken::Server(taken);
        let envelope = Envelope::of_claim(&taken)?;
        Ok(Envelope { request: is_kept.then_some(taken), ..envelope })
    }
}
