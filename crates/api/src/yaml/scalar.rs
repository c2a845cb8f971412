//! What a plain scalar means.

use std::num::IntErrorKind;

use base64::Engine as _;
use granit_parser::ScalarStyle;
use granit_parser::Tag;
use serde_json::Number;
use serde_json::Value;

/// What a plain (unquoted) scalar resolves to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Number(Number),
    /// Infinity or not-a-number, which JSON cannot hold.
    NotFinite,
    Text,
}

impl Resolved {
    pub(super) fn into_value(self, text: &str) -> Option<Value> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Bool(truth) => Some(Value::Bool(truth)),
            Self::Number(number) => Some(Value::Number(number)),
            Self::NotFinite => None,
            Self::Text => Some(Value::String(text.to_owned())),
        }
    }
}

/// Resolves a plain scalar by the rules of YAML 1.1 as Kubernetes' tools apply them.
///
/// Timestamps and sexagesimal numbers stay text. A float with an integral value becomes an integer, as it
/// does on its way through Go's JSON.
pub(super) fn resolve(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    match first {
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => resolve_word(text),
        b'.' | b'+' | b'-' | b'0'..=b'9' => resolve_number(text),
        _ => Resolved::Text,
    }
}

fn resolve_word(text: &str) -> Resolved {
    match text {
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        _ => Resolved::Text,
    }
}

fn resolve_number(text: &str) -> Resolved {
    let (sign, unsigned) = match text.as_bytes() {
        [b'+', ..] => (Some('+'), &text[1..]),
        [b'-', ..] => (Some('-'), &text[1..]),
        _ => (None, text),
    };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Resolved::NotFinite,
        ".nan" | ".NaN" | ".NAN" if sign.is_none() => return Resolved::NotFinite,
        _ => {}
    }
    // Underscores separate digits anywhere after the first character, but not in `.5_0`.
    let digits = if text.starts_with('.') || !text.contains('_') {
        None
    } else {
        Some(unsigned.replace('_', ""))
    };
    let digits = digits.as_deref().unwrap_or(unsigned);
    if let Some(number) = integer(sign, digits) {
        return Resolved::Number(number);
    }
    if !is_decimal(digits) {
        return Resolved::Text;
    }
    match digits.parse::<f64>() {
        Ok(float) if float.is_finite() => float_number(if sign == Some('-') { -float } else { float })
            .map_or(Resolved::Text, Resolved::Number),
        _ => Resolved::Text,
    }
}

/// Parses digits with a base prefix: `0x`, `0o`, `0b`, or a bare `0` for octal.
fn integer(sign: Option<char>, digits: &str) -> Option<Number> {
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // The sign is gone already; `from_str_radix` would accept a second one.
    if !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match u64::from_str_radix(body, radix) {
        Ok(magnitude) if sign == Some('-') => match 0_i64.checked_sub_unsigned(magnitude) {
            Some(negative) => Some(Number::from(negative)),
            None => float_number(-approximate(magnitude)),
        },
        // A sign in front of a number that only fits unsigned makes it a float, as in Go.
        Ok(magnitude) if sign == Some('+') && i64::try_from(magnitude).is_err() => {
            float_number(approximate(magnitude))
        }
        Ok(magnitude) => Some(Number::from(magnitude)),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow && radix != 10 => {
            let magnitude = digits_as_float(body, radix);
            float_number(if sign == Some('-') { -magnitude } else { magnitude })
        }
        Err(_) => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers beyond 64 bits are approximate in JSON"
)]
fn approximate(magnitude: u64) -> f64 {
    magnitude as f64
}

fn digits_as_float(body: &str, radix: u32) -> f64 {
    body.chars()
        .filter_map(|digit| digit.to_digit(radix))
        .fold(0.0, |sum, digit| sum * f64::from(radix) + f64::from(digit))
}

/// Whether the text is digits with at most one point and at most one exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_holds = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            is_digits(whole) && is_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && is_digits(mantissa),
    };
    mantissa_holds
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && is_digits(exponent)
        })
}

/// Makes a JSON number of a float, an integer where its value is one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "guarded by the bound, below which every i64 is exact"
)]
pub(super) fn float_number(float: f64) -> Option<Number> {
    // 2^63: the first float that no longer fits a signed 64-bit integer.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if float.fract() == 0.0 && float.abs() < BOUND {
        return Some(Number::from(float as i64));
    }
    Number::from_f64(float)
}

/// Writes a scalar as the object key it becomes; `None` for what cannot be a key.
pub(super) fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Some(float_key(float)),
            _ => Some(number.to_string()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Shortest text in single precision, with an exponent from a million on, as upstream writes float keys.
#[expect(
    clippy::cast_possible_truncation,
    reason = "upstream rounds float keys to single precision"
)]
fn float_key(float: f64) -> String {
    let single = float as f32;
    let scientific = format!("{single:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => single.to_string(),
    }
}

/// What `!!` stands for.
const STANDARD_TAGS: &str = "tag:yaml.org,2002:";

pub(super) fn is_merge_tag(tag: &Tag) -> bool {
    tag.suffix_in_namespace(STANDARD_TAGS)
        .is_some_and(|suffix| suffix == "merge")
}

type Refusal = (String, &'static str);

/// The value of a scalar, by its tag if it has one.
///
/// # Errors
/// A message and a hint, when the tag does not fit or JSON cannot hold the value.
pub(super) fn tagged_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Refusal> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain {
            plain_value(text)
        } else {
            Ok(Value::String(text.to_owned()))
        };
    };
    let Some(suffix) = tag.suffix_in_namespace(STANDARD_TAGS) else {
        return Ok(Value::String(text.to_owned()));
    };
    match suffix.as_ref() {
        "binary" => base64::engine::general_purpose::STANDARD
            .decode(text.split_whitespace().collect::<String>())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Value::String)
            .ok_or_else(|| {
                (
                    "the value is no base64 of UTF-8 text".to_owned(),
                    "use a field that takes base64",
                )
            }),
        suffix @ ("null" | "bool" | "int" | "float") => {
            let value = plain_value(text)?;
            let fits = match suffix {
                "null" => value.is_null(),
                "bool" => value.is_boolean(),
                "int" => value.is_i64() || value.is_u64(),
                _ => value.is_number(),
            };
            let mismatch = || {
                (
                    format!("the value is no !!{suffix}"),
                    "remove the tag or correct the value",
                )
            };
            if fits { Ok(value) } else { Err(mismatch()) }
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn plain_value(text: &str) -> Result<Value, Refusal> {
    resolve(text).into_value(text).ok_or_else(|| {
        (
            format!("{text} is a number that JSON cannot hold"),
            "put it in quotes if it is meant as text",
        )
    })
}
