//! The plots of a report.

use crate::{
    figures::{figure, round, round_time, time},
    harness::Kind,
    plot::{Axis, Curve, Curves, Dots, Group, Panel, Panels, Point, Role, Row as Dot, Size},
    prose::{self, SUMMARY},
    report::{Beside, Cell, Facts, Family, Report, Table, UNPINNED, summary},
    timed::Times,
};

fn role(kind: Kind) -> Role {
    match kind {
        Kind::Ours => Role::Ours,
        Kind::Rival => Role::Rival,
        Kind::Limit | Kind::Floor => Role::Bound,
    }
}

/// Draws a plot for both sizes of window.
fn both(draw: impl Fn(Size) -> String) -> String {
    draw(Size::Wide) + &draw(Size::Narrow)
}

/// The times of a family: a curve for each alternative.
pub(crate) fn family(family: &Family) -> String {
    let mut curves: Vec<Curve> = Vec::new();
    for (x, table) in &family.points {
        for row in &table.rows {
            let rounds = &row.pinned.rounds;
            let point = Point { x: *x, y: rounds.nanoseconds(), whisker: Some(rounds.extent()) };
            match curves.iter_mut().find(|curve| curve.name == row.name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { name: row.name.clone(), role: role(row.kind), points: vec![point] }),
            }
        }
    }
    let xs: Vec<f64> = family.points.iter().map(|(x, _)| *x).collect();
    let of = family.points.first().map_or("operation", |(_, table)| table.of.as_str());
    let plot = Curves {
        label: format!("{}: time for one {of}", family.title),
        x: Axis::measured(&xs, round),
        x_title: format!("{} (log scale)", family.axis),
        y: Axis::log(curves.iter().flat_map(|curve| &curve.points).flat_map(reach), round_time),
        y_title: time_axis(of),
        curves,
    };
    both(|size| plot.inline(size))
}

fn time_axis(of: &str) -> String {
    format!("time for one {of} (log scale)")
}

/// What of a point an axis has to show.
fn reach(point: &Point) -> [f64; 3] {
    let (least, most) = point.whisker.unwrap_or((point.y, point.y));
    [least, point.y, most]
}

/// A table: its single times as curves if they were noted, else a row for each alternative.
pub(crate) fn table(table: &Table) -> String {
    if table.is_timed() { single_times(table) } else { times(table) }
}

fn single_times(table: &Table) -> String {
    let curve = |row: &crate::report::Row| {
        let points = (0_u8..).zip(row.pinned.times?.nanoseconds());
        let points = points.map(|(x, y)| Point { x: f64::from(x), y: y.max(1.0), whisker: None }).collect();
        Some(Curve { name: row.name.clone(), role: role(row.kind), points })
    };
    let curves: Vec<Curve> = table.rows.iter().filter_map(curve).collect();
    let plot = Curves {
        label: format!("{}: percentiles of single times", table.title),
        x: Axis::named(&Times::NAMES),
        x_title: "percentile of single times".to_owned(),
        y: Axis::log(curves.iter().flat_map(|curve| &curve.points).map(|point| point.y), round_time),
        y_title: time_axis(&format!("single {}", table.of)),
        curves,
    };
    both(|size| plot.inline(size))
}

fn times(table: &Table) -> String {
    let row = |row: &crate::report::Row| {
        let (nanoseconds, ratio) = (row.pinned.rounds.nanoseconds(), row.ratio_to(&table.rows[0]).median);
        Dot {
            name: format!("{}{}", row.name, prose::kind(row.kind)),
            role: role(row.kind),
            value: Some(nanoseconds),
            whisker: Some(row.pinned.rounds.extent()),
            second: None,
            words: format!("{} (×{})", time(nanoseconds), figure(ratio)),
        }
    };
    let rows: Vec<Dot> = table.rows.iter().map(row).collect();
    let ends = rows.iter().filter_map(|row| row.whisker).flat_map(|(least, most)| [least, most]);
    let plot = Dots {
        label: format!("{}: time for one {}", table.title, table.of),
        axis: Axis::log(ends, round_time),
        axis_title: time_axis(&table.of),
        groups: vec![Group { title: String::new(), subtitle: String::new(), rows }],
        reference: None,
        has_bars: false,
        is_named_beside: false,
    };
    both(|size| plot.inline(size))
}

/// Counts: a plot for each column that is of pinned processes.
pub(crate) fn facts(facts: &Facts) -> String {
    let is_drawn = |column: &usize| !facts.columns[*column].ends_with(UNPINNED);
    (0..facts.columns.len()).filter(is_drawn).map(|column| fact(facts, column)).collect()
}

