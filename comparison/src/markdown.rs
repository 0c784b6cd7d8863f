//! The report as Markdown.

use std::fmt::Write;

use crate::report::Report;

/// Returns a time as people read it.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.1} ns"),
        ..1e6 => format!("{:.1} µs", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}

pub(crate) fn write(report: &Report) -> String {
    let mut text = "# The primitives beside what one would take instead\n\n".to_owned();
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
    report.machine.iter().for_each(|(what, value)| line(&format!("- {what}: {value}")));
    for section in &report.sections {
        line(&format!("\n## {}\n\n{}", section.title, section.about));
        for comparison in &section.comparisons {
            line(&format!("\n### {}\n\n| | each | ratio | spread |\n| --- | ---: | ---: | --- |", comparison.title));
            for row in &comparison.lines {
                let (name, each) = (&row.name, time(row.nanoseconds));
                line(&format!("| {name} | {each} | {:.2} | {:.2} to {:.2} |", row.ratio, row.least, row.most));
            }
        }
        for facts in &section.facts {
            line(&format!("\n### {}\n\n| {} |", facts.title, facts.head.join(" | ")));
            line(&format!("|{}", " --- |".repeat(facts.head.len())));
            facts.rows.iter().for_each(|row| line(&format!("| {} |", row.join(" | "))));
        }
    }
    text
}
