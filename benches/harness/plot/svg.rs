//! SVG, element by element.

use std::fmt::Write;

/// The width that a picture is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A window of a computer, or a page of its own.
    Wide,
    /// A phone.
    Narrow,
    /// One of two plots beside each other in a wide picture.
    Half,
}

impl Size {
    pub(super) fn width(self) -> f64 {
        match self {
            Self::Wide => 880.0,
            Self::Narrow => 370.0,
            Self::Half => 424.0,
        }
    }

    /// The class by which a page shows one of the two.
    fn class(self) -> &'static str {
        match self {
            Self::Wide | Self::Half => "plot wide",
            Self::Narrow => "plot narrow",
        }
    }
}

/// The size of all letters, in pixels.
pub(super) const EM: f64 = 13.0;

/// Around a picture that is a file.
pub(super) const MARGIN: f64 = 12.0;

/// From line to line.
pub(super) const LINE: f64 = 16.0;

/// Colours and strokes. The colours differ for eyes of any kind, and ours is blue alone.
pub const STYLE: &str = ":root{--bg:#fff;--fg:#1f2328;--mute:#59636e;--grid:#e4e7eb;--warn:#b35900;--o1:#0064b0;\
--o2:#3d9be0;--o3:#7a8fd0;--r1:#c2571a;--r2:#117a5a;--r3:#a04a9c;--r4:#9a7d0a;--r5:#c4526a;--r6:#4f5b66;--r7:#2f9c95;--r8:#7d2a55}\
@media screen and (prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e4e8ed;--mute:#9aa5b1;--grid:#2b323b;--warn:#f0a35c;--o1:#58b4ff;\
--o2:#a3d3ff;--o3:#a9b4ee;--r1:#f0915a;--r2:#4fc49c;--r3:#d792d4;--r4:#d9bd4a;--r5:#f08ca0;--r6:#aab4bf;--r7:#68d0c8;--r8:#cf82ab}}\
.plot{font:13px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}.plot text{fill:var(--fg);stroke:none}\
.plot .t{fill:var(--mute)}.plot .e{text-anchor:end}.plot .m{text-anchor:middle}.plot .b{font-weight:600}.plot .w{fill:var(--warn)}\
.plot .g{stroke:var(--grid)}.plot .x{stroke:var(--mute)}.plot .p{fill:none;stroke-width:1.6}.plot .d{stroke-dasharray:5 3}\
.plot .k{stroke-width:1.3;opacity:.55;stroke-dasharray:none}.plot .l{opacity:.45;stroke-dasharray:1.5 3}\
.plot .c{stroke-width:1.5;stroke-dasharray:none}.plot .h{fill:var(--bg)}.plot .v{stroke-width:2;opacity:.7}.plot .f{paint-order:stroke;stroke:var(--bg);stroke-width:4}\
.plot .o1,.plot .o2,.plot .o3{stroke-width:3}.plot .o1.k,.plot .o2.k,.plot .o3.k,.plot .o1.c,.plot .o2.c,.plot .o3.c{stroke-width:1.5}\
.o1{stroke:var(--o1);fill:var(--o1)}.o2{stroke:var(--o2);fill:var(--o2)}.o3{stroke:var(--o3);fill:var(--o3)}\
.r1{stroke:var(--r1);fill:var(--r1)}.r2{stroke:var(--r2);fill:var(--r2)}.r3{stroke:var(--r3);fill:var(--r3)}\
.r4{stroke:var(--r4);fill:var(--r4)}.r5{stroke:var(--r5);fill:var(--r5)}.r6{stroke:var(--r6);fill:var(--r6)}\
.r7{stroke:var(--r7);fill:var(--r7)}.r8{stroke:var(--r8);fill:var(--r8)}";

/// Text as it stands in SVG and HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) type At = (f64, f64);

/// A picture under way.
pub(super) struct Svg {
    pub size: Size,
    body: String,
}

/// A coordinate, to a tenth.
fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

impl Svg {
    pub fn new(size: Size) -> Self {
        Self { size, body: String::new() }
    }

    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.body.write_fmt(arguments);
    }

    pub fn line(&mut self, class: &str, from: At, to: At) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(tenth);
        self.put(format_args!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>"));
    }

    pub fn path(&mut self, class: &str, points: &[At]) {
        self.put(format_args!("<path class=\"{class}\" d=\""));
        for (index, point) in points.iter().enumerate() {
            let step = if index == 0 { 'M' } else { 'L' };
            self.put(format_args!("{step}{} {}", tenth(point.0), tenth(point.1)));
        }
        self.put(format_args!("\"/>"));
    }

    pub fn text(&mut self, class: &str, at: At, text: &str) {
        let (x, y, text) = (tenth(at.0), tenth(at.1), escape(text));
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.put(format_args!("<text{class} x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    pub fn bar(&mut self, class: &str, from: At, width: f64, height: f64) {
        let [x, y, width, height] = [from.0, from.1, width, height].map(tenth);
        self.put(format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"));
    }

    /// A point. Its form differs as well as its colour.
    pub fn marker(&mut self, class: &str, form: usize, at: At, radius: f64) {
        let [x, y, r] = [at.0, at.1, radius].map(tenth);
        let (low, wide) = (tenth(-r * 0.8), tenth(2.0 * r));
        match form % 4 {
            0 => self.put(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>")),
            1 => {
                self.put(format_args!("<path class=\"{class}\" d=\"M{x} {y}m{low} {low}h{0}v{0}h-{0}z\"/>", -2.0 * low))
            }
            2 => self.put(format_args!("<path class=\"{class}\" d=\"M{x} {y}m0 -{r}l{r} {wide}h-{wide}z\"/>")),
            _ => self.put(format_args!("<path class=\"{class}\" d=\"M{x} {y}m0 -{r}l{r} {r}l-{r} {r}l-{r} -{r}z\"/>")),
        }
    }

    fn close(self, attributes: &str, margin: f64, height: f64, label: &str, begin: &str) -> String {
        let (width, height, label) = (self.size.width() + 2.0 * margin, height.ceil(), escape(label));
        format!(
            "<svg{attributes} viewBox=\"{} 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-label=\"{label}\">{begin}{}</svg>\n",
            0.0 - margin,
            self.body
        )
    }

    /// The picture as a part of a page that has the style.
    pub fn inline(self, height: f64, label: &str) -> String {
        let attributes = format!(" class=\"{}\"", self.size.class());
        self.close(&attributes, 0.0, height, label, "")
    }

    /// The picture as a file, with margins and a ground of its own: it may be shown on a page of any colour.
    pub fn file(self, height: f64, label: &str) -> String {
        let ground =
            format!("<rect x=\"-{MARGIN}\" width=\"100%\" height=\"100%\" rx=\"6\" style=\"fill:var(--bg)\"/>");
        let begin = format!("<style>{STYLE}</style>{ground}");
        self.close(" class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\"", MARGIN, height, label, &begin)
    }

    /// Puts another picture's elements at a distance from the left and from the top.
    pub fn place(&mut self, (left, top): At, other: &Self) {
        self.put(format_args!("<g transform=\"translate({} {})\">{}</g>", tenth(left), tenth(top), other.body));
    }
}
