//! What the texts of the errors of opening say besides: what was needed, and what helps.

use crate::{
    Fingerprint, ObjectName,
    options::MOST_PERMITS,
    raw::{self, Limit},
};

pub(super) fn described(part: raw::ObjectKind) -> &'static str {
    match part {
        raw::ObjectKind::Semaphores => "semaphore set",
        raw::ObjectKind::SharedMemory => "segment",
        raw::ObjectKind::MessageQueue => "message queue",
    }
}

pub(super) fn needed(part: raw::ObjectKind, size: usize) -> String {
    match part {
        raw::ObjectKind::Semaphores => format!("a set of {size} semaphores"),
        raw::ObjectKind::SharedMemory => format!("a segment of {size} bytes"),
        raw::ObjectKind::MessageQueue => "a message queue".to_owned(),
    }
}

/// Returns which option makes a part smaller, if its size is what was refused.
pub(super) fn smaller(object: &ObjectName, part: raw::ObjectKind, error: &raw::Error, most_handles: u32) -> String {
    let is_size = match error {
        raw::Error::LimitReached { limit, .. } => {
            matches!(limit, Limit::Semmsl | Limit::Semmns | Limit::Shmmax | Limit::Shmall)
        }
        raw::Error::OutOfMemory { .. } => true,
        _ => false,
    };
    match part {
        _ if !is_size => String::new(),
        raw::ObjectKind::Semaphores => {
            format!(
                "; a smaller Options::max_handles needs fewer semaphores, and {most_handles} is the most that fits one set here"
            )
        }
        raw::ObjectKind::SharedMemory => format!("; {}", smaller_size(object)),
        raw::ObjectKind::MessageQueue => String::new(),
    }
}

pub(super) fn smaller_size(object: &ObjectName) -> &'static str {
    match object.kind() {
        "channel" => {
            "ask for a smaller Options::max_message_size, capacity or max_routes (at most 4 GiB, 64,000 messages and 48 routes)"
        }
        "pool" => "ask for fewer permits, or a smaller capacity",
        "mutex" | "rwlock" | "once lock" | "watch" => "use a smaller type",
        "barrier" | "rate limiter" => "ask for a smaller Options::max_handles",
        _ => "ask for a smaller capacity, or use a smaller type",
    }
}

pub(super) fn same_type(found: &Fingerprint) -> &'static str {
    if found.name_hash == 0 {
        "use the same schema, or another name"
    } else {
        "use the same type and schema, or another name; if both types are meant to be one, give them one name with \
         Options::type_name"
    }
}

pub(super) fn shown(option: &str, value: u64) -> String {
    match option {
        "mode" => format!("{value:04o}"),
        "light_fences" => (value != 0).to_string(),
        _ => value.to_string(),
    }
}

pub(super) fn why_too_many(object: &ObjectName, wanted: u32, limit: u32, capacity: u32) -> String {
    if object.kind() == "rate limiter" {
        format!("it gives out at most {limit} at once; RateLimiter::options().burst({wanted}) gives out more")
    } else if wanted <= capacity {
        format!("there can be at most {limit} at once, or {capacity} after a resize")
    } else if capacity >= MOST_PERMITS {
        format!("no pool can have more than {MOST_PERMITS}")
    } else {
        format!(
            "its capacity was fixed at {capacity} when it was created; Pool::options().capacity({wanted}) makes room for \
             growth when a pool is created"
        )
    }
}
