//! Rows of points on one axis, each with its whisker and its name.

use super::{
    Axis, Role,
    labels::{wide, width},
    svg::{EM, LINE, Size, Svg},
};

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub role: Role,
    /// The value, or none if there is only a word for it.
    pub value: Option<f64>,
    /// The least and the greatest of all rounds.
    pub whisker: Option<(f64, f64)>,
    /// A second value, as a hollow point.
    pub second: Option<f64>,
    /// What the value is in words.
    pub words: String,
}

/// Rows that belong together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Both are empty if there is one group alone.
    pub title: String,
    pub subtitle: String,
    pub rows: Vec<Row>,
}

/// A plot of rows.
#[derive(Clone, Debug)]
pub struct Dots {
    /// What it shows, for readers that can't see it.
    pub label: String,
    pub axis: Axis,
    pub axis_title: String,
    pub groups: Vec<Group>,
    /// A value with a line through all rows, and its name.
    pub reference: Option<(f64, String)>,
    /// Bars from the beginning of the axis instead of points.
    pub has_bars: bool,
    /// Names stand beside the points instead of on the left.
    pub is_named_beside: bool,
}

/// Where rows lie.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    /// Whether what stands on the left has a line of its own above.
    is_stacked: bool,
}

/// From row to row.
const ROW: f64 = 17.0;
/// Between groups.
const GAP: f64 = 9.0;
const BELOW: f64 = 3.0 * LINE;

impl Dots {
    /// The plot as a part of a page.
    pub fn inline(&self, size: Size) -> String {
        let (svg, height) = self.draw(size);
        svg.inline(height, &self.label)
    }

    fn frame(&self, size: Size) -> Frame {
        let rows = || self.groups.iter().flat_map(|group| &group.rows);
        let names: Vec<f64> = match self.is_named_beside {
            true => self
                .groups
                .iter()
                .flat_map(|group| [&group.title, &group.subtitle])
                .map(|title| wide(title, Role::Ours))
                .collect(),
            false => rows().map(|row| wide(&row.name, row.role)).collect(),
        };
        let widest = names.iter().fold(0.0, |widest: f64, name| widest.max(name * EM));
        let is_stacked = size != Size::Wide;
        // On the right there is room for the words of the greatest.
        let words = rows().map(|row| width(&row.words) * EM).fold(0.0, f64::max);
        let after = match (self.is_named_beside, is_stacked) {
            (false, _) => words + 14.0,
            (true, false) => 150.0,
            (true, true) => 14.0,
        };
        let left = if is_stacked { 10.0 } else { widest + 16.0 };
        Frame { left, right: size.width() - after, top: 2.0 + LINE, is_stacked }
    }

    pub(super) fn draw(&self, size: Size) -> (Svg, f64) {
        let mut svg = Svg::new(size);
        let frame = self.frame(size);
        let mut rows = Svg::new(size);
        let mut y = frame.top;
        for group in &self.groups {
            y = self.group(&mut rows, &frame, y, group) + GAP;
        }
        self.scale(&mut svg, &frame, y);
        svg.place((0.0, 0.0), &rows);
        (svg, y + BELOW)
    }

    fn x(&self, frame: &Frame, value: f64) -> f64 {
        frame.left + self.axis.share(value) * (frame.right - frame.left)
    }

    fn scale(&self, svg: &mut Svg, frame: &Frame, bottom: f64) {
        let mut free = f64::MIN;
        for (value, label) in &self.axis.ticks {
            let x = self.x(frame, *value);
            svg.line("g", (x, frame.top), (x, bottom));
            svg.line("x", (x, bottom), (x, bottom + 4.0));
            let half = width(label) * EM / 2.0;
            if x - half > free {
                svg.text("t m", (x, bottom + 4.0 + EM), label);
                free = x + half + 8.0;
            }
        }
        if let Some((value, name)) = &self.reference {
            let x = self.x(frame, *value);
            svg.line("o1 v", (x, frame.top), (x, bottom));
            svg.text("b m", (x.max(width(name) * EM / 2.0), frame.top - 5.0), name);
        }
        svg.line("x", (frame.left, bottom), (frame.right, bottom));
        let middle = f64::midpoint(frame.left, frame.right);
        let half = width(&self.axis_title) * EM / 2.0;
        let middle = middle.min(svg.size.width() - half).max(half);
        svg.text("t m", (middle, bottom + 4.0 + 2.3 * EM), &self.axis_title);
    }

    /// Draws a group from here on, and returns where it ends.
    fn group(&self, svg: &mut Svg, frame: &Frame, from: f64, group: &Group) -> f64 {
        let titles = [group.title.as_str(), group.subtitle.as_str()];
        let (mut y, mut least) = (from, from);
        if !group.title.is_empty() && frame.is_stacked {
            svg.text("b f", (0.0, y + EM), &group.title);
            svg.text("t f", (wide(&group.title, Role::Ours) * EM + 8.0, y + EM), &group.subtitle);
            y += ROW;
        } else if !group.title.is_empty() {
            svg.text("b", (0.0, y + EM), titles[0]);
            svg.text("t", (0.0, y + ROW + EM), titles[1]);
            least += 2.0 * ROW;
        }
        for row in &group.rows {
            let class = if row.role == Role::Ours { "b" } else { "" };
            match (self.is_named_beside, frame.is_stacked) {
                (false, true) => svg.text(class, (0.0, y + EM), &row.name),
                (true, true) => {
                    let words = self.words_of(row);
                    let point = row.value.map_or(frame.left, |value| self.x(frame, value)) - 5.0;
                    svg.text("f", (point.min(svg.size.width() - width(&words) * EM).max(0.0), y + EM), &words);
                }
                (false, false) => svg.text(&format!("e {class}"), (frame.left - 14.0, y + EM), &row.name),
                (true, false) => {}
            }
            y += if frame.is_stacked { ROW } else { 0.0 };
            self.row(svg, frame, y + ROW / 2.0, row);
            y += ROW;
        }
        y.max(least)
    }

