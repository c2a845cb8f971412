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
    let mut words = 0_usize;
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut macro_named = false;
    let mut rest = expression;
    while let Some((word, after)) = next_word(rest) {
        rest = after;
        words += 1;
        if words > MAX_WORDS {
            return Err(Excess::Words);
        }
        match word {
            "(" | "[" | "{" => {
                open.push((macro_named && word == "(").then_some(words));
                if open.len() > MAX_NESTING {
                    return Err(Excess::Nesting);
                }
            }
            ")" | "]" | "}" => {
                if let Some(Some(start)) = open.pop() {
                    cost = cost.saturating_mul(words - start);
                }
            }
            _ => {}
        }
        macro_named = MACROS.contains(&word);
    }
    // A bracket that stays open is for the parser to refuse.
    if cost > MAX_COST {
        return Err(Excess::Cost);
    }
    Ok(())
}

/// The next word, sign or whole string literal, and what follows it.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let first = text.chars().next()?;
    let end = if matches!(first, '"' | '\'') {
        literal_end(text, first)
    } else if first.is_alphanumeric() || first == '_' {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        end.unwrap_or(text.len())
    } else {
        first.len_utf8()
    };
    Some(text.split_at(end))
}

/// Where a string literal ends. A raw literal's backslash is taken for an escape, which can only make words of what is
/// text: the bounds become stricter, never weaker.
fn literal_end(text: &str, quote: char) -> usize {
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
            Some('\\') => {
                letters.next();
            }
            Some(_) => {}
        }
        rest = letters.as_str();
    }
    text.len() - rest.len() + fence.len()
}
