//! Shared memory: attaching, copies and views, attributes. How it is made and opened is in `shared_memory_open.rs`.
//!
//! What counts attachments runs alone: a child that another test forks has a copy of each.

use std::{
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::open_forms::maps;
use support::{alone, as_nobody, assert_fails, child, memory, own, until};
use sysv_ipc::{
    Access, AttachOptions, Error, Mode, Segment, SharedMemory, SharedMemoryOptions, page_size, remove_shared_memory,
};

// Attaching ---------------------------------------------------------------------------------

/// R13 R84 R85 R86 R106: an address can be chosen, is rounded on request, and must be aligned and free.
#[test]
fn r85_addresses() {
    alone(|| {
        let made = memory(page_size());
        let segment = made.segment();
        let free = segment.attach().unwrap().address();
        let chosen = AttachOptions::new().address(free).attach(segment).unwrap();
        assert_eq!(chosen.address(), free);
        assert_fails!(AttachOptions::new().address(free).attach(segment), Error::AddressUnusable { .. });
        drop(chosen);
        for zero in [AttachOptions::new().address(0), AttachOptions::new().address(17).round(true)] {
            assert_fails!(zero.attach(segment), Error::AddressUnusable { .. });
        }
        assert_eq!(made.stat().unwrap().attached, 1);
        assert_fails!(AttachOptions::new().address(free + 1).attach(segment), Error::Misaligned { .. });
        let rounded = AttachOptions::new().address(free + 1).round(true).attach_read_only(segment).unwrap();
        assert_eq!(rounded.address(), free);
        assert!(rounded.as_ptr().addr() == free);
    });
}

/// R15: remapping replaces what is mapped at the address.
#[test]
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "replacing a mapping is unsafe")]
fn r15_remap() {
    alone(|| {
        let (below, above) = (memory(page_size()), memory(page_size()));
        below.write(b"below", 0).unwrap();
        above.write(b"above", 0).unwrap();
        let replaced = below.segment().attach().unwrap();
        let address = replaced.address();
        // The mapping to be replaced must not be detached by its first handle any more.
        std::mem::forget(replaced);
        // SAFETY: nothing uses the mapping there, and its handle is forgotten.
        let over = unsafe { AttachOptions::new().attach_over(above.segment(), address) }.unwrap();
        assert_eq!((over.address(), over.read(5, 0).unwrap()), (address, b"above".to_vec()));
        assert_eq!(below.stat().unwrap().attached, 1);
    });
}

/// G3: a mapping is replaced by one for reading alone, also without permission to write.
#[test]
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "replacing a mapping is unsafe")]
fn case_g3_remap_for_reading() {
    alone(|| {
        let (below, above) = (memory(page_size()), own(open_for_reading(b"above")));
        let key = above.key().unwrap();
        as_nobody(|| {
            let segment = SharedMemoryOptions::new().open_segment(key).unwrap();
            let options = AttachOptions::new();
            let replace = |address| {
                // SAFETY: nothing uses the mapping there, and this process never drops its handle.
                unsafe { options.attach_over_read_only(&segment, address) }
            };
            // Inherited from the parent, which detaches its own.
            let address = below.address();
            let over = replace(address).unwrap();
            assert_eq!((over.address(), over.read(5, 0).unwrap()), (address, b"above".to_vec()));
            assert_eq!(maps(address).unwrap(), "r--s");
            std::mem::forget(over);
            // SAFETY: as above.
            let over = unsafe { options.attach_over_as(&segment, address, Access::ReadOnly) }.unwrap();
            assert_fails!(over.write(b"no", 0), Error::AttachedReadOnly { .. });
            // SAFETY: the mapping is replaced only if the attachment is allowed, which it is not.
            let refused = unsafe { options.attach_over(&segment, address) };
            assert_fails!(refused, Error::PermissionDenied { call: "shmat", .. });
        });
    });
}

/// A segment that others may read alone, with bytes at its beginning.
#[cfg(target_os = "linux")]
fn open_for_reading(bytes: &[u8]) -> SharedMemory {
    let made = SharedMemoryOptions::new().mode(0o604).size(page_size()).open_random().unwrap();
    made.write(bytes, 0).unwrap();
    made
}

