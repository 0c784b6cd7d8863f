//! Where ours is not first: by its time, by percentiles of single times, or by the longest of them.

use super::{
    Measured, Report, Row, Table,
    reasons::{self, NOT_KNOWN},
};
use crate::{figures::figure, harness::Kind, timed::Times};

/// What of an alternative's times is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    /// The time of an operation: the median of all rounds.
    Time,
    P50,
    P99,
    P999,
    Longest,
}

impl Statistic {
    pub(crate) const ALL: [Self; 5] = [Self::Time, Self::P50, Self::P99, Self::P999, Self::Longest];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Longest => "longest",
        }
    }

    /// Compares two alternatives, if both have this statistic.
    fn compare(self, other: &Measured, ours: &Measured) -> Option<Compared> {
        if self == Self::Time {
            let ratio = other.rounds.ratio_to(&ours.rounds);
            return Some(Compared { ratio: ratio.median, is_frequent: ratio.upper < 1.0 });
        }
        let (other, ours) = (other.times?, ours.times?);
        #[expect(clippy::cast_precision_loss, reason = "times are below 2^52 nanoseconds")]
        let ratio = |other: u64, ours: u64| other as f64 / ours.max(1) as f64;
        let times = |times: Times| match self {
            Self::Time | Self::P50 => times.p50,
            Self::P99 => times.p99,
            Self::P999 => times.p999,
            Self::Longest => times.longest,
        };
        let ratio = ratio(times(other), times(ours));
        Some(Compared { ratio, is_frequent: true })
    }
}

/// Their time divided by ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) ratio: f64,
    /// Whether they were ahead in three of four rounds, where that is known.
    pub(crate) is_frequent: bool,
}

impl Compared {
    /// Below this another is ahead; between this and 1 it is a tie.
    const TIE: f64 = 0.98;

    pub(crate) fn is_ahead(self) -> bool {
        self.ratio < Self::TIE
    }

    /// The ratio; in brackets if the other is ahead in few rounds.
    pub(crate) fn text(self) -> String {
        let ratio = figure(self.ratio);
        if self.is_ahead() && !self.is_frequent { format!("({ratio})") } else { ratio }
    }
}

/// An alternative that is ahead of a row of ours.
pub(crate) struct Behind<'a> {
    pub(crate) section: &'a str,
    pub(crate) table: &'a str,
    pub(crate) ours: &'a str,
    pub(crate) other: &'a str,
    pub(crate) kind: Kind,
    /// For each statistic pinned and unpinned, as far as they were measured.
    pub(crate) compared: [[Option<Compared>; 2]; 5],
    /// The reasons for the statistics by which it is ahead.
    pub(crate) reasons: Vec<&'static str>,
}

impl Report {
    pub(crate) fn behind(&self) -> Vec<Behind<'_>> {
        let mut behind = Vec::new();
        for section in &self.sections {
            for table in section.tables() {
                for ours in table.rows.iter().filter(|row| row.kind == Kind::Ours) {
                    let others = table.rows.iter().filter(|row| row.kind != Kind::Ours);
                    behind.extend(others.filter_map(|other| Behind::find(&section.title, table, ours, other)));
                }
            }
        }
        behind
    }
}

