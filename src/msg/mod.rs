//! Message queues: messages with a type, which receivers choose by.

mod buffer;
mod options;
mod queue;
mod receive;
mod selector;
mod send;

pub use self::{
    buffer::MessageBuffer,
    options::MessageQueueOptions,
    queue::{MessageQueue, MessageQueueStat, remove_message_queue},
    selector::{MessageType, Selector},
};
