//! The plot: throughput above, latency below, both by size.

use std::{fs, path::Path};

use anyhow::Result;

use crate::{
    figures::{Course, Latency, Row, Spread},
    plot::{Axis, Curve, Curves, Point, Role, stacked},
};

/// Writes an SVG file, with the warning on top if there is one.
pub(crate) fn write(path: &Path, rows: &[Row], rounds: u32, warning: Option<&str>) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let rounds = match rounds {
        1 => "One round.".to_owned(),
        _ => format!("Medians of {rounds} rounds; thin lines are from the least to the greatest round."),
    };
    let mut notes = vec![("t", rounds)];
    notes.extend(warning.map(|warning| ("w b", warning.to_owned())));
    let (throughput, latency) = (throughput(rows), latency(rows));
    let plots = [("Throughput, from process to process", &throughput), ("Latency of an item by itself", &latency)];
    fs::write(path, stacked("A ring beside a kernel message queue", &notes, &plots))?;
    Ok(())
}

fn throughput(rows: &[Row]) -> Curves {
    let curves = [("ring", Role::Ours), ("message queue", Role::Rival)];
    let curves = curves.map(|(name, role)| curve(name, role, rows, |row| of(row, role).rate()));
    plot("items in a second (log scale)", curves.into(), metric)
}

fn latency(rows: &[Row]) -> Curves {
    let [p50, p99, ..] = Latency::PARTS;
    let carriers = [("ring", Role::Ours), ("message queue", Role::Rival)];
    let curves = carriers.into_iter().flat_map(|(carrier, role)| {
        [p50, p99]
            .map(|(name, part)| curve(&format!("{carrier}, {name}"), role, rows, |row| of(row, role).latency(part)))
    });
    plot("time for one item, sent every 50 µs (log scale)", curves.collect(), time)
}

fn of(row: &Row, role: Role) -> &Course {
    if role == Role::Ours { &row.ring } else { &row.queue }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are small")]
fn curve(name: &str, role: Role, rows: &[Row], figure: impl Fn(&Row) -> Spread) -> Curve {
    let point = |row: &Row| {
        let Spread { median, least, most } = figure(row);
        // A scale of powers has no zero.
        let [y, least, most] = [median, least, most].map(|value| value.max(1e-3));
        Point { x: row.size as f64, y, whisker: Some((least, most)) }
    };
    Curve { name: name.to_owned(), role, points: rows.iter().map(point).collect() }
}

fn plot(y_title: &str, curves: Vec<Curve>, label: fn(f64) -> String) -> Curves {
    let sizes: Vec<f64> = curves.iter().take(1).flat_map(|curve| &curve.points).map(|point| point.x).collect();
    let points = curves.iter().flat_map(|curve| &curve.points);
    let values = points.flat_map(|point| point.whisker).flat_map(|(least, most)| [least, most]);
    Curves {
        label: y_title.to_owned(),
        x: Axis::measured(&sizes, plain),
        x_title: "bytes in an item (log scale)".to_owned(),
        y: Axis::log(values, label),
        y_title: y_title.to_owned(),
        curves,
    }
}

fn plain(number: f64) -> String {
    // To a thousandth: what is left is an error of the binary number.
    ((number * 1e3).round() / 1e3).to_string()
}

/// Microseconds in a unit that suits them.
fn time(microseconds: f64) -> String {
    match microseconds {
        ..1.0 => format!("{} ns", plain(microseconds * 1e3)),
        ..1e3 => format!("{} µs", plain(microseconds)),
        _ => format!("{} ms", plain(microseconds / 1e3)),
    }
}

/// A round number, with a word for thousands and millions.
fn metric(number: f64) -> String {
    match number {
        ..1e3 => plain(number),
        ..1e6 => format!("{} thousand", plain(number / 1e3)),
        _ => format!("{} million", plain(number / 1e6)),
    }
}
