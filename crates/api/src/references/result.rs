//! References to results of pipeline tasks.

use super::expression::Expression;
use super::expression::expressions;
use super::expression::quoted;

/// Which part of a pipeline a reference looks in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `tasks.…`
    Tasks,
    /// `finally.…`, allowed in the pipeline's results only.
    Finally,
}

/// Which elements of an array result are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultIndex {
    /// `[*]`: all.
    All,
    /// `[n]`: one, counted from 0.
    At(usize),
}

/// A reference to a result of a pipeline task: `tasks.<task>.results.<result>`, with `[*]`, `[n]` or `.<key>` behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultRef<'a> {
    /// Where the task stands.
    pub section: Section,
    /// Name of the pipeline task.
    pub task: &'a str,
    /// Name of its result.
    pub result: &'a str,
    /// Elements of an array result.
    pub index: Option<ResultIndex>,
    /// Key of an object result.
    pub key: Option<&'a str>,
}

impl<'a> ResultRef<'a> {
    /// Reads the body of an expression; `None` when it refers to something else.
    ///
    /// Of dotted words there must be four, or five with a key, as upstream has it; a result whose name has dots is
    /// reached as `tasks.t.results['a.b']`.
    pub fn parse(body: &'a str) -> Option<Self> {
        let (section, rest) = match body.split_once('.')? {
            ("tasks", rest) => (Section::Tasks, rest),
            ("finally", rest) => (Section::Finally, rest),
            _ => return None,
        };
        let (task, rest) = rest.split_once('.')?;
        let rest = rest.strip_prefix("results")?;
        if let Some((result, tail)) = quoted(rest) {
            let (index, key) = after_name(tail)?;
            return Some(Self {
                section,
                task,
                result,
                index,
                key,
            });
        }
        let mut words = rest.strip_prefix('.')?.split('.');
        match (words.next(), words.next(), words.next()) {
            (Some(word), None, _) => {
                let (result, index) = split_index(word);
                Some(Self {
                    section,
                    task,
                    result,
                    index,
                    key: None,
                })
            }
            (Some(result), Some(key), None) => Some(Self {
                section,
                task,
                result,
                index: None,
                key: Some(key),
            }),
            _ => None,
        }
    }

    /// Whether the body of an expression is meant as a reference to a result, be it well formed or not.
    pub fn looks_like(body: &str) -> bool {
        let mut words = body.split('.');
        let (section, _, results) = (words.next(), words.next(), words.next());
        matches!(section, Some("tasks" | "finally")) && results == Some("results") && words.next().is_some()
    }

    /// All references to results in a text, in its order.
    pub fn in_text(text: &'a str) -> impl Iterator<Item = Self> + 'a {
        expressions(text).filter_map(|Expression { body, .. }| Self::parse(body))
    }
}

fn after_name(tail: &str) -> Option<(Option<ResultIndex>, Option<&str>)> {
    if tail.is_empty() {
        return Some((None, None));
    }
    if let Some(key) = tail.strip_prefix('.') {
        return (!key.contains(['.', '['])).then_some((None, Some(key)));
    }
    let (rest, index) = split_index(tail);
    (rest.is_empty() && index.is_some()).then_some((index, None))
}

/// Takes a trailing `[*]` or `[n]` off a word.
fn split_index(word: &str) -> (&str, Option<ResultIndex>) {
    let Some((name, inside)) = word.strip_suffix(']').and_then(|word| word.rsplit_once('[')) else {
        return (word, None);
    };
    match inside {
        "*" => (name, Some(ResultIndex::All)),
        // An index too large for any array is kept out of range.
        digits => (name, Some(ResultIndex::At(digits.parse().unwrap_or(usize::MAX)))),
    }
}
