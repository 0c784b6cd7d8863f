//! What the report says in words: each sentence once, in the page and in the Markdown alike.

use crate::{
    figures::{figure, round, time},
    harness::Kind,
    report::{Family, Measured, Row, Statistic, Table},
    timed::Times,
};

pub(crate) const TITLE: &str = "The primitives beside what one would take instead";

pub(crate) const SUMMARY: &str = "Time of the alternatives divided by ours";

/// How to read the first picture.
pub(crate) const SUMMARY_KEY: &str = "Right of 1, ours is faster. Filled: time, with a line from the least to the greatest \
    round. Hollow: p99 of single times.";

/// The first picture as a file, and the same for a phone.
pub(crate) const SUMMARY_FILE: &str = "summary.svg";
pub(crate) const SUMMARY_NARROW: &str = "summary-narrow.svg";

pub(crate) const BEHIND: &str = "Where ours is not first";

pub(crate) const BEHIND_RULE: &[&str] = &[
    "Each row of ours is compared with every row of the same table that is not ours, limits and floors too. A pair is listed \
        if the other takes less than 0.98 of our time by any of five statistics, pinned or unpinned.",
    "Cells have their time divided by ours, pinned / unpinned, and are bold where the other is ahead. In brackets it is ahead \
        by the median, and behind in a quarter of the rounds or more.",
];

pub(crate) const READING: &str = "How to read this";

/// What words and marks mean.
pub(crate) const TERMS: &[(&str, &str)] = &[
    (
        "Time",
        "is that of one operation: a round divided by its operations, those of all processes together, and then the median of \
            all rounds.",
    ),
    (
        "Spread",
        "is from the least to the greatest of all rounds, in each table and as the whisker in each plot. Of percentiles there is \
            no spread, since they are of all rounds together.",
    ),
    (
        "A ratio",
        "such as ×2, is of two times in the same round, to the first row of a table, which is ours. Above 1 is slower than ours.",
    ),
    (
        "p50, p99, p99.9 and longest",
        "are of single times, each noted by itself with two readings of the clock in it. Where many processes take part, one of \
            them notes its own.",
    ),
    ("A limit", "is what ours is made of, without ours: what the kernel or the hardware can do at best."),
    ("A floor", "does less than ours, and can't be taken instead."),
    (
        "Pinned",
        "means that the measuring process is on the first of the allowed processors, the other side on the second, and further \
            processes each on the next, round and round. All plots are of that, except those of pools: the kernel places their processes.",
    ),
    ("Unpinned", "means that the kernel places all processes."),
    ("In plots", "ours is blue and bold, alternatives are full lines, and limits and floors are dashed or square."),
    ("System calls", "are counted with ptrace in all processes that take part."),
    (
        "Tables of killed and stopped processes",
        "are filled by the run: a case for each cell, with a new object. A time begins with the signal, or with what comes after it, \
            and is of one case alone. A case ends after a second, in a quick run after 0.15 s. A kernel wakes no stopped waiter, \
            but the next one.",
    ),
];

pub(crate) const MACHINE: &str = "Machine and versions";

/// A title as it stands above a plot.
pub(crate) fn heading(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// What an alternative is, if it can't be taken instead.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Limit => " (limit)",
        Kind::Floor => " (floor)",
        Kind::Ours | Kind::Rival => "",
    }
}

/// A table of text: a head, and rows that begin with a name.
pub(crate) struct Grid {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<(String, Vec<String>)>,
}

/// The figures of a table, with the spread and what came of it unpinned.
pub(crate) fn grid(table: &Table) -> Grid {
    let has_unpinned = table.rows.iter().any(|row| row.unpinned.is_some());
    let names: Vec<&str> = match table.is_timed() {
        true => ["time", "ratio", "spread"].into_iter().chain(Times::NAMES).collect(),
        false => vec!["time", "ratio", "spread"],
    };
    let mut head: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    if has_unpinned {
        head.extend(names.iter().map(|name| format!("{name}, unpinned")));
    }
    let row = |row: &Row| {
        let first = &table.rows[0];
        let mut cells = cells(Some(&row.pinned), Some(&first.pinned), table.is_timed());
        if has_unpinned {
            cells.extend(self::cells(row.unpinned.as_ref(), first.unpinned.as_ref(), table.is_timed()));
        }
        (format!("{}{}", row.name, kind(row.kind)), cells)
    };
    Grid { head, rows: table.rows.iter().map(row).collect() }
}

/// Time, ratio, spread, and percentiles if the table has some.
fn cells(this: Option<&Measured>, first: Option<&Measured>, is_timed: bool) -> Vec<String> {
    let count = if is_timed { 7 } else { 3 };
    let Some((this, first)) = this.zip(first) else { return vec![String::new(); count] };
    let ratio = this.rounds.ratio_to(&first.rounds);
    let spread = format!("{} to {}", figure(ratio.least), figure(ratio.most));
    let mut cells = vec![time(this.rounds.nanoseconds()), figure(ratio.median), spread];
    cells.extend(this.times.iter().flat_map(|times| times.nanoseconds().map(time)));
    cells.resize(count, String::new());
    cells
}

/// A row for each alternative and a column for each point: times, and the ratio to the first.
pub(crate) fn matrix(family: &Family) -> Grid {
    let mut names: Vec<(&str, Kind)> = Vec::new();
    for row in family.points.iter().flat_map(|(_, table)| &table.rows) {
        if !names.iter().any(|(name, _)| *name == row.name) {
            names.push((&row.name, row.kind));
        }
    }
    let cell = |table: &Table, name: &str| {
        let Some((row, first)) = table.row(name).zip(table.rows.first()) else { return String::new() };
        format!("{} (×{})", time(row.pinned.rounds.nanoseconds()), figure(row.ratio_to(first).median))
    };
    let row = |(name, of): (&str, Kind)| {
        (format!("{name}{}", kind(of)), family.points.iter().map(|(_, table)| cell(table, name)).collect())
    };
    let head = family.points.iter().map(|(x, _)| round(*x)).collect();
    Grid { head, rows: names.into_iter().map(row).collect() }
}

/// The statistics by name, as a head.
pub(crate) fn statistics() -> impl Iterator<Item = &'static str> {
    Statistic::ALL.into_iter().map(Statistic::name)
}
