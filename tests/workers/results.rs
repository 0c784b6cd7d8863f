//! Results of jobs: as they come, in order, and what comes instead of one.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use support::LONG;
use sysv_primitives::workers::JobError;

use crate::jobs::{Act, Square, Urgent, options, start};

#[test]
fn as_they_come() {
    let pool = start(options(as_they_come));
    let slow = Duration::from_millis(700);
    let jobs = (0..40).map(|number| if number == 3 { Act::Sleep(slow) } else { Act::Nothing });
    let order: Vec<usize> = pool
        .map(jobs)
        .map(|done| {
            assert_eq!(done.job == Act::Nothing, done.index != 3);
            done.result.unwrap().unwrap();
            done.index
        })
        .collect();
    assert_eq!(order.len(), 40);
    assert_eq!(order.last(), Some(&3), "the slow one holds up no other: {order:?}");
}

/// Any thread may submit, and wait for what another one submitted.
#[test]
fn from_several_threads() {
    let pool = start(options(from_several_threads));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (pool, begin) = (&*pool, thread * 1_000);
            let jobs: Vec<_> = (begin..begin + 10).map(|number| pool.submit(&Square(number)).unwrap()).collect();
            scope.spawn(move || {
                for (number, mut job) in (begin..).zip(jobs) {
                    assert_eq!(job.wait_timeout(LONG).unwrap(), number * number);
                }
                for done in pool.map((begin..begin + 200).map(Square)) {
                    assert_eq!(done.result.unwrap(), done.job.0 * done.job.0);
                }
            });
        }
    });
}

#[test]
fn in_order() {
    let pool = start(options(in_order));
    // The first ones come last.
    let time = |index: u64| Duration::from_millis(if index < 2 { 300 } else { index % 3 });
    let results = pool.map_ordered((0..200).map(|index| Act::Sleep(time(index))));
    for (number, done) in (0..).zip(results) {
        assert_eq!((done.index, done.job), (number, Act::Sleep(time(number as u64))));
        done.result.unwrap().unwrap();
    }
    assert_eq!(pool.map_ordered(std::iter::empty::<Square>()).count(), 0);
}

/// The input is read as results are taken.
#[test]
fn bounded_input() {
    let pool = start(options(bounded_input).in_flight(10));
    let read = Cell::new(0_usize);
    let input = (0..).map(Square).inspect(|_| read.set(read.get() + 1));
    for (taken, done) in pool.map(input).take(1_000).enumerate() {
        done.result.unwrap();
        assert!(read.get() <= taken + 10, "{} were read after {taken} results", read.get());
    }
    assert!(read.get() >= 1_000);
}

/// What was not begun is cancelled with the iterator.
#[test]
fn dropped_early() {
    let pool = start(options(dropped_early).workers(1));
    let slow = std::iter::repeat_with(|| Act::Sleep(Duration::from_millis(50)));
    assert_eq!(pool.map(slow).take(2).filter(|done| done.result.is_ok()).count(), 2);
    let depth = pool.channel().depth().unwrap();
    assert!(depth.routes.is_empty() && depth.calls <= 1, "{depth:?}");
}

/// Jobs longer than the channel has room for all at once.
#[test]
fn long_results() {
    let pool = start(options(long_results));
    for done in pool.map((0..100).map(|_| Act::Bytes(900_000))) {
        assert_eq!(done.result.unwrap().unwrap().text.len(), 900_000);
    }
}

#[test]
fn errors_and_panics_are_values() {
    let pool = start(options(errors_and_panics_are_values));
    let result = |act: Act| pool.submit(&act).unwrap().wait_timeout(LONG);
    assert_eq!(result(Act::Fail("no such file".into())).unwrap(), Err("no such file".to_owned()));
    match result(Act::Panic("what a pity".into())) {
        Err(JobError::Panicked { message }) => assert_eq!(message, "what a pity"),
        other => panic!("{other:?}"),
    }
    // The response is longer than the channel carries.
    match result(Act::Bytes(2 << 20)) {
        Err(JobError::Refused { why }) => assert!(why.contains("longer than the limit"), "{why}"),
        other => panic!("{other:?}"),
    }
    result(Act::Nothing).unwrap().unwrap();
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.panicked, report.refused, report.crashed), (2, 1, 1, 0), "{report}");
}

/// A type that no worker has a handler for, on a route that they serve.
#[test]
fn of_an_unknown_type() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Other(u8);
    impl sysv_primitives::Message for Other {
        const ROUTE: sysv_primitives::Route = <Square as sysv_primitives::Message>::ROUTE;
        const SCHEMA: u32 = 7;
        type Codec = sysv_primitives::codec::Bincode;
    }
    impl sysv_primitives::Request for Other {
        type Response = u64;
    }
    let pool = start(options(of_an_unknown_type));
    match pool.submit(&Other(1)).unwrap().wait_timeout(LONG) {
        Err(JobError::Refused { why }) => assert!(why.contains("schema"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.submit(&Square(3)).unwrap().wait().unwrap(), 9);
}

/// The lower route first, whatever was submitted before.
#[test]
fn lower_route_first() {
    let pool = start(options(lower_route_first).workers(1));
    let busy = pool.submit(&Act::Sleep(Duration::from_millis(300))).unwrap();
    support::until(|| pool.report().unwrap().running == 1);
    let mut later: Vec<_> = (0..3).map(|_| pool.submit(&Act::Nothing).unwrap()).collect();
    let mut urgent: Vec<_> = (0..3).map(|number| pool.submit(&Urgent(number)).unwrap()).collect();
    busy.wait().unwrap().unwrap();
    let urgent: Vec<u64> = urgent.iter_mut().map(|job| job.wait_timeout(LONG).unwrap().count).collect();
    let later: Vec<u64> = later.iter_mut().map(|job| job.wait_timeout(LONG).unwrap().unwrap().count).collect();
    assert_eq!((urgent, later), (vec![2, 3, 4], vec![5, 6, 7]));
}

#[test]
fn handles() {
    let pool = start(options(handles).workers(1));
    let mut slow = pool.submit(&Act::Sleep(Duration::from_millis(300))).unwrap();
    assert!(matches!(slow.try_wait(), Err(JobError::WouldBlock)));
    assert!(matches!(slow.wait_timeout(Duration::from_millis(10)), Err(JobError::TimedOut)));
    support::until(|| pool.report().unwrap().running == 1);
    let begun = Instant::now();
    let cancelled = pool.submit(&Act::Sleep(LONG)).unwrap();
    let dropped = pool.submit(&Act::Nothing).unwrap();
    assert!(!cancelled.is_done());
    cancelled.cancel();
    drop(dropped);
    slow.wait_timeout(LONG).unwrap().unwrap();
    assert!(matches!(slow.try_wait(), Err(JobError::Lost { .. })), "it was had");
    let report = pool.drain(LONG).unwrap();
    // That may wait for the one that was dropped, as it was begun or not.
    assert!(report.done + report.depth() == 2 && begun.elapsed() < LONG, "{report}");
}