/// G3: flags without a method of their own reach `shmat`, but not those on which the method decides.
#[test]
#[cfg(target_os = "linux")]
fn case_g3_raw_attach_flags() {
    alone(|| {
        let made = own(SharedMemoryOptions::new().mode(0o700).size(page_size()).open_random().unwrap());
        let segment = made.segment();
        let executable = AttachOptions::new().custom_flags(libc::SHM_EXEC).attach(segment).unwrap();
        assert_eq!(maps(executable.address()).unwrap(), "rwxs");
        let address = executable.address();
        let mut options = AttachOptions::new();
        options.address(address).custom_flags(libc::SHM_REMAP | libc::SHM_RDONLY | libc::SHM_RND);
        assert_fails!(options.attach(segment), Error::AddressUnusable { .. });
        drop(executable);
        let rounded = options.address(address + 1).attach(segment).unwrap();
        assert_eq!((rounded.address(), maps(address).unwrap().as_str()), (address, "rw-s"));
        // A custom SHM_RND rounds to the page of null as the method does, and is refused as there.
        assert_fails!(options.address(17).attach(segment), Error::AddressUnusable { address: 17, .. });
    });
}

/// R16 R87: a read-only attachment reads what others write. That it can't write, the compiler proves
/// (see the documentation of `SharedMemory`).
#[test]
fn r87_read_only() {
    let made = memory(64);
    let reader = made.segment().attach_read_only().unwrap();
    made.view::<AtomicU32>(8).unwrap().store(77, Relaxed);
    assert_eq!(reader.view::<AtomicU32>(8).unwrap().load(Relaxed), 77);
    assert_eq!(reader.slice::<AtomicU8>(8, 4).unwrap().len(), 4);
}

/// R88 R89 R90 R107 R113: one handle is one mapping. Dropping and detaching unmap, and remove nothing.
#[test]
fn r88_attach_and_detach() {
    alone(|| {
        let made = memory(16);
        let attached = || made.stat().unwrap().attached;
        let second = made.segment().attach().unwrap();
        let third = made.segment().attach().unwrap();
        assert_eq!(attached(), 3);
        drop(second);
        assert_eq!(attached(), 2);
        let segment = third.detach();
        assert_eq!((attached(), segment.stat().unwrap().size), (1, 16));
        child(|| assert_eq!(attached(), 2)).join();
        assert_eq!(attached(), 1, "the end of a process detaches");
        let other_program = child(|| {
            let _inherited_and_dropped_by_exec = made.address();
            nix::unistd::execv(c"/bin/sleep", &[c"sleep", c"60"]).unwrap();
        });
        until(|| {
            attached() == 1
                && std::fs::read_to_string(format!("/proc/{}/comm", other_program.id())).unwrap() == "sleep\n"
        });
    });
}

/// R23 R99: a detached handle can't be used, which the compiler proves. Its segment attaches anew.
#[test]
fn r99_detached() {
    let made = memory(16);
    made.write(b"kept", 0).unwrap();
    let segment: Segment = made.segment().attach().unwrap().detach();
    assert_eq!(segment.attach().unwrap().read(4, 0).unwrap(), b"kept");
}

/// R102: after the removal the key is free, mappings go on, and the memory goes with the last of them.
#[test]
#[cfg(target_os = "linux")]
fn r102_removal_is_deferred() {
    alone(|| {
        let made = memory(16);
        let key = made.key().unwrap();
        made.remove().unwrap();
        made.write(b"alive", 0).unwrap();
        assert!(made.stat().unwrap().marked_removed);
        assert_eq!(made.permissions().unwrap().mode, Mode::new(0o600));
        made.remove().unwrap();
        let late = Segment::from_id(made.id()).unwrap().attach().unwrap();
        assert_eq!(late.read(5, 0).unwrap(), b"alive");
        let renewed = own(SharedMemoryOptions::new().create(true).exclusive(true).size(8).open(key).unwrap());
        assert_ne!(renewed.id(), made.id());

        let gone = own(SharedMemoryOptions::new().size(8).open_random().unwrap().detach());
        gone.remove().unwrap();
        assert_fails!(gone.attach(), Error::Removed { .. });
        assert_fails!(gone.remove(), Error::Removed { .. });
    });
}

