//! The channel.

use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Member, Options, Request, Result, Route, Status, messages};

use super::{Kind, Release, Wait, any, otherwise};

#[derive(Serialize, Deserialize)]
pub struct Text(String);

#[derive(Serialize, Deserialize)]
pub struct Double(u64);

messages! { 1 => Text; 2 => Double }

impl Request for Double {
    type Response = u64;
}

impl Kind for Channel {
    const NAME: &'static str = "channel";

    fn open_with_another(options: &Options<Self>, name: &str) -> Vec<(&'static str, Result<()>)> {
        let smaller = options.clone().max_message_size(10_000);
        let fewer = options.clone().capacity(10);
        let routes = options.clone().max_routes(3);
        vec![
            ("max_message_size", any(smaller.open(name))),
            ("capacity", any(fewer.open(name))),
            ("max_routes", any(routes.open(name))),
        ]
    }

    delegate!(Channel);

    fn empty(&self) {
        while self.try_recv_any().is_ok() {}
    }

    fn open_otherwise(name: &str) -> Vec<Result<()>> {
        vec![any(otherwise::<Self>().open(name))]
    }

    fn waits() -> Vec<Wait<Self>> {
        fn send_later(channel: &Channel) -> Release<'_> {
            Box::new(|| channel.send(&Text("short".into())).unwrap())
        }
        vec![
            Wait {
                name: "recv",
                is_shared: true,
                is_passed_on: true,
                hinder: send_later,
                wait: |channel| any(channel.recv::<Text>()),
            },
            Wait {
                name: "Receiver::recv",
                is_shared: true,
                is_passed_on: true,
                hinder: send_later,
                wait: |channel| any(channel.receiver::<Text>()?.recv()),
            },
            Wait {
                name: "call",
                is_shared: true,
                is_passed_on: false,
                hinder: |channel| {
                    // All of them: the first may be from a dead caller, and its answer goes nowhere.
                    Box::new(|| {
                        while let Ok(asked) = channel.try_recv_request::<Double>() {
                            let double = asked.0 * 2;
                            asked.respond(&double).unwrap();
                        }
                    })
                },
                wait: |channel| any(channel.call(&Double(4)).map(|double| assert_eq!(double, 8))),
            },
            Wait {
                name: "send",
                is_shared: true,
                is_passed_on: false,
                hinder: |channel| {
                    let route = Route::new(9);
                    while channel.try_send_raw(route, &[0; 1000]).is_ok() {}
                    Box::new(move || while channel.try_recv_raw(route).is_ok() {})
                },
                wait: |channel| any(channel.send(&Text("x".repeat(1000)))),
            },
        ]
    }
}
