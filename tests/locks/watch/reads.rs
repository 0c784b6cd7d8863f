//! Copies are whole, however fast the value is set meanwhile.

use super::*;
use std::sync::atomic::AtomicU64;

fn assert_whole<const WORDS: usize>(value: &[u64; WORDS]) {
    assert!(value.iter().all(|&word| word == value[0]), "half of {} and half of another one", value[0]);
}

/// Setters set it as fast as they can, and readers copy it.
fn never_torn<const WORDS: usize>(large: bool)
where
    [u64; WORDS]: sysv_primitives::bytemuck::Pod,
{
    const SETTERS: u64 = 2;
    let (name, counted) = (name(), memory(8));
    let reads: &AtomicU64 = counted.view(0).unwrap();
    let watch = Watch::<[u64; WORDS]>::create_zeroed(&name).unwrap();
    let setters: Vec<_> = (0..SETTERS)
        .map(|number| {
            child(|| {
                let watch = Watch::<[u64; WORDS]>::open(&name).unwrap();
                let mut value = number;
                loop {
                    watch.set([value; WORDS]).unwrap();
                    value += SETTERS;
                }
            })
        })
        .collect();
    let readers = [(); 2].map(|()| {
        child(|| {
            let watch = Watch::<[u64; WORDS]>::open(&name).unwrap();
            let (mut copy, mut latest) = ([0; WORDS], 0);
            for _ in 0..20_000 {
                if large {
                    let version = watch.get_into(&mut copy).unwrap();
                    assert!(version >= latest, "it went back");
                    latest = version;
                    assert_whole(&copy);
                } else {
                    assert_whole(&watch.get().unwrap());
                }
                reads.fetch_add(1, SeqCst);
            }
        })
    });
    readers.into_iter().for_each(Child::join);
    setters.into_iter().for_each(Child::kill);
    assert_eq!(reads.load(SeqCst), 40_000);
    assert_whole(&watch.get().unwrap());
}

#[test]
fn a_small_value_is_never_torn() {
    never_torn::<3>(false);
}

#[test]
fn a_value_of_some_lines_is_never_torn() {
    never_torn::<40>(false);
}

#[test]
fn a_large_value_is_never_torn() {
    never_torn::<1000>(true);
}
