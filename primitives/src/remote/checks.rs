//! What a server must be like, so that no message is lost on it in silence.

use std::collections::BTreeMap;

/// What `INFO` says.
pub(super) struct Info<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    fn value(&self, key: &str) -> &'a str {
        self.0.get(key).copied().unwrap_or("unknown")
    }
}

/// Returns whether a server is too old for the scripts, and what to do.
pub(super) fn too_old(info: &Info<'_>) -> Option<String> {
    // A Valkey server says here with which version of Redis it is compatible.
    let version = info.value("redis_version");
    let major: Option<u32> = version.split('.').next().and_then(|number| number.parse().ok());
    let is_old = major.is_none_or(|major| major < 7);
    is_old.then(|| format!("it has version {version}, and 7.0 is the least; install a newer Redis, or Valkey"))
}

/// Returns what is wrong with a server, and which line changes it.
pub(super) fn fault(info: &Info<'_>, is_volatile_allowed: bool) -> Option<String> {
    if let Some(why) = too_old(info) {
        return Some(why);
    }
    let value = |key| info.value(key);
    let policy = value("maxmemory_policy");
    if policy != "noeviction" {
        return Some(format!(
            "it has `maxmemory-policy {policy}`, which drops messages when memory is short; write `maxmemory-policy noeviction` \
             into its configuration, or run `CONFIG SET maxmemory-policy noeviction`"
        ));
    }
    if value("role") == "slave" {
        return Some("it is a replica, which can't be written to; connect to its master".to_owned());
    }
    if value("aof_enabled") != "1" && !is_volatile_allowed {
        return Some(
            "it has `appendonly no`, and loses messages when it is restarted; write `appendonly yes` into its configuration, or run \
             `CONFIG SET appendonly yes`; if they may be lost, say ?volatile=true behind the name in the address"
                .to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Info, fault};

    #[test]
    fn each_setting_that_loses_messages_is_refused() {
        let info = |version, policy, aof| {
            format!(
                "# Server\r\nredis_version:{version}\r\nmaxmemory_policy:{policy}\r\nrole:master\r\naof_enabled:{aof}\r\n"
            )
        };
        assert_eq!(fault(&Info::new(&info("7.0.15", "noeviction", 1)), false), None);
        assert_eq!(fault(&Info::new(&info("7.2.4", "noeviction", 0)), true), None);
        for (text, what) in [
            (info("6.2.1", "noeviction", 1), "7.0"),
            (info("7.0.15", "allkeys-lru", 1), "CONFIG SET maxmemory-policy noeviction"),
            (info("7.0.15", "noeviction", 0), "CONFIG SET appendonly yes"),
            (String::new(), "version unknown"),
        ] {
            let found = fault(&Info::new(&text), false).expect("it is refused");
            assert!(found.contains(what), "{found}");
        }
    }
}
