//! Responses that end half-way: what they took is given back, and the request is as its claim says.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use serde::{Deserialize, Serialize, Serializer, ser};
use support::{letters::assert_unused, name};
use sysv_primitives::{CallError, Cause, Channel, Delivery, Request, SendError, messages};

#[derive(Serialize, Deserialize)]
struct Ask;

/// How often values are written before that fails. A long one is measured first.
static WRITES: AtomicU32 = AtomicU32::new(0);

#[derive(Deserialize)]
struct Fails {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    panics: bool,
}

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let is_measured = WRITES.fetch_add(1, SeqCst).is_multiple_of(2);
        match (is_measured, self.panics) {
            (true, _) => to.serialize_bytes(&self.bytes),
            (false, true) => panic!("on purpose"),
            (false, false) => Err(ser::Error::custom("on purpose")),
        }
    }
}

messages! { 1 => Ask }

impl Request for Ask {
    type Response = Fails;
}

fn long(panics: bool) -> Fails {
    Fails { bytes: vec![1; 5_000], panics }
}

/// A panic while the response is written requeues the request. No block stays taken.
#[test]
fn by_a_panic_and_by_an_error() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    for limit in [2, 3] {
        let mut pending = channel.request_with(&Ask, Delivery::new().attempts(limit)).unwrap();
        for _ in 0..2 {
            let claimed = channel.claim::<Ask>().unwrap();
            let ended = panic::catch_unwind(AssertUnwindSafe(|| claimed.respond(&long(true))));
            assert!(ended.is_err());
            assert_eq!(channel.depth().unwrap().bytes, 0, "the blocks of the response leaked");
        }
        if limit == 2 {
            let Err(CallError::SetAside { attempts, .. }) = pending.try_wait() else { panic!("it is set aside") };
            assert!(attempts.iter().all(|attempt| attempt.cause == Cause::Panicked));
            assert!(channel.set_aside().unwrap()[0].discard().unwrap());
        } else {
            let ended = channel.claim::<Ask>().unwrap().respond(&long(false));
            assert!(matches!(ended, Err(SendError::Unencodable { .. })));
            assert!(matches!(pending.try_wait(), Err(CallError::Refused { .. })));
        }
        drop(pending);
        assert_unused(&channel);
    }
}
