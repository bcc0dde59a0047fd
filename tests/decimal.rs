//! Decimals against big integers.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};
use proptest::prelude::*;
use tickwire::tick::{DIGITS_MAX, Decimal, DecimalError, MANTISSA_MAX, WideDecimal};

/// A number as text, and what it says: `mantissa / 10^digits`.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    mantissa: BigInt,
    /// Digits after the point; never negative, as a positive exponent moves into the mantissa.
    digits: u32,
}

fn power(digits: u32) -> BigInt {
    BigInt::from(10).pow(digits)
}

/// Numbers of up to `digits_max` digits with any point and, half of them, an exponent.
fn written(digits_max: usize, exponents: bool) -> impl Strategy<Value = Written> {
    let exponent = prop_oneof![Just(None), (-25..25_i32).prop_map(Some)];
    (any::<bool>(), prop::collection::vec(0..10_u8, 1..=digits_max), any::<prop::sample::Index>())
        .prop_flat_map(move |parts| (Just(parts), exponent.clone()))
        .prop_map(move |((negative, digits, point), exponent)| {
            let exponent = exponent.filter(|_| exponents);
            let mut all: String = digits.iter().map(|&digit| char::from(b'0' + digit)).collect();
            let whole = 1 + point.index(all.len());
            let fraction = all.split_off(whole);
            let whole = match all.trim_start_matches('0') {
                "" => "0",
                kept => kept,
            };
            let mut text = format!("{}{whole}", if negative { "-" } else { "" });
            if !fraction.is_empty() {
                text.push('.');
                text.push_str(&fraction);
            }
            if let Some(exponent) = exponent {
                text.push_str(&format!("e{exponent}"));
            }
            let magnitude: BigInt = format!("{whole}{fraction}").parse().expect("digits");
            let mantissa = if negative { -magnitude } else { magnitude };
            let point = fraction.len() as i32 - exponent.unwrap_or(0);
            match u32::try_from(point) {
                Ok(digits) => Written { text, mantissa, digits },
                Err(_) => {
                    let mantissa = mantissa * power(point.unsigned_abs());
                    Written { text, mantissa, digits: 0 }
                }
            }
        })
}

/// Whether a mantissa of `digits_max` digits holds it.
fn fits(number: &Written, digits_max: u32) -> bool {
    number.digits <= u32::from(DIGITS_MAX)
        && number.mantissa.magnitude() < power(digits_max).magnitude()
}

/// Compares the values of two mantissas with their digits.
fn compare(one: (&BigInt, u32), other: (&BigInt, u32)) -> Ordering {
    (one.0 * power(other.1)).cmp(&(other.0 * power(one.1)))
}

fn in_bounds() -> impl Strategy<Value = Decimal> {
    (-MANTISSA_MAX..=MANTISSA_MAX, 0..=DIGITS_MAX)
        .prop_map(|(mantissa, digits)| Decimal::new(mantissa, digits).expect("in bounds"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn a_decimal_holds_exactly_what_was_written_or_refuses(number in written(24, true)) {
        match Decimal::parse(number.text.as_bytes()) {
            Ok(decimal) => {
                prop_assert!(fits(&number, 18));
                prop_assert_eq!(BigInt::from(decimal.mantissa()), number.mantissa);
                prop_assert_eq!(u32::from(decimal.digits()), number.digits);
            }
            Err(error) => {
                prop_assert_eq!(error, DecimalError::TooLong);
                prop_assert!(!fits(&number, 18), "{} fits", number.text);
            }
        }
    }

    #[test]
    fn a_wide_decimal_holds_exactly_what_was_written_or_refuses(number in written(44, false)) {
        match WideDecimal::parse(number.text.as_bytes()) {
            Ok(wide) => {
                prop_assert!(fits(&number, 38));
                prop_assert_eq!(BigInt::from(wide.mantissa()), number.mantissa);
                prop_assert_eq!(u32::from(wide.digits()), number.digits);
                prop_assert_eq!(WideDecimal::parse(wide.to_string().as_bytes()), Ok(wide));
            }
            Err(error) => {
                prop_assert_eq!(error, DecimalError::TooLong);
                prop_assert!(!fits(&number, 38), "{} fits", number.text);
            }
        }
    }

    #[test]
    fn what_is_written_reads_the_same(decimal in in_bounds()) {
        let text = decimal.to_string();
        prop_assert_eq!(Decimal::parse(text.as_bytes()), Ok(decimal));
        // No sign of a zero, no leading zeros, as many decimals as it has digits.
        let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert_eq!(fraction, usize::from(decimal.digits()));
        let digits: BigInt = text.replace('.', "").parse().expect("digits");
        prop_assert_eq!(digits, BigInt::from(decimal.mantissa()));
    }

    #[test]
    fn values_compare_as_fractions_do(one in in_bounds(), other in in_bounds()) {
        let parts = |decimal: Decimal| (BigInt::from(decimal.mantissa()), u32::from(decimal.digits()));
        let ((a, a_digits), (b, b_digits)) = (parts(one), parts(other));
        prop_assert_eq!(one.cmp_value(other), compare((&a, a_digits), (&b, b_digits)));
        let (wide, wider) = (WideDecimal::from(one), WideDecimal::from(other));
        prop_assert_eq!(wide.cmp_value(wider), one.cmp_value(other));
    }

    #[test]
    fn equal_values_of_other_digits_compare_equal(mantissa in -1_000_000_000_i64..1_000_000_000, digits in 0..9_u8, more in 0..9_u8) {
        let short = Decimal::new(mantissa, digits).expect("in bounds");
        let long = Decimal::new(mantissa * 10_i64.pow(more.into()), digits + more).expect("in bounds");
        prop_assert_eq!(short.cmp_value(long), Ordering::Equal);
        prop_assert_eq!(short == long, more == 0);
    }

    #[test]
    fn sums_are_exact_or_refused(numbers in prop::collection::vec(in_bounds(), 1..40)) {
        let mut sum = Some(WideDecimal::ZERO);
        let mut exact = BigInt::ZERO;
        for &decimal in &numbers {
            sum = sum.and_then(|sum| sum.checked_add(decimal));
            exact += BigInt::from(decimal.mantissa()) * power(18 - u32::from(decimal.digits()));
        }
        match sum {
            Some(sum) => {
                let shown = BigInt::from(sum.mantissa()) * power(18 - u32::from(sum.digits()));
                prop_assert_eq!(shown, exact);
            }
            // 40 numbers of 18 digits, 18 of them after the point, stay below 10^38.
            None => prop_assert!(false, "a sum that fits was refused"),
        }
    }
}

#[test]
fn the_bounds_are_where_they_are_said_to_be() {
    assert_eq!(BigInt::from(MANTISSA_MAX) + 1, power(18));
    assert!(Decimal::new(MANTISSA_MAX, DIGITS_MAX).is_some());
    assert!(Decimal::new(MANTISSA_MAX + 1, 0).is_none());
    assert!(Decimal::new(0, DIGITS_MAX + 1).is_none());
    let wide = 10_i128.pow(38) - 1;
    assert_eq!(BigInt::from_biguint(Sign::Plus, power(38).magnitude() - 1_u32), BigInt::from(wide));
    assert!(WideDecimal::new(-wide, 0).is_some());
    assert!(
        WideDecimal::new(wide, 0).and_then(|wide| wide.checked_add(Decimal::new(1, 0)?)).is_none()
    );
}