fn fact(facts: &Facts, column: usize) -> String {
    let row = |fact: &crate::report::Fact| {
        let (value, words) = match fact.cells.get(column)? {
            Cell::Number(number) => (Some(*number), round(*number)),
            Cell::Word(word) if word.is_empty() => return None,
            Cell::Word(word) => (None, word.clone()),
        };
        Some(Dot { name: fact.name.clone(), role: role(fact.kind), value, whisker: None, second: None, words })
    };
    let rows: Vec<Dot> = facts.rows.iter().filter_map(row).collect();
    let values = || rows.iter().filter_map(|row| row.value);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    // A bar has to begin at zero, which is not on a scale of powers.
    let is_log = least > 0.0 && most / least > 50.0;
    let title = &facts.columns[column];
    let plot = Dots {
        label: format!("{}: {title}", facts.title),
        axis: if is_log { Axis::log(values(), round) } else { Axis::from_zero(most, round) },
        axis_title: if is_log { format!("{title} (log scale)") } else { title.clone() },
        groups: vec![Group { title: String::new(), subtitle: String::new(), rows }],
        reference: None,
        has_bars: !is_log,
        is_named_beside: false,
    };
    both(|size| plot.inline(size))
}

/// Ticks of ratios.
const RATIOS: [f64; 14] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
/// The same over a range that is too wide for them.
const POWERS: [f64; 9] = [1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4];
const WIDE_RANGE: f64 = 3000.0;

/// The first picture, if anything of it was measured: eight plots with the same axis.
fn first(report: &Report) -> Option<Panels> {
    let plots: Vec<(&str, Vec<Group>)> =
        summary(report).into_iter().map(|(title, all)| (title, all.iter().map(group).collect())).collect();
    let rows = plots.iter().flat_map(|(_, groups)| groups).flat_map(|group| &group.rows);
    let values = rows.flat_map(|row| [row.value, row.second, row.whisker.map(|w| w.0), row.whisker.map(|w| w.1)]);
    let values: Vec<f64> = values.flatten().chain([0.5, 2.0]).collect();
    let (least, most) = values.iter().fold((f64::MAX, 0.0_f64), |(least, most), &v| (least.min(v), most.max(v)));
    let ticks: &[f64] = if most / least > WIDE_RANGE { &POWERS } else { &RATIOS };
    let axis =
        Axis::log_with(values.into_iter(), ticks, |ratio| if ratio < 0.01 { ratio.to_string() } else { round(ratio) });
    let panel = |(title, groups): (&str, Vec<Group>)| {
        let dots = Dots {
            label: title.to_owned(),
            axis: axis.clone(),
            axis_title: "their time ÷ ours (log scale)".to_owned(),
            groups,
            reference: Some((1.0, "1: same as ours".to_owned())),
            has_bars: false,
            is_named_beside: true,
        };
        (title.to_owned(), Panel::Dots(dots))
    };
    let label = format!("{SUMMARY}, for each primitive");
    (!plots.is_empty()).then(|| Panels { label, panels: plots.into_iter().map(panel).collect() })
}

/// A primitive in the first picture.
fn group(beside: &Beside) -> Group {
    let row = |other: &crate::report::Other| {
        let ratio = other.ratio;
        let p99 = other.p99.map_or(String::new(), |p99| format!(", p99 {}", figure(p99)));
        Dot {
            name: other.name.to_owned(),
            role: Role::Rival,
            value: Some(ratio.median),
            whisker: Some((ratio.least, ratio.most)),
            second: other.p99,
            words: format!("{}{p99}", figure(ratio.median)),
        }
    };
    Group {
        title: beside.title.to_owned(),
        subtitle: beside.subtitle.to_owned(),
        rows: beside.others.iter().map(row).collect(),
    }
}

/// The plots of the first picture with their titles, as parts of the page.
pub(crate) fn summary_inline(report: &Report) -> Vec<(String, String)> {
    let plots = first(report);
    plots.iter().flat_map(Panels::inline).map(|(title, plot)| (title.to_owned(), plot)).collect()
}

/// The first picture as files of their own, for a window of a computer and for a phone.
pub(crate) fn summary_files(report: &Report) -> Vec<(&'static str, String)> {
    let machine = &report.machine;
    let mut notes = vec![machine.name.as_str(), prose::SUMMARY_KEY];
    notes.extend(machine.warning.as_deref());
    let file = |plots: &Panels, size| plots.file(size, SUMMARY, &notes);
    first(report).map_or(Vec::new(), |plots| {
        vec![(prose::SUMMARY_FILE, file(&plots, Size::Wide)), (prose::SUMMARY_NARROW, file(&plots, Size::Narrow))]
    })
}
