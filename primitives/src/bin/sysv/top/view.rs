//! How it is drawn.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, Paragraph, Row as Line_, Table, Wrap},
};
use sysv_primitives::inspect::Report;

use super::{
    app::{App, Panel},
    sample::Row,
};
use crate::{
    out::{Tone, age, printable},
    words,
};

const HEADS: [&str; 11] =
    ["KIND", "NAME", "STATE", "MEM", "DEAD", "WAIT", "LONGEST", "FILL", "IN/s", "OUT/s", "SLEEPS/s"];
const WIDTHS: [Constraint; 11] = [
    Constraint::Length(12),
    Constraint::Min(12),
    Constraint::Length(10),
    Constraint::Length(4),
    Constraint::Length(4),
    Constraint::Length(4),
    Constraint::Length(8),
    Constraint::Length(14),
    Constraint::Length(8),
    Constraint::Length(8),
    Constraint::Length(8),
];
const HELP: &str = "\
arrows, j, k, PgUp, PgDn, Home, End   move
Enter                                 show the object, and back
/ or F4, then letters, then Enter     filter by kind, name, state. Esc clears
s or F6                               order by the next column
Space                                 pause, and go on
F1, ?                                 this page
q, F10, Esc                           quit

MEM, DEAD   members that live, and that died and are not repaired
WAIT        members that wait. LONGEST: the longest wait
IN/s, OUT/s items of a ring. SLEEPS/s: how often a member went to sleep";

pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(3), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(summary(app), top);
    table(frame, app, middle);
    frame.render_widget(keys(app), bottom);
    match app.panel {
        Panel::Object => object(frame, app, middle),
        Panel::Help => window(frame, middle, "Help", HELP.lines().map(Line::from).collect(), 0),
        Panel::None | Panel::Filter => {}
    }
}

impl App {
    fn style(&self, tone: Tone) -> Style {
        let color = match tone {
            Tone::Plain => return Style::new(),
            Tone::Good => Color::Green,
            Tone::Quiet => Color::DarkGray,
            Tone::Warning => Color::Yellow,
            Tone::Bad => Color::Red,
        };
        if self.colours { Style::new().fg(color) } else { Style::new() }
    }
}

/// What holds for all rows that are shown.
fn summary(app: &App) -> Line<'static> {
    let rows = &app.shown;
    let members: usize = rows.iter().map(|row| row.report.members.len()).sum();
    let waiting: usize = rows.iter().map(Row::waiting).sum();
    let longest = rows.iter().filter_map(|row| row.longest).max();
    let deaths: usize = rows.iter().map(|row| row.recent).sum();
    let tone = |bad: bool| app.style(if bad { Tone::Bad } else { Tone::Plain });
    Line::from(vec![
        Span::raw(format!("{} objects  {members} members  {waiting} wait", rows.len())),
        Span::raw(longest.map_or_else(String::new, |longest| format!(", longest {}", age(longest)))),
        Span::styled(format!("  {} in the last minute", words::plural(deaths as u64, "death")), tone(deaths > 0)),
        Span::raw(if app.is_paused() { "  PAUSED" } else { "" }),
    ])
}

fn table(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let lines: Vec<Line_<'_>> = app.shown.iter().map(|row| line(row, app)).collect();
    let head = Line_::new(HEADS).style(Style::new().add_modifier(Modifier::REVERSED));
    let chosen = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let table = Table::new(lines, WIDTHS).header(head).row_highlight_style(chosen).highlight_symbol("> ");
    frame.render_stateful_widget(table, area, &mut app.table);
}

fn line(row: &Row, app: &App) -> Line_<'static> {
    let report = &row.report;
    let dead = report.dead.len();
    let waiting = row.waiting();
    let tone_of_dead = if dead > 0 { Tone::Bad } else { Tone::Plain };
    let is_long = row.longest.is_some_and(|longest| longest.as_secs() >= 1);
    let tone_of_wait = if is_long { Tone::Warning } else { Tone::Plain };
    let cell = |text: String, tone: Tone| Cell::from(Span::styled(text, app.style(tone)));
    Line_::new([
        cell(report.kind.to_string(), Tone::Plain),
        cell(words::name_of(report), Tone::Plain),
        cell(report.state.to_string(), words::tone_of(report.state)),
        cell(report.members.len().to_string(), Tone::Plain),
        cell(dead.to_string(), tone_of_dead),
        cell(waiting.to_string(), tone_of_wait),
        cell(row.longest.map_or_else(|| "-".to_owned(), age), tone_of_wait),
        cell(bar(report), if row.share() > 0.9 { Tone::Warning } else { Tone::Plain }),
        cell(rate(row.rate_in), Tone::Plain),
        cell(rate(row.rate_out), Tone::Plain),
        cell(rate(row.sleeps), Tone::Plain),
    ])
}

