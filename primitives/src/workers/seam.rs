//! Stand-ins for what the channel is about to have. Each goes when the channel has it.

use std::{ops::ControlFlow, thread, time::Duration};

use crate::{
    CallError, Channel, Envelope, Failure, PendingResponse, RecvError, Request, Result, Route, Router, SendError,
    raw::Deadline,
};

/// How an attempt at a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    pub cause: Cause,
    pub pid: u32,
    pub status: Option<u16>,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    Died,
    Requeued,
    Panicked,
    TimedOut,
    OutOfMemory,
    Unknown,
}

pub(super) struct Claim(Option<Envelope>);

pub(super) struct InHand {
    pub(super) pid: u32,
    pub(super) age: Duration,
}

pub(super) fn request<R: Request>(
    channel: &Channel,
    job: &R,
    _attempts: u8,
    deadline: Deadline,
) -> Result<PendingResponse<R>, SendError> {
    channel.request_deadline(job, deadline)
}

pub(super) fn claim(channel: &Channel, up_to: Route) -> Result<Claim, RecvError> {
    Ok(Claim(Some(channel.recv_lowest(up_to)?)))
}

impl Claim {
    pub(super) fn attempt(&self) -> u32 {
        1
    }

    pub(super) fn is_last_attempt(&self) -> bool {
        true
    }

    pub(super) fn handle(&mut self, router: &mut Router<'_>) -> Result<ControlFlow<()>> {
        match self.0.take() {
            Some(envelope) => router.handle(envelope),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    pub(super) fn refuse(self, _why: &str) -> Result<(), SendError> {
        Ok(())
    }
}

pub(super) fn highest_route(_router: &Router<'_>) -> Option<Route> {
    Some(Route::new(i32::MAX))
}

pub(super) fn wait_for_responses<T>(
    _channel: &Channel,
    deadline: Deadline,
    mut check: impl FnMut() -> Option<T>,
) -> Result<Option<T>, Failure> {
    loop {
        if let Some(found) = check() {
            return Ok(Some(found));
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        thread::sleep(Duration::from_micros(200));
    }
}

pub(super) fn rouse_callers(_channel: &Channel) -> Result<(), Failure> {
    Ok(())
}

pub(super) fn claims(channel: &Channel) -> Result<Vec<InHand>, Failure> {
    let depth = channel.depth()?;
    let queued: u64 = depth.routes.values().map(|queued| queued.messages).sum();
    Ok((queued..depth.calls).map(|_| InHand { pid: 0, age: Duration::ZERO }).collect())
}

pub(super) fn explain_death(_channel: &Channel, _pid: u32, _cause: Cause, _status: u16) {}

pub(super) fn detach<R: Request>(_pending: PendingResponse<R>) {}

pub(super) fn set_aside(_channel: &Channel) -> Result<u64, Failure> {
    Ok(0)
}

pub(super) enum Ended {
    Refused(String),
    SetAside(Vec<Attempt>),
    Other(CallError),
}

pub(super) fn ended(error: CallError) -> Ended {
    Ended::Other(error)
}

pub(super) fn serve(_router: &Router<'_>, _channel: &Channel) -> Result<()> {
    Ok(())
}
