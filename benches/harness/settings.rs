//! What was asked for: which comparisons, and how thoroughly.

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// Which comparisons are wanted, and how many rounds of how long.
pub struct Settings {
    /// Parts of titles, in whatever case. All are wanted where there are none.
    pub titles: Vec<String>,
    pub rounds: usize,
    pub round: Duration,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Set to end a run early. Its measurements are dropped.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// Set while everything in a section is wanted, because its own title is.
pub static WHOLE_SECTION: AtomicBool = AtomicBool::new(false);

impl Settings {
    pub const ROUNDS: usize = 15;

    pub fn new(titles: Vec<String>, rounds: usize) -> Self {
        Self { titles, rounds: rounds.max(1), round: Duration::from_millis(50) }
    }

    /// One moment for each, to see that it works.
    pub fn quick(titles: Vec<String>) -> Self {
        Self { titles, rounds: 1, round: Duration::from_millis(1) }
    }

    /// Makes these count. A program that says nothing has those of a benchmark.
    pub fn apply(self) {
        assert!(SETTINGS.set(self).is_ok(), "settings are made once, before anything is measured");
    }

    /// `cargo test` runs benchmarks too, to see that they work.
    fn of_benchmark() -> Self {
        let titles = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
        if env::args().any(|argument| argument == "--test") {
            return Self::quick(titles);
        }
        let rounds = env::var("BENCH_ROUNDS").map_or(Ok(Self::ROUNDS), |rounds| rounds.parse());
        match rounds {
            Ok(1..) => Self::new(titles, rounds.unwrap_or(Self::ROUNDS)),
            _ => {
                eprintln!("BENCH_ROUNDS has to be a number from 1 on");
                std::process::exit(2)
            }
        }
    }
}

/// Returns what was asked for.
pub fn settings() -> &'static Settings {
    SETTINGS.get_or_init(Settings::of_benchmark)
}

/// Whether a title has one of the parts that were asked for in it.
pub fn is_named(title: &str) -> bool {
    let title = title.to_lowercase();
    settings().titles.iter().any(|part| title.contains(&part.to_lowercase()))
}

/// Whether this comparison is wanted.
pub fn is_wanted(title: &str) -> bool {
    !STOP.load(Relaxed) && (settings().titles.is_empty() || WHOLE_SECTION.load(Relaxed) || is_named(title))
}
