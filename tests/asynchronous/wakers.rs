//! Wakers, which are the program's own code: they may panic.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use support::{alone, name, within};

use super::{
    by_hand::ByHand,
    ending::{SOON, clerks},
    kinds::kinds,
};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("as the test wants it");
    }
}

/// The future of the waker that panics is as good as one that is not polled (CK3). The clerk goes on, and ends with its handle.
#[test]
fn a_waker_that_panics_harms_no_other_future() {
    alone(|| {
        for kind in kinds() {
            let name = name();
            let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
            {
                let waker = Waker::from(Arc::new(Panics));
                let mut harmed = pin!(handle.wait());
                // The first poll calls the waker itself.
                assert!(harmed.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                assert!(harmed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "{}", kind.name);
                let mut other = ByHand::new(handle.wait());
                other.until_waiting();
                maker.make();
                other.finish();
            }
            drop(handle);
            assert!(within(SOON, || clerks() == 0), "{}: it has ended", kind.name);
        }
    });
}
