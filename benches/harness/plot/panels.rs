//! Several plots in one picture: two beside each other in a wide one, and one below the other on a phone.

use super::{
    Curves, Dots,
    labels::width,
    svg::{EM, LINE, MARGIN, Size, Svg},
};

/// One of the plots.
#[derive(Clone, Debug)]
pub enum Panel {
    Curves(Curves),
    Dots(Dots),
}

impl Panel {
    fn draw(&self, size: Size) -> (Svg, f64) {
        match self {
            Self::Curves(curves) => curves.draw(size),
            Self::Dots(dots) => dots.draw(size),
        }
    }
}

/// Plots with a title each.
#[derive(Clone, Debug)]
pub struct Panels {
    /// What it shows, for readers that can't see it.
    pub label: String,
    pub panels: Vec<(String, Panel)>,
}

/// Between two plots beside each other.
const GAP: f64 = 880.0 - 2.0 * 424.0;
/// Between a plot and the title of the next.
const BETWEEN: f64 = 18.0;

impl Panels {
    /// Each plot as a part of a page, for both sizes of window, with its title.
    pub fn inline(&self) -> impl Iterator<Item = (&str, String)> {
        let draw = |title: &str, panel: &Panel, size| {
            let (svg, height) = panel.draw(size);
            svg.inline(height, title)
        };
        let both = move |title, panel| draw(title, panel, Size::Half) + &draw(title, panel, Size::Narrow);
        self.panels.iter().map(move |(title, panel)| (title.as_str(), both(title, panel)))
    }

    /// The plots as a file, with a title and lines of text on top.
    pub fn file(&self, size: Size, title: &str, notes: &[&str]) -> String {
        let mut all = Svg::new(size);
        let mut top = MARGIN + LINE;
        all.text("b", (0.0, top), title);
        for note in notes {
            for line in lines(note, size.width()) {
                top += LINE;
                all.text("t", (0.0, top), &line);
            }
        }
        top += BETWEEN;
        let (svg, height) = self.draw(size);
        all.place((0.0, top), &svg);
        all.file(top + height + MARGIN, &self.label)
    }

    /// Draws the plots row by row. The plots of a row begin at the same height.
    fn draw(&self, size: Size) -> (Svg, f64) {
        let mut all = Svg::new(size);
        let (columns, of_each) = match size {
            Size::Wide => (2, Size::Half),
            Size::Narrow | Size::Half => (1, size),
        };
        let mut top = 0.0;
        for row in self.panels.chunks(columns) {
            let (mut left, mut height) = (0.0, 0.0_f64);
            for (title, panel) in row {
                all.text("b", (left, top + EM), title);
                let (svg, of_panel) = panel.draw(of_each);
                all.place((left, top + 1.6 * LINE), &svg);
                height = height.max(of_panel);
                left += of_each.width() + GAP;
            }
            top += 1.6 * LINE + height + BETWEEN;
        }
        (all, top)
    }
}

/// Breaks a text into lines that are no wider than this.
fn lines(text: &str, widest: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}")) * EM <= widest => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;

    fn panels(count: usize) -> Panels {
        let axis = || Axis::log([1.0, 10.0].into_iter(), |tick| tick.to_string());
        let dots = Dots {
            label: String::new(),
            axis: axis(),
            axis_title: String::new(),
            groups: Vec::new(),
            reference: None,
            has_bars: false,
            is_named_beside: false,
        };
        let panel = |number| (format!("panel {number}"), Panel::Dots(dots.clone()));
        Panels { label: "all".to_owned(), panels: (0..count).map(panel).collect() }
    }

    #[test]
    fn a_wide_picture_has_two_columns_and_a_narrow_one_has_one() {
        let (eight, narrow) = (panels(8).draw(Size::Wide).1, panels(8).draw(Size::Narrow).1);
        assert!((narrow - 2.0 * eight).abs() < 1e-9, "{eight} {narrow}");
        // The last of an odd number stands alone.
        assert!((panels(7).draw(Size::Wide).1 - eight).abs() < 1e-9);
    }

    #[test]
    fn notes_break_where_the_picture_ends() {
        let note = "Right of 1, ours is faster. Filled: time, with a line from the least to the greatest round.";
        assert_eq!(lines(note, 2000.0), [note]);
        let broken = lines(note, 370.0);
        assert!(broken.len() > 1 && broken.iter().all(|line| width(line) * EM <= 370.0), "{broken:?}");
        assert_eq!(broken.join(" "), note);
    }
}
