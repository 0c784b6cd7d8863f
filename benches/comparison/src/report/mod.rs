//! What a report consists of: only what was measured, so that it can be written to a file and read again.

mod behind;
mod reasons;
mod summary;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    behind::{Behind, Compared, Statistic, reasons as reasons_of},
    summary::{Beside, Other, lacking, summary},
};
use crate::{
    harness::{self, Comparison, Kind, Line, Ratio, Rounds},
    timed::{Timed, Times},
};

/// Everything that was measured in one run.
#[derive(Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) sections: Vec<Section>,
}

/// What it was measured on, and with.
#[derive(Deserialize, Serialize)]
pub(crate) struct Machine {
    /// In a few words.
    pub(crate) name: String,
    /// In detail.
    pub(crate) details: Vec<(String, String)>,
    /// Why the figures are not to be trusted, if they aren't.
    pub(crate) warning: Option<String>,
}

/// What was measured of one primitive.
#[derive(Deserialize, Serialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Block {
    Table(Table),
    Family(Family),
    Facts(Facts),
}

/// Alternatives that were compared.
#[derive(Deserialize, Serialize)]
pub(crate) struct Table {
    pub(crate) title: String,
    /// What the time is for: "item", "lock and unlock".
    pub(crate) of: String,
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Each process on a processor of its own choice.
    pub(crate) pinned: Measured,
    /// Where the kernel places processes.
    pub(crate) unpinned: Option<Measured>,
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) rounds: Rounds,
    /// How long single times took, if they were noted.
    pub(crate) times: Option<Times>,
}

/// The same comparison along an axis.
#[derive(Deserialize, Serialize)]
pub(crate) struct Family {
    pub(crate) title: String,
    pub(crate) axis: String,
    pub(crate) points: Vec<(f64, Table)>,
}

/// What was counted, and not compared.
#[derive(Deserialize, Serialize)]
pub(crate) struct Facts {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Fact>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) cells: Vec<Cell>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Number(f64),
    Word(String),
}

impl Section {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), blocks: Vec::new() }
    }

    /// Adds a comparison, unless it wasn't asked for.
    pub(crate) fn add(&mut self, of: &str, comparison: Option<Comparison>) {
        self.blocks.extend(comparison.map(|comparison| Block::Table(Table::new(of, comparison))));
    }

    /// Compares alternatives, and adds the result with how long single times took.
    pub(crate) fn add_timed(&mut self, of: &str, title: &str, timed: Vec<Timed<'_>>) {
        let (alternatives, watches): (Vec<_>, Vec<_>) =
            timed.into_iter().map(|Timed { alternative, times }| (alternative, times)).unzip();
        let Some(comparison) = harness::measure(title, alternatives) else { return };
        let mut table = Table::new(of, comparison);
        for (row, watch) in table.rows.iter_mut().zip(watches) {
            row.pinned.times = watch.times();
        }
        self.blocks.push(Block::Table(table));
    }

    /// Adds comparisons along an axis, those that were asked for.
    pub(crate) fn add_family(&mut self, of: &str, title: &str, axis: &str, points: Vec<(f64, Option<Comparison>)>) {
        let point = |(x, point): (f64, Option<Comparison>)| Some((x, Table::new(of, point?)));
        let points: Vec<_> = points.into_iter().filter_map(point).collect();
        if !points.is_empty() {
            self.blocks.push(Block::Family(Family { title: title.to_owned(), axis: axis.to_owned(), points }));
        }
    }

    pub(crate) fn add_facts(&mut self, title: &str, columns: &[&str], rows: Vec<Fact>) {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        self.blocks.push(Block::Facts(Facts { title: title.to_owned(), columns, rows }));
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().flat_map(|block| match block {
            Block::Table(table) => vec![table],
            Block::Family(family) => family.points.iter().map(|(_, table)| table).collect(),
            Block::Facts(_) => Vec::new(),
        })
    }

    fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.blocks.iter_mut().flat_map(|block| match block {
            Block::Table(table) => vec![table],
            Block::Family(family) => family.points.iter_mut().map(|(_, table)| table).collect(),
            Block::Facts(_) => Vec::new(),
        })
    }

    /// Takes over what was measured where the kernel placed processes.
    pub(crate) fn note_unpinned(&mut self, unpinned: &Section) {
        for table in self.tables_mut() {
            let Some(same) = unpinned.tables().find(|other| other.title == table.title) else { continue };
            for row in &mut table.rows {
                row.unpinned = same.row(&row.name).map(|other| other.pinned.clone());
            }
        }
        let facts = |block: &mut Block| {
            if let Block::Facts(facts) = block {
                facts.note_unpinned(unpinned)
            }
        };
        self.blocks.iter_mut().for_each(facts);
    }
}

