//! Field selectors: `metadata.name=a,status.phase!=Running`.

use std::fmt;
use std::str::FromStr;

use crate::selector::Error;
use crate::selector::check_length;

/// Terms about fields that must all hold; without any, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One field that must, or must not, have a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldTerm {
    /// The field, as `metadata.name`.
    pub field: String,
    /// The value.
    pub value: String,
    /// Whether the field must have the value; otherwise it must not.
    pub equal: bool,
}

impl FieldSelector {
    /// The terms, sorted by field.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an object with these fields matches; an absent field is the empty text.
    ///
    /// Which fields a kind offers is the caller's to check, by [`Self::terms`].
    pub fn matches<'a>(&self, field: impl Fn(&str) -> Option<&'a str>) -> bool {
        let mut terms = self.terms.iter();
        terms.all(|term| (field(&term.field).unwrap_or_default() == term.value) == term.equal)
    }

    /// The value that the field must have, when the selector says so.
    pub fn exact(&self, field: &str) -> Option<&str> {
        let mut terms = self.terms.iter();
        let term = terms.find(|term| term.equal && term.field == field)?;
        Some(&term.value)
    }
}

impl FromStr for FieldSelector {
    type Err = Error;

    /// Parses terms joined by commas; in a value, `\\`, `\,` and `\=` stand for the character itself.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_length(text)?;
        let written = split(text).into_iter().filter(|part| !part.is_empty());
        let terms: Result<Vec<FieldTerm>, Error> = written.map(|part| term(part, text)).collect();
        let mut terms = terms?;
        terms.sort();
        Ok(Self { terms })
    }
}

/// Splits at the commas that are not escaped.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn term(part: &str, selector: &str) -> Result<FieldTerm, Error> {
    let operator = part.char_indices().find_map(|(index, _)| {
        let (field, rest) = part.split_at(index);
        let operators = [("!=", false), ("==", true), ("=", true)];
        let mut found = operators.iter();
        found.find_map(|(sign, equal)| Some((field, rest.strip_prefix(sign)?, *equal)))
    });
    let Some((field, value, equal)) = operator else {
        return Err(Error::new(format!(
            "invalid selector: '{selector}'; can't understand '{part}'"
        )));
    };
    Ok(FieldTerm {
        field: field.to_owned(),
        value: unescaped(value)?,
        equal,
    })
}

fn unescaped(value: &str) -> Result<String, Error> {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => text.push(escaped),
                other => {
                    let sequence: String = ['\\'].into_iter().chain(other).collect();
                    return Err(Error::new(format!(
                        "invalid field selector: invalid escape sequence: {sequence}"
                    )));
                }
            },
            ',' | '=' => {
                return Err(Error::new(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(character)
                )));
            }
            _ => text.push(character),
        }
    }
    Ok(text)
}

impl fmt::Display for FieldSelector {
    /// Writes a text that parses to the same selector.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let operator = if term.equal { "=" } else { "!=" };
            write!(formatter, "{comma}{}{operator}", term.field)?;
            for character in term.value.chars() {
                if matches!(character, '\\' | ',' | '=') {
                    write!(formatter, "\\")?;
                }
                write!(formatter, "{character}")?;
            }
        }
        Ok(())
    }
}