/// G4: what Linux marks in the mode of a segment that is locked or removed.
#[test]
#[cfg(target_os = "linux")]
fn case_g4_mode_bits_of_locked_and_removed_segments() {
    let made = memory(16);
    let marks = || {
        let stat = made.stat().unwrap();
        assert_eq!(stat.permissions.mode, Mode::new(0o600));
        (stat.locked, stat.marked_removed, stat.mode_bits)
    };
    assert_eq!(marks(), (false, false, 0o600));
    made.segment().lock_pages().unwrap();
    assert_eq!(marks(), (true, false, 0o2600));
    made.segment().unlock_pages().unwrap();
    assert_eq!(marks(), (false, false, 0o600));
    made.segment().lock_pages().unwrap();
    made.remove().unwrap();
    assert_eq!(marks(), (true, true, 0o3600));
    as_nobody(|| assert_fails!(made.segment().lock_pages(), Error::PermissionDenied { call: "shmctl", .. }));
}

/// R2: removal by id. An id that nothing has is never-there.
#[test]
fn r2_removal_by_id() {
    alone(|| {
        let segment = own(SharedMemoryOptions::new().size(8).open_random().unwrap().detach());
        remove_shared_memory(segment.id()).unwrap();
        assert_fails!(remove_shared_memory(segment.id()), Error::NotFound { .. });
        assert_fails!(remove_shared_memory(-1), Error::NotFound { .. });
        assert_fails!(Segment::from_id(-1), Error::NotFound { .. });
        let other = memory(8);
        as_nobody(|| assert_fails!(remove_shared_memory(other.id()), Error::PermissionDenied { .. }));
    });
}

// Copies ------------------------------------------------------------------------------------

fn alphabet() -> support::Owned<SharedMemory> {
    let memory = memory(26);
    memory.write(b"abcdefghijklmnopqrstuvwxyz", 0).unwrap();
    memory
}

/// R91 R92 R93: reading copies. 0 means to the end, and more than there is gives what there is.
#[test]
fn r92_read() {
    let memory = alphabet();
    assert_eq!(memory.read(3, 0).unwrap(), b"abc");
    assert_eq!(memory.read(0, 20).unwrap(), b"uvwxyz");
    assert_eq!(memory.read(0, 0).unwrap().len(), 26);
    assert_eq!(memory.read(usize::MAX, 25).unwrap(), b"z");
    assert_eq!(memory.read(5, 24).unwrap(), b"yz");
}

/// R94: an offset at or past the end is an error.
#[test]
fn r94_bad_offsets() {
    let memory = alphabet();
    for offset in [26, 27, usize::MAX] {
        assert_fails!(memory.read(0, offset), Error::OutOfBounds { size: 26, .. });
        assert_fails!(memory.read(1, offset), Error::OutOfBounds { .. });
    }
}

/// R95: there is no limit but the segment's size.
#[test]
fn r95_large_reads() {
    let memory = memory(10 << 20);
    memory.write(b"end", (10 << 20) - 3).unwrap();
    assert!(memory.read(0, 0).unwrap().ends_with(b"end"));
}

/// R96 R98 R180: writing copies raw bytes. Nothing is written past the end, wherever it starts.
#[test]
fn r98_write() {
    let memory = alphabet();
    memory.write(b"\0A\0", 1).unwrap();
    assert_eq!(memory.read(5, 0).unwrap(), b"a\0A\0e");
    memory.write(b"", 26).unwrap();
    for offset in [27, usize::MAX] {
        assert_fails!(memory.write(b"", offset), Error::OutOfBounds { .. });
    }
}

