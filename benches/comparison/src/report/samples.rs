//! Reports for tests.

use super::{Block, Cell, Fact, Facts, Family, Machine, Measured, Report, Row, Section, Table};
use crate::{
    harness::{Kind, Rounds},
    timed::Times,
};

pub(crate) fn times(p50: u64, p99: u64, p999: u64, longest: u64) -> Times {
    Times { p50, p99, p999, longest }
}

pub(crate) fn row(name: &str, kind: Kind, rounds: &[f64], times: Option<Times>) -> Row {
    let rounds = Rounds::new(rounds.to_vec());
    Row { name: name.to_owned(), kind, pinned: Measured { rounds, times }, unpinned: None }
}

fn table(title: &str, rows: Vec<Row>) -> Table {
    Table { title: title.to_owned(), of: "item".to_owned(), rows }
}

fn machine() -> Machine {
    Machine { name: "a machine".to_owned(), details: vec![("kernel".to_owned(), "6".to_owned())], warning: None }
}

/// A report with one table.
pub(crate) fn report(rows: Vec<Row>) -> Report {
    let blocks = vec![Block::Table(table("a table", rows))];
    Report { machine: machine(), sections: vec![Section { title: "Mutex".to_owned(), blocks }] }
}

/// A report with some of everything, in which ours is behind more than once for the same reason.
pub(crate) fn whole() -> Report {
    let rows = |factor: f64, times: Option<Times>| {
        vec![
            row("mpmc ring", Kind::Ours, &[10.0 * factor, 11.0 * factor], times),
            row("<pipe> & \"co\"", Kind::Rival, &[90.0, 95.0], times),
            row("rtrb, between threads", Kind::Floor, &[4.0, 5.0], times),
        ]
    };
    let points = [8.0, 64.0].map(|size| (size, table(&format!("one to one, items of {size} bytes"), rows(size, None))));
    let fact = |name: &str, cell: Cell| Fact::new(name, Kind::Rival, vec![cell]);
    let blocks = vec![
        Block::Family(Family { title: "One to one".to_owned(), axis: "bytes".to_owned(), points: points.into() }),
        Block::Table(table("there and back", rows(1.0, Some(times(1, 2, 3, 4))))),
        Block::Table(table("one way", rows(2.0, None))),
        Block::Facts(Facts {
            title: "System calls".to_owned(),
            columns: vec!["calls for one item".to_owned()],
            rows: vec![fact("a", 2.0.into()), fact("b", "never sleeps".into())],
        }),
    ];
    Report { machine: machine(), sections: vec![Section { title: "Rings".to_owned(), blocks }] }
}
