//! The state that keys change. Keys are those of htop, as far as there is the same to do.

use std::cmp::Ordering;

use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    widgets::TableState,
};

use super::sample::{Id, Row};
use crate::words;

/// What the rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Name,
    Waiting,
    Longest,
    Fill,
    Rate,
    Deaths,
    Size,
}

impl Order {
    const ALL: [Self; 7] = [Self::Name, Self::Waiting, Self::Longest, Self::Fill, Self::Rate, Self::Deaths, Self::Size];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Waiting => "waiting",
            Self::Longest => "longest wait",
            Self::Fill => "fill",
            Self::Rate => "rate",
            Self::Deaths => "deaths",
            Self::Size => "size",
        }
    }

    fn next(self) -> Self {
        let index = Self::ALL.iter().position(|order| *order == self).unwrap_or(0);
        Self::ALL[(index + 1) % Self::ALL.len()]
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        let rate = |row: &Row| row.rate_in.unwrap_or(0.0) + row.rate_out.unwrap_or(0.0) + row.sleeps.unwrap_or(0.0);
        let dead = |row: &Row| row.deaths.max(row.report.dead.len() as u64);
        // All but names from the greatest on, and by the name where two are equal.
        let first = match self {
            Self::Name => Ordering::Equal,
            Self::Waiting => b.waiting().cmp(&a.waiting()),
            Self::Longest => b.longest.cmp(&a.longest),
            Self::Fill => b.share().total_cmp(&a.share()),
            Self::Rate => rate(b).total_cmp(&rate(a)),
            Self::Deaths => dead(b).cmp(&dead(a)),
            Self::Size => words::size_of(&b.report).cmp(&words::size_of(&a.report)),
        };
        first.then_with(|| (&a.report.name, a.id).cmp(&(&b.report.name, b.id)))
    }
}

/// What is on the screen besides the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    None,
    /// The letters of the filter are typed.
    Filter,
    /// The selected object.
    Object,
    Help,
}

/// Everything that is drawn.
#[derive(Debug)]
pub(super) struct App {
    all: Vec<Row>,
    pub(super) shown: Vec<Row>,
    pub(super) table: TableState,
    pub(super) filter: String,
    pub(super) order: Order,
    pub(super) panel: Panel,
    pub(super) scroll: u16,
    pub(super) colours: bool,
    paused: bool,
    done: bool,
    selected: Option<Id>,
}

impl App {
    pub(super) fn new(colours: bool) -> Self {
        Self {
            all: Vec::new(),
            shown: Vec::new(),
            table: TableState::default(),
            filter: String::new(),
            order: Order::Name,
            panel: Panel::None,
            scroll: 0,
            colours,
            paused: false,
            done: false,
            selected: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Takes over a new look.
    pub(super) fn show(&mut self, rows: Vec<Row>) {
        self.all = rows;
        self.arrange();
    }

    /// Returns the object on which the cursor is.
    pub(super) fn chosen(&self) -> Option<&Row> {
        self.shown.get(self.table.selected()?)
    }

    /// Filters and orders the rows. The cursor stays on its object, wherever that has come to stand.
    fn arrange(&mut self) {
        let filter = self.filter.to_lowercase();
        let suits = |row: &&Row| {
            let report = &row.report;
            let text = format!("{} {} {}", report.kind, words::name_of(report), report.state);
            text.to_lowercase().contains(&filter)
        };
        self.shown = self.all.iter().filter(suits).cloned().collect();
        let order = self.order;
        self.shown.sort_by(|a, b| order.compare(a, b));
        let found = self.selected.and_then(|id| self.shown.iter().position(|row| row.id == id));
        self.select(found.or(self.table.selected()).unwrap_or(0));
    }

    fn select(&mut self, index: usize) {
        let index = (!self.shown.is_empty()).then(|| index.min(self.shown.len() - 1));
        self.table.select(index);
        self.selected = index.map(|index| self.shown[index].id);
    }

    fn step(&mut self, by: isize) {
        if self.panel == Panel::Object {
            let by = i16::try_from(by).unwrap_or(if by < 0 { i16::MIN } else { i16::MAX });
            self.scroll = self.scroll.saturating_add_signed(by);
        } else {
            self.select(self.table.selected().unwrap_or(0).saturating_add_signed(by));
        }
    }

    pub(super) fn press(&mut self, key: KeyEvent) {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            self.control(key.code);
        } else if self.panel == Panel::Filter {
            self.type_filter(key.code);
        } else {
            self.command(key.code);
        }
    }

    fn control(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char('c') => self.done = true,
            // A line feed, as some terminals send for Enter.
            KeyCode::Char('j') if self.panel == Panel::Filter => self.panel = Panel::None,
            _ => {}
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.panel = Panel::None,
            KeyCode::Esc => {
                self.filter.clear();
                self.panel = Panel::None;
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(letter) => self.filter.push(letter),
            _ => return,
        }
        self.arrange();
    }

    fn command(&mut self, code: KeyCode) {
        const PAGE: isize = 10;
        match code {
            KeyCode::Char('q') | KeyCode::F(10) => self.done = true,
            // It closes what is open, and then the program, as in htop.
            KeyCode::Esc if self.panel == Panel::None && self.filter.is_empty() => self.done = true,
            KeyCode::Esc if self.panel == Panel::None => {
                self.filter.clear();
                self.arrange();
            }
            KeyCode::Esc => self.panel = Panel::None,
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-PAGE),
            KeyCode::PageDown => self.step(PAGE),
            KeyCode::Home => self.step(isize::MIN / 2),
            KeyCode::End => self.step(isize::MAX / 2),
            KeyCode::Char('/' | '\\') | KeyCode::F(3 | 4) => self.panel = Panel::Filter,
            KeyCode::Char('s' | '>') | KeyCode::F(6) => {
                self.order = self.order.next();
                self.arrange();
            }
            KeyCode::Enter => {
                self.scroll = 0;
                self.panel = if self.panel == Panel::Object { Panel::None } else { Panel::Object };
            }
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => {
                self.panel = if self.panel == Panel::Help { Panel::None } else { Panel::Help };
            }
            KeyCode::Char(' ' | 'Z') => self.paused = !self.paused,
            _ => {}
        }
    }
}
