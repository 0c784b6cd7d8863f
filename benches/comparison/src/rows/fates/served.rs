//! Messages on a server.

use std::cell::RefCell;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Event, Made, Said, Subject, Victim, add, event, made};
use crate::{
    report::Section,
    rows::{
        name,
        served::{
            FATES,
            mail::{Claimed, Mail, Moved, Popped, Received, Streamed},
        },
    },
    server::Server,
};

const EVENTS: &[Event] = &[
    event(Victim::Holder, Signal::SIGKILL, "a receiver is killed with it in hand: another one has it"),
    event(Victim::Holder, Signal::SIGSTOP, "a receiver is stopped with it in hand: another one has it"),
    event(Victim::Waiter, Signal::SIGKILL, "a waiting receiver is killed, then it is sent: another one has it"),
    event(Victim::Waiter, Signal::SIGSTOP, "a waiting receiver is stopped, then it is sent: another one has it"),
];

fn subject<'a, M: Mail + 'a>(address: &'a str) -> Subject<'a> {
    Subject::empty(M::KIND, M::NAME, move || make::<M>(address))
}

fn make<'a, M: Mail + 'a>(address: &'a str) -> Result<Made<'a>> {
    let name = name("fate");
    let giving = RefCell::new(M::open(address, &name)?);
    let take = move || {
        let mut taking = M::open(address, &name).expect("the server lives");
        taking.take().expect("it comes");
        std::mem::forget(taking);
        Said::Nothing
    };
    Ok(made(take, move || giving.borrow_mut().send(0).expect("the server lives")))
}

/// What becomes of a message on a server.
pub(in crate::rows) fn of_server(section: &mut Section, server: &Server) -> Result<()> {
    let address = server.address();
    let subjects = [
        subject::<Claimed<300>>(&address),
        subject::<Claimed<600>>(&address),
        subject::<Received>(&address),
        subject::<Popped>(&address),
        subject::<Moved>(&address),
        subject::<Streamed>(&address),
    ];
    add(section, FATES, EVENTS, &subjects)
}
