//! The pool: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    pool::{Pool, Rules},
};

const ALL: Rules = Rules::ALL;
const ONE: &str = "I3 one is served";
const SEVERAL: &str = "I4 several are served";

/// Processes that call for so many permits each, and hold so many at first.
const fn pool(needs: &'static [u8], held: &'static [u8], permits: usize) -> Pool {
    Pool {
        needs,
        held,
        asleep: 0,
        permits,
        most_held: 1,
        acquires: None,
        timeouts: Some(1),
        deaths: 0,
        comes_back: true,
        saturation: 2,
        one_by_one: false,
        sorts: true,
        rules: ALL,
    }
}

/// A holder of both permits, and two callers that sleep.
const SLEEPERS: Pool = Pool { acquires: Some(0), asleep: 2, ..pool(&[1, 1, 2], &[2, 0, 0], 2) };
/// Two holders of one permit each, and so many processes.
const HANDED: Pool = Pool { acquires: Some(0), timeouts: Some(0), asleep: 2, ..pool(&[1, 1, 1, 1], &[1, 2, 0, 0], 3) };
/// A holder of both permits, and a caller for both.
const PAIR: Pool = Pool { acquires: Some(2), timeouts: Some(0), ..pool(&[1, 2], &[2, 0], 2) };
/// As above, and one of them may die.
const MORTALS: Pool = Pool { deaths: 1, ..Pool { held: &[1, 0], ..PAIR } };
/// A holder of one permit, and two callers for it.
const QUEUE: Pool = Pool { acquires: Some(2), ..pool(&[1, 1, 1], &[1, 0, 0], 1) };
/// Callers for 2 and for 3, and a holder of 3.
const UNEQUAL: Pool = Pool { acquires: Some(2), ..pool(&[2, 3, 1], &[0, 0, 3], 3) };
const PATIENT: Pool = Pool { timeouts: Some(0), ..UNEQUAL };

fn found(pool: Pool) -> Exploration {
    let text = format!("{pool:?}");
    let found = explore(pool);
    println!("{text}: {found}");
    found
}

fn is_complete(pool: Pool) -> bool {
    found(pool).violations.is_empty()
}

