//! The page as Markdown.

use std::{fmt::Write, fs, time::Duration};

use crate::{
    figures::{figure, round, time},
    graph::{Curve, Graph},
    harness::{
        Load,
        fit::{Growth, growth},
        processors,
    },
    is_apart, is_quick, picture,
};

/// What it was measured on.
pub(crate) struct Machine {
    pub(crate) name: String,
    details: Vec<String>,
    pub(crate) warning: Option<String>,
}

impl Machine {
    pub(crate) fn describe(load: &Load, took: Duration) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let text = read("/proc/cpuinfo");
        let processor = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let processor = processor.map_or("unknown processor", |(_, name)| name);
        let kernel = read("/proc/sys/kernel/osrelease");
        let kernel = kernel.trim().split('-').next().unwrap_or_default();
        let (count, arch) = (processors().len(), std::env::consts::ARCH);
        let namespace = match is_apart() {
            true => {
                "The program ran in an IPC namespace of its own, with `SHMMNI` raised to 32,000 and `MSGMNB` to 16 MiB."
            }
            false => "The program had no IPC namespace of its own, so it stopped at few objects.",
        };
        let pages = read("/sys/kernel/mm/transparent_hugepage/enabled");
        let others = load.others().map_or("an unknown number of".to_owned(), |others| format!("{others:.2}"));
        let details = vec![
            namespace.to_owned(),
            format!("Huge pages: `{}`.", pages.trim()),
            format!("Other programs used {others} processors. The run took {} s.", took.as_secs()),
        ];
        let warning = match (is_quick(), load.too_much()) {
            (true, _) => Some("A quick run: these figures show that everything works, and not how fast.".to_owned()),
            (false, Some(others)) => Some(format!(
                "Other programs kept {others:.2} processors busy during this run. Its figures are not to be trusted."
            )),
            (false, None) => None,
        };
        Self { name: format!("{processor} ({arch}), {count} processors, Linux {kernel}"), details, warning }
    }
}

/// A text under way.
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }
}

pub(crate) fn write(graphs: &[Graph], machine: &Machine, link: &str) -> String {
    let mut page = Page("# Scale\n\n".to_owned());
    page.line("How the time of an operation grows with members, routes, messages, objects and memory, and what each limit is made of.");
    page.line(
        "`cargo bench -p sysv-benches --bench scale` measures it and writes this page in less than three minutes.",
    );
    page.line(&format!("\n{}", machine.name));
    if let Some(warning) = &machine.warning {
        page.line(&format!("\n**{warning}**"));
    }
    page.line(&format!(
        "\n<picture><source media=\"(max-width: 700px)\" srcset=\"{link}scale-narrow.svg\">\
         <img src=\"{link}scale.svg\" alt=\"{}: the curves of the tables below\"></picture>\n",
        picture::TITLE
    ));
    summary(&mut page, graphs);
    graphs.iter().for_each(|graph| section(&mut page, graph));
    reading(&mut page, machine);
    page.0
}

/// All curves in one table.
fn summary(page: &mut Page, graphs: &[Graph]) {
    page.line("| what grows | operation | from | to | growth |\n| --- | --- | ---: | ---: | --- |");
    for graph in graphs {
        for curve in &graph.curves {
            let [first, .., last] = &curve.points[..] else { continue };
            let ends = [first, last].map(|point| format!("{} at {}", time(point.least), round(point.x)));
            let [from, to] = ends;
            page.line(&format!("| {} | {} | {from} | {to} | {} |", graph.title, curve.name, words(curve)));
        }
    }
}

/// How a curve grows, in words.
fn words(curve: &Curve) -> String {
    let points: Vec<(f64, f64)> = curve.points.iter().map(|point| (point.x, point.least)).collect();
    let (growth, off) = growth(&points);
    let words = match growth {
        Growth::Flat => return format!("flat, within {:.0} %", off * 100.0),
        Growth::Falling => return "falling".to_owned(),
        Growth::Irregular => {
            let ratio = points.last().map_or(1.0, |last| last.1) / points[0].1;
            return format!("irregular: ×{} from the first to the last", figure(ratio));
        }
        Growth::Linear { base, each } => format!("linear: {} and {} for each", time(base.max(0.0)), time(each)),
        Growth::Logarithmic { base, doubling } => {
            format!("logarithmic: {} and {} for each doubling", time(base.max(0.0)), time(doubling))
        }
        Growth::Power(power) => format!("about the power {}", figure(power)),
    };
    format!("{words}, within {:.0} %", off * 100.0)
}

fn section(page: &mut Page, graph: &Graph) {
    page.line(&format!("\n## {}\n\n{}\n", graph.title, graph.about));
    let mut xs: Vec<f64> = graph.curves.iter().flat_map(|curve| &curve.points).map(|point| point.x).collect();
    xs.sort_unstable_by(f64::total_cmp);
    xs.dedup();
    let head: Vec<String> = xs.iter().map(|&x| round(x)).collect();
    page.line(&format!("| {} | {} |", graph.axis, head.join(" | ")));
    page.line(&format!("| --- |{}", " ---: |".repeat(head.len())));
    for curve in &graph.curves {
        let cell = |x: &f64| {
            #[expect(clippy::float_cmp, reason = "they are the same numbers")]
            let point = curve.points.iter().find(|point| point.x == *x);
            point.map_or(String::new(), |point| format!("{} (×{})", time(point.least), figure(point.ratio)))
        };
        let cells: Vec<String> = xs.iter().map(cell).collect();
        page.line(&format!("| {} | {} |", curve.name, cells.join(" | ")));
    }
    page.line(&format!("\n**What the limit is made of**: {}.", graph.limit));
}

fn reading(page: &mut Page, machine: &Machine) {
    page.line("\n## How to read this\n");
    for line in [
        "A time is the least of all rounds: what the operation takes when nothing disturbs it. In brackets is its ratio to the \
            first point of the same curve. Points that can be repeated are measured in turn, in seven rounds of 20 ms each.",
        "Growth is flat if the greatest time is less than 1.5 times the least. Otherwise it is the better of a line over the \
            number and a line over its logarithm, and the share says how far off the farthest point lies. If that is more \
            than 35 %, it is a power, or irregular.",
        "Deaths are by SIGKILL. A time after a death begins with the kill, so it has the kernel's part in it, which is shown \
            by itself as the time until the parent can wait for the process.",
        "Processes are pinned: the measuring one to the first allowed processor, the other one to the second.",
    ] {
        page.line(&format!("- {line}"));
    }
    machine.details.iter().for_each(|line| page.line(&format!("- {line}")));
}