    fn words_of(&self, row: &Row) -> String {
        if self.is_named_beside { format!("{} {}", row.name, row.words) } else { row.words.clone() }
    }

    fn row(&self, svg: &mut Svg, frame: &Frame, middle: f64, row: &Row) {
        // A colour for each says nothing where each has its name beside it.
        let class = if row.role == Role::Ours { "o1" } else { "r6" };
        let mut points = Points { first: (frame.left, frame.left), second: None };
        if let Some(value) = row.value {
            let x = self.x(frame, value);
            points.first = (x, x);
            if self.has_bars {
                svg.bar(&format!("{class} c"), (frame.left, middle - 5.0), x - frame.left, 10.0);
            }
            let whisker = row.whisker.map(|(least, most)| (self.x(frame, least), self.x(frame, most)));
            if let Some((least, most)) = whisker {
                svg.line(&format!("{class} k"), (least, middle), (most, middle));
                points.first = (least.min(x), most.max(x));
            }
            if !self.has_bars {
                let form = if row.role == Role::Bound { 1 } else { 0 };
                svg.marker(&format!("{class} c"), form, (x, middle), 4.2);
            }
        }
        if let Some(second) = row.second {
            let x = self.x(frame, second);
            svg.marker(&format!("{class} c h"), 3, (x, middle), 4.8);
            points.second = Some(x);
        }
        // On a phone a row's name and words have a line of their own.
        if !(frame.is_stacked && self.is_named_beside) {
            self.words(svg, frame, middle, row, &points);
        }
    }

    /// Writes a row's words beside its point: where no other point lies, and where they don't cross the reference.
    fn words(&self, svg: &mut Svg, frame: &Frame, middle: f64, row: &Row, points: &Points) {
        let words = self.words_of(row);
        let reference = self.reference.as_ref().map(|(value, _)| self.x(frame, *value));
        let bounds = (frame.left, svg.size.width());
        let (from, is_left) = points.room(width(&words) * EM, bounds, reference);
        let (class, x) = if is_left { ("f e", from) } else { ("f", from) };
        svg.text(class, (x, middle + EM * 0.35), &words);
    }
}

/// Where a row's points lie.
struct Points {
    /// The point and its whisker.
    first: (f64, f64),
    second: Option<f64>,
}

impl Points {
    const GAP: f64 = 8.0;

    /// Returns where words of a width begin, or where they end if they stand on the left of the point.
    fn room(&self, width: f64, (least, most): (f64, f64), reference: Option<f64>) -> (f64, bool) {
        let last = self.second.map_or(self.first.1, |second| second.max(self.first.1));
        let first = self.second.map_or(self.first.0, |second| second.min(self.first.0));
        let candidates = [(self.first.1, false), (self.first.0, true), (last, false), (first, true)];
        let place = |(edge, is_left): (f64, bool)| match is_left {
            true => (edge - Self::GAP - width, edge - Self::GAP),
            false => (edge + Self::GAP, edge + Self::GAP + width),
        };
        let is_inside = |(from, to): (f64, f64)| from >= least && to <= most;
        let is_free = |(from, to): (f64, f64)| {
            let covers = |x: f64| x > from - Self::GAP && x < to + Self::GAP;
            !self.second.is_some_and(covers) && !covers((self.first.0 + self.first.1) / 2.0)
        };
        let crosses = |(from, to): (f64, f64)| reference.is_some_and(|x| x > from && x < to);
        let best = |strict: bool| {
            candidates.into_iter().find(|&candidate| {
                let extent = place(candidate);
                is_inside(extent) && is_free(extent) && !(strict && crosses(extent))
            })
        };
        // Words that fit nowhere stand on the right, since the room there is for them.
        let (edge, is_left) = best(true).or_else(|| best(false)).unwrap_or((last, false));
        let (from, to) = place((edge, is_left));
        if is_left { (to, true) } else { (from, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: (f64, f64) = (0.0, 500.0);

    /// Where words of 100 stand.
    fn extent(points: &Points, reference: Option<f64>) -> (f64, f64) {
        match points.room(100.0, BOUNDS, reference) {
            (to, true) => (to - 100.0, to),
            (from, false) => (from, from + 100.0),
        }
    }

    #[test]
    fn words_stand_on_the_right_if_they_can() {
        assert_eq!(extent(&Points { first: (200.0, 220.0), second: None }, None), (228.0, 328.0));
    }

    #[test]
    fn words_at_the_edge_stand_on_the_left() {
        assert_eq!(extent(&Points { first: (420.0, 450.0), second: None }, None), (312.0, 412.0));
    }

    #[test]
    fn words_lie_on_no_point_wherever_the_points_are() {
        for first in (0..=38).map(|n| 10.0 * f64::from(n)) {
            for second in (0..=50).map(|n| 10.0 * f64::from(n)) {
                let points = Points { first: (first, first + 10.0), second: Some(second) };
                let (from, to) = extent(&points, Some(100.0));
                let covers = |x: f64| x > from && x < to;
                assert!(
                    !covers(first) && !covers(first + 10.0) && !covers(second),
                    "{first}, {second}: {from} to {to}"
                );
            }
        }
    }

    #[test]
    fn words_avoid_the_reference_if_they_can() {
        let points = Points { first: (250.0, 250.0), second: Some(300.0) };
        let (from, to) = extent(&points, Some(200.0));
        assert!(from > 200.0 || to < 200.0, "{from} to {to}");
    }
}