/// R97: a write that doesn't fit is refused whole. The truncating one says how much it wrote.
#[test]
fn r97_write_past_the_end() {
    let memory = alphabet();
    assert_fails!(memory.write(b"12345", 23), Error::OutOfBounds { offset: 23, len: 5, size: 26 });
    assert_eq!(memory.read(0, 23).unwrap(), b"xyz");
    assert_eq!(memory.write_truncating(b"12345", 23).unwrap(), 3);
    assert_eq!(memory.read(0, 23).unwrap(), b"123");
    assert_eq!(memory.write_truncating(b"1", 26).unwrap(), 0);
    assert_fails!(memory.write_truncating(b"1", 27), Error::OutOfBounds { .. });
}

/// T4 T5: offsets that would wrap write nowhere.
#[test]
fn t4_offsets_do_not_wrap() {
    let memory = alphabet();
    assert_fails!(memory.write(b"!!", usize::MAX), Error::OutOfBounds { .. });
    assert_fails!(memory.view::<AtomicU64>(usize::MAX - 7), Error::OutOfBounds { .. });
    assert_fails!(memory.slice::<AtomicU64>(8, usize::MAX / 4), Error::OutOfBounds { .. });
    assert_eq!(memory.read(1, 0).unwrap(), b"a");
}

/// An exact read is all or nothing.
#[test]
fn exact_reads() {
    let memory = alphabet();
    let mut three = [0; 3];
    memory.read_at(&mut three, 23).unwrap();
    assert_eq!(&three, b"xyz");
    assert_fails!(memory.read_at(&mut three, 24), Error::OutOfBounds { .. });
    memory.fill(b'-');
    assert_eq!(memory.read(0, 0).unwrap(), [b'-'; 26]);
}

/// G6: bytes are read into memory that was never initialised, at every alignment, all or nothing.
#[test]
fn case_g6_reads_into_uninitialised_memory() {
    use std::mem::MaybeUninit;
    let memory = memory(1 << 20);
    let written: Vec<u8> = (0..1_u32 << 20).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    memory.write(&written, 0).unwrap();
    let mut whole = Box::new_uninit_slice(1 << 20);
    assert_eq!(memory.read_at_uninit(&mut whole, 0).unwrap(), written);
    for offset in 0..17 {
        for len in [0, 1, 7, 8, 63, 64, 65, 300] {
            let mut bytes = [MaybeUninit::new(b'!'); 301];
            let filled = memory.read_at_uninit(&mut bytes[1..=len], offset).unwrap();
            assert_eq!(filled, &written[offset..offset + len]);
        }
    }
    let mut untouched = [MaybeUninit::new(b'!'); 4];
    let refused = memory.read_at_uninit(&mut untouched, (1 << 20) - 3);
    assert_fails!(refused, Error::OutOfBounds { len: 4, .. });
    let mut initialised = *b"!!!!";
    assert_fails!(memory.read_at(&mut initialised, (1 << 20) - 3), Error::OutOfBounds { len: 4, .. });
    assert_eq!(&initialised, b"!!!!");
    // Also of an attachment for reading alone.
    let reader = memory.segment().attach_read_only().unwrap();
    assert_eq!(reader.read_at_uninit(&mut untouched, 7).unwrap(), &written[7..11]);
    // Only what was asked for takes room.
    assert_eq!(memory.read(5, 1).unwrap(), &written[1..6]);
}

/// R100: copies take no lock. Guarded by a semaphore, no reader sees half of a write.
#[test]
fn r100_a_semaphore_guards_copies() {
    let (memory, lock) = (memory(4096), support::semaphore(1));
    let writer = child(|| {
        for round in 0..2000_u32 {
            let _guard = lock.acquire_guard().unwrap();
            memory.fill(u8::try_from(round % 251).unwrap());
        }
    });
    for _ in 0..500 {
        let guard = lock.acquire_guard().unwrap();
        let bytes = memory.read(0, 0).unwrap();
        drop(guard);
        assert!(bytes.iter().all(|&byte| byte == bytes[0]));
    }
    writer.join();
}

/// R101: the size is that of the attach: copies need no permission and no system call later.
#[test]
fn r101_the_size_is_kept() {
    let memory = memory(16);
    as_nobody(|| {
        assert_fails!(memory.stat(), Error::PermissionDenied { .. });
        memory.write(b"inherited", 0).unwrap();
    });
    until(|| memory.read(9, 0).unwrap() == b"inherited" || !support::has_user(support::NOBODY));
}

