//! Fork generations, in children that the C library made and in those that it knows nothing of.
#![allow(unsafe_code, reason = "a handle is dropped in a child, and madvise is refused")]

use std::{
    env,
    os::unix::process::CommandExt,
    process::Command,
    sync::Barrier,
    thread::{self, ScopedJoinHandle},
};

use support::{alone, child, cloned, exit_now, hold_for_ever, semaphore};
use sysv_ipc::process::{fork_generation, watch_forks};

/// All threads of this process have one generation, whichever asks first, and it is none of those that are given.
#[track_caller]
fn assert_new(inherited: &[u32]) {
    const THREADS: usize = 4;
    let begin = Barrier::new(THREADS);
    let ask = || {
        begin.wait();
        fork_generation()
    };
    let found: Vec<u32> = thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, u32>> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.iter().all(|&generation| generation == fork_generation()), "{found:?}");
    assert!(!inherited.contains(&found[0]), "{} was an ancestor's: {inherited:?}", found[0]);
}

/// Each way of making a child gives it another generation than its ancestors', also a child's child.
#[test]
fn case_c5_generations_of_cloned_children() {
    alone(|| {
        watch_forks();
        let mine = fork_generation();
        for _ in 0..100 {
            cloned(|| assert_new(&[mine])).join();
        }
        for make in [|body: &dyn Fn()| child(body).join(), |body: &dyn Fn()| cloned(body).join()] {
            // With a generation of its own, and without.
            make(&|| {
                let childs = fork_generation();
                cloned(|| assert_new(&[mine, childs])).join();
                child(|| assert_new(&[mine, childs])).join();
                assert_eq!(fork_generation(), childs);
            });
            make(&|| cloned(|| assert_new(&[mine])).join());
        }
        assert_eq!(fork_generation(), mine, "a process keeps its generation");
    });
}

/// A guard that a cloned child inherited is its parent's.
#[test]
fn case_c5_a_cloned_child_and_a_guard() {
    let semaphore = semaphore(1);
    alone(|| {
        let guard = semaphore.acquire_guard().unwrap();
        let dropper = cloned(|| {
            // SAFETY: the child leaves without running destructors, so this is its only drop.
            drop(unsafe { std::ptr::read(&raw const guard) });
            hold_for_ever()
        });
        dropper.until_asleep();
        assert_eq!(semaphore.value().unwrap(), 0);
        dropper.kill();
        assert_eq!(semaphore.value().unwrap(), 0);
        drop(guard);
        assert_eq!(semaphore.value().unwrap(), 1);
    });
}

/// Where the kernel can't wipe a page, `fork` still gives a new generation.
#[test]
fn case_c5_generations_where_wiping_is_refused() {
    const IS_REFUSED: &str = "SYSV_TEST_MADVISE_IS_REFUSED";
    if env::var_os(IS_REFUSED).is_none() {
        // A new program: in this one the page may be wiped already.
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["--exact", "forks::case_c5_generations_where_wiping_is_refused"]).env(IS_REFUSED, "1");
        // SAFETY: the closure makes two system calls and uses no memory but its own.
        unsafe { program.pre_exec(refuse_madvise) };
        assert!(program.status().unwrap().success());
        return;
    }
    alone(|| {
        watch_forks();
        let mine = fork_generation();
        child(|| {
            assert_new(&[mine]);
            let childs = fork_generation();
            child(|| assert_new(&[mine, childs])).join();
        })
        .join();
        cloned(|| exit_now(i32::from(fork_generation() != mine))).join();
        assert_eq!(fork_generation(), mine, "a process keeps its generation");
    });
}

/// Has `madvise` fail with `EINVAL`, as for an advice that the kernel doesn't know.
#[allow(clippy::cast_possible_truncation, reason = "the numbers have 16 bits")]
fn refuse_madvise() -> std::io::Result<()> {
    const CALL: u32 = libc::SYS_madvise as u32;
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        // The number of the call is the first word of what a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, CALL),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: these arguments hold no pointer.
    let is_bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    nix::errno::Errno::result(is_bound)?;
    // SAFETY: the filter and its steps live until the call returns.
    let is_set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    nix::errno::Errno::result(is_set)?;
    Ok(())
}
