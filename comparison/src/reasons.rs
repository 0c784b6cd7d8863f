//! Why ours is not first, where it is not.

struct Reason {
    /// Parts of the titles of table and alternative.
    table: &'static str,
    name: &'static str,
    why: &'static str,
}

const EIGHT_BYTES: &str = "Some instructions more for each item, and its spread is the machine's: in other runs, of slow and of \
    fast times, rtrb took 1.2 to 1.5 times as long as ours.";

const LIMIT: &str = "Not found out. Where a line takes 95 ns to cross and come back the ring was ahead of it, with 99 ns \
    for 4 KiB beside 152.";

const COPIED_OUT: &str = "Where a line takes 500 ns to cross, an item that is copied out at once (by crossbeam) comes \
    faster than one that is read where it lies: `pop` instead of `peek` took 338 ns beside crossbeam's 352 and 358. Where \
    a line takes 95 ns, reading in place is first.";

/// The first that fits counts.
const REASONS: &[Reason] = &[
    Reason { table: "one to one, items of 8 bytes", name: "rtrb", why: EIGHT_BYTES },
    Reason { table: "one to one, items of", name: "bare memory", why: LIMIT },
    Reason { table: "one to one, items of", name: "", why: COPIED_OUT },
    Reason {
        table: "looks again and again",
        name: "",
        why: "An item and the index that announces it lie on two lines, of which the second is asked for after the first \
            has come; the limit is one line. It is 1.05 to 1.1 where a line crosses and comes back in 95 ns, and more \
            where that takes 500.",
    },
    Reason {
        table: "so whoever waits sleeps",
        name: "",
        why: "A system call more each way: who is about to sleep fences for everybody (membarrier), so that who sends \
            needs no fence while nobody sleeps. That is what makes streams several times faster than these.",
    },
    Reason {
        table: "messages of another route",
        name: "",
        why: "As many system calls as the bare queue; what is added is the codec, a schema number that is checked, and \
            the buffers in between.",
    },
    Reason {
        table: "64 bytes, from process to process",
        name: "System V",
        why: "As above: the same calls, and the codec.",
    },
    Reason {
        table: "there and back, both sides sleep",
        name: "",
        why: "The same sleep and wake-up of the kernel's, which take most of it and differ from round to round; what is \
            added is a parcel that a dead process's calls are answered from.",
    },
    Reason {
        table: "MiB, sent and received in one process",
        name: "memcpy",
        why: "Three passes instead of two: the codec makes a vector of zeroes before it fills it.",
    },
    Reason {
        table: "workers, jobs of 100",
        name: "",
        why: "Whoever waits for a result looks for some microseconds before it sleeps, on a processor that a worker could \
            use: with two workers they are three on two processors. With one processor more it would cost nothing.",
    },
    Reason {
        table: "1 MiB into shared memory",
        name: "memcpy",
        why: "Other processes may write there meanwhile: so it is copied by atomic words, which memcpy may not be.",
    },
    Reason {
        table: "nobody else wants to",
        name: "parking_lot",
        why: "It has no owner to write down, since its process dies as a whole.",
    },
];

/// Returns the reason for a row, if one is known.
pub(crate) fn why(table: &str, _ours: &str, name: &str) -> &'static str {
    let reason = REASONS.iter().find(|reason| table.contains(reason.table) && name.contains(reason.name));
    reason.map_or("not known yet", |reason| reason.why)
}
