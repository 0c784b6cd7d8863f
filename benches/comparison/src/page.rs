//! The report as one page of HTML, with its plots in it.

use std::fmt::Write;

use anyhow::Result;

use crate::{
    markdown::{cells, matrix},
    plot,
    report::{BEHIND_RULE, BEHIND_TITLE, Block, Facts, Family, READING, Report, Section, TITLE, Table},
};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}\
    table{border-collapse:collapse;margin:.5em 0 1em}td,th{padding:.15em .8em;border-bottom:1px solid #ddd;text-align:left;\
    vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
    svg{max-width:100%;height:auto}summary{cursor:pointer;color:#555}nav a{margin-right:1em}";

const COLORS: &str = "In the plots ours are blue, rivals grey, and limits and floors are light; floors' curves \
    are thin.";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A table with names in front; figures are set to the right.
fn table<'a>(html: &mut String, head: &[&str], rows: impl Iterator<Item = (&'a str, &'a [String])>) -> Result<()> {
    write!(html, "<table><tr><th>{}", head.join("<th>"))?;
    for (name, cells) in rows {
        write!(html, "\n<tr><td>{}", escape(name))?;
        for cell in cells {
            write!(html, "<td class=n>{}", escape(cell))?;
        }
    }
    html.push_str("</table>\n");
    Ok(())
}

pub(crate) fn write(report: &Report) -> Result<String> {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{TITLE}</title><style>{STYLE}</style><h1>{TITLE}</h1>\n<nav>"
    );
    for section in &report.sections {
        write!(html, "<a href=\"#{}\">{}</a>", anchor(section), section.title)?;
    }
    write!(html, "<a href=\"#behind\">{BEHIND_TITLE}</a></nav><p>{READING} {COLORS}</p><table>")?;
    for (what, value) in &report.machine {
        write!(html, "\n<tr><th>{what}<td>{}", escape(value))?;
    }
    html.push_str("</table>\n");
    behind(&mut html, report)?;
    for section in &report.sections {
        writeln!(html, "<h2 id=\"{}\">{}</h2><p>{}</p>", anchor(section), section.title, escape(section.about))?;
        if !section.peers.is_empty() {
            html.push_str("<table><tr><th>beside<th>has, and ours hasn't<th>hasn't, and ours has");
            for peer in section.peers {
                write!(html, "\n<tr><td>{}<td>{}<td>{}", escape(peer.name), escape(peer.more), escape(peer.less))?;
            }
            html.push_str("</table>\n");
        }
        for block in &section.blocks {
            match block {
                Block::Table(table) => one(&mut html, table)?,
                Block::Family(family) => all(&mut html, family)?,
                Block::Facts(facts) => counted(&mut html, facts)?,
            }
        }
    }
    Ok(html)
}

fn anchor(section: &Section) -> String {
    section.title.to_lowercase().replace(' ', "-")
}

fn behind(html: &mut String, report: &Report) -> Result<()> {
    write!(html, "<h2 id=behind>{}</h2><p>{BEHIND_RULE}</p><table>", BEHIND_TITLE)?;
    html.push_str("<tr><th><th>ours<th>ahead of it<th>why");
    for behind in report.behind() {
        let place = escape(&format!("{}: {}", behind.section, behind.table));
        let (ours, ahead, why) = (escape(behind.ours), escape(&behind.ahead.join("; ")), escape(behind.reason));
        write!(html, "\n<tr><td>{place}<td>{ours}<td>{ahead}<td>{why}")?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn figures(html: &mut String, compared: &Table) -> Result<()> {
    let (mut head, cells) = cells(compared);
    head.insert(0, "");
    let names = compared.rows.iter().map(|row| row.line.name.as_str());
    table(html, &head, names.zip(cells.iter().map(Vec::as_slice)))
}

fn one(html: &mut String, compared: &Table) -> Result<()> {
    writeln!(html, "<h3>{}</h3>{}", escape(&compared.title), plot::bars(compared)?)?;
    figures(html, compared)
}

fn all(html: &mut String, family: &Family) -> Result<()> {
    writeln!(html, "<h3>{}</h3>{}", escape(family.title), plot::curves(family)?)?;
    let points: Vec<String> = family.points.iter().map(|(x, _)| x.to_string()).collect();
    let head: Vec<&str> = [family.axis].into_iter().chain(points.iter().map(String::as_str)).collect();
    let rows = matrix(family);
    table(html, &head, rows.iter().map(|(name, cells)| (name.as_str(), cells.as_slice())))?;
    html.push_str("<details><summary>each of them, with spread</summary>\n");
    for (_, compared) in &family.points {
        writeln!(html, "<h4>{}</h4>", escape(&compared.title))?;
        figures(html, compared)?;
    }
    html.push_str("</details>\n");
    Ok(())
}

fn counted(html: &mut String, facts: &Facts) -> Result<()> {
    writeln!(html, "<h3>{}</h3>", escape(facts.title))?;
    let rows = facts.rows.iter().filter_map(|row| row.split_first());
    table(html, facts.head, rows.map(|(name, cells)| (name.as_str(), cells)))
}
