//! The real word of a rate limiter: no permit is given out twice.

use sysv_loom::{
    explore::{explore, process},
    small::RateScene,
};

#[test]
fn three_processes_take_as_many_as_there_are() {
    explore(4, || {
        let scene = RateScene::new(3);
        let take = |scene: &RateScene, count: u32| u32::from(scene.try_take(count)) * count;
        let others =
            [process(&scene, 1, move |scene, _| take(scene, 2)), process(&scene, 2, move |scene, _| take(scene, 1))];
        let mut taken = take(&scene, 1) + take(&scene, 1);
        taken += others.into_iter().map(|other| other.join().expect("it ends well")).sum::<u32>();
        // One is left if the two were refused.
        assert!(taken == 3, "{taken} permits of 3");
    });
}
