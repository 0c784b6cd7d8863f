//! The figures of all rounds, and how they are printed.

use anyhow::Result;

use crate::{Arguments, Carrier, Figure, Task, links::Links, sender};

/// How many microseconds items took in one round.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) longest: f64,
}

/// A figure of a latency, and its name.
pub(crate) type Part = (&'static str, fn(&Latency) -> f64);

impl Latency {
    pub(crate) const PARTS: [Part; 4] =
        [("p50", |one| one.p50), ("p99", |one| one.p99), ("p99.9", |one| one.p999), ("longest", |one| one.longest)];
}

/// One carrier in all rounds.
pub(crate) struct Course {
    pub(crate) task: Task,
    pub(crate) rates: Vec<f64>,
    pub(crate) latencies: Vec<Latency>,
}

/// One size of item.
pub(crate) struct Row {
    pub(crate) size: usize,
    pub(crate) ring: Course,
    pub(crate) queue: Course,
    /// How many processors other programs kept busy meanwhile, if that was too much.
    pub(crate) others: Option<f64>,
}

/// The median of all rounds, the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Course {
    pub(crate) fn new(arguments: &Arguments, carrier: Carrier, size: usize, links: &Links) -> Result<Self> {
        let (name, queue) = (links.name.clone(), links.queue.id());
        let mut task = Task { carrier, figure: Figure::Throughput, size, count: 0, name, queue, pin: arguments.pin };
        task.count = match arguments.count {
            Some(count) => count,
            None => sender::count(&task, links, arguments.seconds)?,
        };
        Ok(Self { task, rates: Vec::new(), latencies: Vec::new() })
    }

    pub(crate) fn rate(&self) -> Spread {
        Spread::of(self.rates.iter().copied())
    }

    pub(crate) fn latency(&self, part: fn(&Latency) -> f64) -> Spread {
        Spread::of(self.latencies.iter().map(part))
    }
}

impl Row {
    /// How many times as many items went through the ring, compared in the same round.
    fn ratio(&self) -> Spread {
        Spread::of(self.ring.rates.iter().zip(&self.queue.rates).map(|(ring, queue)| ring / queue))
    }
}

impl Spread {
    fn of(rounds: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = rounds.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self { median: at(sorted.len() / 2), least: at(0), most: at(sorted.len().saturating_sub(1)) }
    }
}

impl Spread {
    /// The median, and in brackets the least and the greatest if they differ.
    fn text(self, number: fn(f64) -> String) -> String {
        let [median, least, most] = [self.median, self.least, self.most].map(number);
        if self.least < self.most { format!("{median} ({least} to {most})") } else { median }
    }
}

/// Three digits of a number.
fn three_digits(number: f64) -> String {
    match number {
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        ..999.5 => format!("{number:.0}"),
        _ => {
            let scale = 10_f64.powf(number.log10().floor() - 2.0);
            format!("{:.0}", (number / scale).round() * scale)
        }
    }
}

/// Three digits of a number, and a letter for thousands and millions.
fn with_letter(number: f64) -> String {
    match number {
        ..999.5 => three_digits(number),
        ..999.5e3 => three_digits(number / 1e3) + "k",
        _ => three_digits(number / 1e6) + "M",
    }
}

/// Says which figures are not to be trusted, if other programs used the processors meanwhile.
pub(crate) fn warning(rows: &[Row]) -> Option<String> {
    let most = rows.iter().filter_map(|row| row.others).max_by(f64::total_cmp)?;
    let sizes: Vec<String> = rows.iter().filter(|row| row.others.is_some()).map(|row| row.size.to_string()).collect();
    let of = if sizes.len() == rows.len() {
        "these figures".to_owned()
    } else {
        format!("those of {} bytes", sizes.join(", "))
    };
    Some(format!("Other programs kept up to {most:.2} processors busy meanwhile: {of} are not to be trusted."))
}

/// A table of throughputs, and one of latencies.
pub(crate) fn tables(rows: &[Row], rounds: u32) -> String {
    let rounds = match rounds {
        1 => "one round".to_owned(),
        _ => format!("medians of {rounds} rounds, and in brackets from the least to the greatest"),
    };
    let mut lines = vec![format!("Items in a second: {rounds}\n")];
    lines.push(format!("{:>6} | {:>24} | {:>24} | {:>24}", "bytes", "ring", "queue", "ring / queue"));
    for row in rows {
        let [ring, queue] = [&row.ring, &row.queue].map(|course| course.rate().text(with_letter));
        let ratio = row.ratio().text(three_digits);
        lines.push(format!("{:>6} | {ring:>24} | {queue:>24} | {ratio:>24}", row.size));
    }
    lines.push("\nMicroseconds from process to process\n".to_owned());
    let names = Latency::PARTS.map(|(name, _)| format!(" | {name:>22}")).concat();
    lines.push(format!("{:>6} {:>7}{names}", "bytes", "through"));
    for row in rows {
        for (name, course) in [("ring", &row.ring), ("queue", &row.queue)] {
            let parts = Latency::PARTS.map(|(_, part)| format!(" | {:>22}", course.latency(part).text(three_digits)));
            lines.push(format!("{:>6} {name:>7}{}", row.size, parts.concat()));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_median_the_least_and_the_greatest() {
        let spread = Spread::of([3.0, 1.0, 50.0, 2.0, 4.0].into_iter());
        assert_eq!(spread, Spread { median: 3.0, least: 1.0, most: 50.0 });
        assert_eq!(spread.text(three_digits), "3.00 (1.00 to 50.0)");
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0.5, 22.84, 472.5, 3821.0].map(three_digits), ["0.50", "22.8", "472", "3820"]);
        assert_eq!([472.5, 733_400.0, 1_047_314.0, 147_883_481.0].map(with_letter), ["472", "733k", "1.05M", "148M"]);
    }
}
