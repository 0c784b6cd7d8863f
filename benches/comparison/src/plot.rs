//! Plots: a bar for each alternative of a table, and a curve for each of a family.

use anyhow::{Result, anyhow};
use plotters::{
    chart::{ChartBuilder, LabelAreaPosition},
    coord::combinators::IntoLogRange,
    prelude::{Circle, IntoDrawingArea, PathElement, Rectangle, SVGBackend, Text},
    series::LineSeries,
    style::{Color, IntoFont, RGBColor, WHITE},
};

use crate::{
    harness::Kind,
    markdown::time,
    report::{Family, Row, Table},
};

type Drawn = Result<(), Box<dyn std::error::Error>>;

const WIDTH: u32 = 900;
const ROW: u32 = 30;
/// Where bars begin, behind the names.
const LEFT: i32 = 330;
/// What is left for figures behind the longest bar.
const RIGHT: i32 = 90;

/// How much is to the right of the last point of a curve, for their names.
const LEGEND: i32 = 245;

const SPREAD: RGBColor = RGBColor(60, 60, 60);

fn color(kind: Kind) -> RGBColor {
    match kind {
        Kind::Ours => RGBColor(0, 110, 180),
        Kind::Rival => RGBColor(160, 160, 160),
        Kind::Limit | Kind::Floor => RGBColor(215, 215, 215),
    }
}

/// Colours that differ for who has eyes of any kind, for rivals and floors in a plot of curves.
const PALETTE: [RGBColor; 12] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(120, 94, 240),
    RGBColor(150, 75, 0),
    RGBColor(86, 180, 233),
    RGBColor(220, 38, 127),
    RGBColor(110, 130, 0),
    RGBColor(70, 70, 70),
    RGBColor(0, 60, 60),
    RGBColor(190, 150, 190),
];

/// Draws a table: on a scale of powers, each with the spread of its ratio, or from the median trip to the longest but
/// one of a thousand.
pub(crate) fn bars(table: &Table) -> Result<String> {
    let mut svg = String::new();
    draw_bars(table, &mut svg).map_err(|error| anyhow!("can't draw {}: {error}", table.title))?;
    Ok(svg)
}

/// The bar of a row, and the line through its end.
#[expect(clippy::cast_precision_loss, reason = "it is a place on the page")]
fn extent(row: &Row, first: &Row) -> (f64, f64, f64) {
    match row.percentiles {
        Some([median, _, most]) => (median as f64, median as f64, most as f64),
        None => {
            let (base, ratio) = (first.line.nanoseconds(), row.line.ratio_to(&first.line));
            (row.line.nanoseconds(), base * ratio.least, base * ratio.most)
        }
    }
}

fn draw_bars(table: &Table, svg: &mut String) -> Drawn {
    let rows = u32::try_from(table.rows.len())?;
    let root = SVGBackend::with_string(svg, (WIDTH, ROW * rows + 10)).into_drawing_area();
    root.fill(&WHITE)?;
    let extents: Vec<_> = table.rows.iter().map(|row| extent(row, &table.rows[0])).collect();
    let least = extents.iter().map(|&(bar, from, _)| bar.min(from)).fold(f64::MAX, f64::min) / 2.0;
    let most = extents.iter().map(|&(bar, _, to)| bar.max(to)).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, reason = "it is a place on the page")]
    let place = |nanoseconds: f64| {
        let room = f64::from(WIDTH) - f64::from(LEFT + RIGHT);
        LEFT + ((nanoseconds / least).max(1.0).ln() / (most / least).ln() * room) as i32
    };
    let font = ("sans-serif", 15).into_font();
    for (index, (row, &(bar, from, to))) in table.rows.iter().zip(&extents).enumerate() {
        let top = i32::try_from(ROW)? * i32::try_from(index)? + 6;
        let middle = top + 11;
        root.draw(&Text::new(row.line.name.clone(), (4, top + 3), font.clone()))?;
        root.draw(&Rectangle::new([(LEFT, top), (place(bar), top + 22)], color(row.line.kind).filled()))?;
        root.draw(&PathElement::new([(place(from), middle), (place(to), middle)], SPREAD.stroke_width(2)))?;
        root.draw(&Text::new(time(bar), (place(bar).max(place(to)) + 8, top + 3), font.clone()))?;
    }
    root.present()?;
    drop(root);
    Ok(())
}

/// Draws a family: both axes in powers.
pub(crate) fn curves(family: &Family) -> Result<String> {
    let mut svg = String::new();
    draw_curves(family, &mut svg).map_err(|error| anyhow!("can't draw {}: {error}", family.title))?;
    Ok(svg)
}

/// An alternative, and its time at each point where it was measured.
struct Curve<'a> {
    name: &'a str,
    kind: Kind,
    points: Vec<(f64, f64)>,
}

fn gather(family: &Family) -> Vec<Curve<'_>> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    for (x, table) in &family.points {
        for Row { line, .. } in &table.rows {
            let point = (*x, line.nanoseconds());
            match curves.iter_mut().find(|curve| curve.name == line.name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { name: &line.name, kind: line.kind, points: vec![point] }),
            }
        }
    }
    curves
}

fn draw_curves(family: &Family, svg: &mut String) -> Drawn {
    let curves = gather(family);
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (from, to) = points().fold((f64::MAX, 0.0_f64), |(from, to), &(x, _)| (from.min(x), to.max(x)));
    let (least, most) = points().fold((f64::MAX, 0.0_f64), |(least, most), &(_, y)| (least.min(y), most.max(y)));
    let root = SVGBackend::with_string(svg, (WIDTH, 460)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, 70)
        .set_label_area_size(LabelAreaPosition::Bottom, 40)
        .margin_right(LEGEND)
        .build_cartesian_2d((from..to * 1.001).log_scale(), (least / 1.5..most * 1.5).log_scale())?;
    let mesh = |nanoseconds: &f64| time(*nanoseconds).replace(".0 ", " ");
    chart
        .configure_mesh()
        .x_desc(family.axis)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&mesh)
        .label_style(("sans-serif", 13))
        .draw()?;
    let mut colors = PALETTE.iter().cycle();
    for (index, curve) in curves.iter().enumerate() {
        let (color, width) = match curve.kind {
            Kind::Ours if index == 0 => (color(Kind::Ours), 4),
            Kind::Ours => (RGBColor(90, 170, 225), 4),
            Kind::Limit => (RGBColor(190, 190, 190), 2),
            Kind::Floor => (*colors.next().unwrap_or(&SPREAD), 1),
            Kind::Rival => (*colors.next().unwrap_or(&SPREAD), 2),
        };
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), color.stroke_width(width)))?;
        chart.draw_series(curve.points.iter().map(|&point| Circle::new(point, 3, color.filled())))?;
        let (left, top) = (i32::try_from(WIDTH)? - LEGEND, 20 + 18 * i32::try_from(index)?);
        root.draw(&PathElement::new([(left, top), (left + 18, top)], color.stroke_width(width)))?;
        root.draw(&Text::new(curve.name.to_owned(), (left + 26, top - 6), ("sans-serif", 13).into_font()))?;
    }
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}
