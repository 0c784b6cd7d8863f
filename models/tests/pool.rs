//! The pool: nothing goes wrong with every rule, something does without any one of them.

use sysv_models::{
    Exploration, explore,
    pool::{Pool, Rules},
};

const ALL: Rules = Rules::ALL;

fn run(singles: usize, manys: usize, deaths: u8, rules: Rules) -> Exploration {
    let found = explore(Pool { singles, manys, deaths, saturation: 2, sorts_processes: false, rules });
    println!("pool, {singles}+{manys} processes, {deaths} deaths: {found}");
    found
}


#[test]
fn announce_before_try() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ announce_before_try: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn announce_after_token() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ announce_after_token: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn pass_on() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ pass_on: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn reap_before_sleep() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ reap_before_sleep: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn post_before_leaving() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ post_before_leaving: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn obituary_posts() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ obituary_posts: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn claim_before_reaping() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ claim_before_reaping: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn reaping_posts() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ reaping_posts: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn newcomer_repairs() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ newcomer_repairs: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn bell_of_its_own() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ bell_of_its_own: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}

#[test]
fn give_back_wakes() {
    for (p,l,b) in [(2,0,1),(1,1,1),(0,2,1),(1,1,2),(3,0,1),(3,0,2),(2,1,0)] {
        let r=run(p,l,b,Rules{ give_back_wakes: false, ..ALL});
        if !r.violations.is_empty() { return; }
    }
    panic!("NOT FOUND");
}
