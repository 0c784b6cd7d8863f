//! Every system call of the workspace, one small function each.
//!
//! Nothing here has a policy: a function passes its arguments on and gives back the errno.
#![allow(unsafe_code, reason = "this is the one place where System V is called")]

mod abi;
mod op;
mod wiped;

use std::{mem::MaybeUninit, ptr::NonNull};

use libc::{c_int, c_long, c_void, sembuf, shmid_ds};
use nix::errno::Errno;

pub use self::op::{Amount, SemOp};
pub(crate) use self::{abi::*, wiped::Wiped};

/// The fourth argument of `semctl`, which C leaves to the caller to define.
#[repr(C)]
union Semun {
    val: c_int,
    buf: *mut semid_ds,
    array: *mut libc::c_ushort,
    #[cfg(target_os = "linux")]
    info: *mut SemInfo,
}

/// The mode's width differs from system to system.
#[allow(clippy::useless_conversion, reason = "the conversion is needed where mode_t is 32 bits")]
pub(crate) fn mode_of(perm: &libc::ipc_perm) -> u32 {
    u32::from(perm.mode)
}

/// Writes owner and mode, the three things that `IPC_SET` takes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mode has nine bits")]
fn set_perm(perm: &mut libc::ipc_perm, uid: u32, gid: u32, mode: crate::Mode) {
    perm.uid = uid;
    perm.gid = gid;
    // The type differs from system to system, and nine bits fit them all.
    perm.mode = mode.flags() as _;
}

// Semaphores ---------------------------------------------------------------------------------

#[allow(clippy::useless_conversion, reason = "a key is wider on some systems")]
pub(crate) fn semget(key: i32, count: c_int, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: `semget` takes no pointers.
    Errno::result(unsafe { libc::semget(key.into(), count, flags) })
}

#[inline]
pub(crate) fn semop(id: c_int, ops: &[SemOp]) -> Result<(), Errno> {
    // SAFETY: `SemOp` is a transparent `sembuf`, and the kernel only reads the `ops.len()` of them.
    Errno::result(unsafe { libc::semop(id, ops.as_ptr().cast_mut().cast::<sembuf>(), ops.len() as _) }).map(drop)
}

#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn semop_timeout(id: c_int, ops: &[SemOp], timeout: std::time::Duration) -> Result<(), Errno> {
    let timeout = timespec(timeout);
    let list = ops.as_ptr().cast_mut().cast::<sembuf>();
    // SAFETY: the kernel only reads the `ops.len()` operations, and `timeout` outlives the call.
    Errno::result(unsafe { semtimedop(id, list, ops.len(), &raw const timeout) }).map(drop)
}

/// `GETVAL`, `GETPID`, `GETNCNT` or `GETZCNT`.
pub(crate) fn semctl_get(id: c_int, index: c_int, command: c_int) -> Result<c_int, Errno> {
    // SAFETY: these commands take no fourth argument.
    Errno::result(unsafe { libc::semctl(id, index, command) })
}

pub(crate) fn semctl_set_value(id: c_int, index: c_int, value: u16) -> Result<(), Errno> {
    let argument = Semun { val: value.into() };
    // SAFETY: `SETVAL` takes the union's `val`.
    Errno::result(unsafe { libc::semctl(id, index, SETVAL, argument) }).map(drop)
}

/// Reads all values of a set. The caller has just asked the kernel for the set's size.
pub(crate) fn semctl_get_all(id: c_int, values: &mut [u16]) -> Result<(), Errno> {
    let argument = Semun { array: values.as_mut_ptr() };
    // SAFETY: the kernel writes one value for each semaphore of the set, and the caller made room
    // for all of them. Between the two calls the id can't have become a larger set's: it is handed
    // out again only after the slot's whole sequence, at least 32,768 creations. (Root can force an
    // id on Linux, and could as well write our memory.)
    Errno::result(unsafe { libc::semctl(id, 0, GETALL, argument) }).map(drop)
}

