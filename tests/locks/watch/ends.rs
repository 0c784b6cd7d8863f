//! What a watcher is told when the last writer is gone.

use super::*;

/// Starts a process that is a writer until it is killed, and sets the value.
fn writer(name: &Name, value: u64) -> Child {
    let watch = watch(name);
    let writer = child(|| {
        let watch = self::watch(name);
        let _writer = watch.writer().unwrap();
        watch.set([value; 2]).unwrap();
        hold_for_ever()
    });
    until(|| watch.get().unwrap() == [value; 2]);
    writer
}

#[test]
fn the_last_value_comes_before_the_end() {
    let name = name();
    let watch = watch(&name);
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    assert_fails!(watcher.changed_timeout(SHORT), WatchError::TimedOut);
    let writers = [watch.writer().unwrap(), self::watch(&name).writer().unwrap()];
    assert_eq!(watch.writers().len(), 2);
    watch.set([1; 2]).unwrap();
    drop(writers);
    watcher.changed().unwrap();
    for ended in [watcher.changed(), watcher.try_changed(), watcher.changed_timeout(LONG)] {
        assert!(ended.unwrap_err().to_string().contains(&format!("watch {:?}", &*name)));
    }
    let ended = watcher.wait_for(|pair| pair[0] == 2).unwrap_err();
    assert!(ended.is_end() && !ended.is_busy() && sysv_primitives::Error::from(ended).is_end());
    assert_eq!(watcher.wait_for(|pair| pair[0] == 1).unwrap(), [1; 2], "the value stays");
    assert_eq!(watcher.get().unwrap(), [1; 2]);
    // One that did not ask waits on, and so does one that finds another writer.
    assert_fails!(watch.watcher().changed_timeout(SHORT), WatchError::TimedOut);
    let _writer = watch.writer().unwrap();
    assert_fails!(watcher.changed_timeout(SHORT), WatchError::TimedOut);
    assert_fails!(watcher.try_changed(), WatchError::WouldBlock);
}

#[test]
fn a_sleeping_watcher_is_told_of_the_drop() {
    let name = name();
    let watch = watch(&name);
    let (first, second) = (watch.writer().unwrap(), watch.writer().unwrap());
    let name = &name;
    let waiters = [true, false].map(|waits_for_value| {
        child(move || {
            let mut watcher = self::watch(name).watcher();
            watcher.detect_disconnect(true);
            let ended = match waits_for_value {
                true => watcher.wait_for(|pair| pair[0] == 9).map(drop),
                false => watcher.changed(),
            };
            assert_fails!(ended, WatchError::Disconnected { .. });
        })
    });
    waiters.iter().for_each(Child::until_asleep);
    drop(first);
    waiters.iter().for_each(Child::until_asleep);
    assert!(!waiters.iter().any(Child::is_done));
    drop(second);
    waiters.into_iter().for_each(Child::join);
}

#[test]
fn a_sleeping_watcher_is_told_of_the_death() {
    let name = name();
    let watch = watch(&name);
    let (first, second) = (writer(&name, 1), writer(&name, 2));
    let name = &name;
    let waiters = [true, false].map(|asks| {
        child(move || {
            let mut watcher = self::watch(name).watcher();
            watcher.detect_disconnect(asks);
            match asks {
                true => assert_fails!(watcher.changed(), WatchError::Disconnected { .. }),
                false => watcher.changed().unwrap(),
            }
        })
    });
    waiters.iter().for_each(Child::until_asleep);
    first.kill();
    waiters.iter().for_each(Child::until_asleep);
    assert!(!waiters.iter().any(Child::is_done) && !watch.writers().is_empty());
    second.kill();
    let [asks, waits] = waiters;
    asks.join();
    waits.until_asleep();
    assert!(watch.writers().is_empty());
    watch.set([3; 2]).unwrap();
    waits.join();
}

/// No process waits when it dies: a call that does not wait finds it dead.
#[test]
fn a_try_finds_the_last_writer_dead() {
    let name = name();
    let watch = watch(&name);
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    let writer = writer(&name, 1);
    watcher.try_changed().unwrap();
    assert_fails!(watcher.try_changed(), WatchError::WouldBlock);
    writer.kill();
    assert_fails!(watcher.try_changed(), WatchError::Disconnected { .. });
}

/// A child made by `fork` is no writer by its parent's mark.
#[test]
fn a_child_and_the_mark_of_its_parent() {
    let name = name();
    let watch = watch(&name);
    let mut writer = Some(watch.writer().unwrap());
    let dropper = child(|| {
        drop(writer.take());
        assert_eq!(watch.writers().len(), 1, "the parent's");
        let _own = watch.writer().unwrap();
        assert_eq!(watch.writers().len(), 2);
    });
    dropper.join();
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    assert_fails!(watcher.changed_timeout(SHORT), WatchError::TimedOut);
    let again = watch.writer().unwrap();
    assert_eq!(watch.writers().len(), 1, "they are of one member");
    drop(again);
    assert_fails!(watcher.try_changed(), WatchError::WouldBlock);
    drop(writer);
    assert_fails!(watcher.try_changed(), WatchError::Disconnected { .. });
}
