//! The plot: throughput above, latency below, both by size.

use std::{fs, path::Path};

use anyhow::{Result, anyhow};
use plotters::{
    coord::Shift,
    prelude::{
        ChartBuilder, Circle, DrawingArea, EmptyElement, IntoDrawingArea, IntoFont, IntoLogRange, LineSeries,
        PathElement, PointSeries, RGBColor, SVGBackend, WHITE,
    },
    style::{Color, TextStyle},
};

use crate::{Latency, Row};

const RING: RGBColor = RGBColor(0, 110, 180);
const QUEUE: RGBColor = RGBColor(200, 80, 20);

type Line<'a> = (&'a str, RGBColor, bool, Vec<(f64, f64)>);

/// Writes an SVG file.
pub(crate) fn write(path: &Path, rows: &[Row]) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let root = SVGBackend::new(path, (900, 900)).into_drawing_area();
    draw(&root, rows).map_err(|error| anyhow!("{error}"))
}

fn draw(root: &DrawingArea<SVGBackend<'_>, Shift>, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(450);
    #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
    let by_size = |of: &dyn Fn(&Row) -> f64| -> Vec<(f64, f64)> {
        rows.iter().map(|row| (row.size as f64, of(row).max(1e-3))).collect()
    };
    let throughput = [
        ("ring", RING, true, by_size(&|row| row.ring.rate)),
        ("message queue", QUEUE, true, by_size(&|row| row.queue.rate)),
    ];
    panel(&above, "Items in a second, from process to process", &throughput)?;
    let half = |latency: &Latency| latency.p50;
    let most = |latency: &Latency| latency.p99;
    let latency = [
        ("ring, 50 %", RING, true, by_size(&|row| half(&row.ring.latency))),
        ("ring, 99 %", RING, false, by_size(&|row| most(&row.ring.latency))),
        ("message queue, 50 %", QUEUE, true, by_size(&|row| half(&row.queue.latency))),
        ("message queue, 99 %", QUEUE, false, by_size(&|row| most(&row.queue.latency))),
    ];
    panel(&below, "Microseconds for one item, sent every 50 microseconds", &latency)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[Line<'_>],
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || lines.iter().flat_map(|line| &line.3);
    let sizes = all().fold((f64::MAX, 0.0), |(least, most): (f64, f64), point| (least.min(point.0), most.max(point.0)));
    let figures =
        all().fold((f64::MAX, 0.0), |(least, most): (f64, f64), point| (least.min(point.1), most.max(point.1)));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(
            (sizes.0 / 1.2..sizes.1 * 1.2).log_scale(),
            (figures.0 / 2.0..figures.1 * 4.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("bytes in an item")
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|figure| if *figure < 10.0 { format!("{figure}") } else { grouped(*figure) })
        .label_style(TextStyle::from(("sans-serif", 14).into_font()))
        .draw()?;
    for (name, color, is_solid, points) in lines {
        let (color, width) = (*color, if *is_solid { 3 } else { 1 });
        let points = || points.iter().copied();
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(width)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], color.stroke_width(width)));
        chart.draw_series(PointSeries::of_element(points(), 3, color.filled(), &|point, size, style| {
            EmptyElement::at(point) + Circle::new((0, 0), size, style)
        }))?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.9)).border_style(RGBColor(180, 180, 180)).draw()?;
    Ok(())
}

/// Writes a number with a comma between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
