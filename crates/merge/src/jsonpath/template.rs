//! Templates: text with paths in braces.

use std::str::FromStr;

use serde_json::Map;
use serde_json::Value;

use crate::jsonpath::Error;
use crate::jsonpath::find::Budget;
use crate::jsonpath::find::find;
use crate::jsonpath::parse::MAX_DEPTH;
use crate::jsonpath::parse::parse_path;
use crate::jsonpath::scan::Scanner;
use crate::jsonpath::syntax::Path;

/// A text with paths, as `kubectl -o jsonpath=…` takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Values(Path),
    Range(Path, Vec<Node>),
}

impl Template {
    /// The text with the values of `value` in it. Several values of one path are separated by spaces.
    ///
    /// # Errors
    /// When more than [`MAX_VISITS`](crate::jsonpath::MAX_VISITS) values are looked at in all.
    pub fn render(&self, value: &Value) -> Result<String, Error> {
        let mut text = String::new();
        render(&self.nodes, value, &mut text, &mut Budget::new())?;
        Ok(text)
    }
}

fn render(nodes: &[Node], value: &Value, text: &mut String, budget: &mut Budget) -> Result<(), Error> {
    for node in nodes {
        match node {
            Node::Text(literal) => text.push_str(literal),
            Node::Values(path) => {
                let values = find(&path.steps, vec![value], budget)?;
                let texts: Vec<String> = values.into_iter().map(self::text).collect();
                text.push_str(&texts.join(" "));
            }
            Node::Range(path, nodes) => {
                for item in find(&path.steps, vec![value], budget)? {
                    render(nodes, item, text, budget)?;
                }
            }
        }
    }
    Ok(())
}

/// A value as a template shows it: a text as it is, an object or list as JSON with its fields sorted, null as nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => sorted(other).to_string(),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            let entries = entries.into_iter();
            let sorted: Map<String, Value> = entries
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            Value::Object(sorted)
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut scanner = Scanner::new(text)?;
        let nodes = nodes(&mut scanner, 0)?;
        Ok(Self { nodes })
    }
}

/// Reads up to the end of the text, or of the range it is in.
fn nodes(scanner: &mut Scanner<'_>, depth: usize) -> Result<Vec<Node>, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    let mut nodes = Vec::new();
    loop {
        let literal = scanner.take_while(|character| character != '{');
        if !literal.is_empty() {
            nodes.push(Node::Text(literal.to_owned()));
        }
        let start = scanner.clone();
        if !scanner.take("{") {
            if depth > 0 {
                return Err(start.fault("a range has no {end}"));
            }
            return Ok(nodes);
        }
        let action = scanner.take_until("}", "unclosed action")?.trim();
        if action == "end" {
            if depth == 0 {
                return Err(start.fault("not in range, nothing to end"));
            }
            return Ok(nodes);
        }
        let range = action.strip_prefix("range");
        nodes.push(match range.filter(|path| path.starts_with(char::is_whitespace)) {
            Some(path) => Node::Range(parse_path(path)?, self::nodes(scanner, depth + 1)?),
            None => Node::Values(parse_path(action)?),
        });
    }
}
