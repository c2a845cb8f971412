//! From the text of a path to its steps.

use serde_json::Value;

use crate::jsonpath::Error;
use crate::jsonpath::scan::Scanner;
use crate::jsonpath::syntax::Comparison;
use crate::jsonpath::syntax::Filter;
use crate::jsonpath::syntax::Path;
use crate::jsonpath::syntax::Slice;
use crate::jsonpath::syntax::Step;

/// How deep unions and filters may lie in each other.
pub(super) const MAX_DEPTH: usize = 8;

/// Parses what stands in braces, without them.
pub(super) fn parse_path(text: &str) -> Result<Path, Error> {
    parse_nested(text, 0)
}

fn parse_nested(text: &str, depth: usize) -> Result<Path, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    let mut parser = Parser {
        scanner: Scanner::new(text)?,
        steps: Vec::new(),
        depth,
    };
    parser.scanner.skip_spaces();
    if !parser.scanner.take("$") {
        parser.scanner.take("@");
    }
    // A path may begin with a field without its dot.
    if parser.scanner.peek().is_some_and(is_word) && !parser.literal()? {
        parser.name()?;
    }
    while parser.step()? {}
    Ok(Path { steps: parser.steps })
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    steps: Vec<Step>,
    depth: usize,
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '+')
}

/// What ends the name of a field.
fn is_end(character: char) -> bool {
    character.is_whitespace() || matches!(character, '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

impl Parser<'_> {
    /// Reads one step; nothing at the end.
    fn step(&mut self) -> Result<bool, Error> {
        self.scanner.skip_spaces();
        match self.scanner.peek() {
            None => return Ok(false),
            Some('[') => {
                self.scanner.next();
                self.bracket()?;
            }
            Some('.') => {
                self.scanner.next();
                if self.scanner.take(".") {
                    if self.steps.last() == Some(&Step::Descend) {
                        return Err(self.scanner.fault("invalid multiple recursive descent"));
                    }
                    self.steps.push(Step::Descend);
                }
                // A dot alone is the value itself.
                if self.scanner.peek().is_some_and(|next| !is_end(next)) {
                    self.name()?;
                }
            }
            Some(quote @ ('"' | '\'')) => {
                self.scanner.next();
                let text = self.scanner.take_quoted(quote)?;
                self.steps.push(Step::Literal(text.into()));
            }
            Some(other) => {
                let message = format!("unrecognized character in action: {other:?}");
                return Err(self.scanner.fault(message));
            }
        }
        Ok(true)
    }

    /// Reads a number, `true` or `false`, if that is all there is.
    fn literal(&mut self) -> Result<bool, Error> {
        let text = self.scanner.rest().trim();
        let value = match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) => {
                let number = text.strip_prefix('+').unwrap_or(text);
                let number = number.parse::<serde_json::Number>();
                Value::Number(
                    number.map_err(|_error| self.scanner.fault(format!("cannot parse number {text}")))?,
                )
            }
            _ => return Ok(false),
        };
        self.scanner.take_while(|_| true);
        self.steps.push(Step::Literal(value));
        Ok(true)
    }

    /// Reads the name of a field, in which `\` makes the next character one like any other.
    fn name(&mut self) -> Result<(), Error> {
        let mut name = String::new();
        let mut escaped = false;
        while let Some(next) = self.scanner.peek().filter(|next| escaped || !is_end(*next)) {
            self.scanner.next();
            if next == '\\' && !escaped {
                escaped = true;
                continue;
            }
            escaped = false;
            name.push(next);
        }
        if escaped {
            return Err(self.scanner.fault("nothing follows the \\"));
        }
        self.steps
            .push(if name == "*" { Step::All } else { Step::Field(name) });
        Ok(())
    }

    /// Reads what stands in brackets, and the closing one.
    fn bracket(&mut self) -> Result<(), Error> {
        if self.scanner.take("?(") {
            let text = self.scanner.take_until(")]", "unterminated filter")?;
            let filter = parse_filter(text, self.depth + 1)?;
            self.steps.push(Step::Filter(filter));
            return Ok(());
        }
        let text = self.scanner.take_until("]", "unterminated array")?;
        let parts = split(text);
        let step = match parts.as_slice() {
            [only] => self.subscript(only.trim())?,
            parts => {
                let branches: Result<Vec<Path>, Error> = parts
                    .iter()
                    .map(|part| parse_nested(&format!("[{}]", part.trim()), self.depth + 1))
                    .collect();
                Step::Union(branches?)
            }
        };
        self.steps.push(step);
        Ok(())
    }

    fn subscript(&self, text: &str) -> Result<Step, Error> {
        if text == "*" {
            return Ok(Step::All);
        }
        if let Some(quote @ ('\'' | '"')) = text.chars().next() {
            let mut scanner = Scanner::new(text)?;
            scanner.next();
            let key = scanner.take_quoted(quote)?;
            if !scanner.rest().is_empty() {
                return Err(self.scanner.fault(format!("invalid array index {text}")));
            }
            return Ok(Step::Field(key));
        }
        let fault = || self.scanner.fault(format!("invalid array index {text}"));
        let number = |part: &str| match part {
            "" => Ok(None),
            _ => part.parse::<i64>().map(Some).map_err(|_error| fault()),
        };
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [index] => number(index)?.map(Step::Index).ok_or_else(fault),
            [start, end] => Ok(Step::Slice(Slice {
                start: number(start)?,
                end: number(end)?,
                step: None,
            })),
            [start, end, step] => {
                let step = number(step)?.unwrap_or(1);
                let step = usize::try_from(step).ok().filter(|step| *step > 0);
                Ok(Step::Slice(Slice {
                    start: number(start)?,
                    end: number(end)?,
                    step: Some(step.ok_or_else(|| self.scanner.fault("step must be > 0"))?),
                }))
            }
            _ => Err(fault()),
        }
    }
}

/// Splits at the commas outside quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (index, character) in unquoted(text) {
        if character == ',' {
            parts.extend(text.get(start..index));
            start = index + 1;
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// The characters outside quotes, and the quotes.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, character)| match quote {
        Some(open) => {
            if *character == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(character, '"' | '\'') {
                quote = Some(*character);
            }
            true
        }
    })
}

const COMPARISONS: &[(&str, Comparison)] = &[
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

fn parse_filter(text: &str, depth: usize) -> Result<Filter, Error> {
    let mut characters = unquoted(text);
    let sign = characters.find(|(_, character)| matches!(character, '=' | '!' | '<' | '>'));
    let Some((index, _)) = sign else {
        return Ok(Filter {
            left: parse_nested(text, depth)?,
            right: None,
        });
    };
    let (left, rest) = text.split_at(index);
    let mut comparisons = COMPARISONS.iter();
    let found = comparisons.find_map(|(sign, comparison)| {
        let right = rest.strip_prefix(sign)?;
        Some((right, *comparison))
    });
    let Some((right, comparison)) = found else {
        let mut scanner = Scanner::new(text)?;
        scanner.take(left);
        return Err(scanner.fault("unrecognized filter operator"));
    };
    Ok(Filter {
        left: parse_nested(left, depth)?,
        right: Some((comparison, parse_nested(right, depth)?)),
    })
}
