//! Rules that are named once: what is made of the list, and what a list of counterexamples must cover.

use sysv_models::rules::objections;

sysv_models::rules! {
    /// The flag is set before the last try.
    announce_before_try,
    /// The kernel posts the doorbell when a process dies.
    obituary_posts,
    /// The last try is repeated.
    try_twice,
}

const ALL: Rules = Rules::ALL;
const NOT_NEEDED: [(&str, &str); 1] = [("try_twice", "the second try finds what the first one found")];

fn breaks(rules: Rules, deaths: u8, invariant: &str) -> bool {
    invariant == "no lost wake-up" && (!rules.announce_before_try || (deaths > 0 && !rules.obituary_posts))
}

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// An item is committed between the last try and the flag, and the producer does not post.
    announce_before_try: breaks(0, "no lost wake-up");
    /// The owner dies after the waiter saw it alive.
    obituary_posts: breaks(1, "no lost wake-up");
}

#[test]
fn the_example_needs_both_clauses() {
    assert!(!breaks(ALL, 1, "no lost wake-up"));
    assert!(!breaks(Rules::without("try_twice"), 1, "no lost wake-up"));
}

#[test]
fn all_rules_are_in_force_by_default() {
    assert_eq!(Rules::default(), ALL);
    let Rules { announce_before_try, obituary_posts, try_twice } = ALL;
    assert_eq!([announce_before_try, obituary_posts, try_twice], [true; 3]);
    assert_eq!(ALL.missing().count(), 0);
}

#[test]
fn each_clause_is_taken_out_alone() {
    let each: Vec<_> = Rules::without_each().collect();
    let expected = [
        ("announce_before_try", Rules { announce_before_try: false, ..ALL }),
        ("obituary_posts", Rules { obituary_posts: false, ..ALL }),
        ("try_twice", Rules { try_twice: false, ..ALL }),
    ];
    assert_eq!(each, expected);
}

#[test]
fn debug_output_shows_missing_clauses_alone() {
    let rules = Rules { announce_before_try: false, try_twice: false, ..ALL };
    assert_eq!(format!("{rules:?}"), "ALL - announce_before_try - try_twice");
    assert_eq!(format!("{ALL:?}"), "ALL");
}

#[test]
#[should_panic(expected = "there is no clause \"obituary_post\"")]
fn a_clause_that_does_not_exist_is_not_taken_out() {
    Rules::without("obituary_post");
}

fn object(broken: &[&str], not_needed: &[(&str, &str)]) -> Vec<String> {
    objections(Rules::without_each(), broken, not_needed)
}

#[test]
fn a_clause_without_a_counterexample_is_found() {
    let found = object(&["obituary_posts"], &NOT_NEEDED);
    assert_eq!(found, ["announce_before_try has neither a counterexample nor a reason"]);
}

#[test]
fn a_reason_beside_a_counterexample_is_found() {
    let found = object(&["announce_before_try", "obituary_posts", "try_twice"], &NOT_NEEDED);
    assert_eq!(found, ["try_twice has a counterexample, and a reason for having none"]);
}

#[test]
fn a_name_of_no_clause_is_found() {
    let not_needed = [NOT_NEEDED[0], ("try_thrice", "it is for luck")];
    let found = object(&["announce_before_try", "obituary_posts"], &not_needed);
    assert_eq!(found, ["try_thrice is no clause"]);
}

#[test]
fn a_reason_that_says_nothing_is_found() {
    let found = object(&["announce_before_try", "obituary_posts"], &[("try_twice", "")]);
    assert_eq!(found, ["try_twice is not needed, but nothing says why"]);
}
