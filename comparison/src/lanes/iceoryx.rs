//! iceoryx2: publish and subscribe, without copies.
//!
//! For items that must not be lost its documentation says: no overflow, and the publisher waits for room. A subscriber
//! looks again and again; its events, for those who would rather sleep, are a service of their own.

use std::hint::spin_loop;

use anyhow::Result;
use iceoryx2::{
    port::{publisher::Publisher, subscriber::Subscriber},
    prelude::*,
    service::port_factory::publish_subscribe::PortFactory,
};

use super::{Item, Lane, Receiver, Sender};
use crate::rows::name;

pub(crate) struct Iceoryx {
    name: String,
    capacity: usize,
}

/// A port, and the node that it lives in.
pub(crate) struct Port<P> {
    port: P,
    _node: Node<ipc::Service>,
}

impl Iceoryx {
    fn open<T: ZeroCopySend + core::fmt::Debug>(
        &self,
    ) -> Result<(Node<ipc::Service>, PortFactory<ipc::Service, T, ()>)> {
        set_log_level(LogLevel::Error);
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let service = node
            .service_builder(&self.name.as_str().try_into()?)
            .publish_subscribe::<T>()
            .max_publishers(1)
            .max_subscribers(1)
            .subscriber_max_buffer_size(self.capacity)
            .enable_safe_overflow(false)
            .open_or_create()?;
        Ok((node, service))
    }
}

impl<const WORDS: usize> Lane<WORDS> for Iceoryx {
    const NAME: &'static str = "iceoryx2 publish/subscribe";
    type Sender = Port<Publisher<ipc::Service, Item<WORDS>, ()>>;
    type Receiver = Port<Subscriber<ipc::Service, Item<WORDS>, ()>>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self { name: name("iceoryx2"), capacity })
    }

    fn sender(&self) -> Result<Self::Sender> {
        let (node, service) = self.open()?;
        Ok(Port { port: service.publisher_builder().create()?, _node: node })
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        let (node, service) = self.open()?;
        Ok(Port { port: service.subscriber_builder().buffer_size(self.capacity).create()?, _node: node })
    }
}

impl<const WORDS: usize> Sender for Port<Publisher<ipc::Service, Item<WORDS>, ()>> {
    #[inline]
    fn send(&mut self, number: u64) {
        let sample = self.port.loan_uninit().expect("there is a sample").write_payload(Item::new(number));
        sample.send().expect("the subscriber lives");
    }
}

impl<const WORDS: usize> Receiver for Port<Subscriber<ipc::Service, Item<WORDS>, ()>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        loop {
            if let Some(sample) = self.port.receive().expect("the publisher lives") {
                return sample.number();
            }
            spin_loop();
        }
    }
}
