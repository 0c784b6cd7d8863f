//! Items there and back with pauses, which are long enough for either side to fall asleep before the other goes on.

use std::{
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use sysv_ipc::SharedMemory;

use super::{Item, Lane, Receiver, Sender};
use crate::{
    harness::{APART, Kind, gate::Other, objects::memory},
    timed::Timed,
};

/// How long the caller sleeps before it calls, and how long the other side works before it answers.
const BETWEEN: Duration = Duration::from_micros(200);
const WORK: Duration = Duration::from_micros(100);

/// What the clock says, which is one for all processes.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is such a clock").into()
}

/// Where the other side writes when a call has come, and when it began to answer. The answer itself publishes both.
pub(crate) struct Paused(Rc<SharedMemory>);

impl Paused {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Rc::new(memory(2 * APART)?)))
    }

    fn note(&self, place: usize, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).expect("the machine has not run for centuries");
        self.0.view::<AtomicU64>(APART * place).expect("it fits").store(nanoseconds, Relaxed);
    }

    fn noted(&self, place: usize) -> Duration {
        Duration::from_nanos(self.0.view::<AtomicU64>(APART * place).expect("it fits").load(Relaxed))
    }

    /// What the other side does between a call and its answer: it works, so that the caller is asleep.
    pub(crate) fn work(&self) {
        let come = now();
        self.note(0, come);
        let mut left = now();
        while left - come < WORK {
            std::hint::spin_loop();
            left = now();
        }
        self.note(1, left);
    }

    /// Calls, each time after a pause in which the other side falls asleep. Of a call counts how long it took to come, and
    /// how long its answer took. The work is in neither, and nothing is subtracted.
    pub(crate) fn calls<'a>(self, name: &str, kind: Kind, other: Other, mut once: impl FnMut(u64) + 'a) -> Timed<'a> {
        let both_ways = move |number| {
            thread::sleep(BETWEEN);
            let called = now();
            once(number);
            let answered = now();
            self.noted(0).saturating_sub(called) + answered.saturating_sub(self.noted(1))
        };
        Timed::of_a_part(name, kind, both_ways, move |count, all| other.run(count, all))
    }
}

/// By a lane there and one back.
pub(crate) fn paused<'a, T: Item, L: Lane<T> + 'a>() -> Result<Timed<'a>>
where
    L::Sender: 'a,
    L::Receiver: 'a,
{
    let (there, back) = (L::new(16).context(L::NAME)?, L::new(16).context(L::NAME)?);
    let pauses = Paused::new()?;
    let other = Other::process(|| {
        let (mut from, mut to) = (there.receiver().expect("it can be had"), back.sender().expect("it can be had"));
        let pauses = &pauses;
        move |count| {
            for _ in 0..count {
                let number = from.receive();
                pauses.work();
                to.send(number);
            }
        }
    });
    let (mut to, mut from) = (there.sender().context(L::NAME)?, back.receiver().context(L::NAME)?);
    let calls = pauses.calls(L::NAME, L::KIND, other, move |number| {
        to.send(number);
        assert_eq!(from.receive(), number, "an item is lost");
    });
    Ok(calls.keeping((there, back)))
}
