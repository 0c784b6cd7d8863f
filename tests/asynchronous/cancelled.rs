//! A future is dropped after each of its polls, woken or not, while another process waits: no event is lost (CK2).

use std::thread;

use support::{Waiters, child, name, until};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::Mutex;

use super::{
    by_hand::ByHand,
    kinds::{Kind, kinds},
};

/// How often each way of dropping is tried: where it is dropped beside the clerk's wake-up, chance decides.
const ROUNDS: usize = 30;

/// How a future is dropped.
#[derive(Clone, Copy, Debug)]
enum Dropped {
    /// After so many polls, before there is an event.
    After(usize),
    /// When it waits, once the event was made.
    WithEvent,
    /// When it was woken for the event.
    Woken,
    /// When it was woken for the event and two more futures wait behind it, which are dropped as well.
    WokenBeforeOthers,
    /// The event is made and the future is polled and dropped at once.
    Polled,
}

fn ways() -> impl Iterator<Item = Dropped> {
    (0..4).map(Dropped::After).chain([Dropped::WithEvent, Dropped::Woken, Dropped::WokenBeforeOthers, Dropped::Polled])
}

fn drop_while_another_waits(kind: &Kind, dropped: Dropped) {
    let name = name();
    let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
    let mut future = ByHand::new(handle.wait());
    let mut behind = [ByHand::new(handle.wait()), ByHand::new(handle.wait())];
    if let Dropped::After(polls) = dropped {
        (0..polls).for_each(|_| assert!(future.poll().is_pending()));
    } else {
        // First in the room.
        future.until_waiting();
    }
    if matches!(dropped, Dropped::WokenBeforeOthers) {
        behind.iter_mut().for_each(ByHand::until_waiting);
    }
    let other = child(|| (kind.open)(&name).wait_blocking());
    other.until_asleep();
    match dropped {
        Dropped::After(_) => {
            drop(future);
            maker.make();
        }
        Dropped::WithEvent => {
            maker.make();
            drop(future);
        }
        Dropped::Woken | Dropped::WokenBeforeOthers => {
            maker.make();
            // The other process may have been called instead, which is awake then.
            until(|| future.is_woken() || other.is_done());
            drop((future, behind));
        }
        Dropped::Polled => {
            maker.make();
            if future.poll().is_ready() {
                // It took the event, so there is one more for the other.
                handle.make();
            }
            drop(future);
        }
    }
    other.join();
}

#[test]
fn no_event_is_lost() {
    for kind in kinds() {
        for dropped in ways() {
            println!("{}: {dropped:?}", kind.name);
            (0..ROUNDS).for_each(|_| drop_while_another_waits(&kind, dropped));
        }
    }
}

/// CK4. The clerk sleeps for a future that is dropped, and a thread of the process goes to sleep on the same doorbell. The clerk sleeps
/// longer, so it takes the post of the thread's call, and posts again.
#[test]
fn a_clerk_that_sleeps_takes_no_call_from_a_thread() {
    let name = name();
    let (holder, mutex) = (Mutex::create(&name, 0_u32).unwrap(), Mutex::<u32>::open(&name).unwrap());
    let set = SemaphoreSet::from_id(holder.status().unwrap().set).unwrap();
    let sleep = |number| until(|| Waiters::OF_MUTEX.asleep(&set) == number);
    let guard = holder.lock().unwrap();
    let mut future = ByHand::new(mutex.lock_async());
    future.until_waiting();
    sleep(1);
    drop(future);
    thread::scope(|scope| {
        let thread = scope.spawn(|| *mutex.lock().unwrap());
        sleep(2);
        drop(guard);
        assert_eq!(thread.join().unwrap(), 0);
    });
}