/// Sets all values of a set. The caller has just asked the kernel for the set's size.
pub(crate) fn semctl_set_all(id: c_int, values: &[u16]) -> Result<(), Errno> {
    let argument = Semun { array: values.as_ptr().cast_mut() };
    // SAFETY: the kernel reads one value for each semaphore of the set, and as many are there, as
    // for `GETALL`. It writes nothing through the pointer.
    Errno::result(unsafe { libc::semctl(id, 0, SETALL, argument) }).map(drop)
}

pub(crate) fn semctl_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: `IPC_RMID` takes no fourth argument.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_RMID) }).map(drop)
}

/// `IPC_STAT`, or on Linux one of its kin that take an index for the id.
pub(crate) fn semctl_stat(id: c_int, command: c_int) -> Result<(c_int, semid_ds), Errno> {
    let mut stat = MaybeUninit::<semid_ds>::zeroed();
    let argument = Semun { buf: stat.as_mut_ptr() };
    // SAFETY: the command writes at most one `semid_ds`, and there is room for it.
    let id = Errno::result(unsafe { libc::semctl(id, 0, command, argument) })?;
    // SAFETY: a `semid_ds` is made of integers, for which zeroes are valid, and the kernel filled it.
    Ok((id, unsafe { stat.assume_init() }))
}

pub(crate) fn semctl_set(id: c_int, uid: u32, gid: u32, mode: crate::Mode) -> Result<(), Errno> {
    let mut stat = MaybeUninit::<semid_ds>::zeroed();
    // SAFETY: a `semid_ds` is made of integers, for which zeroes are valid.
    set_perm(unsafe { &mut stat.assume_init_mut().sem_perm }, uid, gid, mode);
    let argument = Semun { buf: stat.as_mut_ptr() };
    // SAFETY: `IPC_SET` reads one `semid_ds`.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_SET, argument) }).map(drop)
}

/// `IPC_INFO` or `SEM_INFO`: the limits, or what is in use, and the highest index.
#[cfg(target_os = "linux")]
pub(crate) fn semctl_info(command: c_int) -> Result<(c_int, SemInfo), Errno> {
    let mut info = SemInfo::default();
    let argument = Semun { info: &raw mut info };
    // SAFETY: both commands write one `seminfo`, of which `SemInfo` has the layout.
    let highest = Errno::result(unsafe { libc::semctl(0, 0, command, argument) })?;
    Ok((highest, info))
}

// Shared memory ------------------------------------------------------------------------------

#[allow(clippy::useless_conversion, reason = "a key is wider on some systems")]
pub(crate) fn shmget(key: i32, size: usize, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: `shmget` takes no pointers.
    Errno::result(unsafe { libc::shmget(key.into(), size, flags) })
}

/// # Safety
///
/// With `SHM_REMAP`, whatever is mapped at `address` is replaced: nothing may use it any more.
pub(crate) unsafe fn shmat(id: c_int, address: usize, flags: c_int) -> Result<NonNull<u8>, Errno> {
    // SAFETY: `shmat` reads nothing at the address, and replaces a mapping only by SHM_REMAP, for
    // which the caller answers.
    let mapped = Errno::result(unsafe { libc::shmat(id, std::ptr::without_provenance(address), flags) })?;
    NonNull::new(mapped.cast()).ok_or(Errno::EINVAL)
}

/// # Safety
///
/// `address` must be what `shmat` returned, and nothing may use the mapping any more.
pub(crate) unsafe fn shmdt(address: NonNull<u8>) -> Result<(), Errno> {
    // SAFETY: the caller answers for the address.
    Errno::result(unsafe { libc::shmdt(address.as_ptr().cast::<c_void>()) }).map(drop)
}

pub(crate) fn shmctl_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: `IPC_RMID` ignores the buffer.
    Errno::result(unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) }).map(drop)
}

/// `SHM_LOCK` or `SHM_UNLOCK`.
#[cfg(target_os = "linux")]
pub(crate) fn shmctl_lock(id: c_int, lock: bool) -> Result<(), Errno> {
    let command = if lock { libc::SHM_LOCK } else { libc::SHM_UNLOCK };
    // SAFETY: both commands ignore the buffer.
    Errno::result(unsafe { libc::shmctl(id, command, std::ptr::null_mut()) }).map(drop)
}

