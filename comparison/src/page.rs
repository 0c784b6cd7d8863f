//! The report as one page of HTML, with its plots in it.

use std::fmt::Write;

use anyhow::Result;

use crate::{markdown::time, plot, report::Report};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}\
    table{border-collapse:collapse;margin:.5em 0 1em}td,th{padding:.15em .8em;border-bottom:1px solid #ddd;text-align:left}\
    td.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(crate) fn write(report: &Report) -> Result<String> {
    let title = "The primitives beside what one would take instead";
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\n"
    );
    html.push_str(
        "<p>A ratio is of the time to that of the first line, in the same round; less is faster.</p><table>\n",
    );
    for (what, value) in &report.machine {
        writeln!(html, "<tr><th>{what}<td>{}", escape(value))?;
    }
    html.push_str("</table>\n");
    for section in &report.sections {
        writeln!(html, "<h2>{}</h2><p>{}</p>", escape(section.title), escape(section.about))?;
        for comparison in &section.comparisons {
            writeln!(html, "<h3>{}</h3>{}", escape(&comparison.title), plot::bars(comparison)?)?;
            html.push_str("<table><tr><th><th>each<th>ratio<th>spread\n");
            for line in &comparison.lines {
                let (name, each) = (escape(&line.name), time(line.nanoseconds));
                writeln!(
                    html,
                    "<tr><td>{name}<td class=n>{each}<td class=n>{:.2}<td>{:.2} to {:.2}",
                    line.ratio, line.least, line.most
                )?;
            }
            html.push_str("</table>\n");
        }
        for facts in &section.facts {
            writeln!(html, "<h3>{}</h3><table><tr><th>{}", escape(facts.title), facts.head.join("<th>"))?;
            for row in &facts.rows {
                let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
                writeln!(html, "<tr><td>{}", cells.join("<td class=n>"))?;
            }
            html.push_str("</table>\n");
        }
    }
    Ok(html)
}
