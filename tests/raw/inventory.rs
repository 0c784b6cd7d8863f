//! The inventory, and the system's own tools.
#![cfg(target_os = "linux")]

use std::process::Command;

use support::{as_nobody, child, in_own_namespace, own, skip};
use sysv_ipc::{Key, MessageBuffer, MessageQueue, MessageType, Segment, Semaphore, SharedMemoryOptions, inventory};

/// Every object is listed, of every owner, and whether it may be read or not.
#[test]
fn everything_is_listed() {
    in_own_namespace(|| {
        assert!(inventory().unwrap().is_empty());
        let (set, memory, queue) = (support::semaphores(3), support::memory(5000), support::queue());
        queue.send(&MessageBuffer::new(MessageType::ONE, b"12345")).unwrap();
        let private = own(SharedMemoryOptions::new().size(1).open(Key::PRIVATE).unwrap());
        memory.set_mode(0).unwrap();
        as_nobody(|| {
            let found = inventory().unwrap();
            let [listed] = &found.semaphores[..] else { panic!("{found:?}") };
            assert_eq!((listed.id, listed.key, listed.stat.len), (set.id(), Key::PRIVATE, 3));
            let listed = found.shared_memory.iter().find(|entry| entry.id == memory.id()).unwrap();
            assert_eq!((Some(listed.key), listed.stat.size), (memory.key(), 5000));
            assert_eq!((listed.stat.attached, listed.stat.permissions.mode.bits()), (2, 0));
            assert!(found.shared_memory.iter().any(|entry| entry.id == private.id() && entry.key.is_private()));
            let [listed] = &found.message_queues[..] else { panic!("{found:?}") };
            assert_eq!((listed.id, listed.stat.messages, listed.stat.bytes), (queue.id(), 1, Some(5)));
        });
        drop(set);
        assert!(inventory().unwrap().semaphores.is_empty());
    });
}

/// What comes and goes while it walks does no harm.
#[test]
fn a_walk_among_changes() {
    let churn = child(|| {
        for _ in 0..500 {
            drop(support::semaphore(0));
        }
    });
    for _ in 0..200 {
        inventory().unwrap();
    }
    churn.join();
}

fn run(command: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(command).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{command} {arguments:?}: {output:?}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            skip(&format!("no {command} here: {error}"));
            None
        }
    }
}

/// R165: `ipcs` shows our objects, and `ipcrm` removes them.
#[test]
fn r165_ipcs_and_ipcrm() {
    let (semaphore, memory, queue) = (support::semaphore(0), support::memory(10), support::queue());
    let Some(text) = run("ipcs", &[]) else { return };
    for key in [semaphore.key(), memory.key(), queue.key()] {
        assert!(text.contains(&key.unwrap().to_string()), "{text}");
    }
    run("ipcrm", &["-s", &semaphore.id().to_string()]);
    run("ipcrm", &["-m", &memory.id().to_string()]);
    run("ipcrm", &["-Q", &queue.key().unwrap().to_string()]);
    assert!(semaphore.value().unwrap_err().is_gone());
    assert!(memory.stat().unwrap().marked_removed);
    assert!(queue.stat().unwrap_err().is_gone());
}

/// R165: what `ipcmk` makes can be used and removed.
#[test]
fn r165_ipcmk() {
    let id = |arguments: &[&str]| {
        let text = run("ipcmk", arguments)?;
        Some(text.rsplit(':').next().unwrap().trim().parse::<i32>().unwrap())
    };
    let Some(semaphores) = id(&["-S", "2"]) else { return };
    let semaphore = own(Semaphore::from_id(semaphores).unwrap());
    semaphore.release().unwrap();
    let memory = own(Segment::from_id(id(&["-M", "100"]).unwrap()).unwrap());
    memory.attach().unwrap().write(b"made by ipcmk", 0).unwrap();
    let queue = own(MessageQueue::from_id(id(&["-Q"]).unwrap()).unwrap());
    queue.send(&MessageBuffer::new(MessageType::ONE, b"x")).unwrap();
}
