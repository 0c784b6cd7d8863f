//! Which message is received: by its schema, in lanes that routes share, and by the router.

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

pub(super) fn route(number: u32) -> Route {
    MessageType::new(number.into()).unwrap().into()
}

pub(super) fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("it is ours"))
}

pub(super) fn found<T>(received: Result<T, RecvError>) -> Option<T> {
    match received {
        Ok(found) => Some(found),
        Err(error) if error.is_busy() => None,
        Err(error) => panic!("{error}"),
    }
}

/// The route and the number of a message, if there was one.
pub(super) fn taken(received: Result<Envelope, RecvError>) -> Option<(u32, u32)> {
    let incoming = found(received)?;
    Some((incoming.route().to_string().parse().expect("it is a number"), number(incoming.bytes())))
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
    // Without a fallback, a message without a handler is in the error, and the next run goes on behind it.
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
    assert_eq!((depth.routes[&Done::ROUTE].messages, depth.routes[&Done::ROUTE].bytes), (1, 4));
    assert!(depth.routes[&Done::ROUTE].oldest < Duration::from_secs(60));
}

/// More routes than there are lanes: the last ones share, and are still distinguished.
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
