//! What a report consists of.

use crate::{
    harness::{self, Comparison, Kind, Line},
    lanes::ThereAndBack,
    reasons,
};

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
    pub(crate) peers: &'static [Peer],
    pub(crate) blocks: Vec<Block>,
}

/// What one would take instead, and what that changes besides the time.
pub(crate) struct Peer {
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
    /// What it was where the kernel placed processes: nanoseconds and ratio.
    pub(crate) unpinned: Option<(f64, f64)>,
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

/// Where a rival was faster than ours, or a limit is far.
pub(crate) struct Behind<'a> {
    pub(crate) section: &'static str,
    pub(crate) table: &'a str,
    pub(crate) ours: &'a str,
    pub(crate) line: &'a Line,
    pub(crate) reason: &'static str,
}

impl Section {
    pub(crate) fn new(title: &'static str, about: &'static str, peers: &'static [Peer]) -> Self {
        Self { title, about, peers, blocks: Vec::new() }
    }

    /// Adds a comparison, unless it wasn't asked for.
    pub(crate) fn add(&mut self, comparison: Option<Comparison>) {
        self.blocks.extend(comparison.map(|comparison| Block::Table(Table::new(comparison))));
    }

    /// Compares ways there and back, and adds what came of it with how long single trips took.
    pub(crate) fn add_lanes(&mut self, title: &str, lanes: Vec<ThereAndBack<'_>>) {
        let (alternatives, trips): (Vec<_>, Vec<_>) =
            lanes.into_iter().map(|ThereAndBack { alternative, trips }| (alternative, trips)).unzip();
        let Some(comparison) = harness::measure(title, alternatives) else { return };
        let mut table = Table::new(comparison);
        for (row, trips) in table.rows.iter_mut().zip(trips) {
            let trips = trips.borrow();
            row.percentiles = Some([50.0, 99.0, 99.9].map(|percentile| trips.value_at_percentile(percentile)));
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
            row.unpinned = same.map(|other| (other.line.nanoseconds, other.line.ratio));
        }
    }
}

impl Table {
    fn new(comparison: Comparison) -> Self {
        let row = |line| Row { line, percentiles: None, unpinned: None };
        Self { title: comparison.title, rows: comparison.lines.into_iter().map(row).collect() }
    }
}

impl Report {
    /// Where ours, which is the first of each table, took longer than a rival, or more than 1.2 times a limit. What
    /// lies within the spread of a comparison with itself, two in a hundred, is no difference.
    pub(crate) fn behind(&self) -> Vec<Behind<'_>> {
        let mut behind = Vec::new();
        for section in &self.sections {
            for table in section.tables() {
                let Some((first, others)) = table.rows.split_first() else { continue };
                if first.line.kind != Kind::Ours {
                    continue;
                }
                for Row { line, .. } in others {
                    let is_behind = match line.kind {
                        Kind::Ours => false,
                        Kind::Rival => line.ratio < 0.98,
                        Kind::Limit => line.ratio < 1.0 / 1.2,
                    };
                    if is_behind {
                        let (ours, reason) = (first.line.name.as_str(), reasons::why(&table.title, &line.name));
                        behind.push(Behind { section: section.title, table: &table.title, ours, line, reason });
                    }
                }
            }
        }
        behind
    }
}
