//! Connecting: the address, the checks of the server, and the channel there.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hash, Hasher},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{Client, Value};

#[cfg(feature = "redis-tls")]
use super::tls;
use super::{
    Remote,
    address::Address,
    checks::{self, Info},
    keeper::Keeper,
    line::Line,
    line::Trouble,
    lines::Lines,
    reply::Reply,
    script::Script,
};
use crate::{
    Failure, ObjectName, OpenError,
    options::Settings,
    raw::{
        Deadline,
        process::{fork_generation, is_generation, watch_forks},
    },
    store::{Class, Geometry},
};

/// The version of the keys and their fields.
pub(super) const VERSION: &str = "2";

/// Whether an existing channel is opened, and a missing one created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) creates: bool,
    pub(crate) opens: bool,
}

impl Remote {
    /// Returns whether a name is the address of a server, of whatever kind.
    pub(crate) fn is_address(name: &str) -> bool {
        name.contains("://")
    }

    pub(crate) fn connect(text: &str, options: &Settings, manner: Manner) -> Result<Arc<Self>, OpenError> {
        let address = Address::parse(text).map_err(|why| OpenError::BadAddress { why })?;
        let object = ObjectName::new("channel", &address.to_string());
        let (client, session, key) = (Arc::new(client(&address, &object)?), session(), address.key());
        let deadline = Deadline::after(options.open_timeout);
        let failed = |trouble| OpenError::Failed(failure(&object, trouble));
        let lines = Lines::new(&client, &session);
        let opened = lines.with(|line| {
            check(line, &key, &object, address.is_volatile, deadline)?;
            open(line, &key, &object, options, manner, deadline).map_err(failed)
        })?;
        let (geometry, lease) = answered(opened, &object, options)?;
        let keeper = Keeper::new(&key, &session, lease);
        #[cfg(feature = "async")]
        let desk = super::desk::Desk::new(&client, &session, &key);
        watch_forks();
        let (removes, generation) = (options.remove_on_drop, fork_generation());
        let (is_closed, host) = (AtomicBool::new(false), host());
        Ok(Arc::new(Self {
            object,
            address,
            key,
            host,
            client,
            lines,
            keeper,
            #[cfg(feature = "async")]
            desk,
            geometry,
            lease,
            is_closed,
            removes,
            generation,
        }))
    }

    /// Returns whether this is the process that made the handle.
    pub(super) fn is_ours(&self) -> bool {
        is_generation(self.generation)
    }

    pub(super) fn check_ours(&self, what: &'static str) -> Result<(), Failure> {
        if self.is_ours() { Ok(()) } else { Err(Failure::Inherited { object: self.object.clone(), what }) }
    }
}

/// Returns the client library's end of an address.
pub(super) fn client(address: &Address, object: &ObjectName) -> Result<Client, OpenError> {
    let refused = |_| OpenError::BadAddress { why: "the client library refuses it" };
    let info = address.connection_info().map_err(refused)?;
    #[cfg(feature = "redis-tls")]
    if address.is_tls {
        return tls::client(info, address.authority.as_deref(), object);
    }
    let _ = object;
    Client::open(info).map_err(refused)
}

/// Returns why an operation failed, for errors.
pub(super) fn failure(object: &ObjectName, trouble: Trouble) -> Failure {
    let object = object.clone();
    match trouble {
        Trouble::Unreachable { why, .. } => Failure::Unreachable { object, why: why.into() },
        Trouble::Refused(why) => Failure::Refused { object, why: why.into() },
        Trouble::Stopped => Failure::Unreachable { object, why: "this handle was stopped meanwhile".into() },
    }
}

fn check(
    line: &mut Line,
    key: &str,
    object: &ObjectName,
    is_volatile: bool,
    deadline: Deadline,
) -> Result<(), OpenError> {
    let failed = |trouble| failure(object, trouble);
    // It is refused, and asked again, until the server has loaded what it had written. It says meanwhile that it writes nothing.
    line.command(&[b"EXISTS", key.as_bytes()], deadline).map_err(failed)?;
    let info = info(line, deadline).map_err(failed)?;
    match checks::fault(&Info::new(&info), is_volatile) {
        Some(why) => Err(OpenError::BadServer { object: object.clone(), why }),
        None => Ok(()),
    }
}

/// Returns what a server says of itself.
pub(super) fn info(line: &mut Line, deadline: Deadline) -> Result<String, Trouble> {
    Ok(match line.command(&[b"INFO"], deadline)? {
        Value::BulkString(text) => String::from_utf8_lossy(&text).into_owned(),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
        _ => String::new(),
    })
}

