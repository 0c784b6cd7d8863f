//! Requests that are delivered again: responses, and callers that leave.

use std::{cell::Cell, thread, time::Duration};

use support::{
    name,
    step::{Walk, instructions_of_one_of_many as every_instruction},
};
use sysv_primitives::Channel;

use super::{
    Ask, HALF, LONG_ONE, OF_ANOTHER, OF_VICTIM, SHORT, ask, limit, open, options, sleeping_caller, survey, victim,
};

/// The victim has claimed a request that may be delivered again, and responds. Its caller sleeps, and gets one response.
fn responding(operation: &str, request: usize, response: usize) {
    let responded = Cell::new([0; 2]);
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let pending = channel.request_with(&ask(1, request), limit(3)).unwrap();
        let value = ask(OF_VICTIM, response);
        let prepare = |channel: &Channel| channel.claim::<Ask>().unwrap();
        let victim = victim(&name, prepare, |_, claimed| claimed.respond(&value).unwrap());
        let walk = thread::scope(|scope| {
            let caller = sleeping_caller(scope, &channel, pending);
            let walk = victim.walk(steps);
            let another = open(&name);
            let mut is_anothers = false;
            while !caller.is_finished() {
                if let Ok(claimed) = another.claim_timeout::<Ask>(Duration::from_millis(1)) {
                    assert!(walk == Walk::Killed && !is_anothers, "it was responded to");
                    assert!(*claimed == ask(1, request) && claimed.attempt() == 2, "attempt {}", claimed.attempt());
                    is_anothers = true;
                    claimed.respond(&ask(OF_ANOTHER, response)).unwrap();
                }
            }
            let found = caller.join().unwrap().expect("there is a response");
            assert!(found == ask(if is_anothers { OF_ANOTHER } else { OF_VICTIM }, response), "another response");
            let mut counts = responded.get();
            counts[usize::from(is_anothers)] += 1;
            responded.set(counts);
            walk
        });
        survey(&channel, &name);
        walk
    });
    let [victims, anothers] = responded.get();
    println!("{operation}: {victims} times the victim's response, {anothers} times another's");
}

#[test]
fn respond_beside_the_request() {
    responding("claimed.respond beside the request, the caller sleeps", SHORT, SHORT);
}

#[test]
fn respond_that_does_not_fit_beside() {
    responding("claimed.respond that does not fit beside the request, the caller sleeps", HALF, HALF);
}

#[test]
fn respond_short_to_a_long_request() {
    responding("claimed.respond of 10 bytes to 300 bytes, the caller sleeps", LONG_ONE, SHORT);
}

#[test]
fn respond_long_to_a_long_request() {
    responding("claimed.respond of 300 bytes to 300 bytes, the caller sleeps", LONG_ONE, LONG_ONE);
}

/// The victim receives a response that was written apart.
fn receiving(operation: &str, request: usize, response: usize) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let prepare = |channel: &Channel| channel.request_with(&ask(1, request), limit(3)).unwrap();
        let victim = victim(&name, prepare, |_, mut pending| {
            std::mem::forget(pending.try_wait().unwrap());
            std::mem::forget(pending);
        });
        channel.claim::<Ask>().unwrap().requeue().unwrap();
        channel.claim::<Ask>().unwrap().respond(&ask(2, response)).unwrap();
        let walk = victim.walk(steps);
        survey(&channel, &name);
        walk
    });
}

#[test]
fn receive_a_response_from_beside() {
    receiving("pending.try_wait of a response beside the request", SHORT, SHORT);
}

#[test]
fn receive_a_long_response_to_a_long_request() {
    receiving("pending.try_wait of 300 bytes to a request of 300 bytes", LONG_ONE, LONG_ONE);
}

/// How a caller stops to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaving {
    Cancel,
    Detach,
}

/// The victim is a caller, the request of which is claimed, and it leaves. The claim is given back: the request comes again
/// if it outlives its caller or was detached, and otherwise not.
fn leaving(how: Leaving, outlives: bool, len: usize) {
    let operation = format!("{how:?} of a claimed request of {len} bytes, outlives its caller: {outlives}");
    let came_back = Cell::new([0; 2]);
    every_instruction(&operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let delivery = limit(3).outlives_caller(outlives);
        let victim = victim(
            &name,
            |channel| channel.request_with(&ask(1, len), delivery).unwrap(),
            |_, pending| match how {
                Leaving::Cancel => drop(pending),
                Leaving::Detach => pending.detach(),
            },
        );
        let claimed = channel.claim::<Ask>().unwrap();
        assert!(claimed.is_call());
        let walk = victim.walk(steps);
        // It has others repair what the victim left, and is counted.
        assert_eq!(channel.depth().unwrap().calls, 1);
        let is_responded = steps.is_multiple_of(3);
        if is_responded {
            claimed.respond(&ask(2, HALF)).unwrap();
        } else {
            claimed.requeue().unwrap();
        }
        let again = channel.try_claim::<Ask>();
        if let Ok(again) = &again {
            assert_eq!((again.attempt(), again.is_call()), (2, false));
            assert!(**again == ask(1, len) && !is_responded, "changed");
        }
        let is_back = again.is_ok();
        match (walk, how) {
            _ if is_responded => {}
            (Walk::Ended(_), Leaving::Cancel) => assert!(!is_back, "it was cancelled"),
            (Walk::Ended(_), Leaving::Detach) => assert!(is_back, "it was detached"),
            (Walk::Killed, Leaving::Cancel) => assert!(outlives || !is_back, "its caller is dead"),
            (Walk::Killed, Leaving::Detach) => assert!(!outlives || is_back, "it outlives its caller"),
        }
        let mut counts = came_back.get();
        counts[usize::from(is_back)] += 1;
        came_back.set(counts);
        drop(again.map(|again| again.done().unwrap()));
        survey(&channel, &name);
        walk
    });
    println!("{operation}: {} times gone, {} times back", came_back.get()[0], came_back.get()[1]);
}

#[test]
fn cancel() {
    leaving(Leaving::Cancel, false, SHORT);
}

#[test]
fn cancel_outliving() {
    leaving(Leaving::Cancel, true, LONG_ONE);
}

#[test]
fn detach() {
    leaving(Leaving::Detach, false, LONG_ONE);
}

#[test]
fn detach_outliving() {
    leaving(Leaving::Detach, true, SHORT);
}

/// A caller dies at each instruction of sending a request that outlives it. The request comes once, or never was.
#[test]
fn request_that_outlives_its_caller() {
    every_instruction("channel.request_with of 300 bytes that outlives its caller", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let request = ask(1, LONG_ONE);
        let delivery = limit(2).outlives_caller(true);
        let act = |channel: &Channel, ()| std::mem::forget(channel.request_with(&request, delivery).unwrap());
        let walk = victim(&name, |_| (), act).walk(steps);
        channel.depth().unwrap();
        let found = channel.try_claim::<Ask>();
        assert!(walk == Walk::Killed || found.is_ok(), "it is lost");
        if let Ok(claimed) = found {
            assert!(*claimed == request && !claimed.is_call() && claimed.attempt() == 1);
            claimed.respond(&ask(2, LONG_ONE)).unwrap();
        }
        survey(&channel, &name);
        walk
    });
}
