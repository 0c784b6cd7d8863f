//! Which message is received: channels and queues against a model of the kernel's four ways to choose.

use support::{
    letters::{Blob, Number},
    name, typed_queue,
};
use sysv_primitives::{Channel, Envelope, RecvError, Route, TypedQueue};

use super::routes::{found, number, route, taken};

const OPERATIONS: u32 = 100_000;
const ROUTES: u32 = 6;
/// So many wait at most. A queue has room for them with the kernel's limits as they are.
const MOST: usize = 200;

/// What the documentation promises of each way to choose, on a plain list of routes and numbers.
struct Model(Vec<(u32, u32)>);

impl Model {
    fn take(&mut self, fits: impl Fn(u32) -> bool) -> Option<(u32, u32)> {
        let index = self.0.iter().position(|&(route, _)| fits(route))?;
        Some(self.0.remove(index))
    }

    fn take_lowest(&mut self, up_to: u32) -> Option<(u32, u32)> {
        let lowest = self.0.iter().map(|&(route, _)| route).filter(|&route| route <= up_to).min()?;
        self.take(|route| route == lowest)
    }
}

/// What can be chosen from.
trait Source {
    fn send(&self, to: Route, bytes: &[u8]);
    fn any(&self) -> Result<Envelope, RecvError>;
    fn lowest(&self, up_to: Route) -> Result<Envelope, RecvError>;
    fn except_blobs(&self) -> Result<Envelope, RecvError>;
    fn except_numbers(&self) -> Result<Envelope, RecvError>;
    fn only(&self, route: Route) -> Result<Vec<u8>, RecvError>;
}

macro_rules! source {
    ($($type:ty),*) => {$(
        impl Source for $type {
            fn send(&self, to: Route, bytes: &[u8]) {
                self.try_send_raw(to, bytes).expect("there is room");
            }

            fn any(&self) -> Result<Envelope, RecvError> {
                self.try_recv_any()
            }

            fn lowest(&self, up_to: Route) -> Result<Envelope, RecvError> {
                self.try_recv_lowest(up_to)
            }

            fn except_blobs(&self) -> Result<Envelope, RecvError> {
                self.try_recv_except::<Blob>()
            }

            fn except_numbers(&self) -> Result<Envelope, RecvError> {
                self.try_recv_except::<Number>()
            }

            fn only(&self, route: Route) -> Result<Vec<u8>, RecvError> {
                self.try_recv_raw(route)
            }
        }
    )*};
}

source!(Channel, TypedQueue);

/// Sends and receives at random, by each of the four ways.
fn is_as_the_model(source: &impl Source) {
    let mut model = Model(Vec::new());
    let (mut sent, mut received) = (0, [0; 4]);
    for operation in 0..OPERATIONS {
        let to = fastrand::u32(1..=ROUTES);
        let (way, ours, models) = match fastrand::u32(..8) {
            0..=3 if model.0.len() < MOST => {
                source.send(route(to), &operation.to_le_bytes());
                model.0.push((to, operation));
                sent += 1;
                continue;
            }
            4 => (0, taken(source.any()), model.take(|_| true)),
            5 => (1, taken(source.lowest(route(to))), model.take_lowest(to)),
            6 if to == 1 => (2, taken(source.except_blobs()), model.take(|route| route != 1)),
            6 => (2, taken(source.except_numbers()), model.take(|route| route != 2)),
            _ => {
                let ours = found(source.only(route(to))).map(|bytes| (to, number(&bytes)));
                (3, ours, model.take(|route| route == to))
            }
        };
        assert_eq!(ours, models, "at operation {operation}");
        received[way] += u32::from(ours.is_some());
    }
    println!("{OPERATIONS} operations, {sent} sent, received by each way {received:?}: no difference");
    assert!(received.iter().all(|&count| count > OPERATIONS / 100), "too few to say anything");
}

#[test]
fn the_four_ways_to_choose_from_a_channel() {
    let name = name();
    is_as_the_model(&Channel::create(&name).unwrap());
}

#[test]
fn the_four_ways_to_choose_from_a_queue() {
    let (queue, _owned) = typed_queue();
    is_as_the_model(&queue);
}