/// D4: a copy is a copy, and a view is live both ways.
#[test]
#[allow(unsafe_code, reason = "plain slices are unsafe")]
fn d4_copies_and_views() {
    let mut memory = SharedMemoryOptions::new().size(64).open_random().unwrap();
    let _cleanup = own(memory.segment().clone());
    memory.write(b"abcdefgh", 0).unwrap();
    let mut copy = memory.read(8, 0).unwrap();
    copy[0] = b'!';
    assert_eq!(memory.read(1, 0).unwrap(), b"a");
    let bytes = memory.slice::<AtomicU8>(0, 8).unwrap();
    bytes[0].store(b'A', Relaxed);
    assert_eq!(memory.read(2, 0).unwrap(), b"Ab");
    memory.write(b"Z", 7).unwrap();
    assert_eq!(bytes[7].load(Relaxed), b'Z');
    let other = memory.segment().attach().unwrap();
    child(|| _ = other.view::<[AtomicU64; 2]>(16).unwrap()[1].fetch_add(5, Relaxed)).join();
    assert_eq!(memory.view::<AtomicU64>(24).unwrap().load(Relaxed), 5);
    assert_fails!(memory.view::<AtomicU64>(12), Error::Misaligned { address: 12, align: 8 });
    drop(other);
    // SAFETY: no other process has it, and the other mapping is gone.
    let plain = unsafe { memory.as_mut_slice() };
    plain[1] = b'B';
    // SAFETY: no thread writes meanwhile.
    assert_eq!(unsafe { &memory.as_slice()[..2] }, b"AB");
}

// Attributes ---------------------------------------------------------------------------------

/// R103 R104 R108 R109 R110 R111 R112: key, id, times and processes.
#[test]
fn r108_attributes() {
    alone(|| {
        let made = memory(16);
        let stat = made.stat().unwrap();
        let me = Some(std::process::id());
        assert!(made.key().is_some() && made.id() >= 0);
        assert!(stat.attach_time.is_some() && stat.change_time.is_some());
        assert_eq!((stat.detach_time, stat.creator_pid, stat.last_pid), (None, me, me));
        // It attaches, and its exit detaches.
        let visitor = child(|| std::mem::forget(made.segment().attach().unwrap()));
        let pid = Some(visitor.id());
        visitor.join();
        let stat = made.stat().unwrap();
        assert!(stat.detach_time.is_some());
        assert_eq!((stat.creator_pid, stat.last_pid), (me, pid));
    });
}

/// R110 R114 R115 R116: owner and mode can be changed, the creator can't. The change is dated.
#[test]
fn r114_owner_and_mode() {
    let made = memory(16);
    let before = made.stat().unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    // The same mode again counts as a change.
    made.set_mode(0o600).unwrap();
    assert!(made.stat().unwrap().change_time > before.change_time);
    made.set_mode(0o640).unwrap();
    let after = made.stat().unwrap();
    assert_eq!(after.permissions.mode.to_string(), "0640");
    if support::has_user(support::NOBODY) {
        made.set_owner(Some(1), Some(2)).unwrap();
        let given = made.permissions().unwrap();
        assert_eq!((given.uid, given.gid, given.cuid), (1, 2, before.permissions.cuid));
        assert_eq!(given.mode, after.permissions.mode);
    }
    as_nobody(|| {
        made.segment().set_mode(0o666).expect_err("a stranger may not");
        assert_fails!(Segment::from_id(made.id()).unwrap().remove(), Error::PermissionDenied { .. });
    });
}

/// R153: what a handle shows has key and id.
#[test]
fn r153_debug() {
    let made = memory(16);
    let text = format!("{:?}", *made);
    assert!(text.contains(&made.id().to_string()) && text.contains(&made.key().unwrap().to_string()));
}

/// R163: dropping a handle detaches and removes nothing.
#[test]
fn r163_objects_outlive_handles() {
    alone(|| {
        let memory = SharedMemoryOptions::new().size(8).open_random().unwrap();
        let segment = own(memory.segment().clone());
        drop(memory);
        assert_eq!(segment.stat().unwrap().attached, 0);
    });
}
