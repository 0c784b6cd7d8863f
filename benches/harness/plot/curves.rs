//! Curves over measured points, with their names at their ends.

use super::{
    Axis, Look, Role,
    labels::{spread, wide, width, wrap},
    svg::{At, EM, LINE, MARGIN, Size, Svg},
};

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    pub name: String,
    pub role: Role,
    pub points: Vec<Point>,
}

/// A value, and the least and the greatest of all rounds, if there were rounds.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub whisker: Option<(f64, f64)>,
}

/// A plot of curves.
#[derive(Clone, Debug)]
pub struct Curves {
    /// What it shows, for readers that can't see it.
    pub label: String,
    pub x: Axis,
    pub x_title: String,
    pub y: Axis,
    pub y_title: String,
    pub curves: Vec<Curve>,
}

/// Where the axes lie.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

const TOP: f64 = 2.0 * LINE;
const BELOW: f64 = 2.8 * LINE;
/// Room for a leader from a curve's end to its name.
const LEADER: f64 = 26.0;

impl Curves {
    /// The plot as a part of a page.
    pub fn inline(&self, size: Size) -> String {
        let (svg, height) = self.draw(size);
        svg.inline(height, &self.label)
    }

    pub(super) fn draw(&self, size: Size) -> (Svg, f64) {
        let mut svg = Svg::new(size);
        let most = if size == Size::Wide { 26 } else { 17 };
        let names: Vec<Vec<String>> = self.curves.iter().map(|curve| wrap(&curve.name, most)).collect();
        let lines: usize = names.iter().map(Vec::len).sum();
        let named = names.iter().zip(&self.curves);
        let widths = named.flat_map(|(lines, curve)| lines.iter().map(|line| wide(line, curve.role) * EM));
        let widest = widths.fold(0.0, f64::max);
        let ticks = self.y.ticks.iter().map(|tick| width(&tick.1) * EM).fold(0.0, f64::max);
        let room = if size == Size::Wide { 300.0 } else { 230.0 };
        #[allow(clippy::cast_precision_loss, reason = "there are few lines")]
        let height = f64::max(room, lines as f64 * LINE * 1.5);
        let right = size.width() - widest - LEADER - 4.0;
        let frame = Frame { left: ticks + 10.0, right, top: TOP, bottom: TOP + height };
        self.axes(&mut svg, &frame);
        let looks = Look::all(self.curves.iter().map(|curve| curve.role));
        // Ours are drawn last, over the others.
        let drawn =
            |ours: bool| (0..looks.len()).rev().filter(move |&index| (self.curves[index].role == Role::Ours) == ours);
        drawn(false).chain(drawn(true)).for_each(|index| self.curve(&mut svg, &frame, index, looks[index]));
        self.names(&mut svg, &frame, &names, &looks);
        (svg, frame.bottom + BELOW)
    }

    fn place(&self, frame: &Frame, x: f64, y: f64) -> At {
        let from = frame.left + 10.0;
        let across = from + self.x.share(x) * (frame.right - 6.0 - from);
        (across, frame.bottom - self.y.share(y) * (frame.bottom - frame.top))
    }

    fn axes(&self, svg: &mut Svg, frame: &Frame) {
        svg.text("t", (0.0, EM), &self.y_title);
        for (value, label) in &self.y.ticks {
            let (_, y) = self.place(frame, 1.0, *value);
            svg.line("g", (frame.left, y), (frame.right, y));
            svg.text("t e", (frame.left - 6.0, y + EM * 0.35), label);
        }
        svg.line("x", (frame.left, frame.bottom), (frame.right, frame.bottom));
        let mut free = f64::MIN;
        let last = self.x.ticks.last().map(|(value, label)| {
            let left = self.place(frame, *value, 1.0).0 - width(label) * EM / 2.0;
            (*value, left - 8.0)
        });
        for (value, label) in &self.x.ticks {
            let (x, _) = self.place(frame, *value, 1.0);
            svg.line("x", (x, frame.bottom), (x, frame.bottom + 5.0));
            // A label that would lie on the one before it, or on the last one, is left out, and its tick stays.
            let half = width(label) * EM / 2.0;
            let is_on_last = last.is_some_and(|(last, left)| *value < last && x + half > left);
            if x - half > free && !is_on_last {
                svg.text("t m", (x, frame.bottom + 5.0 + EM), label);
                free = x + half + 8.0;
            }
        }
        let middle = f64::midpoint(frame.left, frame.right);
        svg.text("t m", (middle, frame.bottom + 5.0 + 2.2 * EM), &self.x_title);
    }

    fn curve(&self, svg: &mut Svg, frame: &Frame, index: usize, look: Look) {
        let (curve, class) = (&self.curves[index], look.class());
        for point in &curve.points {
            if let Some((least, most)) = point.whisker {
                let whisker = format!("{class} k");
                svg.line(&whisker, self.place(frame, point.x, least), self.place(frame, point.x, most));
            }
        }
        let points: Vec<At> = curve.points.iter().map(|point| self.place(frame, point.x, point.y)).collect();
        svg.path(&format!("{class} p"), &points);
        let radius = if look.role == Role::Ours { 4.0 } else { 3.2 };
        points.iter().for_each(|&at| svg.marker(&format!("{class} c"), index, at, radius));
    }

    fn names(&self, svg: &mut Svg, frame: &Frame, names: &[Vec<String>], looks: &[Look]) {
        let end =
            |curve: &Curve| curve.points.last().map_or((frame.right, frame.bottom), |p| self.place(frame, p.x, p.y));
        let ends: Vec<At> = self.curves.iter().map(end).collect();
        #[allow(clippy::cast_precision_loss, reason = "there are few lines")]
        let labels: Vec<_> = ends.iter().zip(names).map(|(end, name)| (end.1, name.len() as f64 * LINE)).collect();
        let middles = spread(&labels, frame.top - LINE / 2.0, frame.bottom + LINE / 2.0);
        for (index, (name, middle)) in names.iter().zip(middles).enumerate() {
            let (class, end, left) = (looks[index].class(), ends[index], frame.right + LEADER);
            let leader = format!("{class} p l");
            svg.path(&leader, &[(end.0 + 5.0, end.1), (frame.right + 4.0, end.1), (left - 10.0, middle)]);
            svg.marker(&format!("{class} c"), index, (left - 6.0, middle), 3.2);
            let weight = if looks[index].role == Role::Ours { "b" } else { "" };
            #[allow(clippy::cast_precision_loss, reason = "there are few lines")]
            let first = middle - (name.len() as f64 - 1.0) / 2.0 * LINE + EM * 0.35;
            let mut y = first;
            for line in name {
                svg.text(weight, (left + 2.0, y), line);
                y += LINE;
            }
        }
    }
}

/// Several plots one below the other, each with a title, as a file. `notes` stand on top, of which the last may warn.
pub fn stacked(label: &str, notes: &[(&str, String)], plots: &[(&str, &Curves)]) -> String {
    let mut all = Svg::new(Size::Wide);
    let mut top = MARGIN;
    for (class, note) in notes {
        top += LINE;
        all.text(class, (0.0, top), note);
    }
    for (title, plot) in plots {
        top += 2.0 * LINE;
        all.text("b", (0.0, top), title);
        let (svg, height) = plot.draw(Size::Wide);
        top += 10.0;
        all.place((0.0, top), &svg);
        top += height;
    }
    all.file(top + MARGIN, label)
}
