//! What stands between `$(` and `)`.

/// One `$(…)` in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression<'a> {
    /// What stands between `$(` and `)`.
    pub body: &'a str,
    /// Whether it has the form that upstream recognises everywhere: dotted words with at most one `[0]` or `[*]` at
    /// their end. Quoted forms such as `params['a']` are recognised only where their prefix is looked for.
    pub plain: bool,
}

impl<'a> Expression<'a> {
    /// The first word: `params` of `params.a` and of `params['a']`.
    pub fn prefix(&self) -> &'a str {
        self.body.split(['.', '[']).next().unwrap_or_default()
    }

    /// The parameter it refers to, with everything that follows the name: `a.key` of `params.a.key`, `a[0]` of
    /// `inputs.params.a[0]`, `a.b` of `params['a.b']`.
    pub fn param(&self) -> Option<&'a str> {
        let rest = self
            .body
            .strip_prefix("inputs.")
            .unwrap_or(self.body)
            .strip_prefix("params")?;
        match rest.strip_prefix('.') {
            Some(name) => Some(name),
            None => quoted(rest).map(|(name, _)| name),
        }
    }
}

/// The name in a leading `['name']` or `["name"]`, and what follows it. Reads no further than a name can reach.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    for (open, close) in [("['", "']"), ("[\"", "\"]")] {
        if let Some(inside) = text.strip_prefix(open) {
            let rest = inside.trim_start_matches(|c: char| c == '/' || c.is_ascii() && is_word(c as u8));
            let name = inside.get(..inside.len() - rest.len())?;
            return rest
                .strip_prefix(close)
                .filter(|_| !name.is_empty())
                .map(|rest| (name, rest));
        }
    }
    None
}

/// Finds every `$(…)` that can be a reference; text that only looks like one is passed over.
///
/// ```
/// use windlass_api::references::expressions;
///
/// let bodies: Vec<&str> = expressions("$(params.a)-$(b c)-$(tasks.t.results.r[0])").map(|e| e.body).collect();
/// assert_eq!(bodies, ["params.a", "tasks.t.results.r[0]"]);
/// ```
pub fn expressions(text: &str) -> Expressions<'_> {
    Expressions { rest: text }
}

/// Iterator over the references of a text; made by [`expressions`].
#[derive(Clone, Debug)]
pub struct Expressions<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Expressions<'a> {
    type Item = Expression<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((_, after)) = self.rest.split_once("$(") {
            match read(after) {
                Some((expression, rest)) => {
                    self.rest = rest;
                    return Some(expression);
                }
                // Nothing that `read` passed over holds another `$(`, except what `after` starts with.
                None => self.rest = after,
            }
        }
        None
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Reads an expression up to and with its `)`. Stops at the first character that cannot belong to one.
fn read(text: &str) -> Option<(Expression<'_>, &str)> {
    let mut plain = true;
    let mut ended = false;
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii() && is_word(c as u8));
    if rest.len() == text.len() {
        return None;
    }
    loop {
        let tail = rest.trim_start_matches(|c: char| c.is_ascii() && is_word(c as u8));
        plain &= tail.len() == rest.len() || !ended;
        rest = tail;
        if let Some(after) = rest.strip_prefix(')') {
            let body = text.get(..text.len() - rest.len())?;
            return Some((Expression { body, plain }, after));
        }
        let (index, after) = bracket(rest)?;
        plain &= index && !ended;
        ended = true;
        rest = after;
    }
}

/// Reads `[12]`, `[*]`, `['name']` or `["name"]`: whether it is one of the first two, and what follows.
fn bracket(text: &str) -> Option<(bool, &str)> {
    if let Some((_, rest)) = quoted(text) {
        return Some((false, rest));
    }
    let inside = text.strip_prefix('[')?;
    if let Some(rest) = inside.strip_prefix("*]") {
        return Some((true, rest));
    }
    let rest = inside.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == inside.len() {
        return None;
    }
    rest.strip_prefix(']').map(|rest| (true, rest))
}
