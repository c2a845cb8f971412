//! Reading a text character by character.

use crate::jsonpath::Error;

/// Longest text of a path or template, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

#[derive(Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TooLong);
        }
        Ok(Self { text, position: 0 })
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Takes the prefix, if it is there.
    pub(super) fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.position += prefix.len();
        }
        found
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !accept(character)).unwrap_or(rest.len());
        self.position += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes everything up to `end` outside quotes and brackets, and `end` itself.
    pub(super) fn take_until(&mut self, end: &str, missing: &str) -> Result<&'a str, Error> {
        let start = self.clone();
        let mut quote = None;
        let mut depth = 0_usize;
        loop {
            if quote.is_none() && depth == 0 && self.rest().starts_with(end) {
                let length = self.position - start.position;
                self.position += end.len();
                return Ok(start.rest().get(..length).unwrap_or_default());
            }
            let Some(next) = self.next() else {
                return Err(start.fault(missing));
            };
            if next == '\\' {
                self.next();
            } else if let Some(open) = quote {
                quote = Some(open).filter(|open| *open != next);
            } else {
                match next {
                    '"' | '\'' => quote = Some(next),
                    '(' | '[' => depth += 1,
                    ')' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }

    /// Takes the text up to the quote that was opened, with escapes undone.
    pub(super) fn take_quoted(&mut self, quote: char) -> Result<String, Error> {
        let start = self.clone();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(start.fault("unterminated quoted string")),
                Some(next) if next == quote => return Ok(text),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(escaped) => text.push(escaped),
                    None => return Err(start.fault("unterminated quoted string")),
                },
                Some(next) => text.push(next),
            }
        }
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Error {
        Error::Syntax {
            message: message.into(),
            position: self.position,
        }
    }
}