/// The fields of a channel that do not change, as the script answers them.
const FIELDS: [&str; 11] =
    ["messages", "maxmsg", "routes", "attempts", "lease", "cap0", "cap1", "cap2", "quota0", "quota1", "quota2"];

fn open(
    line: &mut Line,
    key: &str,
    object: &ObjectName,
    options: &Settings,
    manner: Manner,
    deadline: Deadline,
) -> Result<Vec<Value>, Trouble> {
    let geometry = geometry(options);
    if !geometry.is_possible() {
        return Err(Trouble::Refused(format!("no {} can have these options", object.kind())));
    }
    let cap = |class| geometry.capacity_of(class) as u64;
    let quota = |class| geometry.quota_of(class) as u64;
    let [message, call, control] = Class::ALL;
    let lease = u64::try_from(options.lease.as_millis()).unwrap_or(u64::MAX);
    let values = [
        geometry.messages.into(),
        geometry.max_message_size as u64,
        geometry.max_routes.into(),
        geometry.attempts.into(),
        // A lease that is shorter than a pause of the garbage in between would be lost all the time.
        lease.clamp(100, 86_400_000),
        cap(message),
        cap(call),
        cap(control),
        quota(message),
        quota(call),
        quota(control),
    ];
    let bytes = (geometry.blocks_for_messages().len() * geometry.block()) as u64;
    let values = values.into_iter().chain([bytes]).map(|value| value.to_string());
    let mut words = vec![u8::from(manner.creates).to_string(), u8::from(manner.opens).to_string(), VERSION.to_owned()];
    for (field, value) in FIELDS.into_iter().chain(["maxby"]).zip(values) {
        words.extend([field.to_owned(), value]);
    }
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    // Only a creation that must be one differs when it is run twice.
    line.run(Script::Open, key, &words, deadline)
}

fn geometry(options: &Settings) -> Geometry {
    Geometry {
        messages: options.messages,
        max_message_size: options.max_message_size,
        max_routes: options.max_routes,
        max_handles: 1,
        attempts: options.attempts,
    }
}

/// Returns the sizes and the lease of the channel that was found or made.
fn answered(answer: Vec<Value>, object: &ObjectName, options: &Settings) -> Result<(Geometry, Duration), OpenError> {
    let mut answer = Reply::new(answer);
    match answer.text().as_str() {
        "ok" => {}
        "taken" => return Err(OpenError::NameTaken { object: object.clone() }),
        "none" => return Err(OpenError::NoSuchName { object: object.clone() }),
        _ => {
            return Err(OpenError::WrongVersion {
                object: object.clone(),
                found: answer.number(),
                wanted: VERSION.parse().unwrap_or_default(),
            });
        }
    }
    let geometry = Geometry {
        messages: answer.number(),
        max_message_size: answer.number(),
        max_routes: answer.number(),
        max_handles: 1,
        attempts: answer.number(),
    };
    let lease = Duration::from_millis(answer.number::<u64>().max(1));
    if !geometry.is_possible() {
        return Err(
            Failure::Refused { object: object.clone(), why: "it has sizes that no channel can have".into() }.into()
        );
    }
    let compared = [
        ("max_message_size", geometry.max_message_size as u64, options.max_message_size as u64),
        ("capacity", geometry.messages.into(), options.messages.into()),
        ("attempts", geometry.attempts.into(), options.attempts.into()),
    ];
    let other = compared.into_iter().find(|(_, found, wanted)| options.exact && found != wanted);
    match other {
        Some((option, found, wanted)) => Err(OpenError::OtherOptions { object: object.clone(), option, found, wanted }),
        None => Ok((geometry, lease)),
    }
}

/// Returns a name for this machine and its processes, which a supervisor and its workers have in common.
fn host() -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    // Machines may have the same host name, and containers of one machine have the same boot.
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().hash(&mut hasher);
    fs::read_link("/proc/self/ns/pid").unwrap_or_default().hash(&mut hasher);
    fs::read_to_string("/etc/machine-id").unwrap_or_default().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// Returns a name that no other handle has.
pub(super) fn session() -> String {
    static HANDLES: AtomicU64 = AtomicU64::new(0);
    let random = RandomState::new().build_hasher().finish();
    format!("{random:x}-{:x}-{:x}", process::id(), HANDLES.fetch_add(1, Relaxed))
}
