//! Whether a user id names one user.

use std::{fs, sync::OnceLock};

/// The id that the kernel reports for users without an id in the caller's user namespace, by default.
const OVERFLOW: u32 = 65_534;

/// Returns whether a user id that the kernel reports is that of one user.
///
/// In a user namespace the owners without an id of their own all read as one number, 65534 (`overflowuid`). So there
/// that number identifies no owner, not even to a process that has the same number as its own. Outside such a namespace
/// it is an ordinary user.
///
/// See [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html).
///
/// ```
/// assert!(sysv_ipc::process::is_one_user(0));
/// ```
#[must_use]
pub fn is_one_user(uid: u32) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    // One number for the whole system, so it is read once. A process may change its namespace, so the map is read each time.
    static KNOWN: OnceLock<u32> = OnceLock::new();
    let overflow = *KNOWN.get_or_init(|| {
        let text = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(OVERFLOW)
    });
    // Where `/proc` can't be read, the number is not known to name one user, and so it is not trusted.
    uid != overflow || fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| has_all_ids(&map))
}

/// Returns whether a map gives every user its own number, as it is outside user namespaces.
fn has_all_ids(map: &str) -> bool {
    let mut fields = map.split_whitespace();
    fields.next() == Some("0") && fields.next() == Some("0") && fields.next() == Some("4294967295")
}

#[cfg(test)]
mod tests {
    use super::has_all_ids;

    #[test]
    fn only_the_whole_map_has_all_ids() {
        assert!(has_all_ids("         0          0 4294967295\n"));
        assert!(!has_all_ids("         0       1000          1\n"));
        assert!(!has_all_ids("         0     100000      65536\n"), "65534 is one of its own, and that of all others");
        assert!(!has_all_ids(""));
    }
}