/// Returns each reason once, with a number in the order in which a reader comes across them, or with a question mark.
pub(crate) fn reasons(behind: &[Behind<'_>]) -> Vec<(String, &'static str)> {
    let mut reasons: Vec<(String, &'static str)> = Vec::new();
    for &reason in behind.iter().flat_map(|behind| &behind.reasons) {
        if reason != NOT_KNOWN && !reasons.iter().any(|(_, known)| *known == reason) {
            reasons.push(((reasons.len() + 1).to_string(), reason));
        }
    }
    if behind.iter().any(|behind| behind.reasons.contains(&NOT_KNOWN)) {
        reasons.push(("?".to_owned(), NOT_KNOWN));
    }
    reasons
}

impl<'a> Behind<'a> {
    /// Compares two rows; returns none if ours is first by every statistic, or as good as that.
    fn find(section: &'a str, table: &'a Table, ours: &'a Row, other: &'a Row) -> Option<Self> {
        let compared = Statistic::ALL.map(|statistic| {
            let unpinned = other.unpinned.as_ref().zip(ours.unpinned.as_ref());
            [
                statistic.compare(&other.pinned, &ours.pinned),
                unpinned.and_then(|(other, ours)| statistic.compare(other, ours)),
            ]
        });
        let is_ahead = |compared: &[Option<Compared>; 2]| compared.iter().flatten().any(|one| one.is_ahead());
        let mut found = Vec::new();
        for (statistic, compared) in
            Statistic::ALL.into_iter().zip(&compared).filter(|(_, compared)| is_ahead(compared))
        {
            let is_frequent = compared.iter().flatten().any(|one| one.is_ahead() && one.is_frequent);
            let known = reasons::why(&table.title, &ours.name, &other.name, statistic);
            let why = if known == NOT_KNOWN && !is_frequent { reasons::SELDOM } else { known };
            if !found.contains(&why) {
                found.push(why);
            }
        }
        let (table, ours, kind) = (table.title.as_str(), ours.name.as_str(), other.kind);
        (!found.is_empty()).then(|| Self { section, table, ours, other: &other.name, kind, compared, reasons: found })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        harness::Kind,
        report::samples::{report, row, times},
    };

    /// The alternatives that are ahead, and by which statistics.
    fn ahead(rows: Vec<crate::report::Row>) -> Vec<(String, Vec<&'static str>)> {
        let report = report(rows);
        let names = |behind: &super::Behind<'_>| {
            let by = super::Statistic::ALL.into_iter().zip(&behind.compared);
            let is_ahead = |one: &[Option<super::Compared>; 2]| one.iter().flatten().any(|one| one.is_ahead());
            by.filter(|(_, compared)| is_ahead(compared)).map(|(statistic, _)| statistic.name()).collect()
        };
        report.behind().iter().map(|behind| (behind.other.to_owned(), names(behind))).collect()
    }

    #[test]
    fn a_shorter_time_counts_and_a_tie_does_not() {
        let rows = vec![
            row("ours", Kind::Ours, &[100.0, 100.0, 100.0], None),
            row("tie", Kind::Rival, &[99.0, 99.0, 99.0], None),
            row("slower", Kind::Rival, &[200.0, 200.0, 200.0], None),
            row("faster", Kind::Limit, &[90.0, 90.0, 90.0], None),
        ];
        assert_eq!(ahead(rows), [("faster".to_owned(), vec!["time"])]);
    }

    #[test]
    fn each_tail_counts_by_itself() {
        let rows = vec![
            row("ours", Kind::Ours, &[10.0], Some(times(50, 100, 200, 1000))),
            row("p99", Kind::Rival, &[20.0], Some(times(50, 90, 200, 1000))),
            row("p99.9", Kind::Rival, &[20.0], Some(times(50, 100, 190, 1000))),
            row("longest", Kind::Rival, &[20.0], Some(times(50, 100, 200, 900))),
            row("all tails", Kind::Rival, &[20.0], Some(times(10, 10, 10, 10))),
        ];
        let expected = [("p99", vec!["p99"]), ("p99.9", vec!["p99.9"]), ("longest", vec!["longest"])];
        let mut expected: Vec<_> = expected.map(|(name, by)| (name.to_owned(), by)).into();
        expected.push(("all tails".to_owned(), vec!["p50", "p99", "p99.9", "longest"]));
        assert_eq!(ahead(rows), expected);
    }

    #[test]
    fn being_ahead_where_the_kernel_places_processes_is_enough() {
        let mut ours = row("ours", Kind::Ours, &[10.0], None);
        let mut other = row("other", Kind::Rival, &[20.0], None);
        ours.unpinned = Some(row("", Kind::Ours, &[30.0], None).pinned);
        other.unpinned = Some(row("", Kind::Rival, &[20.0], None).pinned);
        assert_eq!(ahead(vec![ours, other]), [("other".to_owned(), vec!["time"])]);
    }

    #[test]
    fn a_time_that_is_shorter_in_few_rounds_is_listed_as_such() {
        let ours = row("ours", Kind::Ours, &[10.0, 10.0, 10.0, 10.0], None);
        let other = row("other", Kind::Rival, &[8.0, 8.0, 9.0, 30.0], None);
        let report = report(vec![ours, other]);
        let compared = report.behind()[0].compared[0][0].unwrap();
        assert!(compared.is_ahead() && !compared.is_frequent, "{compared:?}");
    }
}
