//! The upper tail of the normal distribution, as a power of ten.

use std::f64::consts::{LOG10_E, PI};

/// Minus the decimal logarithm of the probability that a standard normal variable
/// exceeds `z`: the paper's phi of a silence that is `z` standard deviations longer
/// than the mean.
///
/// `1 - F(z)` is 0 in `f64` from `z` = 8.3 on, and phi would end at 16. So the tail is
/// never computed as a difference where it is small, and beyond [`SEAM`] not at all:
/// its logarithm is. The result is finite, not negative, and never NaN; a `z` that is
/// no number gives 0.
pub(super) fn phi_of(z: f64) -> f64 {
    if z.is_nan() {
        return 0.0;
    }
    let nats = if z < 0.0 {
        // The tail is nearly 1: what is missing from it is the small number.
        -(-small_tail(-z)).ln_1p()
    } else if z < SEAM {
        -small_tail(z).ln()
    } else {
        far_tail_nats(z)
    };
    (nats * LOG10_E).clamp(0.0, f64::MAX)
}

/// The inverse of [`phi_of`] for the phi that are thresholds: the least `z`, to the
/// precision of `f64`, whose phi is at least `phi`.
pub(super) fn z_of(phi: f64) -> f64 {
    let (mut below, mut above) = Z_RANGE;
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(below, above);
        if phi_of(middle) < phi {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}

/// The tail beyond `z`, which is not negative.
fn small_tail(z: f64) -> f64 {
    if z < SEAM {
        0.5 - body(z)
    } else {
        (-far_tail_nats(z)).exp()
    }
}

/// The probability between 0 and `z`, for `z` below [`SEAM`]: the density times
/// `z + z^3/3 + z^5/(3*5) + ...`, whose terms are all positive, so that nothing cancels.
fn body(z: f64) -> f64 {
    let square = z * z;
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    for _ in 0..SERIES_TERMS {
        odd += 2.0;
        term *= square / odd;
        sum += term;
    }
    sum * (-square / 2.0).exp() / (2.0 * PI).sqrt()
}

/// Minus the natural logarithm of the tail beyond `z`, for `z` from [`SEAM`] on:
/// Laplace's continued fraction, `tail = density / (z + 1/(z + 2/(z + 3/(z + ...))))`.
fn far_tail_nats(z: f64) -> f64 {
    // Found by trying: as many give 17 digits, and the farther out the fewer.
    let terms = 8.0 + 150.0 / z;
    let mut denominator = z;
    let mut numerator = terms.floor();
    while numerator >= 1.0 {
        denominator = z + numerator / denominator;
        numerator -= 1.0;
    }
    z * z / 2.0 + denominator.ln() + (2.0 * PI).ln() / 2.0
}

/// Where the series gives way to the continued fraction. Below, the difference from
/// one half loses less than three digits of sixteen.
const SEAM: f64 = 3.0;
/// At the seam, the term after as many is below 1e-17 of the sum.
const SERIES_TERMS: usize = 40;
/// Phi 0 to 500.
const Z_RANGE: (f64, f64) = (-10.0, 50.0);
const BISECTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use std::f64::consts::LOG10_2;

    use super::*;

    /// `-log10(erfc(z / sqrt 2) / 2)`, the formula of the paper (P_later with a normal
    /// distribution), computed with 400 decimal digits by mpmath and rounded to
    /// the nearest `f64`.
    const TABLE: [(f64, f64); 58] = [
        (-37.0, 2.4865839876864793e-300),
        (-20.0, 1.1958837599463928e-89),
        (-12.0, 7.715163784751701e-34),
        (-8.3, 2.2607502153683556e-17),
        (-6.0, 4.284695703651578e-10),
        (-5.0, 1.2449121373882918e-07),
        (-4.0, 1.3754863381099447e-05),
        (-3.0, 0.000_586_649_313_790_066_7),
        (-2.5, 0.002_705_231_396_143_721_3),
        (-2.0, 0.009_994_379_534_108_708),
        (-1.5, 0.030_028_621_232_115_648),
        (-1.0, 0.075_026_012_957_818_02),
        (-0.5, 0.160_231_392_277_849_02),
        (-0.25, 0.222_786_153_254_557_25),
        (-0.001, 0.300_683_617_026_473_4),
        (0.0, LOG10_2),
        (1e-09, 0.301_029_996_010_498_07),
        (0.25, 0.396_537_686_094_320_66),
        (0.5, 0.510_691_989_265_240_7),
        (1.0, 0.799_545_541_491_970_5),
        (1.25, 0.976_131_428_998_237_8),
        (1.5, 1.175_176_721_614_816_3),
        (2.0, 1.643_016_080_140_937),
        (2.25, 1.912_769_866_596_483_2),
        (2.5, 2.206_931_805_795_301),
        (2.875, 2.694_619_071_596_515_3),
        (2.99, 2.855_460_899_905_034_4),
        (3.0, 2.869_699_035_929_369),
        (3.01, 2.883_977_537_048_495_7),
        (3.25, 3.238_805_338_428_114_6),
        (3.5, 3.633_335_998_656_066_5),
        (4.0, 4.499_334_907_556_479),
        (4.5, 5.468_818_405_029_795),
        (5.0, 6.542_645_672_390_654_5),
        (5.5, 7.721_485_041_626_314),
        (5.625, 8.032_667_411_686_25),
        (6.0, 9.005_864_327_476_704),
        (7.0, 11.892_853_637_475_49),
        (7.5, 13.496_087_939_352_59),
        (8.0, 15.206_142_551_017_155),
        (8.25, 16.101_289_826_250_692),
        (8.5, 17.023_212_973_749_168),
        (9.0, 18.947_464_415_572_387),
        (10.0, 23.118_053_405_486_076),
        (12.5, 35.427_992_702_181_03),
        (15.0, 50.435_219_614_275_51),
        (20.0, 88.560_095_343_075_59),
        (25.0, 137.514_747_650_995_53),
        (30.0, 197.309_209_261_660_95),
        (37.0, 299.242_181_178_609_94),
        (38.5, 323.851_341_068_479_4),
        (40.0, 349.437_006_459_345_87),
        (50.0, 544.966_335_861_996_6),
        (75.0, 1_223.727_458_724_09),
        (100.0, 2_173.871_542_869_034_3),
        (1_000.0, 217_150.640_041_994_4),
        (100_000.0, 2_171_472_414.915_349),
        (100_000_000.0, 2_171_472_409_516_267.5),
    ];

    #[test]
    fn phi_agrees_with_the_formula_computed_to_four_hundred_digits() {
        for (z, expected) in TABLE {
            let error = ((phi_of(z) - expected) / expected).abs();
            // On the far left phi is 10^-300, and squaring z costs a digit or two of it.
            let allowed = if z < -1.0 { 6e-14 } else { 6e-15 };
            assert!(error < allowed, "z {z}: {:e} not {expected:e}", phi_of(z));
        }
    }

    #[test]
    fn nothing_that_is_a_float_gives_nan_infinity_or_less_than_nothing() {
        assert_eq!(phi_of(f64::NAN), 0.0);
        assert_eq!(phi_of(f64::NEG_INFINITY), 0.0);
        assert_eq!(phi_of(-40.0), 0.0);
        assert_eq!(phi_of(-0.0), phi_of(0.0));
        for z in [1e9, 1e154, 1e300, f64::MAX, f64::INFINITY] {
            let phi = phi_of(z);
            assert!(phi.is_finite() && phi > 1e17, "{z}: {phi}");
        }
    }

    /// The seams of the three ways to compute it, and the steps in the number of terms.
    #[test]
    fn phi_never_falls_where_z_grows() {
        let mut last = 0.0;
        for step in -400_000..=600_000 {
            let phi = phi_of(f64::from(step) * 1e-4);
            assert!(phi >= last, "at {step}: {phi} after {last}");
            last = phi;
        }
    }

    #[test]
    fn the_inverse_is_the_least_z_that_reaches_phi() {
        for phi in [0.01, 0.301, 1.0, 5.0, 8.0, 12.0, 17.0, 300.0] {
            let z = z_of(phi);
            assert!(phi_of(z) >= phi);
            assert!(phi_of(z - 1e-9) < phi, "phi {phi}");
        }
        assert!((z_of(8.0) - 5.612_001_244_174_79).abs() < 1e-12);
    }
}
