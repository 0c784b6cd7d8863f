//! Where ours is not first.

use super::{Report, Row, Table};
use crate::{
    harness::{Kind, Ratio},
    markdown::figure,
    reasons,
};

pub(crate) const BEHIND_TITLE: &str = "Where ours is not first";

pub(crate) const BEHIND_RULE: &str = "Each row of ours is compared with every row of the same table that is not ours, \
    limits and floors too, pinned and unpinned. All are listed whose time was below 0.98 of ours in either, by the median, \
    and below ours in three of four rounds: less is a tie. Ratios are of their time to that of our row, with the spread of all rounds.";

/// The median below which another is ahead, if it was so in most rounds.
const TIE: f64 = 0.98;

fn is_ahead(ratio: Ratio) -> bool {
    ratio.median < TIE && ratio.upper < 1.0
}

/// A row of ours, and those that were ahead of it for one reason.
pub(crate) struct Behind<'a> {
    pub(crate) section: &'static str,
    pub(crate) table: &'a str,
    pub(crate) ours: &'a str,
    /// Names and ratios.
    pub(crate) ahead: Vec<String>,
    pub(crate) reason: &'static str,
}

impl Report {
    pub(crate) fn behind(&self) -> Vec<Behind<'_>> {
        let mut behind = Vec::new();
        for section in &self.sections {
            for table in section.tables() {
                let ours = table.rows.iter().filter(|row| row.line.kind == Kind::Ours);
                behind.extend(ours.flat_map(|ours| ahead_of(section.title, table, ours)));
            }
        }
        behind
    }
}

/// Those that were ahead of one row, by the reason for it.
fn ahead_of<'a>(section: &'static str, table: &'a Table, ours: &'a Row) -> Vec<Behind<'a>> {
    let mut behind: Vec<Behind<'a>> = Vec::new();
    for other in table.rows.iter().filter(|row| row.line.kind != Kind::Ours) {
        let Some(ahead) = if_ahead(other, ours) else { continue };
        let reason = reasons::why(&table.title, &ours.line.name, &other.line.name);
        match behind.iter_mut().find(|behind| behind.reason == reason) {
            Some(behind) => behind.ahead.push(ahead),
            None => {
                let (table, ours) = (table.title.as_str(), ours.line.name.as_str());
                behind.push(Behind { section, table, ours, ahead: vec![ahead], reason });
            }
        }
    }
    behind
}

/// Says how far another is ahead, if it is.
fn if_ahead(other: &Row, ours: &Row) -> Option<String> {
    let pinned = other.line.ratio_to(&ours.line);
    let unpinned = other.unpinned.as_ref().zip(ours.unpinned.as_ref()).map(|(other, ours)| other.ratio_to(ours));
    if !is_ahead(pinned) && !unpinned.is_some_and(is_ahead) {
        return None;
    }
    let kind = match other.line.kind {
        Kind::Limit => " (a limit)",
        Kind::Floor => " (a floor)",
        Kind::Ours | Kind::Rival => "",
    };
    let mut text = format!("{}{kind} {}", other.line.name, with_spread(pinned));
    if let Some(unpinned) = unpinned {
        text.push_str(&format!(", unpinned {}", with_spread(unpinned)));
    }
    Some(text)
}

fn with_spread(Ratio { median, least, most, .. }: Ratio) -> String {
    format!("{} ({} to {})", figure(median), figure(least), figure(most))
}
