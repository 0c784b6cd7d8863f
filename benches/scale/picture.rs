//! The curves as small multiples: one file for a window of a computer and for paper, and one for a phone.

use crate::{
    figures::{round, round_time},
    graph::{self, Graph},
    page::Machine,
    plot::{Axis, Curve, Curves, Panel, Panels, Point, Size},
};

pub(crate) const FILES: [(&str, Size); 2] = [("scale.svg", Size::Wide), ("scale-narrow.svg", Size::Narrow)];

pub(crate) const TITLE: &str = "How everything grows";

pub(crate) fn draw(graphs: &[Graph], machine: &Machine, size: Size) -> String {
    let panels = graphs.iter().map(|graph| (graph.title.to_owned(), Panel::Curves(curves(graph)))).collect();
    let mut notes = vec![
        machine.name.as_str(),
        "Both scales are of powers. A point is the least round, and its line reaches to the greatest.",
    ];
    notes.extend(machine.warning.as_deref());
    Panels { label: TITLE.to_owned(), panels }.file(size, TITLE, &notes)
}

fn curves(graph: &Graph) -> Curves {
    let mut xs: Vec<f64> = graph.curves.iter().flat_map(|curve| &curve.points).map(|point| point.x).collect();
    xs.sort_unstable_by(f64::total_cmp);
    xs.dedup();
    let ends = graph.curves.iter().flat_map(|curve| &curve.points).flat_map(|point| [point.least, point.most]);
    Curves {
        label: graph.title.to_owned(),
        x: Axis::measured(&xs, round),
        x_title: graph.axis.to_owned(),
        y: Axis::log(ends, round_time),
        y_title: "time".to_owned(),
        curves: graph.curves.iter().map(curve).collect(),
    }
}

fn curve(curve: &graph::Curve) -> Curve {
    let point = |point: &graph::Point| Point { x: point.x, y: point.least, whisker: Some((point.least, point.most)) };
    Curve { name: curve.name.clone(), role: curve.role, points: curve.points.iter().map(point).collect() }
}
