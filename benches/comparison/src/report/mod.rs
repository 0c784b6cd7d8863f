//! What a report consists of.

mod behind;

pub(crate) use self::behind::{BEHIND_RULE, BEHIND_TITLE, Behind};
use crate::{
    harness::{self, Comparison, Line},
    timed::Timed,
};

pub(crate) const TITLE: &str = "The primitives beside what one would take instead";

/// How to read it.
pub(crate) const READING: &str = "What one takes is the time for one operation, item, message or job: the median of all \
    rounds. A ratio is of that time to the first line's in the same round, and its spread is from the least to the greatest \
    of all rounds. Above 1 is slower than the first line, which is ours. Percentiles are of single times, with two looks \
    at the clock in each. A limit is what ours is made of, without it; a floor is what does less, and can't be taken \
    instead.";

/// Everything that was measured in one run.
pub(crate) struct Report {
    /// What it was measured on, and with.
    pub(crate) machine: Vec<(&'static str, String)>,
    pub(crate) sections: Vec<Section>,
}

/// What was measured of one primitive.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How it was measured.
    pub(crate) about: &'static str,
    pub(crate) peers: &'static [Difference],
    pub(crate) blocks: Vec<Block>,
}

/// What one would take instead, and what that changes besides the time.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    /// What it does, and ours doesn't.
    pub(crate) more: &'static str,
    /// What ours does, and it doesn't.
    pub(crate) less: &'static str,
}

pub(crate) enum Block {
    Table(Table),
    Family(Family),
    Facts(Facts),
}

/// Alternatives that were compared.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) line: Line,
    /// Nanoseconds that half of the single trips, 99 of 100, and 999 of 1,000 took at most.
    pub(crate) percentiles: Option<[u64; 3]>,
    /// What came of it where the kernel placed processes.
    pub(crate) unpinned: Option<Line>,
}

/// The same comparison along an axis.
pub(crate) struct Family {
    pub(crate) title: &'static str,
    pub(crate) axis: &'static str,
    pub(crate) points: Vec<(f64, Table)>,
}

/// What was counted, and not compared.
pub(crate) struct Facts {
    pub(crate) title: &'static str,
    pub(crate) head: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

impl Section {
    pub(crate) fn new(title: &'static str, about: &'static str, peers: &'static [Difference]) -> Self {
        Self { title, about, peers, blocks: Vec::new() }
    }

    /// Adds a comparison, unless it wasn't asked for.
    pub(crate) fn add(&mut self, comparison: Option<Comparison>) {
        self.blocks.extend(comparison.map(|comparison| Block::Table(Table::new(comparison))));
    }

    /// Compares alternatives, and adds what came of it with how long single times took.
    pub(crate) fn add_timed(&mut self, title: &str, timed: Vec<Timed<'_>>) {
        let (alternatives, times): (Vec<_>, Vec<_>) =
            timed.into_iter().map(|Timed { alternative, times }| (alternative, times)).unzip();
        let Some(comparison) = harness::measure(title, alternatives) else { return };
        let mut table = Table::new(comparison);
        for (row, times) in table.rows.iter_mut().zip(times) {
            row.percentiles = times.percentiles();
        }
        self.blocks.push(Block::Table(table));
    }

    /// Adds comparisons along an axis, those that were asked for.
    pub(crate) fn add_family(
        &mut self,
        title: &'static str,
        axis: &'static str,
        points: Vec<(f64, Option<Comparison>)>,
    ) {
        let points: Vec<_> = points.into_iter().filter_map(|(x, point)| Some((x, Table::new(point?)))).collect();
        if !points.is_empty() {
            self.blocks.push(Block::Family(Family { title, axis, points }));
        }
    }

    pub(crate) fn add_facts(&mut self, facts: Facts) {
        self.blocks.push(Block::Facts(facts));
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().flat_map(|block| match block {
            Block::Table(table) => vec![table],
            Block::Family(family) => family.points.iter().map(|(_, table)| table).collect(),
            Block::Facts(_) => Vec::new(),
        })
    }

    fn rows_mut(&mut self) -> impl Iterator<Item = (&str, &mut Row)> {
        let tables = self.blocks.iter_mut().flat_map(|block| match block {
            Block::Table(table) => vec![table],
            Block::Family(family) => family.points.iter_mut().map(|(_, table)| table).collect(),
            Block::Facts(_) => Vec::new(),
        });
        tables.flat_map(|Table { title, rows }| rows.iter_mut().map(|row| (title.as_str(), row)))
    }

    /// Takes over what was measured where nobody was pinned.
    pub(crate) fn note_unpinned(&mut self, unpinned: &Section) {
        for (title, row) in self.rows_mut() {
            let mut same = unpinned.tables().filter(|table| table.title == title).flat_map(|table| &table.rows);
            let same = same.find(|other| other.line.name == row.line.name);
            row.unpinned = same.map(|other| other.line.clone());
        }
    }
}

impl Table {
    fn new(comparison: Comparison) -> Self {
        let row = |line| Row { line, percentiles: None, unpinned: None };
        Self { title: comparison.title, rows: comparison.lines.into_iter().map(row).collect() }
    }
}
