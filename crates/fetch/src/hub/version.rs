//! Versions and constraints on them, as the hub resolver reads them.

use std::cmp::Ordering;
use std::str::FromStr;

/// More numbers than any version has, so that a text cannot make us compare forever.
const MAX_NUMBERS: usize = 8;

/// A version: numbers, an optional pre-release and optional build metadata, such as `v1.2.3-rc.1+7`.
///
/// Missing numbers count as zero, so `0.7` equals `0.7.0`. Metadata takes no part in comparisons.
#[derive(Clone, Debug)]
pub struct Version {
    numbers: Vec<u64>,
    /// How many numbers were written; `~>` looks at it.
    written: usize,
    prerelease: String,
    metadata: String,
}

/// A text that is no version or no constraint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("malformed version or constraint")]
pub struct Malformed;

impl FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (core, prerelease) = rest.split_once('-').unwrap_or((rest, ""));
        let is_word = |word: &str| {
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.~".contains(&byte))
        };
        let cut_short = text.ends_with('+') || rest.ends_with('-');
        if cut_short || !is_word(metadata) || !is_word(prerelease) || core.split('.').count() > MAX_NUMBERS {
            return Err(Malformed);
        }
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                part.parse::<u64>().map_err(|_| Malformed)
            } else {
                Err(Malformed)
            }
        };
        let mut numbers = core.split('.').map(number).collect::<Result<Vec<_>, _>>()?;
        let written = numbers.len();
        numbers.resize(written.max(3), 0);
        Ok(Self {
            numbers,
            written,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
        })
    }
}

impl Version {
    /// The version written out with at least three numbers, without a leading `v`.
    pub fn text(&self) -> String {
        let mut text = self
            .numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(".");
        if !self.prerelease.is_empty() {
            text.push('-');
            text.push_str(&self.prerelease);
        }
        if !self.metadata.is_empty() {
            text.push('+');
            text.push_str(&self.metadata);
        }
        text
    }

    fn number(&self, index: usize) -> u64 {
        self.numbers.get(index).copied().unwrap_or(0)
    }

    fn compare_numbers(&self, other: &Self) -> Ordering {
        let count = self.numbers.len().max(other.numbers.len());
        (0..count)
            .map(|index| self.number(index).cmp(&other.number(index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare_numbers(other)
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// A pre-release comes before the release; its parts compare as numbers where both are, and numbers come first.
fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<u64>(), right.parse::<u64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => left.cmp(right),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Comma-separated conditions that a version must all satisfy: `=`, `!=`, `>`, `<`, `>=`, `<=`, `~>`.
#[derive(Clone, Debug)]
pub struct Constraints(Vec<(Operator, Version)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Pessimistic,
}

// Longer signs first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("~>", Operator::Pessimistic),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

impl FromStr for Constraints {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let one = |part: &str| {
            let part = part.trim();
            let (operator, version) = OPERATORS
                .iter()
                .find_map(|(sign, operator)| Some((*operator, part.strip_prefix(sign)?)))
                .unwrap_or((Operator::Equal, part));
            Ok((operator, version.parse()?))
        };
        if text.split(',').count() > MAX_NUMBERS {
            return Err(Malformed);
        }
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl Constraints {
    /// Whether a version satisfies every condition.
    ///
    /// A pre-release satisfies an ordering only if the condition names a pre-release of the same numbers.
    pub fn accept(&self, version: &Version) -> bool {
        self.0
            .iter()
            .all(|(operator, bound)| operator.holds(version, bound))
    }
}

impl Operator {
    fn holds(self, version: &Version, bound: &Version) -> bool {
        let comparable = match (version.prerelease.is_empty(), bound.prerelease.is_empty()) {
            (false, true) => false,
            (false, false) => version.compare_numbers(bound).is_eq(),
            (true, _) => true,
        };
        match self {
            Self::Equal => version == bound,
            Self::NotEqual => version != bound,
            Self::Greater => comparable && version > bound,
            Self::Less => comparable && version < bound,
            Self::GreaterOrEqual => comparable && version >= bound,
            Self::LessOrEqual => comparable && version <= bound,
            Self::Pessimistic => comparable && version >= bound && shares_prefix(version, bound),
        }
    }
}

/// All written numbers of the bound but the last must be the same: `~> 1.2.3` is 1.2.x, `~> 1.2` is 1.x.
fn shares_prefix(version: &Version, bound: &Version) -> bool {
    let fixed = bound.written.saturating_sub(1);
    (0..fixed).all(|index| version.number(index) == bound.number(index))
}
