//! iceoryx2: publish and subscribe, without copies.
//!
//! For items that must not be lost its documentation says: no overflow, and the publisher waits for room. A subscriber
//! looks again and again. For receivers that sleep there are events, a service of their own.

use anyhow::Result;
use iceoryx2::{
    port::{
        listener::{Listener, ListenerWaitError},
        notifier::Notifier,
        publisher::Publisher,
        subscriber::Subscriber,
    },
    prelude::*,
    service::port_factory::{event, publish_subscribe::PortFactory},
};

use super::{Item, Lane, Receiver, Sender, look_again};
use crate::rows::name;

pub(crate) struct Iceoryx {
    name: String,
    capacity: usize,
    subscribers: usize,
}

/// A port, and the node that it lives in.
pub(crate) struct Port<P> {
    port: P,
    node: Node<ipc::Service>,
}

impl Iceoryx {
    /// For so many receivers, each of which gets every item.
    pub(crate) fn to_all(capacity: usize, subscribers: usize) -> Self {
        Self { name: name("iceoryx2"), capacity, subscribers }
    }

    fn open<T: ZeroCopySend + core::fmt::Debug>(
        &self,
    ) -> Result<(Node<ipc::Service>, PortFactory<ipc::Service, T, ()>)> {
        set_log_level(LogLevel::Error);
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let service = node
            .service_builder(&self.name.as_str().try_into()?)
            .publish_subscribe::<T>()
            .max_publishers(1)
            .max_subscribers(self.subscribers)
            .subscriber_max_buffer_size(self.capacity)
            .enable_safe_overflow(false)
            .open_or_create()?;
        Ok((node, service))
    }
}

impl<T: Item> Lane<T> for Iceoryx {
    const NAME: &'static str = "iceoryx2 publish/subscribe";
    type Sender = Port<Publisher<ipc::Service, T, ()>>;
    type Receiver = Port<Subscriber<ipc::Service, T, ()>>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self::to_all(capacity, 1))
    }

    fn sender(&self) -> Result<Self::Sender> {
        let (node, service) = self.open()?;
        Ok(Port { port: service.publisher_builder().create()?, node })
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        let (node, service) = self.open()?;
        Ok(Port { port: service.subscriber_builder().buffer_size(self.capacity).create()?, node })
    }
}

impl<T: Item> Sender for Port<Publisher<ipc::Service, T, ()>> {
    #[inline]
    fn send(&mut self, number: u64) {
        let sample = self.port.loan_uninit().expect("there is a sample").write_payload(T::new(number));
        sample.send().expect("the subscriber lives");
    }
}

impl<T: Item> Receiver for Port<Subscriber<ipc::Service, T, ()>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        look_again(|| self.port.receive().expect("the publisher lives")).number()
    }
}

/// The same, and an event for each item: a receiver that finds none waits for the next.
pub(crate) struct IceoryxEvents(Iceoryx);

/// A port, and what tells of its items.
pub(crate) struct Told<P, E> {
    port: P,
    event: E,
}

impl IceoryxEvents {
    /// For so many receivers, each of which gets every item.
    pub(crate) fn to_all(capacity: usize, subscribers: usize) -> Self {
        Self(Iceoryx::to_all(capacity, subscribers))
    }

    fn open_event(&self, node: &Node<ipc::Service>) -> Result<event::PortFactory<ipc::Service>> {
        let name = format!("{}-event", self.0.name);
        let service = node.service_builder(&name.as_str().try_into()?).event();
        Ok(service.max_notifiers(1).max_listeners(self.0.subscribers).open_or_create()?)
    }
}

impl<T: Item> Lane<T> for IceoryxEvents {
    const NAME: &'static str = "iceoryx2, with events";
    type Sender = Told<Port<Publisher<ipc::Service, T, ()>>, Notifier<ipc::Service>>;
    type Receiver = Told<Port<Subscriber<ipc::Service, T, ()>>, Listener<ipc::Service>>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self(<Iceoryx as Lane<T>>::new(capacity)?))
    }

    fn sender(&self) -> Result<Self::Sender> {
        let port: Port<_> = <Iceoryx as Lane<T>>::sender(&self.0)?;
        let event = self.open_event(&port.node)?.notifier_builder().create()?;
        Ok(Told { port, event })
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        let port: Port<_> = <Iceoryx as Lane<T>>::receiver(&self.0)?;
        let event = self.open_event(&port.node)?.listener_builder().create()?;
        Ok(Told { port, event })
    }
}

impl<P: Sender> Sender for Told<P, Notifier<ipc::Service>> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.port.send(number);
        self.event.notify().expect("the listener lives");
    }
}

impl<T: Item> Receiver for Told<Port<Subscriber<ipc::Service, T, ()>>, Listener<ipc::Service>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        loop {
            if let Some(sample) = self.port.port.receive().expect("the publisher lives") {
                return sample.number();
            }
            match self.event.blocking_wait(|_| ()) {
                Ok(_) | Err(ListenerWaitError::InterruptSignal) => {}
                Err(error) => panic!("it can't wait: {error}"),
            }
        }
    }
}
