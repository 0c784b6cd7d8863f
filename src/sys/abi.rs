//! The C types, numbers and functions of System V that the libc crate lacks on some system.
//!
//! Each definition is that of the system's own headers, and of no other system.

use libc::c_int;
#[cfg(target_env = "musl")]
use libc::c_long;
#[cfg(target_os = "linux")]
use libc::c_ulong;

pub(crate) const IPC_CREAT: c_int = libc::IPC_CREAT as c_int;
pub(crate) const IPC_EXCL: c_int = libc::IPC_EXCL as c_int;
pub(crate) const IPC_NOWAIT: c_int = libc::IPC_NOWAIT as c_int;

// The same on every system that has them.
pub(crate) const SEM_UNDO: c_int = 0o10000;
pub(crate) const SHM_RDONLY: c_int = 0o10000;
pub(crate) const SHM_RND: c_int = 0o20000;
pub(crate) const MSG_NOERROR: c_int = 0o10000;

#[cfg(target_os = "linux")]
mod numbers {
    use libc::c_int;

    pub(crate) const GETPID: c_int = 11;
    pub(crate) const GETVAL: c_int = 12;
    pub(crate) const GETALL: c_int = 13;
    pub(crate) const GETNCNT: c_int = 14;
    pub(crate) const GETZCNT: c_int = 15;
    pub(crate) const SETVAL: c_int = 16;
    pub(crate) const SETALL: c_int = 17;
    pub(crate) const SEM_STAT_ANY: c_int = 20;
    pub(crate) const SHM_STAT_ANY: c_int = 15;
    pub(crate) const MSG_STAT_ANY: c_int = 13;
    pub(crate) const SHM_INFO: c_int = 14;
    pub(crate) const MSG_COPY: c_int = 0o40000;
}

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod numbers {
    use libc::c_int;

    pub(crate) const GETNCNT: c_int = 3;
    pub(crate) const GETPID: c_int = 4;
    pub(crate) const GETVAL: c_int = 5;
    pub(crate) const GETALL: c_int = 6;
    pub(crate) const GETZCNT: c_int = 7;
    pub(crate) const SETVAL: c_int = 8;
    pub(crate) const SETALL: c_int = 9;
}

pub(crate) use self::numbers::*;

// Semaphores ---------------------------------------------------------------------------------

#[cfg(not(target_env = "musl"))]
pub(crate) use libc::semid_ds;

/// musl's on 64-bit machines.
#[cfg(target_env = "musl")]
#[repr(C)]
#[allow(non_camel_case_types, reason = "the name is C's")]
pub(crate) struct semid_ds {
    pub(crate) sem_perm: libc::ipc_perm,
    pub(crate) sem_otime: c_long,
    #[cfg(target_arch = "x86_64")]
    unused1: c_long,
    pub(crate) sem_ctime: c_long,
    #[cfg(target_arch = "x86_64")]
    unused2: c_long,
    pub(crate) sem_nsems: libc::c_ushort,
    pad: [u8; size_of::<c_long>() - size_of::<libc::c_ushort>()],
    unused3: [c_long; 2],
}

#[cfg(target_os = "linux")]
unsafe extern "C" {
    pub(crate) fn semtimedop(
        id: c_int,
        ops: *mut libc::sembuf,
        count: libc::size_t,
        timeout: *const libc::timespec,
    ) -> c_int;
}

/// Linux's `struct seminfo`.
#[cfg(target_os = "linux")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct SemInfo {
    pub(crate) semmap: c_int,
    pub(crate) semmni: c_int,
    pub(crate) semmns: c_int,
    pub(crate) semmnu: c_int,
    pub(crate) semmsl: c_int,
    pub(crate) semopm: c_int,
    pub(crate) semume: c_int,
    pub(crate) semusz: c_int,
    pub(crate) semvmx: c_int,
    pub(crate) semaem: c_int,
}

/// Linux's `struct shminfo`.
#[cfg(target_os = "linux")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmInfo {
    pub(crate) shmmax: c_ulong,
    pub(crate) shmmin: c_ulong,
    pub(crate) shmmni: c_ulong,
    pub(crate) shmseg: c_ulong,
    pub(crate) shmall: c_ulong,
    unused: [c_ulong; 4],
}

/// Linux's `struct shm_info`: what is in use.
#[cfg(target_os = "linux")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmUsage {
    pub(crate) used_ids: c_int,
    pub(crate) shm_tot: c_ulong,
    pub(crate) shm_rss: c_ulong,
    pub(crate) shm_swp: c_ulong,
    unused: [c_ulong; 2],
}

/// Linux's `struct msginfo`.
#[cfg(target_os = "linux")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct MsgInfo {
    pub(crate) msgpool: c_int,
    pub(crate) msgmap: c_int,
    pub(crate) msgmax: c_int,
    pub(crate) msgmnb: c_int,
    pub(crate) msgmni: c_int,
    pub(crate) msgssz: c_int,
    pub(crate) msgtql: c_int,
    msgseg: libc::c_ushort,
}

// Shared memory and message queues ------------------------------------------------------------

/// The key that Linux reports, in a field that no standard has.
#[cfg(all(target_os = "linux", not(target_env = "musl")))]
pub(crate) fn key_of(perm: &libc::ipc_perm) -> libc::key_t {
    perm.__key
}

/// The key that Linux reports, in a field that no standard has.
#[cfg(target_env = "musl")]
#[allow(deprecated, reason = "a future libc crate renames the field")]
pub(crate) fn key_of(perm: &libc::ipc_perm) -> libc::key_t {
    perm.__ipc_perm_key
}

#[cfg(not(target_os = "macos"))]
pub(crate) use libc::{msgctl, msgget, msgrcv, msgsnd, msqid_ds};

#[cfg(target_os = "macos")]
pub(crate) use self::macos::{msgctl, msgget, msgrcv, msgsnd, msqid_ds};

/// `sys/msg.h`, which the libc crate lacks.
#[cfg(target_os = "macos")]
mod macos {
    use libc::{c_int, c_long, c_ulong, c_void, ipc_perm, key_t, pid_t, size_t, ssize_t, time_t};

    #[repr(C, packed(4))]
    #[allow(non_camel_case_types, reason = "the name is C's")]
    pub(crate) struct msqid_ds {
        pub(crate) msg_perm: ipc_perm,
        msg_first: i32,
        msg_last: i32,
        msg_cbytes: c_ulong,
        pub(crate) msg_qnum: c_ulong,
        pub(crate) msg_qbytes: c_ulong,
        pub(crate) msg_lspid: pid_t,
        pub(crate) msg_lrpid: pid_t,
        pub(crate) msg_stime: time_t,
        msg_pad1: i32,
        pub(crate) msg_rtime: time_t,
        msg_pad2: i32,
        pub(crate) msg_ctime: time_t,
        msg_pad3: i32,
        msg_pad4: [i32; 4],
    }

    unsafe extern "C" {
        pub(crate) fn msgget(key: key_t, flags: c_int) -> c_int;
        pub(crate) fn msgsnd(id: c_int, message: *const c_void, size: size_t, flags: c_int) -> c_int;
        pub(crate) fn msgrcv(id: c_int, message: *mut c_void, size: size_t, wanted: c_long, flags: c_int) -> ssize_t;
        pub(crate) fn msgctl(id: c_int, command: c_int, stat: *mut msqid_ds) -> c_int;
    }
}
