//! Which cells a sender finds.

use support::{
    letters::{Number, assert_unused},
    name,
};
use sysv_primitives::{Channel, SendError};

/// A channel is full when every cell is taken, and not before: a sender finds the one cell that is free, wherever it is.
#[test]
fn fc3_every_cell_is_found() {
    // More than one word has bits for.
    const CAPACITY: u32 = 200;
    const CELLS: u64 = CAPACITY as u64;
    let name = name();
    let channel = Channel::options().capacity(CAPACITY).create(&name).unwrap();
    (0..CELLS).for_each(|number| channel.try_send(&Number(number)).unwrap());
    assert!(matches!(channel.try_send(&Number(CELLS)), Err(SendError::Full(_))));
    // Each cell is freed in turn, and is then the only one.
    for number in 0..2 * CELLS {
        assert_eq!(channel.try_recv::<Number>().unwrap(), Number(number));
        channel.try_send(&Number(CELLS + number)).unwrap();
        assert!(matches!(channel.try_send(&Number(0)), Err(SendError::Full(_))));
    }
    (2 * CELLS..3 * CELLS).for_each(|number| assert_eq!(channel.try_recv::<Number>().unwrap(), Number(number)));
    assert_unused(&channel);
}
