//! Numbers as they stand in the report.

/// Returns a number with three digits at most, since more of them say nothing.
pub(crate) fn figure(number: f64) -> String {
    match number {
        ..0.0995 => format!("{number:.3}"),
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        ..999.5 => format!("{number:.0}"),
        _ => {
            let scale = 10_f64.powf(number.log10().floor() - 2.0);
            format!("{:.0}", (number / scale).round() * scale)
        }
    }
}

/// Nanoseconds in a larger unit if there are many, and the unit.
fn in_unit(nanoseconds: f64) -> (f64, &'static str) {
    match nanoseconds {
        ..999.5 => (nanoseconds, "ns"),
        ..999.5e3 => (nanoseconds / 1e3, "µs"),
        ..999.5e6 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    }
}

/// Returns a time with its unit.
pub(crate) fn time(nanoseconds: f64) -> String {
    let (number, unit) = in_unit(nanoseconds);
    format!("{} {unit}", figure(number))
}

/// Returns a round time, without digits that are zero.
pub(crate) fn round_time(nanoseconds: f64) -> String {
    let (number, unit) = in_unit(nanoseconds);
    format!("{} {unit}", round(number))
}

/// Returns a number without digits that are zero, and with commas between thousands.
pub(crate) fn round(number: f64) -> String {
    let digits = format!("{number:.2}");
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match part.trim_end_matches('0') {
        "" => text,
        part => format!("{text}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_at_most() {
        assert_eq!(
            [0.0042, 0.954, 9.999, 47.96, 999.6, 2384.0].map(figure),
            ["0.004", "0.95", "10.0", "48.0", "1000", "2380"]
        );
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        assert_eq!([5.214, 999.9, 1e6, 2.5e9].map(time), ["5.21 ns", "1.00 µs", "1.00 ms", "2.50 s"]);
        assert_eq!([1.0, 1500.0, 2e6].map(round_time), ["1 ns", "1.5 µs", "2 ms"]);
        assert_eq!([0.0, 0.5, 2.0, 69_632.0, 5_319_936.0].map(round), ["0", "0.5", "2", "69,632", "5,319,936"]);
    }
}
