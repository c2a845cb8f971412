//! From values to YAML text.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::Map;
use serde_json::Value;

use crate::yaml::scalar;
use crate::yaml::scalar::Resolved;

/// Writes a value as one YAML document, laid out as `kubectl` prints it.
///
/// Keys are sorted, lists stand at the column of their key, text of several lines is a literal block, and
/// text that YAML 1.1 or 1.2 would read as something else is quoted. Unlike there, long lines are not
/// folded, so that they can be searched. [`crate::yaml::load`] reads the same value back; a float with an
/// integral value is written as an integer.
///
/// ```
/// let value = serde_json::json!({"kind": "Task", "enabled": "yes", "args": ["a", 1]});
/// assert_eq!(windlass_api::yaml::emit(&value), "args:\n- a\n- 1\nenabled: \"yes\"\nkind: Task\n");
/// ```
pub fn emit(value: &Value) -> String {
    let mut emitter = Emitter { text: String::new() };
    match value {
        Value::Object(members) if !members.is_empty() => emitter.object(members, 0),
        Value::Array(items) if !items.is_empty() => emitter.list(items, 0),
        _ => {
            emitter.inline(value, 0);
            emitter.text.push('\n');
        }
    }
    emitter.text
}

/// YAML wants keys of more than 1024 characters announced by a question mark.
const LONGEST_SIMPLE_KEY: usize = 1000;

struct Emitter {
    text: String,
}

impl Emitter {
    fn indent(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    /// Writes members; the cursor stands at the column already.
    fn object(&mut self, members: &Map<String, Value>, column: usize) {
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| natural_order(a, b));
        for (position, (key, value)) in sorted.into_iter().enumerate() {
            if position > 0 {
                self.indent(column);
            }
            let key = inline_text(key);
            if key.len() > LONGEST_SIMPLE_KEY {
                self.text.push_str("? ");
                self.text.push_str(&key);
                self.text.push('\n');
                self.indent(column);
            } else {
                self.text.push_str(&key);
            }
            self.text.push(':');
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    self.text.push('\n');
                    self.indent(column + 2);
                    self.object(inner, column + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.text.push('\n');
                    self.indent(column);
                    self.list(items, column);
                }
                _ => {
                    self.text.push(' ');
                    self.inline(value, column);
                    self.text.push('\n');
                }
            }
        }
    }

    /// Writes items; the cursor stands at the column already.
    fn list(&mut self, items: &[Value], column: usize) {
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.indent(column);
            }
            self.text.push_str("- ");
            match item {
                Value::Object(members) if !members.is_empty() => self.object(members, column + 2),
                Value::Array(inner) if !inner.is_empty() => self.list(inner, column + 2),
                _ => {
                    self.inline(item, column);
                    self.text.push('\n');
                }
            }
        }
    }

    /// Writes what stands on the line of its key, without the line's end.
    fn inline(&mut self, value: &Value, column: usize) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Number(number) => {
                let integral = number
                    .as_f64()
                    .filter(|_| number.is_f64())
                    .and_then(scalar::float_number);
                self.text
                    .push_str(&integral.as_ref().unwrap_or(number).to_string());
            }
            Value::String(text) if is_literal(text) => self.literal(text, column),
            Value::String(text) => self.text.push_str(&inline_text(text)),
            Value::Array(_) => self.text.push_str("[]"),
            Value::Object(_) => self.text.push_str("{}"),
        }
    }

    fn literal(&mut self, text: &str, column: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            // Without the number, the first line would decide the indentation.
            self.text.push('2');
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.text.push('-'),
            Some(body) if body.ends_with('\n') => self.text.push('+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            self.text.push('\n');
            if !line.is_empty() {
                self.indent(column + 2);
                self.text.push_str(line);
            }
        }
    }
}

/// Whether text is written as a literal block: it has lines, and nothing that only escapes can hold.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with('\t')
        && text.contains(|character| character != '\n' && character != ' ')
        && !text.contains(needs_escape)
}

fn needs_escape(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => character.is_control(),
    }
}

/// Writes text on one line, quoted where it has to be.
fn inline_text(text: &str) -> String {
    // Double quotes say "this is text", single quotes "this has signs in it": as kubectl does.
    if text.contains(|character| matches!(character, '\n' | '\t') || needs_escape(character))
        || is_ambiguous(text)
    {
        double_quoted(text)
    } else if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Whether some YAML version reads the plain text as something else than text.
fn is_ambiguous(text: &str) -> bool {
    let looks_numeric = text
        .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.:_eETtZz ".contains(&byte));
    looks_numeric || matches!(text, "=" | "<<") || scalar::resolve(text) != Resolved::Text
}

fn is_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let (first, second) = (characters.next(), characters.next());
    let begins_well = match first {
        Some('-') => {
            second.is_some_and(|next| next == '-' || next.is_alphanumeric()) && !text.starts_with("---")
        }
        Some(first) => !matches!(
            first,
            ' ' | '?'
                | ':'
                | ','
                | '['
                | ']'
                | '{'
                | '}'
                | '#'
                | '&'
                | '*'
                | '!'
                | '|'
                | '>'
                | '\''
                | '"'
                | '%'
                | '@'
                | '`'
        ),
        None => false,
    };
    begins_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            _ if needs_escape(character) => {
                // Everything that needs an escape lies in the basic plane.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A piece of a key, for sorting: signs before numbers before letters, numbers by their value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Sign(char),
    /// Digits without leading zeros, ordered by how many there are, then by all that was written.
    Digits(usize, &'a str, usize),
    Letter(char),
}

/// Orders keys as people do: `task2` before `task10`.
fn natural_order(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

fn pieces(key: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = if first.is_ascii_digit() {
            rest.find(|character: char| !character.is_ascii_digit())
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(if first.is_ascii_digit() {
            let significant = piece.trim_start_matches('0');
            Piece::Digits(significant.len(), significant, piece.len())
        } else if first.is_alphabetic() {
            Piece::Letter(first)
        } else {
            Piece::Sign(first)
        })
    })
}
