//! How a time grows: whether it is flat, linear or logarithmic.

/// How a time grows along a measured curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// The greatest is less than 1.5 times the least.
    Flat,
    /// It ends lower than it begins.
    Falling,
    /// So much at none, and so much for each.
    Linear { base: f64, each: f64 },
    /// So much at one, and so much more at each doubling.
    Logarithmic { base: f64, doubling: f64 },
    /// Neither: about this power.
    Power(f64),
    /// None of these.
    Irregular,
}

/// A curve with points farther off than this is neither linear nor logarithmic.
const FARTHEST: f64 = 0.35;

/// A curve with points farther off than this is no power either.
const POOR: f64 = 1.0;

/// A greater share between the least and the greatest is growth.
const GROWS: f64 = 1.5;

/// Finds how the values of a curve grow. Their positions are positive and rise. Returns the share by which the farthest
/// point lies off, too.
pub fn growth(points: &[(f64, f64)]) -> (Growth, f64) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return (Growth::Flat, 0.0) };
    let least = points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
    if most / least < GROWS {
        return (Growth::Flat, (most / least).sqrt() - 1.0);
    }
    if last.1 < first.1 {
        return (Growth::Falling, 0.0);
    }
    let linear = line(points, |x| x);
    let logarithmic = line(points, f64::log2);
    let (linear_off, logarithmic_off) = (off(points, linear, |x| x), off(points, logarithmic, f64::log2));
    if linear_off.min(logarithmic_off) > FARTHEST {
        let logs: Vec<(f64, f64)> = points.iter().map(|point| (point.0.ln(), point.1.ln())).collect();
        let (base, power) = least_squares(logs.iter().map(|&(x, y)| (x, y, 1.0)));
        let farthest = logs.iter().map(|&(x, y)| ((y - base - power * x).exp() - 1.0).abs());
        let farthest = farthest.fold(0.0, f64::max);
        return if farthest <= POOR { (Growth::Power(power), farthest) } else { (Growth::Irregular, farthest) };
    }
    match linear_off <= logarithmic_off {
        true => (Growth::Linear { base: linear.0, each: linear.1 }, linear_off),
        false => (Growth::Logarithmic { base: logarithmic.0, doubling: logarithmic.1 }, logarithmic_off),
    }
}

/// The line for which the squares of relative differences are least: its value at zero, and its slope.
fn line(points: &[(f64, f64)], scale: impl Fn(f64) -> f64) -> (f64, f64) {
    least_squares(points.iter().map(|&(x, y)| (scale(x), y, 1.0 / (y * y))))
}

/// Takes positions, values and weights.
fn least_squares(points: impl Iterator<Item = (f64, f64, f64)>) -> (f64, f64) {
    let [weight, x, y, xx, xy] = points.fold([0.0; 5], |[weight, sx, sy, sxx, sxy], (x, y, w)| {
        [weight + w, sx + w * x, sy + w * y, sxx + w * x * x, sxy + w * x * y]
    });
    let slope = (weight * xy - x * y) / (weight * xx - x * x);
    ((y - slope * x) / weight, slope)
}

/// The share by which the farthest point lies off a line.
fn off(points: &[(f64, f64)], (base, slope): (f64, f64), scale: impl Fn(f64) -> f64) -> f64 {
    points.iter().map(|&(x, y)| ((base + slope * scale(x)) / y - 1.0).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(of: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        [10.0, 100.0, 1000.0, 10_000.0].map(|x| (x, of(x))).into()
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6 * other.abs()
    }

    #[test]
    fn each_growth_is_told_from_the_others() {
        assert_eq!(growth(&curve(|_| 7.0)).0, Growth::Flat);
        assert_eq!(growth(&curve(|x| 1e6 / x)).0, Growth::Falling);
        let Growth::Linear { base, each } = growth(&curve(|x| 50.0 + 3.0 * x)).0 else { panic!() };
        assert!(close(base, 50.0) && close(each, 3.0), "{base} {each}");
        let Growth::Logarithmic { base, doubling } = growth(&curve(|x| 5.0 + 20.0 * x.log2())).0 else { panic!() };
        assert!(close(base, 5.0) && close(doubling, 20.0), "{base} {doubling}");
        assert_eq!(growth(&[(1.0, 1.0), (10.0, 1000.0), (100.0, 2.0), (1000.0, 3000.0)]).0, Growth::Irregular);
        let (Growth::Power(power), off) = growth(&curve(|x| x * x)) else { panic!() };
        assert!(close(power, 2.0) && off < 1e-6, "{power} {off}");
    }

    #[test]
    fn a_curve_with_noise_is_still_flat() {
        let noisy = [(1.0, 10.0), (10.0, 11.0), (100.0, 9.0), (1000.0, 12.0)];
        assert_eq!(growth(&noisy).0, Growth::Flat);
    }

    #[test]
    fn a_constant_part_hides_no_linear_one() {
        let points = curve(|x| 1000.0 + x);
        assert!(matches!(growth(&points).0, Growth::Linear { .. }));
    }
}
