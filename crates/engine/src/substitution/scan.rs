//! Finding `$(…)` in text.

/// Iterates over the variables of a text; see [`variables`].
#[derive(Clone, Debug)]
pub struct Variables<'a> {
    text: &'a str,
    position: usize,
}

/// The innermost `$(…)` of a text, without the brackets, from left to right.
///
/// ```
/// let found: Vec<&str> = windlass_engine::substitution::variables("a $(params.x) $(b $(c))").collect();
/// assert_eq!(found, ["params.x", "c"]);
/// ```
pub fn variables(text: &str) -> Variables<'_> {
    Variables { text, position: 0 }
}

impl<'a> Variables<'a> {
    /// The next variable with the offsets of its `$` and of what follows its `)`.
    pub(super) fn next_span(&mut self) -> Option<(usize, usize, &'a str)> {
        let bytes = self.text.as_bytes();
        let mut open = None;
        let mut at = self.position;
        while at < bytes.len() {
            match bytes.get(at) {
                Some(b'$') if bytes.get(at + 1) == Some(&b'(') => {
                    open = Some(at);
                    at += 2;
                }
                Some(b')') => {
                    at += 1;
                    if let Some(start) = open.take()
                        && let Some(name) = self.text.get(start + 2..at - 1)
                    {
                        self.position = at;
                        return Some((start, at, name));
                    }
                }
                _ => at += 1,
            }
        }
        self.position = at;
        None
    }
}

impl<'a> Iterator for Variables<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.next_span().map(|(_, _, name)| name)
    }
}

/// The name of the variable that a text consists of, without a trailing `[*]`; `None` when there is anything beside it.
pub fn isolated(text: &str) -> Option<&str> {
    let (start, end, name) = variables(text).next_span()?;
    (start == 0 && end == text.len()).then(|| name.strip_suffix("[*]").unwrap_or(name))
}
