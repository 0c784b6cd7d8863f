//! The SVG: a bar for each lane, and the tail of its trips. It suits light and dark pages.

use std::fmt::Write as _;

use super::{Measured, Report};
use crate::out::grouped;

const WIDTH: f64 = 720.0;
const LINE: f64 = 26.0;
const LEFT: f64 = 90.0;
/// Where the longest bar ends, so that its number fits behind it.
const RIGHT: f64 = 580.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.s{font-size:11px;fill:#59636e}.e{text-anchor:end}\
.page{fill:#fff;stroke:#d1d9e0}.ours{fill:#0064b0}.other{fill:#c2571a}.tail{stroke:#59636e;stroke-width:1.5}\
@media(prefers-color-scheme:dark){text{fill:#e4e8ed}.s{fill:#9aa5b1}.page{fill:#12161c;stroke:#3d444d}\
.ours{fill:#58b4ff}.other{fill:#f0915a}.tail{stroke:#9aa5b1}}";

pub(super) fn draw(report: &Report) -> String {
    let groups = if report.measured.iter().any(|row| row.trip.is_some()) { 2.0 } else { 1.0 };
    #[allow(clippy::cast_precision_loss, reason = "some lanes")]
    let rows = report.measured.len() as f64;
    let height = 48.0 + groups * (rows * LINE + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Items of {} bytes between {} processes</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        report.item_bytes,
        report.processes,
        WIDTH - 1.0,
        height - 1.0
    );
    let title = format!("Items of {} bytes between {} processes, logarithmic", report.item_bytes, report.processes);
    text(&mut svg, (16.0, 28.0), "", &title);
    let mut top = 56.0;
    group(&mut svg, &mut top, "nanoseconds for an item of a stream: median, and worst round", report, |row| {
        Some((row.stream.median, row.stream.longest))
    });
    group(&mut svg, &mut top, "nanoseconds for a trip there and back: median, and 99 of 100", report, |row| {
        row.trip.as_ref().map(|trip| (trip.median, trip.p99))
    });
    svg.push_str("</svg>\n");
    svg
}

/// Draws a bar up to the first number of each lane, and a line from there to the second one.
fn group(
    svg: &mut String,
    top: &mut f64,
    title: &str,
    report: &Report,
    numbers: impl Fn(&Measured) -> Option<(f64, f64)>,
) {
    let rows: Vec<_> = report.measured.iter().filter_map(|row| Some((row.lane, numbers(row)?))).collect();
    let Some(most) = rows.iter().map(|(_, (_, tail))| *tail).reduce(f64::max) else { return };
    // One nanosecond has no length, so that bars can be compared from figure to figure.
    let end = |number: f64| LEFT + (RIGHT - LEFT) * (number.max(1.0).ln() / most.max(2.0).ln());
    text(svg, (16.0, *top), " class=\"s\"", title);
    for (lane, (number, tail)) in rows {
        *top += LINE;
        let ours = matches!(lane.name(), "ring" | "mpmc" | "channel");
        let class = if ours { "ours" } else { "other" };
        let (bar, line) = (end(number), end(tail));
        text(svg, (LEFT - 8.0, *top), " class=\"e\"", lane.name());
        put(
            svg,
            format_args!(
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>\n\
             <path class=\"tail\" d=\"M{bar:.1} {:.1}H{line:.1}\"/>\n",
                *top - 12.0,
                (bar - LEFT).max(1.0),
                *top - 5.0
            ),
        );
        text(svg, (line + 8.0, *top), "", &format!("{}, {}", shown(number), shown(tail)));
    }
    *top += 40.0;
}

fn shown(number: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are neither negative nor huge")]
    let whole = number.round() as u64;
    if number < 10.0 { format!("{number:.1}") } else { grouped(whole) }
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, words: &str) {
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\"{class}>{words}</text>\n"));
}

fn put(svg: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = svg.write_fmt(arguments);
}
