//! The report as Markdown.

use std::fmt::Write;

use crate::{
    figures::round,
    prose::{
        self, BEHIND, BEHIND_RULE, Grid, MACHINE, READING, SUMMARY, SUMMARY_FILE, SUMMARY_KEY, SUMMARY_NARROW, TERMS,
        TITLE, grid, matrix,
    },
    report::{Behind, Block, Cell, Compared, Facts, Family, Report, Section, Table, reasons_of},
    rows::part,
};

/// A text under way.
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }

    fn grid(&mut self, corner: &str, Grid { head, rows }: &Grid) {
        self.line(&format!("\n| {corner} | {} |", head.join(" | ")));
        self.line(&format!("| --- |{}", " ---: |".repeat(head.len())));
        rows.iter().for_each(|(name, cells)| self.line(&format!("| {name} | {} |", cells.join(" | "))));
    }
}

pub(crate) fn write(report: &Report) -> String {
    let mut text = Text(format!("# {TITLE}\n\n{}\n", report.machine.name));
    if let Some(warning) = &report.machine.warning {
        text.line(&format!("\n**{warning}**"));
    }
    text.line(&format!(
        "\n<picture><source media=\"(max-width: 700px)\" srcset=\"{SUMMARY_NARROW}\">\
         <img src=\"{SUMMARY_FILE}\" alt=\"{SUMMARY}\"></picture>\n"
    ));
    for title in report.sections.iter().map(|section| section.title.as_str()).chain([BEHIND, READING, MACHINE]) {
        text.line(&format!("- [{title}](#{})", title.to_lowercase().replace(' ', "-")));
    }
    report.sections.iter().for_each(|one| section(&mut text, one));
    not_first(&mut text, &report.behind());
    text.line(&format!("\n## {READING}\n\n- **The first picture**: {SUMMARY_KEY}"));
    TERMS.iter().for_each(|(term, meaning)| text.line(&format!("- **{term}** {meaning}")));
    text.line(&format!("\n## {MACHINE}\n"));
    report.machine.details.iter().for_each(|(what, value)| text.line(&format!("- {what}: {value}")));
    text.0
}

fn section(text: &mut Text, section: &Section) {
    text.line(&format!("\n## {}", section.title));
    let part = part(&section.title);
    if let Some(part) = part {
        text.line(&format!("\n{}", part.about));
    }
    for block in &section.blocks {
        match block {
            Block::Table(table) => one(text, table),
            Block::Family(family) => all(text, family),
            Block::Facts(facts) => counted(text, facts),
        }
    }
    let Some(part) = part else { return };
    if !part.peers.is_empty() {
        text.line("\n| alternative | has, and ours hasn't | hasn't, and ours has |\n| --- | --- | --- |");
    }
    part.peers.iter().for_each(|peer| text.line(&format!("| {} | {} | {} |", peer.name, peer.more, peer.less)));
    if !part.method.is_empty() {
        text.line("");
    }
    part.method.iter().for_each(|line| text.line(&format!("- {line}")));
}

fn one(text: &mut Text, table: &Table) {
    text.line(&format!("\n### {}", prose::heading(&table.title)));
    text.grid("", &grid(table));
}

fn all(text: &mut Text, family: &Family) {
    text.line(&format!("\n### {}", family.title));
    text.grid(&family.axis, &matrix(family));
    text.line("\n<details><summary>Spread, and unpinned</summary>");
    family.points.iter().for_each(|(_, table)| text.grid(&table.title, &grid(table)));
    text.line("\n</details>");
}

fn counted(text: &mut Text, facts: &Facts) {
    text.line(&format!("\n### {}", facts.title));
    let cell = |cell: &Cell| match cell {
        Cell::Number(number) => round(*number),
        Cell::Word(word) => word.clone(),
    };
    let rows = facts.rows.iter().map(|fact| (fact.name.clone(), fact.cells.iter().map(cell).collect()));
    text.grid("", &Grid { head: facts.columns.clone(), rows: rows.collect() });
}

fn not_first(text: &mut Text, behind: &[Behind<'_>]) {
    text.line(&format!("\n## {BEHIND}\n\n{}\n", BEHIND_RULE.join("\n\n")));
    text.line(&format!(
        "| table | ours | ahead of it | {} | why |",
        prose::statistics().collect::<Vec<_>>().join(" | ")
    ));
    text.line("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |");
    let reasons = reasons_of(behind);
    for Behind { section, table, ours, other, kind, compared, reasons: because } in behind {
        let cells = compared.each_ref().map(ratios).join(" | ");
        let why = reasons.iter().filter(|(_, reason)| because.contains(reason));
        let why: Vec<_> = why.map(|(mark, _)| mark.as_str()).collect();
        let kind = prose::kind(*kind);
        text.line(&format!("| {section}: {table} | {ours} | {other}{kind} | {cells} | {} |", why.join(", ")));
    }
    text.line("");
    reasons.iter().for_each(|(mark, reason)| text.line(&format!("- **{mark}** {reason}")));
}

/// Pinned and unpinned. Bold where the other is ahead.
fn ratios(placed: &[Option<Compared>; 2]) -> String {
    let text = |compared: &Option<Compared>| match compared {
        Some(compared) if compared.is_ahead() => format!("**{}**", compared.text()),
        Some(compared) => compared.text(),
        None => "–".to_owned(),
    };
    if placed.iter().all(Option::is_none) { String::new() } else { placed.each_ref().map(text).join(" / ") }
}
