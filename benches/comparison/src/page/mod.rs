//! The report as one page of HTML, with its plots in it.

use std::fmt::Write;

use anyhow::Result;

use crate::{
    draw,
    figures::round,
    plot::{STYLE, escape},
    prose::{self, BEHIND, BEHIND_RULE, Grid, MACHINE, READING, SUMMARY, SUMMARY_KEY, TERMS, TITLE, grid, matrix},
    report::{Behind, Block, Cell, Compared, Facts, Family, Machine, Report, Section, Table, reasons_of},
    rows::{Part, part},
};

const PAGE_STYLE: &str = include_str!("style.css");

pub(crate) fn write(report: &Report) -> Result<String> {
    let behind = report.behind();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{TITLE}</title>\n\
         <style>{STYLE}\n{PAGE_STYLE}</style>\n</head>\n<body>\n<h1>{TITLE}</h1>\n"
    );
    top(&mut html, report)?;
    contents(&mut html, report, behind.len())?;
    report.sections.iter().try_for_each(|one| section(&mut html, one))?;
    not_first(&mut html, &behind)?;
    reading(&mut html)?;
    machine(&mut html, &report.machine)?;
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

/// The machine in a line, and the first picture.
fn top(html: &mut String, report: &Report) -> Result<()> {
    writeln!(html, "<p class=\"sub\">{}</p>", escape(&report.machine.name))?;
    if let Some(warning) = &report.machine.warning {
        writeln!(html, "<p class=\"warn\">{}</p>", escape(warning))?;
    }
    let plots = draw::summary_inline(report);
    if !plots.is_empty() {
        writeln!(html, "<p class=\"sub\"><b>{SUMMARY}.</b> {SUMMARY_KEY}</p>\n<div class=\"panels\">")?;
        for (title, plot) in plots {
            writeln!(html, "<figure><b>{}</b>{plot}</figure>", escape(&title))?;
        }
        html.push_str("</div>\n");
    }
    Ok(())
}

