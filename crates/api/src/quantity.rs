//! Amounts of resources and values that are a number or a word.

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de;
use serde_json::Value;

/// An amount such as `500m`, `1Gi` or `2`, kept as it was written (`resource.Quantity`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Quantity(String);

impl Quantity {
    /// Keeps the text; whether it is an amount shows in [`millis`](Self::millis).
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The amount as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Thousandths of the unit, rounded up; `None` when the text is no amount.
    pub fn millis(&self) -> Option<i128> {
        let split = self
            .0
            .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
            .unwrap_or(self.0.len());
        let (number, suffix) = self.0.split_at(split);
        let (factor, divisor): (i128, i128) = match suffix {
            "n" => (1, 1_000_000),
            "u" => (1, 1_000),
            "m" => (1, 1),
            "" => (1_000, 1),
            "k" => (1_000_000, 1),
            "M" => (1_000_000_000, 1),
            "G" => (1_000_000_000_000, 1),
            "T" => (1_000_000_000_000_000, 1),
            "P" => (1_000_000_000_000_000_000, 1),
            "Ki" => (1_000 << 10, 1),
            "Mi" => (1_000 << 20, 1),
            "Gi" => (1_000 << 30, 1),
            "Ti" => (1_000 << 40, 1),
            "Pi" => (1_000 << 50, 1),
            exponent => (power_of_ten(exponent)?.checked_mul(1_000)?, 1),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.len() > 15 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let numerator = digits.checked_mul(factor)?;
        let denominator = scale.checked_mul(divisor)?;
        Some(numerator.div_euclid(denominator) + i128::from(numerator.rem_euclid(denominator) != 0))
    }

    /// Whole units, rounded up; `None` when the text is no amount or negative.
    pub fn units(&self) -> Option<u64> {
        let millis = self.millis()?;
        u64::try_from(millis.div_euclid(1_000) + i128::from(millis.rem_euclid(1_000) != 0)).ok()
    }
}

fn power_of_ten(suffix: &str) -> Option<i128> {
    let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    10_i128.checked_pow(exponent)
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            other => Err(de::Error::custom(format!(
                "{other} is no amount such as 500m, 1Gi or 2"
            ))),
        }
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "description": "Amount, for instance 500m, 1Gi or 2." })
    }
}

/// A port number or name (`intstr.IntOrString`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A name.
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl Serialize for IntOrString {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(number) => serializer.serialize_i32(*number),
            Self::String(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self::String(name)),
            Value::Number(number) => number
                .as_i64()
                .and_then(|number| i32::try_from(number).ok())
                .map(Self::Int)
                .ok_or_else(|| de::Error::custom(format!("{number} is out of range"))),
            other => Err(de::Error::custom(format!(
                "{other} is neither a number nor a name"
            ))),
        }
    }
}

impl JsonSchema for IntOrString {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrString".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "description": "Number or name." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_every_unit() {
        let rows = [
            ("500m", Some(500)),
            ("1", Some(1_000)),
            ("1.5", Some(1_500)),
            ("1Ki", Some(1_024_000)),
            ("2e3", Some(2_000_000)),
            ("1n", Some(1)),
            ("", None),
            ("x", None),
            ("1.2.3", None),
            ("1Zi", None),
        ];
        for (given, then) in rows {
            assert_eq!(Quantity::new(given).millis(), then, "{given}");
        }
        assert_eq!(Quantity::new("1500m").units(), Some(2));
    }
}
