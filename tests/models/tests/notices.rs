//! The notices of a channel on a server: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    notices::{
        Notices, Rules,
        Selection::{self, Any, Only},
    },
};

const ALL: Rules = Rules::ALL;
const STRANDED: &str = "N1 not stranded";
const ANNOUNCED: &str = "N2 not announced";

fn notices(receivers: &'static [Selection]) -> Notices {
    Notices { receivers, sent: &[1, 0, 1], returned: &[], looks: 0, leavers: 0, deaths: 0, rules: ALL }
}

fn alike() -> Notices {
    notices(&[Any, Any, Any])
}

fn different() -> Notices {
    Notices { returned: &[0], sent: &[1, 0], ..notices(&[Any, Only(1), Only(0)]) }
}

/// A receiver reads its notice after it has looked by itself, and then has another one.
fn late() -> Notices {
    Notices { returned: &[1], sent: &[1, 0], looks: 1, ..notices(&[Any, Any, Only(0)]) }
}

fn two_routes() -> Notices {
    Notices { sent: &[0, 1], leavers: 1, ..notices(&[Any, Only(0), Only(0), Only(1)]) }
}

fn found(notices: Notices) -> Exploration {
    let text = format!("{notices:?}");
    let found = explore(notices);
    println!("{text}: {found}");
    found
}

fn is_complete(notices: Notices) -> bool {
    found(notices).violations.is_empty()
}

fn breaks(rules: Rules, notices: Notices, invariant: &'static str) -> bool {
    let found = explore_until_broken(Notices { rules, ..notices }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong() {
    for notices in [alike(), different(), Notices { sent: &[1, 1, 0, 0], ..different() }] {
        for (looks, leavers, deaths) in [(0, 0, 0), (2, 0, 0), (0, 2, 0), (2, 1, 0), (0, 0, 2), (1, 1, 1)] {
            assert!(is_complete(Notices { looks, leavers, deaths, ..notices.clone() }));
        }
    }
    assert!(is_complete(late()));
    assert!(is_complete(two_routes()));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(Notices { looks: 1, ..different() });
    assert!(found.reaches("a notice is not read"));
    assert!(found.reaches("each message is taken"));
}

const NOT_NEEDED: [(&str, &str); 0] = [];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A message is sent between the look and the announcement.
    announces_in_one_step: breaks(alike(), STRANDED);
    /// The receiver that was notified dies.
    looks_by_itself: breaks(Notices { deaths: 1, ..alike() }, STRANDED);
    /// The notice goes to a receiver of another route.
    notice_fits: breaks(different(), STRANDED);
    /// A receiver looks by itself, takes a message, and is notified of the next one.
    take_ends: breaks(Notices { looks: 1, ..alike() }, ANNOUNCED);
    /// A receiver is notified of a message, and takes one that came back to the front. Another receiver waits for the first one.
    taker_passes_on: breaks(different(), STRANDED);
    /// A receiver of the first route is notified, and finds nothing. The notice was for the second one.
    passes_on_for_all: breaks(two_routes(), STRANDED);
    /// A receiver leaves with its notice.
    leaver_passes_on: breaks(Notices { leavers: 1, ..alike() }, STRANDED);
}
