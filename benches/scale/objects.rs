//! What objects cost: from one to the most of an IPC namespace.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sysv_primitives::{Mutex, inspect};

use crate::{
    graph::{Curve, Graph, rounds},
    is_apart, is_quick, name,
    plot::Role::Ours,
};

/// Without a namespace of its own, the program takes no more of the machine's objects.
const MODEST: usize = 500;

/// How long objects are made. A machine that is slower reaches fewer.
const PATIENCE: Duration = Duration::from_secs(45);

/// Small ones, since there are to be many.
fn create(name: &str) -> Result<Mutex<u64>, sysv_primitives::OpenError> {
    Mutex::options().max_handles(2).create(name, 0)
}

/// Objects that are removed in the end.
struct Objects {
    names: Vec<String>,
    /// How many names were refused, since another one has the same key.
    taken: usize,
}

/// More names than this are not refused for their keys alone.
const MOST_TAKEN: usize = 50;

impl Objects {
    /// Makes more of them until there are so many, or the time is up. Returns how many there are.
    fn grow(&mut self, count: usize, begun: Instant) -> usize {
        while self.names.len() < count && begun.elapsed() < PATIENCE {
            let name = name("object");
            match create(&name) {
                Ok(_) => self.names.push(name),
                Err(_) if self.taken < MOST_TAKEN => self.taken += 1,
                Err(error) => panic!("object {count}: {error}"),
            }
        }
        self.names.len()
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // The kernel removes those of a namespace that ends.
        if !is_apart() {
            self.names.iter().for_each(|name| _ = Mutex::<u64>::unlink(name));
        }
    }
}

fn counts() -> Vec<usize> {
    let (used, most) = sysv_ipc::limits().map_or((0, MODEST as u64), |limits| {
        let most = limits.semaphores.max_sets.min(limits.shared_memory.max_segments);
        (limits.semaphores.used_sets.max(limits.shared_memory.used_segments), most)
    });
    let [used, most] = [used, most].map(|count| usize::try_from(count).unwrap_or(MODEST));
    // One is left for what is created and removed again.
    let most = most.saturating_sub(used + 1);
    let most = if is_apart() { most } else { most.min(MODEST) };
    let most = if is_quick() { most.min(100) } else { most };
    [1, 10, 100, 1_000, 10_000].into_iter().filter(|&count| count < most).chain([most]).collect()
}

pub(crate) fn measure(title: &'static str) -> Graph {
    let mut objects = Objects { names: Vec::new(), taken: 0 };
    let mut curves = ["create and remove", "open and close", "inspect::named", "inspect::objects"]
        .map(|name| Curve::new(name, Ours));
    let (begun, counts) = (Instant::now(), counts());
    objects.grow(1, begun);
    let (probe, first) = (name("probe"), objects.names[0].clone());
    for count in counts {
        let reached = objects.grow(count, begun);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let x = reached as f64;
        let times = [
            rounds(5, || create(&probe).expect("there is room for one more").remove().expect("it is there")),
            rounds(5, || drop(Mutex::<u64>::open(&first).expect("it is there"))),
            rounds(5, || _ = black_box(inspect::named(&first).expect("it can be read"))),
            rounds(if count > 1_000 { 2 } else { 5 }, || _ = black_box(inspect::objects().expect("it can be read"))),
        ];
        curves.iter_mut().zip(&times).for_each(|(curve, times)| curve.add(x, times));
        if reached < count {
            break;
        }
    }
    let refused = refusal(&mut objects, begun);
    Graph {
        title,
        axis: "objects",
        about:
            "Each is a mutex for two handles. One more is created and removed, and one of them is opened and closed."
                .to_owned(),
        limit: format!(
            "an object takes a semaphore set and a segment: `SEMMNI`, 32,000 by default (the fourth number of `sysctl \
                kernel.sem`), and `SHMMNI`, 4,096 by default (`sysctl kernel.shmmni`), which is met first. Either may be set up \
                to 32,768, the kernel's `IPCMNI`, and with `ipcmni_extend` at boot to 16,777,216. They belong to the IPC \
                namespace. {refused}"
        ),
        curves: curves.into(),
    }
}

/// What the next one says when there is no room left.
fn refusal(objects: &mut Objects, begun: Instant) -> String {
    if !is_apart() || is_quick() {
        return "This run stopped early: it had no namespace of its own, or was a quick one".to_owned();
    }
    let count = objects.names.len() + 1;
    if objects.grow(count, begun) < count {
        return format!("This run stopped after {} s, before the limit", PATIENCE.as_secs());
    }
    let taken = match objects.taken {
        0 => String::new(),
        taken => {
            format!(". {taken} names were refused before, since each had the key of another name: a key has 32 bits")
        }
    };
    match create(&name("refused")) {
        Err(error) => format!("In this run, with {count} objects, the next one was refused: \"{error}\"{taken}"),
        Ok(more) => {
            let _ = more.remove();
            format!("In this run, {count} objects were not the limit{taken}")
        }
    }
}
