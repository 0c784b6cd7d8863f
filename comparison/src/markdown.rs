//! The report as Markdown.

use std::fmt::Write;

use crate::report::{Block, Facts, Family, Report, Row, Table};

/// Returns a time as people read it.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.1} ns"),
        ..1e6 => format!("{:.1} µs", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}

/// The figures of a table: a head, and rows without the names.
pub(crate) fn cells(table: &Table) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let mut head = vec!["each", "ratio", "spread"];
    let (has_percentiles, has_unpinned) =
        (table.rows.iter().any(|row| row.percentiles.is_some()), table.rows.iter().any(|row| row.unpinned.is_some()));
    if has_percentiles {
        head.extend(["p50", "p99", "p99.9"]);
    }
    if has_unpinned {
        head.extend(["unpinned", "ratio"]);
    }
    let row = |Row { line, percentiles, unpinned }: &Row| {
        let spread = format!("{:.2} to {:.2}", line.least, line.most);
        let mut cells = vec![time(line.nanoseconds), format!("{:.2}", line.ratio), spread];
        #[expect(clippy::cast_precision_loss, reason = "it is shown with four digits")]
        cells.extend(percentiles.iter().flatten().map(|&nanoseconds| time(nanoseconds as f64)));
        match unpinned {
            Some((nanoseconds, ratio)) => cells.extend([time(*nanoseconds), format!("{ratio:.2}")]),
            None if has_unpinned => cells.extend([String::new(), String::new()]),
            None => {}
        }
        cells
    };
    (head, table.rows.iter().map(row).collect())
}

/// A row for each alternative and a column for each point: times, and the ratio to the first.
pub(crate) fn matrix(family: &Family) -> Vec<(String, Vec<String>)> {
    let mut names: Vec<&str> = Vec::new();
    for row in family.points.iter().flat_map(|(_, table)| &table.rows) {
        if !names.contains(&row.line.name.as_str()) {
            names.push(&row.line.name);
        }
    }
    let cell = |table: &Table, name: &str| {
        let row = table.rows.iter().find(|row| row.line.name == name);
        row.map_or_else(String::new, |Row { line, .. }| format!("{} ({:.2})", time(line.nanoseconds), line.ratio))
    };
    let row = |name: &str| (name.to_owned(), family.points.iter().map(|(_, table)| cell(table, name)).collect());
    names.into_iter().map(row).collect()
}

pub(crate) fn write(report: &Report) -> String {
    let mut text = "# The primitives beside what one would take instead\n\n\
        Each time is the median of all rounds. A ratio is of the time to that of the first line, in the same round, and \
        its spread is from the least to the greatest of them: above 1 is slower than ours, which is the first.\n\n"
        .to_owned();
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
    report.machine.iter().for_each(|(what, value)| line(&format!("- {what}: {value}")));
    line(
        "\n## Where ours is not first\n\n| | faster, or a limit | its ratio | spread | why |\n| --- | --- | ---: | --- | --- |",
    );
    for behind in report.behind() {
        let (name, ratio) = (&behind.line.name, behind.line.ratio);
        let place = format!("{}: {}, {}", behind.section, behind.table, behind.ours);
        let spread = format!("{:.2} to {:.2}", behind.line.least, behind.line.most);
        line(&format!("| {place} | {name} | {ratio:.2} | {spread} | {} |", behind.reason));
    }
    for section in &report.sections {
        line(&format!("\n## {}\n\n{}", section.title, section.about));
        if !section.peers.is_empty() {
            line("\n| beside | has, and ours hasn't | hasn't, and ours has |\n| --- | --- | --- |");
        }
        section.peers.iter().for_each(|peer| line(&format!("| {} | {} | {} |", peer.name, peer.more, peer.less)));
        for block in &section.blocks {
            match block {
                Block::Table(table) => one(table, &mut line),
                Block::Family(family) => all(family, &mut line),
                Block::Facts(facts) => counted(facts, &mut line),
            }
        }
    }
    text
}

fn one(table: &Table, line: &mut impl FnMut(&str)) {
    let (head, cells) = cells(table);
    line(&format!("\n### {}\n\n| | {} |", table.title, head.join(" | ")));
    line(&format!("| --- |{}", " ---: |".repeat(head.len())));
    for (row, cells) in table.rows.iter().zip(cells) {
        line(&format!("| {} | {} |", row.line.name, cells.join(" | ")));
    }
}

fn all(family: &Family, line: &mut impl FnMut(&str)) {
    let points: Vec<String> = family.points.iter().map(|(x, _)| x.to_string()).collect();
    line(&format!("\n### {}\n\n| {} | {} |", family.title, family.axis, points.join(" | ")));
    line(&format!("| --- |{}", " ---: |".repeat(points.len())));
    matrix(family).iter().for_each(|(name, cells)| line(&format!("| {name} | {} |", cells.join(" | "))));
    line("\n<details><summary>each of them</summary>");
    family.points.iter().for_each(|(_, table)| one(table, line));
    line("\n</details>");
}

fn counted(facts: &Facts, line: &mut impl FnMut(&str)) {
    line(&format!("\n### {}\n\n| {} |", facts.title, facts.head.join(" | ")));
    line(&format!("|{}", " --- |".repeat(facts.head.len())));
    facts.rows.iter().for_each(|row| line(&format!("| {} |", row.join(" | "))));
}
