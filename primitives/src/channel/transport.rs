//! Where a channel is: in shared memory, or on a server.
//!
//! This is the one seam. Each operation asks it first, and then goes its own way to the end. What a transport has no way for is
//! [`Failure::Unsupported`], with what to do instead.

use std::sync::Arc;

use super::shared::Shared;
#[cfg(feature = "redis")]
use crate::remote::Remote;
use crate::{Failure, ObjectName};

/// Where a channel is. Without the feature `redis` there is one variant, and nothing is asked.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    Memory(Arc<Shared>),
    #[cfg(feature = "redis")]
    Server(Arc<Remote>),
}

impl Transport {
    pub(super) fn name(&self) -> &ObjectName {
        match self {
            Self::Memory(shared) => shared.name(),
            #[cfg(feature = "redis")]
            Self::Server(remote) => remote.name(),
        }
    }

    /// Returns whether each operation asks a server, and waits for its response.
    #[cfg(feature = "async")]
    #[inline]
    pub(super) fn is_server(&self) -> bool {
        match self {
            Self::Memory(_) => false,
            #[cfg(feature = "redis")]
            Self::Server(_) => true,
        }
    }

    /// Returns the channel in shared memory, for an operation that a server does not have.
    #[inline]
    #[cfg_attr(
        not(feature = "redis"),
        allow(clippy::unnecessary_wraps, unused_variables, reason = "there is one transport then")
    )]
    pub(super) fn memory(&self, operation: &'static str, instead: &'static str) -> Result<&Arc<Shared>, Failure> {
        match self {
            Self::Memory(shared) => Ok(shared),
            #[cfg(feature = "redis")]
            Self::Server(remote) => Err(Failure::Unsupported { object: remote.name().clone(), operation, instead }),
        }
    }
}
