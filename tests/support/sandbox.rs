//! A sandbox: a seccomp filter, as containers and services have one.
#![cfg(target_os = "linux")]

/// Has these system calls fail with `EPERM` from now on, in this process and its children.
#[track_caller]
pub fn forbid(calls: &[libc::c_long]) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k };
    let count = u8::try_from(calls.len()).expect("a jump is short");
    // The number of the call is the first word that a filter sees.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    program.extend(calls.iter().zip((1..=count).rev()).map(|(&call, to_refusal)| libc::sock_filter {
        jt: to_refusal,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::try_from(call).expect("a call has a number"))
    }));
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()));
    let filter = libc::sock_fprog { len: u16::from(count) + 3, filter: program.as_mut_ptr() };
    // SAFETY: the option takes no pointers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the filter and its program are valid, and the kernel copies them.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) }, 0);
}