fn breaks(rules: Rules, pool: Pool, invariant: &'static str) -> bool {
    let pool = Pool { rules, ..pool };
    let text = format!("{pool:?}");
    let found = explore_until_broken(pool, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(is_complete(pool(&[1, 2], &[0, 0], 2)));
    assert!(is_complete(Pool { acquires: Some(3), ..pool(&[2, 2], &[0, 0], 2) }));
    assert!(is_complete(Pool { acquires: Some(3), timeouts: Some(0), ..pool(&[2, 3], &[0, 0], 4) }));
}

#[test]
fn nothing_goes_wrong_if_members_die() {
    assert!(is_complete(Pool { acquires: Some(3), deaths: 1, ..pool(&[1, 2], &[0, 0], 2) }));
    assert!(is_complete(Pool { acquires: Some(2), deaths: 2, ..pool(&[2, 2], &[0, 0], 2) }));
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(is_complete(SLEEPERS));
    assert!(is_complete(Pool { timeouts: Some(0), deaths: 1, comes_back: false, saturation: 3, ..SLEEPERS }));
}

#[test]
fn nothing_goes_wrong_with_callers_for_2_and_for_3() {
    assert!(is_complete(Pool { needs: &[1, 3, 2], held: &[3, 0, 0], permits: 3, ..SLEEPERS }));
    assert!(is_complete(Pool { needs: &[1, 2, 3], held: &[3, 0, 0], permits: 3, timeouts: Some(0), ..SLEEPERS }));
}

#[test]
fn nothing_goes_wrong_if_permits_are_checked_one_by_one() {
    assert!(is_complete(Pool { one_by_one: true, acquires: Some(3), ..pool(&[1, 2], &[0, 0], 2) }));
    assert!(is_complete(Pool { one_by_one: true, timeouts: Some(0), ..SLEEPERS }));
}

#[test]
fn nothing_goes_wrong_with_2_notifiers() {
    assert!(is_complete(HANDED));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { turnstile: false, helper_notifies: false, mark_called: false, ..ALL };
    assert!(is_complete(Pool { rules, ..MORTALS }));
    assert!(is_complete(Pool { rules, acquires: Some(3), ..pool(&[2, 2], &[0, 0], 2) }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more_acquiring() {
    assert!(is_complete(UNEQUAL));
    assert!(is_complete(Pool { needs: &[1, 2, 3], held: &[3, 0, 0], permits: 3, ..SLEEPERS }));
    assert!(is_complete(Pool { acquires: Some(4), ..pool(&[2, 3], &[0, 0], 4) }));
    assert!(is_complete(Pool { acquires: Some(2), ..pool(&[1, 1, 2], &[0, 2, 0], 2) }));
    assert!(is_complete(Pool { acquires: Some(3), ..pool(&[1, 1, 2], &[0, 0, 0], 2) }));
    assert!(is_complete(Pool { acquires: Some(2), deaths: 1, ..pool(&[1, 1, 2], &[0, 1, 0], 2) }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(MORTALS);
    assert!(found.reaches("two help one slot"));
    let found = self::found(Pool { acquires: Some(3), ..pool(&[1, 2], &[0, 0], 2) });
    assert!(found.reaches("several are held by one"));
    assert!(found.reaches("a caller gives back"));
    let unequal = Pool { needs: &[1, 3, 2], held: &[3, 0, 0], permits: 3, timeouts: Some(0), ..SLEEPERS };
    let found = self::found(unequal);
    assert!(found.reaches("two callers for several sleep"));
    assert!(found.reaches("a count is not due"));
    let found = self::found(Pool { acquires: Some(2), ..pool(&[2, 2], &[0, 0], 4) });
    assert!(found.reaches("the turnstile is found taken"));
    assert!(self::found(HANDED).reaches("another notifier posts"));
}

/// What is promised of the order among callers for several, and what is not.
#[test]
fn the_order_of_callers_for_several() {
    const WAITER: &str = "a waiter overtakes an older one";
    const COMER: &str = "a caller that comes overtakes a waiter";
    const ASLEEP: Pool = Pool { needs: &[1, 3, 2], held: &[3, 0, 0], permits: 3, timeouts: Some(0), ..SLEEPERS };
    // Of those that sleep, a release wakes the oldest alone, also if there are enough for another one.
    let found = self::found(ASLEEP);
    assert!(!found.reaches(WAITER) && !found.reaches(COMER));
    // After a death all of them check.
    let found = self::found(Pool { deaths: 1, comes_back: false, ..ASLEEP });
    assert!(found.reaches(WAITER));
    // A caller that comes takes what it finds.
    let found = self::found(Pool { acquires: Some(1), timeouts: Some(0), asleep: 1, ..pool(&[2, 3], &[2, 0], 2) });
    assert!(found.reaches(COMER) && !found.reaches(WAITER));
    // So does one that begins to wait, and checks before it sleeps.
    let found =
        self::found(Pool { acquires: Some(1), timeouts: Some(0), asleep: 1, ..pool(&[1, 2, 3], &[2, 0, 0], 2) });
    assert!(found.reaches(WAITER));
}

const NOT_NEEDED: [(&str, &str); 3] = [
    (
        "turnstile",
        "two callers that claim at once give back, and notify, so no call is lost; but they may do so for ever",
    ),
    ("mark_called", "a waiter that stays UNPOSTED gets more posts than it needs, and loses none"),
    ("helper_notifies", "each waiter has an obituary of its own: it repairs the slot itself, and then checks"),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A permit is freed after the check and before the flag is raised, and the holder finds the flag down.
    announce_before_check: breaks(PAIR, SEVERAL);
    /// The flag is raised. A notifier looks before the word is set, and lowers the flag. The next one finds it down.
    word_before_flag: breaks(PAIR, SEVERAL);
    /// A caller for 4 is announced, and has made a count due. A notifier that saw the flag before counts for it: 2 are
    /// missing. Another one lowers the flag, and frees a permit, which it does not add because the flag is down. The caller
    /// raises the flag, finds 3, and sleeps. The fourth permit is freed, and a count is due one permit later.
    raise_before_forget: breaks(Pool { timeouts: Some(1), ..Pool { needs: &[1, 1, 4], held: &[1, 3, 0], permits: 4, ..PAIR } }, SEVERAL);
    /// A waiter takes the posts of an obituary, and sleeps again for the permit of the dead holder.
    uncalled_wake_suspects: breaks(MORTALS, SEVERAL);
    /// A waiter is called when its timeout elapses. Another waiter sleeps on.
    timed_wait_checks: breaks(QUEUE, ONE);
    /// A waiter finds a permit before its word is AWAKE, and is called for another one. A second waiter sleeps on.
    found_passes_on: breaks(Pool { timeouts: Some(0), ..Pool { held: &[2, 0, 0], permits: 2, ..QUEUE } }, ONE);
    /// 5 permits are free. Of two callers that are announced, the first takes 3, leaves the turnstile, and finds itself the
    /// oldest and 2 too few for it. Then it withdraws, without a call. The second sleeps for 2, and 2 are free.
    found_looks: breaks(Pool { held: &[0, 0, 5], permits: 5, ..PATIENT }, SEVERAL);
    /// A holder dies after a waiter found it alive.
    obituary_posts: breaks(MORTALS, SEVERAL);
    /// A notifier calls a waiter, and dies before the post, while it holds another permit. The waiter takes the obituary for
    /// the post of its call.
    obituary_posts_twice: breaks(Pool { deaths: 1, comes_back: false, timeouts: Some(0), ..Pool { held: &[2, 0, 0], permits: 2, ..QUEUE } }, ONE);
    /// A permit is freed. A caller for two is called, and does not find enough. A caller for one sleeps on.
    room_of_its_own: breaks(Pool { acquires: Some(2), ..pool(&[1, 1, 2], &[0, 2, 0], 2) }, ONE);
    /// A caller for one sleeps, and its permit is freed.
    free_calls_single: breaks(Pool { acquires: Some(2), ..pool(&[1, 1, 2], &[0, 2, 0], 2) }, ONE);
    /// A caller for two sleeps, and both permits are freed.
    free_looks_at_many: breaks(PAIR, SEVERAL);
    /// A caller for two keeps one permit, and sleeps.
    gives_back: breaks(PAIR, "I5 sleepers hold nothing");
    /// A caller for one sleeps while a caller for two has a permit for a moment.
    give_back_notifies: breaks(Pool { acquires: Some(3), timeouts: Some(0), ..pool(&[1, 1, 2], &[0, 0, 0], 2) }, ONE);
    /// A caller for two of four finds the turnstile taken, and sleeps.
    leaving_turnstile_looks: breaks(Pool { acquires: Some(2), ..pool(&[2, 2], &[0, 0], 4) }, SEVERAL);
    /// The oldest caller waits for 3, and times out. The next one sleeps for 2, and 2 are free.
    timed_out_looks: breaks(UNEQUAL, SEVERAL);
    /// A notifier counts for the oldest caller: 2 are missing. That one times out, and looks at the next: 1 is missing. The
    /// notifier writes `due` first, so the other can't. The next permit is freed, and no count is due.
    leaver_forgets: breaks(UNEQUAL, SEVERAL);
    /// A caller with a lower ticket announces itself after a count, and needs less.
    waiter_forgets: breaks(PATIENT, SEVERAL);
    /// A caller with a lower ticket announces itself during a count, and needs less.
    due_has_version: breaks(PATIENT, SEVERAL);
    /// A notifier reads `due`, and another one counts before the first has added its permit.
    add_before_due: breaks(PAIR, SEVERAL);
    /// The waiter that a notifier has found times out. Another waiter sleeps on.
    choose_again: breaks(QUEUE, ONE);
    /// A notifier is stopped between its call and its post. Another one finds the waiter UNPOSTED, and does not post.
    others_post: breaks(Pool { acquires: Some(1), timeouts: Some(0), ..Pool { held: &[1, 1, 0], permits: 2, ..QUEUE } }, ONE);
    /// A notifier is stopped between its call of a caller for 2 and its post. Others free 2 more. They find that this is too
    /// little for a caller for 5.
    others_post_if_short: breaks(Pool { needs: &[1, 1, 2, 5], held: &[3, 2, 0, 0], permits: 5, ..HANDED }, SEVERAL);
    /// A waiter announces itself after a notifier has looked for waiters and before that one lowers the flag.
    lower_by_version: breaks(Pool { timeouts: Some(1), ..PAIR }, SEVERAL);
    /// No caller for one is announced, and the flag is lowered.
    lower_asks_both_rooms: breaks(PAIR, SEVERAL);
    /// A notifier is stopped between its call and its post. A second one calls the only other waiter, and lowers the flag.
    /// The next permit is freed, and the first waiter sleeps on.
    unposted_keep_flag: breaks(HANDED, ONE);
    /// A caller dies in the turnstile.
    helper_frees_turnstile: breaks(MORTALS, "I2 nothing is lost");
    /// A waiter dies. Notifiers call it.
    words_are_reset: breaks(Pool { deaths: 1, comes_back: false, timeouts: Some(0), ..QUEUE }, ONE);
    /// A helper is stopped. A waiter leaves the repair to it.
    several_help: breaks(MORTALS, SEVERAL);
}
