//! The words of a label selector.

/// A word, and the text it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

const SYMBOLS: &[(&str, Token)] = &[
    ("==", Token::DoubleEquals),
    ("!=", Token::NotEquals),
    ("=", Token::Equals),
    ("!", Token::Not),
    (")", Token::Close),
    ("(", Token::Open),
    (",", Token::Comma),
    (">", Token::Greater),
    ("<", Token::Less),
];

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_symbol(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

/// The words of a text, without the end.
pub(super) fn tokens(text: &str) -> Vec<(Token, &str)> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (token, length) = next(rest);
        let (word, after) = rest.split_at(length);
        tokens.push((token, word));
        rest = after.trim_start_matches(is_space);
    }
    tokens
}

fn next(text: &str) -> (Token, usize) {
    if text.starts_with(is_symbol) {
        let mut symbols = SYMBOLS.iter();
        return symbols
            .find(|(symbol, _)| text.starts_with(symbol))
            .map_or((Token::Identifier, 1), |(symbol, token)| (*token, symbol.len()));
    }
    let end = |character| is_symbol(character) || is_space(character);
    let length = text.find(end).unwrap_or(text.len());
    let token = match text.get(..length) {
        Some("in") => Token::In,
        Some("notin") => Token::NotIn,
        _ => Token::Identifier,
    };
    (token, length)
}
