//! How much an expression can cost, read off its text before anything is compiled.
//!
//! There are no variables, so values are as long as the text until a macro (`map`, `filter`, `all`, `exists`,
//! `exists_one`) repeats them. Each macro runs its body at most once per element and can repeat a value at most as often
//! as its body has words, so that `bytes × words × words …` over all macros is above the work and the size of every
//! value.

/// Longest expression, in bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// Most words and signs outside of string literals; the parser and the evaluation nest at most that deep.
pub(super) const MAX_WORDS: usize = 512;
/// Deepest nesting of brackets.
pub(super) const MAX_NESTING: usize = 32;
/// Largest product of bytes and macro bodies.
pub(super) const MAX_COST: usize = 10_000_000;

const MACROS: [&str; 5] = ["map", "filter", "all", "exists", "exists_one"];

/// Which bound an expression exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Bytes,
    Words,
    Nesting,
    Cost,
}

/// Checks all bounds.
pub(super) fn check(expression: &str) -> Result<(), Excess> {
    if expression.len() > MAX_BYTES {
        return Err(Excess::Bytes);
    }
    let mut cost = expression.len();
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut previous = "";
    for (count, word) in Words::of(expression).enumerate() {
        if count >= MAX_WORDS {
            return Err(Excess::Words);
        }
        match word {
            "(" | "[" | "{" => {
                open.push((word == "(" && MACROS.contains(&previous)).then_some(count));
                if open.len() > MAX_NESTING {
                    return Err(Excess::Nesting);
                }
            }
            ")" | "]" | "}" => {
                if let Some(Some(start)) = open.pop() {
                    cost = cost.saturating_mul(count - start);
                }
            }
            _ => {}
        }
        previous = word;
    }
    // A bracket that stays open is for the parser to refuse.
    if cost > MAX_COST {
        return Err(Excess::Cost);
    }
    Ok(())
}

/// The words, signs and whole string literals of an expression; comments are passed over.
struct Words<'a> {
    rest: &'a str,
    /// Whether the last word, without a gap behind it, makes the next literal a raw one.
    raw: bool,
}

impl<'a> Words<'a> {
    fn of(expression: &'a str) -> Self {
        Self {
            rest: expression,
            raw: false,
        }
    }

    fn skip_gaps(&mut self) {
        loop {
            let trimmed = self.rest.trim_start();
            self.raw &= trimmed.len() == self.rest.len();
            self.rest = trimmed;
            if !trimmed.starts_with("//") {
                return;
            }
            self.rest = trimmed
                .find('\n')
                .and_then(|end| trimmed.get(end..))
                .unwrap_or_default();
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.skip_gaps();
        let first = self.rest.chars().next()?;
        let end = if matches!(first, '"' | '\'') {
            literal_end(self.rest, first, self.raw)
        } else if first.is_alphanumeric() || first == '_' {
            let end = self
                .rest
                .find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            end.unwrap_or(self.rest.len())
        } else {
            first.len_utf8()
        };
        let (word, rest) = self.rest.split_at(end);
        self.raw = matches!(
            word,
            "r" | "R" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB"
        );
        self.rest = rest;
        Some(word)
    }
}

/// Where the string literal ends that the text starts with.
fn literal_end(text: &str, quote: char, raw: bool) -> usize {
    let fence = match (quote, text.starts_with("\"\"\""), text.starts_with("'''")) {
        (_, true, _) => "\"\"\"",
        (_, _, true) => "'''",
        ('"', ..) => "\"",
        _ => "'",
    };
    let mut rest = text.get(fence.len()..).unwrap_or_default();
    while !rest.starts_with(fence) {
        let mut letters = rest.chars();
        match letters.next() {
            None => return text.len(),
            Some('\\') if !raw => {
                letters.next();
            }
            Some(_) => {}
        }
        rest = letters.as_str();
    }
    text.len() - rest.len() + fence.len()
}
