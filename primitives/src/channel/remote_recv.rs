//! Receiving and claiming from a server.

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
        if wants.disconnect {
            return Err(Failure::Unsupported {
                object: remote.name().clone(),
                operation: "detection of disconnected senders",
                instead: "close the channel when all is sent",
            }
            .into());
        }
        remote.take(Wanted { selection, wants, deadline }).map_err(|refusal| not_received(remote, refusal, deadline))
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