pub(crate) fn shmctl_stat(id: c_int, command: c_int) -> Result<(c_int, shmid_ds), Errno> {
    let mut stat = MaybeUninit::<shmid_ds>::zeroed();
    // SAFETY: the command writes at most one `shmid_ds`, and there is room for it.
    let id = Errno::result(unsafe { libc::shmctl(id, command, stat.as_mut_ptr()) })?;
    // SAFETY: a `shmid_ds` is made of integers and null pointers, for which zeroes are valid.
    Ok((id, unsafe { stat.assume_init() }))
}

pub(crate) fn shmctl_set(id: c_int, uid: u32, gid: u32, mode: crate::Mode) -> Result<(), Errno> {
    let mut stat = MaybeUninit::<shmid_ds>::zeroed();
    // SAFETY: a `shmid_ds` is made of integers and null pointers, for which zeroes are valid.
    set_perm(unsafe { &mut stat.assume_init_mut().shm_perm }, uid, gid, mode);
    // SAFETY: `IPC_SET` reads one `shmid_ds`.
    Errno::result(unsafe { libc::shmctl(id, libc::IPC_SET, stat.as_mut_ptr()) }).map(drop)
}

#[cfg(target_os = "linux")]
pub(crate) fn shmctl_limits() -> Result<(c_int, ShmInfo), Errno> {
    let mut info = ShmInfo::default();
    // SAFETY: `IPC_INFO` writes one `shminfo`, of which `ShmInfo` has the layout.
    let highest = Errno::result(unsafe { libc::shmctl(0, libc::IPC_INFO, (&raw mut info).cast()) })?;
    Ok((highest, info))
}

#[cfg(target_os = "linux")]
pub(crate) fn shmctl_usage() -> Result<(c_int, ShmUsage), Errno> {
    let mut info = ShmUsage::default();
    // SAFETY: `SHM_INFO` writes one `shm_info`, of which `ShmUsage` has the layout.
    let highest = Errno::result(unsafe { libc::shmctl(0, SHM_INFO, (&raw mut info).cast()) })?;
    Ok((highest, info))
}

// Message queues -----------------------------------------------------------------------------

/// The type in front of every message in memory.
pub(crate) const MESSAGE_HEADER: usize = size_of::<c_long>();

#[allow(clippy::useless_conversion, reason = "a key is wider on some systems")]
pub(crate) fn msgget(key: i32, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: `msgget` takes no pointers.
    Errno::result(unsafe { abi::msgget(key.into(), flags) })
}

/// Sends a message. Its type stands in its first bytes, in the machine's order.
#[inline]
pub(crate) fn msgsnd(id: c_int, message: &[u8], flags: c_int) -> Result<(), Errno> {
    let payload = message.len().checked_sub(MESSAGE_HEADER).ok_or(Errno::EINVAL)?;
    // SAFETY: the kernel reads the type and `payload` bytes behind it: the whole slice.
    Errno::result(unsafe { abi::msgsnd(id, message.as_ptr().cast::<c_void>(), payload, flags) }).map(drop)
}

/// Receives a message of up to `max` bytes, its type in front. `message` is unchanged on an error.
#[inline]
pub(crate) fn msgrcv(id: c_int, message: &mut Vec<u8>, max: usize, wanted: c_long, flags: c_int) -> Result<(), Errno> {
    let room = MESSAGE_HEADER.checked_add(max).ok_or(Errno::ENOMEM)?;
    message.try_reserve(room.saturating_sub(message.len())).map_err(|_| Errno::ENOMEM)?;
    // SAFETY: the vector has room for the type and `max` bytes behind it, the most the kernel writes.
    let received = Errno::result(unsafe { abi::msgrcv(id, message.as_mut_ptr().cast(), max, wanted, flags) })?;
    let len = MESSAGE_HEADER + usize::try_from(received).expect("a length is not negative");
    // SAFETY: the kernel wrote the type and as many bytes as it says.
    unsafe { message.set_len(len) };
    Ok(())
}

