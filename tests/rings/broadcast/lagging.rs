//! A ring that overwrites: a subscriber that lags is told how much it missed, and gets no torn item.

use nix::sys::signal::Signal;
use support::{Child, LONG, child, name, prompt::stop, until};
use sysv_primitives::{PopError, broadcast};

use super::{lagging, subscribed};

/// In a lagging ring it is not, and is told how much it missed.
#[test]
fn a_stopped_subscriber_of_a_lagging_ring_is_told() {
    let name = name();
    let ring = lagging::<u64>(&name, 4);
    let stopped = subscribed(&ring, &name, |mut subscriber| {
        let (mut expected, mut missed) = (0, 0);
        while expected < 100 {
            match subscriber.pop_timeout(LONG) {
                Ok(found) => {
                    assert_eq!(found, expected);
                    expected += 1;
                }
                Err(PopError::Lagged { missed: more }) => {
                    missed += more;
                    expected += more;
                }
                Err(error) => panic!("stuck: {error}"),
            }
        }
        assert_eq!(missed, 96);
    });
    stopped.until_asleep();
    stop(&stopped);
    let mut producer = ring.producer().unwrap();
    (0..100).for_each(|number| producer.try_push(number).unwrap());
    stopped.signal(Signal::SIGCONT);
    stopped.join();
    assert_eq!(ring.counts().overwritten, 96);
}

#[test]
fn a_subscriber_that_lags_goes_on_with_the_oldest() {
    let name = name();
    let ring = lagging::<[u64; 5]>(&name, 32);
    assert!(ring.is_lagging() && broadcast::Ring::<[u64; 5]>::open(&name).unwrap().is_lagging());
    let (mut subscriber, mut producer) = (ring.subscriber().unwrap(), ring.producer().unwrap());
    let item = |number: u64| [number, !number, number, 3, number];
    (0..100).for_each(|number| producer.push(item(number)).unwrap());
    // An eighth may be given up for what is written next.
    let Err(PopError::Lagged { missed }) = subscriber.pop() else { panic!("it lags") };
    assert!((68..=72).contains(&missed), "{missed}");
    assert_eq!(subscriber.len() as u64, 100 - missed);
    let mut popped = vec![[0; 5]; 100];
    let count = subscriber.pop_slice(&mut popped).unwrap();
    assert!(popped[..count].iter().copied().eq((missed..100).map(item)));
    assert!(matches!(subscriber.try_pop(), Err(PopError::Empty)));
    // More than fit: all are pushed, and the newest are there.
    let many: Vec<_> = (100..300).map(item).collect();
    assert_eq!(producer.push_slice(&many).unwrap(), 200);
    assert!(matches!(subscriber.peek(3), Err(PopError::Lagged { missed: 168..=172 })));
    let rest = subscriber.iter().take(28).collect::<Result<Vec<_>, _>>().unwrap();
    assert!(many.ends_with(&rest[rest.len() - 1..]) || rest.len() == 28);
}

/// Whole or not at all: a producer that overwrites at full speed, and subscribers that copy meanwhile.
#[test]
fn no_copy_is_torn() {
    fn races<T: bytemuck::Pod>(whole: fn(u64) -> T, number: fn(&T) -> Option<u64>) {
        let name = name();
        let ring = lagging::<T>(&name, 8);
        let subscribers = [1, 5].map(|batch| {
            child(|| {
                let mut subscriber = broadcast::Ring::<T>::open(&name).unwrap().subscriber().unwrap();
                let (mut last, mut got) = (None, 0);
                let mut items = vec![whole(0); batch];
                loop {
                    match subscriber.pop_slice_timeout(&mut items, LONG) {
                        Ok(count) => {
                            for item in &items[..count] {
                                let found = number(item).expect("it is whole");
                                assert!(last.is_none_or(|last| found > last), "{found} after {last:?}");
                                last = Some(found);
                            }
                            got += count;
                        }
                        Err(PopError::Lagged { missed }) => assert!(missed > 0),
                        Err(PopError::Closed { .. }) => break,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
                assert!(got > 0);
            })
        });
        until(|| ring.subscribers().len() == 2);
        let mut producer = ring.producer().unwrap();
        (1..200_000).for_each(|number| producer.push(whole(number)).unwrap());
        producer.close().unwrap();
        subscribers.into_iter().for_each(Child::join);
    }
    races(|number| [number; 8], |item| item.iter().all(|word| *word == item[0]).then_some(item[0]));
    // The low bytes of a number, in an odd size: bytes are copied one by one.
    races(
        |number| [number.to_le_bytes(), number.to_le_bytes(), [7; 8]].concat()[..17].try_into().unwrap(),
        |item: &[u8; 17]| {
            let number = |at: usize| u64::from_le_bytes(item[at..at + 8].try_into().unwrap());
            (number(0) == number(8)).then_some(number(0))
        },
    );
}