impl Table {
    fn new(of: &str, comparison: Comparison) -> Self {
        let row = |Line { name, kind, rounds }: Line| Row {
            name,
            kind,
            pinned: Measured { rounds: rounds.rounded(), times: None },
            unpinned: None,
        };
        let rows = comparison.lines.into_iter().map(row).collect();
        Self { title: comparison.title, of: of.to_owned(), rows }
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Whether single times were noted.
    pub(crate) fn is_timed(&self) -> bool {
        self.rows.iter().any(|row| row.pinned.times.is_some())
    }
}

impl Row {
    /// Compares with another row of the same table, pinned.
    pub(crate) fn ratio_to(&self, other: &Self) -> Ratio {
        self.pinned.rounds.ratio_to(&other.pinned.rounds)
    }
}

/// Ends the title of a column that was counted where the kernel placed processes.
pub(crate) const UNPINNED: &str = ", unpinned";

impl Facts {
    /// Adds what was counted where the kernel placed processes, if it was.
    fn note_unpinned(&mut self, unpinned: &Section) {
        let same = unpinned.blocks.iter().find_map(|block| match block {
            Block::Facts(facts) if facts.title == self.title && facts.columns == self.columns => Some(facts),
            _ => None,
        });
        let Some(same) = same else { return };
        self.columns.extend(same.columns.iter().map(|column| format!("{column}{UNPINNED}")));
        for fact in &mut self.rows {
            let cells = same.rows.iter().find(|other| other.name == fact.name).map(|other| other.cells.clone());
            fact.cells.extend(cells.unwrap_or_else(|| same.columns.iter().map(|_| "".into()).collect()));
        }
    }

    /// Whether there is anything to draw.
    pub(crate) fn has_numbers(&self) -> bool {
        self.rows.iter().flat_map(|fact| &fact.cells).any(|cell| matches!(cell, Cell::Number(_)))
    }
}

impl Fact {
    pub(crate) fn new(name: impl Into<String>, kind: Kind, cells: Vec<Cell>) -> Self {
        Self { name: name.into(), kind, cells }
    }
}

impl From<f64> for Cell {
    /// To a hundredth, which is more than a count says.
    fn from(number: f64) -> Self {
        Self::Number((number * 100.0).round() / 100.0)
    }
}

impl From<String> for Cell {
    fn from(word: String) -> Self {
        Self::Word(word)
    }
}

impl From<&str> for Cell {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_unpinned_stands_beside_what_was_counted_pinned() {
        let section = |cells: [(&str, f64); 2]| {
            let mut section = Section::new("Rings");
            let row = |(name, count): (&str, f64)| Fact::new(name, Kind::Ours, vec![count.into()]);
            section.add_facts("calls", &["calls for one item"], cells.map(row).into());
            section
        };
        let mut pinned = section([("a", 1.0), ("b", 2.0)]);
        pinned.note_unpinned(&section([("b", 3.0), ("c", 4.0)]));
        let [Block::Facts(facts)] = &pinned.blocks[..] else { panic!() };
        assert_eq!(facts.columns, ["calls for one item", "calls for one item, unpinned"]);
        let cells = |index: usize| serde_json::to_string(&facts.rows[index].cells).unwrap();
        assert_eq!([cells(0), cells(1)], ["[1.0,\"\"]", "[2.0,3.0]"]);
    }
}