/// Copies the message at an index and leaves it on the queue. Only Linux can do that.
pub(crate) fn msgrcv_copy(id: c_int, message: &mut Vec<u8>, max: usize, index: c_long) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    return msgrcv(id, message, max, index, MSG_COPY | IPC_NOWAIT);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (id, message, max, index);
        Err(Errno::ENOSYS)
    }
}

pub(crate) fn msgctl_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: `IPC_RMID` ignores the buffer.
    Errno::result(unsafe { abi::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) }).map(drop)
}

pub(crate) fn msgctl_stat(id: c_int, command: c_int) -> Result<(c_int, msqid_ds), Errno> {
    let mut stat = MaybeUninit::<msqid_ds>::zeroed();
    // SAFETY: the command writes at most one `msqid_ds`, and there is room for it.
    let id = Errno::result(unsafe { abi::msgctl(id, command, stat.as_mut_ptr()) })?;
    // SAFETY: a `msqid_ds` is made of integers and null pointers, for which zeroes are valid.
    Ok((id, unsafe { stat.assume_init() }))
}

pub(crate) fn msgctl_set(id: c_int, uid: u32, gid: u32, mode: crate::Mode, max_size: usize) -> Result<(), Errno> {
    let mut stat = MaybeUninit::<msqid_ds>::zeroed();
    // SAFETY: a `msqid_ds` is made of integers and null pointers, for which zeroes are valid.
    let fields = unsafe { stat.assume_init_mut() };
    set_perm(&mut fields.msg_perm, uid, gid, mode);
    // A size beyond the system's type is one the kernel would refuse as well.
    fields.msg_qbytes = max_size.try_into().map_err(|_| Errno::EINVAL)?;
    // SAFETY: `IPC_SET` reads one `msqid_ds`.
    Errno::result(unsafe { abi::msgctl(id, libc::IPC_SET, stat.as_mut_ptr()) }).map(drop)
}

/// `IPC_INFO` or `MSG_INFO`: the limits, or what is in use, and the highest index.
#[cfg(target_os = "linux")]
pub(crate) fn msgctl_info(command: c_int) -> Result<(c_int, MsgInfo), Errno> {
    let mut info = MsgInfo::default();
    // SAFETY: both commands write one `msginfo`, of which `MsgInfo` has the layout.
    let highest = Errno::result(unsafe { abi::msgctl(0, command, (&raw mut info).cast()) })?;
    Ok((highest, info))
}

/// Returns how many signals and timers the user may have pending. Returns `None` without a limit, and where the system
/// has none.
#[allow(clippy::useless_conversion, reason = "limits have 32 bits on some machines")]
pub(crate) fn max_pending_signals() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
        // SAFETY: the call writes one `rlimit`, and there is room for it.
        Errno::result(unsafe { libc::getrlimit(libc::RLIMIT_SIGPENDING, limit.as_mut_ptr()) }).ok()?;
        // SAFETY: an `rlimit` is made of integers, for which zeroes are valid, and the call filled it.
        let most = unsafe { limit.assume_init() }.rlim_cur;
        (most != libc::RLIM_INFINITY).then_some(most.into())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

pub(crate) fn page_size() -> usize {
    // SAFETY: `sysconf` takes no pointers.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).expect("every system has pages")
}

/// A duration as the kernel takes it.
#[cfg(target_os = "linux")]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "31 bits fit every type of seconds")]
pub(crate) fn timespec(time: std::time::Duration) -> libc::timespec {
    // SAFETY: a `timespec` is made of integers, for which zeroes are valid.
    let mut spec: libc::timespec = unsafe { MaybeUninit::zeroed().assume_init() };
    // Sixty-eight years, which every system's seconds can count, are as good as for ever.
    spec.tv_sec = time.as_secs().min(0x7fff_ffff) as _;
    spec.tv_nsec = time.subsec_nanos() as _;
    spec
}
