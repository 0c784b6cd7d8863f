//! The report as Markdown.

use std::fmt::Write;

use crate::{
    harness::Ratio,
    report::{BEHIND_RULE, BEHIND_TITLE, Behind, Block, Facts, Family, READING, Report, Row, TITLE, Table},
};

/// Returns a number with three digits that say something.
pub(crate) fn figure(number: f64) -> String {
    match number {
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        ..999.5 => format!("{number:.0}"),
        // Each digit more says nothing.
        _ => {
            let scale = 10_f64.powf(number.log10().floor() - 2.0);
            format!("{:.0}", (number / scale).round() * scale)
        }
    }
}

/// Returns a time as people read it.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..999.5 => format!("{} ns", figure(nanoseconds)),
        ..999.5e3 => format!("{} µs", figure(nanoseconds / 1e3)),
        _ => format!("{} ms", figure(nanoseconds / 1e6)),
    }
}

/// The figures of a table: a head, and rows without the names.
pub(crate) fn cells(table: &Table) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let mut head = vec!["one takes", "ratio", "spread of the ratio"];
    let (has_percentiles, has_unpinned) =
        (table.rows.iter().any(|row| row.percentiles.is_some()), table.rows.iter().any(|row| row.unpinned.is_some()));
    if has_percentiles {
        head.extend(["p50", "p99", "p99.9"]);
    }
    if has_unpinned {
        head.extend(["unpinned, one takes", "unpinned, ratio"]);
    }
    let Some(first) = table.rows.first() else { return (head, Vec::new()) };
    let row = |Row { line, percentiles, unpinned }: &Row| {
        let Ratio { median, least, most, .. } = line.ratio_to(&first.line);
        let spread = format!("{} to {}", figure(least), figure(most));
        let mut cells = vec![time(line.nanoseconds()), figure(median), spread];
        #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        match percentiles {
            Some(percentiles) => cells.extend(percentiles.map(|nanoseconds| time(nanoseconds as f64))),
            None if has_percentiles => cells.extend([const { String::new() }; 3]),
            None => {}
        }
        match unpinned.as_ref().zip(first.unpinned.as_ref()) {
            Some((line, first)) => cells.extend([time(line.nanoseconds()), figure(line.ratio_to(first).median)]),
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
        let (Some(row), Some(first)) = (row, table.rows.first()) else { return String::new() };
        format!("{} ({})", time(row.line.nanoseconds()), figure(row.line.ratio_to(&first.line).median))
    };
    let row = |name: &str| (name.to_owned(), family.points.iter().map(|(_, table)| cell(table, name)).collect());
    names.into_iter().map(row).collect()
}

pub(crate) fn write(report: &Report) -> String {
    let mut text = format!("# {TITLE}\n\n{READING}\n\n");
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes everything");
    report.machine.iter().for_each(|(what, value)| line(&format!("- {what}: {value}")));
    line(&format!("\n## {BEHIND_TITLE}\n\n{BEHIND_RULE}\n"));
    line("| | ours | ahead of it | why |\n| --- | --- | --- | --- |");
    for Behind { section, table, ours, ahead, reason } in report.behind() {
        line(&format!("| {section}: {table} | {ours} | {} | {reason} |", ahead.join("; ")));
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
