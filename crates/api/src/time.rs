//! Points in time and durations, in the text forms of Kubernetes.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;

/// A point in time, written as RFC 3339 in UTC (`metav1.Time`).
///
/// Kubernetes writes whole seconds. Here milliseconds follow when they are not zero, which every Kubernetes client
/// reads: runs that last milliseconds would otherwise all last zero seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

impl Time {
    /// A point given in milliseconds since the Unix epoch; clamped to the years -9999 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        }))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The same point without its fraction of a second.
    #[must_use]
    pub fn truncated_to_seconds(self) -> Self {
        Self::from_millis(self.as_millis().div_euclid(1000) * 1000)
    }

    /// The span from `earlier` to this point; zero when `earlier` is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.as_millis().saturating_sub(earlier.as_millis()).max(0))
    }

    /// The point `duration` later; clamped at the end of representable time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_add(duration.as_millis()))
    }
}

impl From<std::time::SystemTime> for Time {
    fn from(at: std::time::SystemTime) -> Self {
        let millis = match at.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Self::from_millis(millis)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millisecond() == 0 {
            write!(formatter, "{:.0}", self.0)
        } else {
            write!(formatter, "{:.3}", self.0)
        }
    }
}

impl FromStr for Time {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| ParseTimeError(text.to_owned()))
    }
}

/// A point in time, written with six digits after the second (`metav1.MicroTime`), as clients of leases and events insist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime(pub Time);

impl Serialize for MicroTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0.0))
    }
}

impl<'de> Deserialize<'de> for MicroTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Time::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for MicroTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MicroTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse {0:?} as an RFC 3339 time")]
pub struct ParseTimeError(String);

/// A span of time in Go's text form, for instance `1h0m0s` or `1.5s` (`metav1.Duration`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    nanos: i64,
}

impl Duration {
    /// No time at all; as a timeout it means "without limit".
    pub const ZERO: Duration = Duration { nanos: 0 };

    /// A span of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// A span of milliseconds, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Self {
            nanos: millis.saturating_mul(1_000_000),
        }
    }

    /// A span of seconds, saturating.
    pub const fn from_secs(secs: i64) -> Self {
        Self {
            nanos: secs.saturating_mul(1_000_000_000),
        }
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.nanos
    }

    /// Whole milliseconds, towards zero.
    pub const fn as_millis(self) -> i64 {
        self.nanos / 1_000_000
    }

    /// Whether it is shorter than nothing, which no timeout may be.
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The standard library's form; negative spans become zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(0))
    }
}

/// A text that is no Go duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse {0:?} as a duration such as 1h30m, 90s or 500ms")]
pub struct ParseDurationError(String);

impl FromStr for Duration {
    type Err = ParseDurationError;

    /// Reads Go's `time.ParseDuration` form: signed decimal numbers with the units `ns us µs μs ms s m h`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_duration(text)
            .map(Self::from_nanos)
            .ok_or_else(|| ParseDurationError(text.to_owned()))
    }
}

fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_len);
        total = total.checked_add(scaled(number, unit)?)?;
        rest = next;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn scaled(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 19 || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        total += i128::from(digit - b'0') * place;
    }
    Some(total)
}

impl fmt::Display for Duration {
    /// Writes Go's `Duration.String` form: `1h0m0s`, `1m30s`, `1.5s`, `20ms`, `0s`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        if self.nanos < 0 {
            formatter.write_str("-")?;
        }
        match nanos {
            0 => formatter.write_str("0s"),
            1..1_000 => write!(formatter, "{nanos}ns"),
            1_000..1_000_000 => write!(formatter, "{}µs", decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(formatter, "{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
                if hours > 0 {
                    write!(formatter, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(formatter, "{minutes}m")?;
                }
                write!(formatter, "{}s", decimal(nanos % 60_000_000_000, 1_000_000_000))
            }
        }
    }
}

/// `nanos` in units of `unit` nanoseconds, without trailing zeros.
fn decimal(nanos: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

macro_rules! text_form {
    ($type:ty, $name:literal, $schema:tt) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_form!(Time, "Time", { "type": "string", "format": "date-time", "description": "RFC 3339 time in UTC." });
text_form!(Duration, "Duration", { "type": "string", "description": "Go duration, for instance 1h30m, 90s or 500ms." });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_go_does() {
        let rows = [
            ("1h", "1h0m0s"),
            ("60m", "1h0m0s"),
            ("0", "0s"),
            ("90s", "1m30s"),
            ("1.5s", "1.5s"),
            ("20ms", "20ms"),
            ("1h0m0.001s", "1h0m0.001s"),
            ("-5s", "-5s"),
            ("1µs", "1µs"),
            ("3ns", "3ns"),
            (".5s", "500ms"),
        ];
        for (given, then) in rows {
            let parsed: Duration = given.parse().unwrap();
            assert_eq!(parsed.to_string(), then, "{given}");
            assert_eq!(then.parse::<Duration>().unwrap(), parsed);
        }
        for broken in [
            "",
            "5",
            "5 s",
            "s",
            "1x",
            "1..2s",
            "-",
            ".",
            ".s",
            "99999999999999999999h",
            "1d",
        ] {
            assert!(broken.parse::<Duration>().is_err(), "{broken}");
        }
    }

    #[test]
    fn times_print_milliseconds_only_when_there_are_some() {
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Time::from_millis(1_500).to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!(Time::from_millis(1_500).truncated_to_seconds().as_millis(), 1_000);
        assert_eq!(
            "2026-11-20T16:04:25+01:00".parse::<Time>().unwrap().to_string(),
            "2026-11-20T15:04:25Z"
        );
    }
}