fn contents(html: &mut String, report: &Report, behind: usize) -> Result<()> {
    html.push_str("<nav aria-label=\"Contents\"><ul>");
    for section in &report.sections {
        write!(html, "<li><a href=\"#{}\">{}</a></li>", anchor(&section.title), escape(&section.title))?;
    }
    write!(html, "<li><a href=\"#{}\">{BEHIND}</a> ({behind} pairs)</li>", anchor(BEHIND))?;
    for title in [READING, MACHINE] {
        write!(html, "<li><a href=\"#{}\">{title}</a></li>", anchor(title))?;
    }
    html.push_str("</ul></nav>\n");
    Ok(())
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn heading(html: &mut String, title: &str) -> Result<()> {
    writeln!(html, "<h2 id=\"{}\">{}</h2>", anchor(title), escape(title))?;
    Ok(())
}

fn section(html: &mut String, section: &Section) -> Result<()> {
    heading(html, &section.title)?;
    let part = part(&section.title);
    if let Some(part) = part {
        writeln!(html, "<p>{}</p>", escape(part.about))?;
    }
    for block in &section.blocks {
        match block {
            Block::Table(table) => one(html, table)?,
            Block::Family(family) => all(html, family)?,
            Block::Facts(facts) => counted(html, facts)?,
        }
    }
    part.map_or(Ok(()), |part| notes(html, part))
}

const PEERS_HEAD: &str = "<h3>What the alternatives do differently</h3>\n<div class=\"scroll\"><table><thead><tr>\
    <th>alternative</th><th>has, and ours hasn't</th><th>hasn't, and ours has</th></tr></thead>\n<tbody>";

/// What alternatives do differently, and how all were measured.
fn notes(html: &mut String, part: &Part) -> Result<()> {
    if !part.peers.is_empty() {
        html.push_str(PEERS_HEAD);
        for peer in part.peers {
            let [name, more, less] = [peer.name, peer.more, peer.less].map(escape);
            writeln!(html, "<tr><td>{name}</td><td>{more}</td><td>{less}</td></tr>")?;
        }
        html.push_str("</tbody></table></div>\n");
    }
    if !part.method.is_empty() {
        html.push_str("<details><summary>How it is measured</summary><ul>");
        part.method.iter().try_for_each(|line| write!(html, "<li>{}</li>", escape(line)))?;
        html.push_str("</ul></details>\n");
    }
    Ok(())
}

/// A table of figures. Several grids in one have a title each.
fn figures(html: &mut String, corner: &str, grids: &[(&str, Grid)]) -> Result<()> {
    cells(html, "num", corner, grids)
}

/// A table of the class of figures or of words.
fn cells(html: &mut String, class: &str, corner: &str, grids: &[(&str, Grid)]) -> Result<()> {
    let Some((_, first)) = grids.first() else { return Ok(()) };
    write!(html, "<div class=\"scroll\"><table class=\"{class}\"><thead><tr><th>{}</th>", escape(corner))?;
    first.head.iter().try_for_each(|name| write!(html, "<th>{}</th>", escape(name)))?;
    html.push_str("</tr></thead>\n");
    for (title, grid) in grids {
        html.push_str("<tbody>");
        if !title.is_empty() {
            write!(html, "<tr><th colspan=\"{}\">{}</th></tr>", first.head.len() + 1, escape(title))?;
        }
        for (name, cells) in &grid.rows {
            write!(html, "<tr><td class=\"name\">{}</td>", escape(name))?;
            cells.iter().try_for_each(|cell| write!(html, "<td>{}</td>", escape(cell)))?;
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>");
    }
    html.push_str("</table></div>\n");
    Ok(())
}

fn one(html: &mut String, table: &Table) -> Result<()> {
    writeln!(
        html,
        "<h3>{}</h3>\n<figure>{}</figure>\n<details><summary>Figures</summary>",
        escape(&prose::heading(&table.title)),
        draw::table(table)
    )?;
    figures(html, "", &[("", grid(table))])?;
    html.push_str("</details>\n");
    Ok(())
}

fn all(html: &mut String, family: &Family) -> Result<()> {
    writeln!(
        html,
        "<h3>{}</h3>\n<figure>{}</figure>\n<details><summary>Figures</summary>",
        escape(&family.title),
        draw::family(family)
    )?;
    figures(html, &family.axis, &[("", matrix(family))])?;
    let grids: Vec<(&str, Grid)> = family.points.iter().map(|(_, table)| (table.title.as_str(), grid(table))).collect();
    figures(html, "", &grids)?;
    html.push_str("</details>\n");
    Ok(())
}

fn counted(html: &mut String, facts: &Facts) -> Result<()> {
    writeln!(html, "<h3>{}</h3>", escape(&facts.title))?;
    let is_drawn = facts.has_numbers();
    if is_drawn {
        writeln!(html, "<figure>{}</figure>\n<details><summary>Figures</summary>", draw::facts(facts))?;
    }
    let text = |cell: &Cell| match cell {
        Cell::Number(number) => round(*number),
        Cell::Word(word) => word.clone(),
    };
    let rows = facts.rows.iter().map(|fact| (fact.name.clone(), fact.cells.iter().map(text).collect()));
    let grid = Grid { head: facts.columns.clone(), rows: rows.collect() };
    cells(html, if is_drawn { "num" } else { "words" }, "", &[("", grid)])?;
    if is_drawn {
        html.push_str("</details>\n");
    }
    Ok(())
}

fn not_first(html: &mut String, behind: &[Behind<'_>]) -> Result<()> {
    heading(html, BEHIND)?;
    BEHIND_RULE.iter().try_for_each(|line| writeln!(html, "<p>{line}</p>"))?;
    html.push_str("<div class=\"scroll\"><table class=\"num\"><thead><tr><th>ahead of ours</th><th>why</th>");
    prose::statistics().try_for_each(|name| write!(html, "<th>{name}</th>"))?;
    html.push_str("</tr></thead>\n<tbody>");
    let reasons = reasons_of(behind);
    let mut last = ("", "");
    for pair in behind {
        if (pair.table, pair.ours) != last {
            last = (pair.table, pair.ours);
            let [section, table, ours] = [pair.section, pair.table, pair.ours].map(escape);
            writeln!(html, "<tr><th colspan=\"7\"><b>{ours}</b> in {section}: {table}</th></tr>")?;
        }
        write!(html, "<tr><td class=\"name\">{}{}</td>", escape(pair.other), prose::kind(pair.kind))?;
        html.push_str("<td>");
        for (mark, _) in reasons.iter().filter(|(_, reason)| pair.reasons.contains(reason)) {
            write!(html, "<a href=\"#why-{}\">{mark}</a> ", why(mark))?;
        }
        html.push_str("</td>");
        pair.compared.iter().try_for_each(|placed| write!(html, "<td>{}</td>", ratios(placed)))?;
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n<dl class=\"why\">");
    for (mark, reason) in reasons {
        write!(html, "<dt id=\"why-{}\">{mark}</dt><dd>{}</dd>", why(&mark), escape(reason))?;
    }
    html.push_str("</dl>\n");
    Ok(())
}

/// The part of an address that stands for a reason's mark.
fn why(mark: &str) -> &str {
    if mark == "?" { "unknown" } else { mark }
}

/// Pinned and unpinned. Bold where the other is ahead.
fn ratios(placed: &[Option<Compared>; 2]) -> String {
    let text = |compared: &Option<Compared>| match compared {
        Some(compared) if compared.is_ahead() => format!("<b>{}</b>", compared.text()),
        Some(compared) => compared.text(),
        None => "–".to_owned(),
    };
    if placed.iter().all(Option::is_none) { String::new() } else { placed.each_ref().map(text).join(" / ") }
}

fn reading(html: &mut String) -> Result<()> {
    heading(html, READING)?;
    html.push_str("<dl>");
    TERMS.iter().try_for_each(|(term, text)| write!(html, "<dt>{term}</dt><dd>{text}</dd>"))?;
    html.push_str("</dl>\n");
    Ok(())
}

fn machine(html: &mut String, machine: &Machine) -> Result<()> {
    heading(html, MACHINE)?;
    html.push_str("<table><tbody>");
    for (what, value) in &machine.details {
        writeln!(html, "<tr><td>{}</td><td>{}</td></tr>", escape(what), escape(value))?;
    }
    html.push_str("</tbody></table>\n");
    Ok(())
}

#[cfg(test)]
mod tests;
