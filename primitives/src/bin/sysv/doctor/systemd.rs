//! Whether systemd removes the user's objects at logout: `RemoveIPC` of logind.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

use super::Finding;

const CHECK: &str = "remove-ipc";
/// Where logind looks for its settings. A file in an earlier folder hides one of the same name in a later folder.
const FOLDERS: [&str; 4] = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"];
/// The users that systemd gives to units with `DynamicUser=yes`.
const DYNAMIC: std::ops::RangeInclusive<u32> = 61_184..=65_519;

const WHY: &str = "when this user's last session ends, systemd removes the user's semaphore sets and queues, \
and segments that no process has attached. Programs in the background then fail with `Removed`";

/// Judges for a user.
pub(super) fn remove_ipc(uid: u32) -> Finding {
    if !Path::new("/run/systemd/seats").exists() {
        return Finding::fine(CHECK, "systemd-logind does not run here, so objects are not removed at logout");
    }
    if DYNAMIC.contains(&uid) {
        let what = format!("user {uid} is one that systemd gives to units with DynamicUser=yes");
        return Finding::attention(CHECK, what, "systemd removes such a user's objects when the unit stops")
            .change("systemctl edit UNIT   # [Service] DynamicUser=no, and User= with a system user");
    }
    if uid <= most_system_uid() {
        return Finding::fine(CHECK, format!("user {uid} is a system user: systemd keeps its objects"));
    }
    let (removes, origin) = setting();
    if !removes {
        return Finding::fine(CHECK, format!("RemoveIPC=no ({origin})"));
    }
    let name = name_of(uid);
    if Path::new("/var/lib/systemd/linger").join(&name).exists() {
        return Finding::fine(CHECK, format!("RemoveIPC=yes ({origin}), but user {name} lingers"));
    }
    Finding::attention(CHECK, format!("RemoveIPC=yes ({origin}), and user {name} does not linger"), WHY)
        .change(format!("loginctl enable-linger {name}"))
}

/// Returns the user's name, or the number if the user has none.
fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

/// Returns the largest number of a system user.
fn most_system_uid() -> u32 {
    let definitions = fs::read_to_string("/etc/login.defs").unwrap_or_default();
    let number = definitions.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("SYS_UID_MAX")).then(|| words.next()?.parse().ok())?
    });
    number.unwrap_or(999)
}

/// Returns what `RemoveIPC` is, and where that is written.
fn setting() -> (bool, String) {
    let main = FOLDERS.iter().map(|folder| Path::new(folder).join("logind.conf")).find(|path| path.exists());
    let main_text = main.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    // A distribution shows in a comment what it was built with.
    let mut found = match last_value(&main_text, "#RemoveIPC=") {
        Some(built) => (built, "the default of this system".to_owned()),
        None => (true, "the default".to_owned()),
    };
    for path in main.into_iter().chain(drop_ins()) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let Some(value) = last_value(&text, "RemoveIPC=") {
            found = (value, path.display().to_string());
        }
    }
    found
}

/// Returns the files that add to the main one, in the order in which they hold.
fn drop_ins() -> impl Iterator<Item = PathBuf> {
    let mut files: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(Path::new(folder).join("logind.conf.d")) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "conf") {
                // The earlier folder holds.
                files.entry(path.file_name().unwrap_or_default().to_owned()).or_insert(path);
            }
        }
    }
    files.into_values()
}

/// Returns the last value of a setting in the section of logind.
fn last_value(text: &str, setting: &str) -> Option<bool> {
    let mut section = "";
    let mut value = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let Some(word) = line.strip_prefix(setting).filter(|_| section == "[Login]") {
            value = boolean(word.trim()).or(value);
        }
    }
    value
}

/// As systemd reads it.
fn boolean(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}
