//! `sysv clean`.

use support::{in_own_namespace, name};
use sysv_primitives::{Channel, Mutex, Route};

use crate::tool::{json, sysv};

fn verdict(arguments: &[&str]) -> (String, String) {
    let page = json(arguments);
    let verdicts = page["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 1, "{page}");
    let text = |field: &str| verdicts[0][field].as_str().unwrap().to_owned();
    (text("decision"), text("reason"))
}

/// By default it removes nothing, and says what would go.
#[test]
fn a_dry_run_changes_nothing() {
    in_own_namespace(|| {
        let name = name();
        drop(Mutex::create(&name, 0_u64).unwrap());
        assert_eq!(verdict(&["clean", "--older-than", "0", &name]).0, "remove");
        sysv(&["clean", "--older-than", "0", &name]).ended(0).says("would go").says("--yes");
        assert!(Mutex::<u64>::open(&name).is_ok());
        assert_eq!(verdict(&["clean", "--older-than", "0", "--yes", &name]).0, "removed");
        assert!(Mutex::<u64>::open(&name).is_err());
    });
}

/// What lives, is young, or has messages stays, and the reason is given.
#[test]
fn what_is_of_use_stays() {
    in_own_namespace(|| {
        let (living, young, full) = (name(), name(), name());
        let _living = Mutex::create(&living, 0_u64).unwrap();
        drop(Mutex::create(&young, 0_u64).unwrap());
        let channel = Channel::create(&full).unwrap();
        channel.send_raw(Route::new(1), b"job").unwrap();
        drop(channel);
        for (arguments, name) in
            [(&["--older-than", "0s"][..], &living), (&[][..], &young), (&["--older-than", "0"][..], &full)]
        {
            let mut all = vec!["clean", "--yes"];
            all.extend(arguments);
            all.push(name);
            let (decision, reason) = verdict(&all);
            assert_eq!(decision, "keep", "{reason}");
            assert!(!reason.is_empty());
            support::say(&format!("{reason}\n"));
        }
        assert_eq!(verdict(&["clean", "--yes", "--older-than", "0", "--with-messages", &full]).0, "removed");
    });
}
