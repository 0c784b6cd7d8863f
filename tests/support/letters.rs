//! What the tests of channels send.

use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Request, messages};

/// Bytes that know what they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    pub seed: u64,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Number(pub u64);

/// Asks for so many bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub number: u64,
    pub len: usize,
}

/// What comes back.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Echo(pub Blob);

messages! { 1 => Blob; 2 => Number; 3 => Ask; 4 => Echo }

impl Request for Ask {
    type Response = Blob;
}

pub fn blob(seed: u64, len: usize) -> Blob {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    Blob { seed, bytes }
}

pub fn ask(number: u64) -> Ask {
    Ask { number, len: 10 }
}

/// Everything that was taken is free again.
#[track_caller]
pub fn assert_unused(channel: &Channel) {
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.calls, depth.bytes), (0, 0, 0), "leaked");
}
