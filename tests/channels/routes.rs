//! Which message is received: against a model of the kernel's four ways to choose, and by the router.

use std::{ops::ControlFlow, time::Duration};

use serde::{Deserialize, Serialize};
use support::{Name, child, name};
use sysv_primitives::{
    Channel, Envelope, Error, Message, RecvError, Route, RouteTaken, Router, Unhandled, codec::Bincode, messages,
    raw::MessageType,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Resize {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Done(u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stop;

messages! {
    1 => Resize, schema 3;
    2 => Done;
    9 => Stop;
}

/// The same route and bytes as `Resize` once had.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OldResize {
    path: String,
}

impl Message for OldResize {
    const ROUTE: Route = Resize::ROUTE;
    const SCHEMA: u32 = 2;
    type Codec = Bincode;
}

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::create(&name).unwrap(), name)
}

fn route(number: u32) -> Route {
    MessageType::new(number.into()).unwrap().into()
}

const OPERATIONS: u32 = 100_000;
const ROUTES: u32 = 6;

/// What the documentation promises of each way to choose, on a plain list.
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

fn taken(received: Result<Envelope, RecvError>) -> Option<(u32, u32)> {
    match received {
        Ok(incoming) => {
            let number = u32::from_le_bytes(incoming.bytes().try_into().expect("it is ours"));
            Some((incoming.route().to_string().parse().expect("it is a number"), number))
        }
        Err(error) if error.is_busy() => None,
        Err(error) => panic!("{error}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_four_ways_to_choose_are_the_models() {
    let (channel, _name) = channel();
    let mut model = Model(Vec::new());
    let (mut sent, mut received) = (0, 0);
    for operation in 0..OPERATIONS {
        let number = fastrand::u32(1..=ROUTES);
        let (ours, models) = match fastrand::u32(..8) {
            0..=3 if model.0.len() < 200 => {
                channel.try_send_raw(route(number), &operation.to_le_bytes()).expect("there is room");
                model.0.push((number, operation));
                sent += 1;
                continue;
            }
            4 => (taken(channel.try_recv_any()), model.take(|_| true)),
            5 => (taken(channel.try_recv_lowest(route(number))), model.take_lowest(number)),
            6 => {
                let (ours, models) = match number {
                    1 => (channel.try_recv_except::<Resize>(), model.take(|route| route != 1)),
                    _ => (channel.try_recv_except::<Done>(), model.take(|route| route != 2)),
                };
                (taken(ours), models)
            }
            _ => {
                let ours = channel.try_recv_raw(route(number)).ok();
                let ours = ours.map(|bytes| (number, u32::from_le_bytes(bytes.try_into().expect("it is ours"))));
                (ours, model.take(|route| route == number))
            }
        };
        assert_eq!(ours, models, "at operation {operation}");
        received += u32::from(ours.is_some());
    }
    println!("{OPERATIONS} operations, {sent} sent, {received} received: no difference");
}

#[test]
fn another_schema_is_noticed() {
    let (channel, _name) = channel();
    channel.send(&OldResize { path: "a".into() }).unwrap();
    channel.send(&Resize { path: "b".into() }).unwrap();
    let error = channel.recv::<Resize>().unwrap_err();
    assert!(error.to_string().contains("schema 2, and this program knows schema 3"), "{error}");
    assert!(matches!(&error, RecvError::Undecodable(lost) if lost.route == Resize::ROUTE));
    assert!(error.to_string().contains("of channel "), "{error}");
    assert_eq!(channel.recv::<Resize>().unwrap().path, "b");
}

#[test]
fn the_lowest_route_comes_first_and_waits_end_in_time() {
    let (channel, _name) = channel();
    channel.send(&Stop).unwrap();
    channel.send(&Done(1)).unwrap();
    channel.send(&Resize { path: "a".into() }).unwrap();
    let routes: Vec<Route> = (0..2).map(|_| channel.recv_lowest(Done::ROUTE).unwrap().route()).collect();
    assert_eq!(routes, [Resize::ROUTE, Done::ROUTE]);
    let short = Duration::from_millis(10);
    assert!(channel.try_recv_lowest(Done::ROUTE).unwrap_err().is_busy());
    assert!(channel.recv_lowest_timeout(Done::ROUTE, short).unwrap_err().is_busy());
    assert!(channel.recv_raw_timeout(Done::ROUTE, short).unwrap_err().is_busy());
    #[cfg(target_os = "linux")]
    assert!(channel.recv_except_timeout::<Stop>(short).unwrap_err().is_busy());
    assert_eq!(channel.recv_any().unwrap().decode::<Stop>().unwrap(), Stop);
}

#[test]
fn iterators_end_with_the_channel() {
    let (channel, _name) = channel();
    (0..3).for_each(|number| channel.send(&Done(number)).unwrap());
    assert_eq!(channel.try_iter::<Done>().map(Result::unwrap).collect::<Vec<_>>(), [Done(0), Done(1), Done(2)]);
    let receiver = child(|| {
        let received: Vec<_> = channel.iter::<Done>().collect();
        // A removal is no end that was agreed upon: it is given as an error, once.
        let [.., Ok(last), Err(error)] = &received[..] else { panic!("{received:?}") };
        assert!(*last == Done(8) && error.is_gone(), "{received:?}");
    });
    (7..9).for_each(|number| channel.send(&Done(number)).unwrap());
    support::until(|| channel.depth().unwrap().routes.is_empty());
    channel.remove().unwrap();
    receiver.join();
}

#[test]
fn each_route_has_one_handler_and_nothing_is_dropped() {
    let (channel, _name) = channel();
    let (mut paths, mut numbers, mut unhandled) = (Vec::new(), Vec::new(), Vec::<Unhandled>::new());
    let mut router = Router::new();
    router.on(|resize: Resize| paths.push(resize.path)).unwrap();
    router.on(|Done(number)| numbers.push(number)).unwrap();
    router.until(|Stop| ControlFlow::Break(())).unwrap();
    let refused = router.on(|_: OldResize| ()).map(drop);
    assert!(matches!(refused, Err(RouteTaken { route, .. }) if route == Resize::ROUTE), "{refused:?}");
    channel.send(&Resize { path: "a".into() }).unwrap();
    channel.send(&OldResize { path: "b".into() }).unwrap();
    channel.send_raw(route(77), b"raw").unwrap();
    channel.send(&Done(5)).unwrap();
    channel.send(&Stop).unwrap();
    // Without a fallback what nobody handles is in the error, and the next run goes on behind it.
    for expected in [Resize::ROUTE, route(77)] {
        assert!(matches!(router.run(&channel), Err(Error::Undecodable(lost)) if lost.route == expected));
    }
    router.run(&channel).unwrap();
    channel.send(&OldResize { path: "c".into() }).unwrap();
    channel.send_raw(route(77), b"raw").unwrap();
    channel.send(&Stop).unwrap();
    router.fallback(|message| unhandled.push(message));
    router.run(&channel).unwrap();
    channel.remove().unwrap();
    router.run(&channel).expect("a removed channel is an end");
    drop(router);
    assert_eq!((paths, numbers), (vec!["a".to_owned()], vec![5]));
    let whys: Vec<_> = unhandled.iter().map(|message| (message.incoming.route(), message.why.is_some())).collect();
    assert_eq!(whys, [(Resize::ROUTE, true), (route(77), false)]);
    assert_eq!(unhandled[1].incoming.bytes(), b"raw");
}

#[test]
fn what_is_queued_is_seen_by_route() {
    let (channel, _name) = channel();
    channel.send_raw(route(5), b"12345").unwrap();
    channel.send_raw(route(5), b"").unwrap();
    channel.send(&Done(1)).unwrap();
    let depth = channel.depth().unwrap();
    assert_eq!((depth.routes.len(), depth.messages), (2, 3));
    assert_eq!((depth.routes[&route(5)].messages, depth.routes[&route(5)].bytes), (2, 5));
    assert_eq!((depth.routes[&Done::ROUTE].messages, depth.routes[&Done::ROUTE].bytes), (1, 1));
    assert!(depth.routes[&Done::ROUTE].oldest < Duration::from_secs(60));
}

/// More routes than there are lanes: the last ones share, and are still told apart.
#[test]
fn routes_share_lanes() {
    let name = name();
    let channel = Channel::options().max_routes(4).create(&name).unwrap();
    for round in 0..300_u32 {
        (1..=40).for_each(|number| channel.send_raw(route(number), &(1_000 * round + number).to_le_bytes()).unwrap());
        // The oldest is in one of the shared lanes, and stays there for two rounds.
        let order: Vec<u32> = if round % 2 == 0 { (1..40).collect() } else { (1..40).rev().collect() };
        for number in order {
            let got = channel.try_recv_raw(route(number)).unwrap();
            assert_eq!(u32::from_le_bytes(got.try_into().unwrap()), 1_000 * round + number);
        }
    }
    assert_eq!(channel.depth().unwrap().routes[&route(40)].messages, 300);
    for round in 0..300_u32 {
        let got = taken(channel.try_recv_lowest(route(50))).unwrap();
        assert_eq!(got, (40, 1_000 * round + 40));
    }
}

/// Messages that wait on one route for ever leave room in the lanes of the others, and in their own.
#[test]
fn a_route_that_is_never_received() {
    let (channel, _name) = channel();
    (0..1_000_u32).for_each(|number| channel.send_raw(route(33), &number.to_le_bytes()).unwrap());
    for number in 0..20_000_u32 {
        channel.send_raw(route(7), &number.to_le_bytes()).unwrap();
        let got = channel.try_recv_raw(route(7)).unwrap();
        assert_eq!(u32::from_le_bytes(got.try_into().unwrap()), number);
    }
    for number in 0..1_000_u32 {
        assert_eq!(taken(channel.try_recv_any()), Some((33, number)));
    }
}
