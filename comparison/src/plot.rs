//! One comparison as a plot: a bar for each alternative, on a scale of powers, with its spread.

use anyhow::{Result, anyhow};
use plotters::{
    prelude::{IntoDrawingArea, PathElement, Rectangle, SVGBackend, Text},
    style::{Color, IntoFont, RGBColor, WHITE},
};

use crate::{harness::Comparison, markdown::time};

const WIDTH: u32 = 860;
const ROW: u32 = 30;
/// Where bars begin, behind the names.
const LEFT: i32 = 330;
/// What is left for figures behind the longest bar.
const RIGHT: i32 = 90;

const OURS: RGBColor = RGBColor(0, 110, 180);
const THEIRS: RGBColor = RGBColor(170, 170, 170);
const SPREAD: RGBColor = RGBColor(60, 60, 60);

/// Returns whether an alternative is one of this project's, by its name.
fn is_ours(name: &str) -> bool {
    ["Mutex", "Pool", "spsc", "mpmc", "channel", "call"].iter().any(|ours| name.starts_with(ours))
}

/// Draws an SVG.
pub(crate) fn bars(comparison: &Comparison) -> Result<String> {
    let mut svg = String::new();
    draw(comparison, &mut svg).map_err(|error| anyhow!("can't draw {}: {error}", comparison.title))?;
    Ok(svg)
}

fn draw(comparison: &Comparison, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let rows = u32::try_from(comparison.lines.len())?;
    let root = SVGBackend::with_string(svg, (WIDTH, ROW * rows + 10)).into_drawing_area();
    root.fill(&WHITE)?;
    let lines = || comparison.lines.iter();
    let base = comparison.lines.first().map_or(1.0, |line| line.nanoseconds);
    let least = lines().map(|line| line.nanoseconds).fold(f64::MAX, f64::min) / 2.0;
    let most = lines().map(|line| line.nanoseconds.max(base * line.most)).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, reason = "it is a place on the page")]
    let place = |nanoseconds: f64| {
        let room = f64::from(WIDTH) - f64::from(LEFT + RIGHT);
        LEFT + ((nanoseconds / least).max(1.0).ln() / (most / least).ln() * room) as i32
    };
    let font = ("sans-serif", 15).into_font();
    for (index, line) in lines().enumerate() {
        let top = i32::try_from(ROW)? * i32::try_from(index)? + 6;
        let middle = top + 11;
        let color = if is_ours(&line.name) { OURS } else { THEIRS };
        root.draw(&Text::new(line.name.clone(), (4, top + 3), font.clone()))?;
        root.draw(&Rectangle::new([(LEFT, top), (place(line.nanoseconds), top + 22)], color.filled()))?;
        // The ratio's spread, around the figure of the first line.
        let (from, to) = (place(base * line.least), place(base * line.most));
        root.draw(&PathElement::new([(from, middle), (to, middle)], SPREAD.stroke_width(2)))?;
        root.draw(&Text::new(time(line.nanoseconds), (place(line.nanoseconds).max(to) + 8, top + 3), font.clone()))?;
    }
    root.present()?;
    drop(root);
    Ok(())
}