/// Returns a bar of six letters, and the percentage.
fn bar(report: &Report) -> String {
    const WIDTH: usize = 6;
    let Some(share) = words::share(report.fill) else { return "-".to_owned() };
    let share = share.clamp(0.0, 1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 6")]
    let full = (share * 6.0).round() as usize;
    format!("[{}{}] {:>3.0}%", "|".repeat(full), " ".repeat(WIDTH - full), share * 100.0)
}

/// Returns a rate with three digits: `12`, `3.4k`, `27M`.
fn rate(rate: Option<f64>) -> String {
    let Some(rate) = rate else { return "-".to_owned() };
    let (scaled, unit) = match rate {
        0.0..1e3 => (rate, ""),
        1e3..1e6 => (rate / 1e3, "k"),
        1e6..1e9 => (rate / 1e6, "M"),
        _ => (rate / 1e9, "G"),
    };
    if scaled >= 10.0 || scaled.fract() == 0.0 { format!("{scaled:.0}{unit}") } else { format!("{scaled:.1}{unit}") }
}

fn keys(app: &App) -> Line<'static> {
    if app.panel == Panel::Filter {
        return Line::from(format!("Filter: {}_   Enter: done  Esc: clear", printable(&app.filter)));
    }
    let filter = if app.filter.is_empty() { String::new() } else { format!(" [{}]", printable(&app.filter)) };
    Line::from(format!("F1 Help  / Filter{filter}  s Sort: {}  Enter Show  Space Pause  q Quit", app.order.name()))
        .style(Style::new().add_modifier(Modifier::DIM))
}

/// The selected object: its members, holders and waiters.
fn object(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(row) = app.chosen() else { return };
    let report = &row.report;
    let mut lines = Vec::new();
    lines.extend(report.why.as_deref().map(|why| Line::from(printable(why))));
    for finding in &report.findings {
        lines.push(Line::from(Span::styled(printable(&finding.text), app.style(Tone::Warning))));
    }
    for member in report.members.iter().chain(&report.dead) {
        let command = words::command_of(member.pid, member.start_time);
        let process = words::process_with(member.pid, command.as_deref());
        let state = if member.is_alive { "" } else { ", dead" };
        lines.push(Line::from(format!("member  slot {:<4} {process}{state}", member.slot)));
    }
    for holder in &report.holders {
        lines.push(Line::from(format!(
            "holder  slot {:<4} {} has {}",
            holder.slot,
            holder.pid,
            words::hold(holder.what, holder.count)
        )));
    }
    for waiter in &report.waiters {
        let since = waiter.waited.map_or_else(String::new, |waited| format!(" for {}", age(waited)));
        let interest = words::interest(&waiter.interest);
        lines.push(Line::from(format!("waiter  slot {:<4} {} waits for {interest}{since}", waiter.slot, waiter.pid)));
    }
    for job in &report.jobs {
        let since = job.age.map_or_else(String::new, |time| format!(" for {}", age(time)));
        let (slot, pid, route) = (job.slot, job.pid, job.route);
        lines.push(Line::from(format!(
            "job     slot {slot:<4} {pid} works on route {route}{since}, attempt {}",
            job.attempt
        )));
    }
    lines.extend(report.counters.iter().map(|(name, count)| Line::from(format!("counter {name} {count}"))));
    window(frame, area, &format!("{} {}", report.kind, words::name_of(report)), lines, app.scroll);
}

fn window(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>, scroll: u16) {
    let [_, middle, _] =
        Layout::horizontal([Constraint::Percentage(6), Constraint::Min(20), Constraint::Percentage(6)]).areas(area);
    let wanted = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let [_, place, _] =
        Layout::vertical([Constraint::Length(1), Constraint::Max(wanted), Constraint::Min(0)]).areas(middle);
    let scroll = scroll.min(u16::try_from(lines.len().saturating_sub(1)).unwrap_or(u16::MAX));
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).block(block).wrap(Wrap { trim: false }).scroll((scroll, 0)), place);
}
