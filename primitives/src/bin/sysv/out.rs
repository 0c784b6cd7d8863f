//! What is printed: tables, JSON, and colours where a terminal shows them.

use std::{
    env,
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write as _},
    time::Duration,
};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

/// The version of the form of `--json`. A field is added without a new version, and never renamed or removed.
pub(crate) const JSON_VERSION: u32 = 1;

/// How grave something is, as its colour shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Quiet,
    Warning,
    Bad,
}

impl Tone {
    fn color(self) -> Option<Color> {
        match self {
            Self::Plain => None,
            Self::Good => Some(Color::Green),
            Self::Quiet => Some(Color::DarkGrey),
            Self::Warning => Some(Color::Yellow),
            Self::Bad => Some(Color::Red),
        }
    }

    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Quiet => Some("90"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
        }
    }
}

/// Where a command writes its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    /// Whether the result is one JSON object.
    pub(crate) json: bool,
    colours: bool,
}

impl Out {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, colours: io::stdout().is_terminal() && may_colour() }
    }

    /// Writes a line.
    pub(crate) fn line(self, text: impl fmt::Display) -> io::Result<()> {
        // `println` would panic if the reader has gone.
        writeln!(io::stdout(), "{text}")
    }

    /// Writes one JSON object: the version of its form, the command, and the fields of the result.
    pub(crate) fn json(self, command: &str, result: impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct Page<'a, T> {
            version: u32,
            command: &'a str,
            #[serde(flatten)]
            result: T,
        }
        let page = Page { version: JSON_VERSION, command, result };
        let text = serde_json::to_string_pretty(&page).map_err(io::Error::other)?;
        self.line(text)
    }

    /// Returns text in a colour, if colours are shown.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        match tone.sgr() {
            Some(sgr) if self.colours => format!("\x1b[{sgr}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    /// Returns a table with these heads, of which those that begin with `>` stand above numbers.
    pub(crate) fn table(self, heads: &[&str]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if self.colours {
            table.enforce_styling();
        } else {
            // A pipe gets each row as one line, however long it is.
            table.force_no_tty();
        }
        table.set_header(heads.iter().map(|head| head.trim_start_matches('>')));
        for (index, head) in heads.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                if head.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        table
    }

    /// Returns a cell of a table.
    pub(crate) fn cell(self, tone: Tone, text: impl fmt::Display) -> Cell {
        let cell = Cell::new(printable(&text.to_string()));
        match tone.color() {
            Some(color) if self.colours => cell.fg(color),
            _ => cell,
        }
    }

    /// Writes a table.
    pub(crate) fn show(self, table: &Table) -> io::Result<()> {
        // Blanks at the ends of lines are of no use to `diff` and `grep`.
        self.line(table.trim_fmt())
    }
}

/// Returns whether the environment lets a program use colours: see <https://no-color.org>.
pub(crate) fn may_colour() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns text without anything that a terminal obeys: names and commands may come from hostile processes.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_invisible(letter) {
            // A string takes everything.
            let _ = write!(safe, "{}", letter.escape_unicode());
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// Letters that turn the direction of writing or take no room, by which one name looks like another.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A number of bytes, as a reader takes it in: `1.5 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut scaled = number as f64;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 || scaled >= 100.0 || scaled.fract() == 0.0 {
        format!("{scaled:.0} {}", UNITS[unit])
    } else {
        format!("{scaled:.1} {}", UNITS[unit])
    }
}

/// A time that passed, as a reader takes it in: `3.2 s`, `4 min`, `2 h`, `9 d`.
pub(crate) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() == 0 => format!("{} µs", time.as_micros()),
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number with a comma before each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
