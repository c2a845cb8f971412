//! JSON pointers (RFC 6901).

use serde_json::Value;

/// A path into a document, with its escapes undone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pointer {
    text: String,
    tokens: Vec<String>,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = if text.is_empty() {
            Vec::new()
        } else {
            text.strip_prefix('/')?.split('/').map(unescaped).collect()
        };
        Some(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn depth(&self) -> usize {
        self.tokens.len()
    }

    /// The way to the parent, and the key in it; nothing for the whole document.
    pub(super) fn split(&self) -> Option<(&[String], &str)> {
        let (key, parents) = self.tokens.split_last()?;
        Some((parents, key))
    }

    pub(super) fn is_within(&self, other: &Pointer) -> bool {
        self.tokens.len() > other.tokens.len() && self.tokens.starts_with(&other.tokens)
    }
}

fn unescaped(token: &str) -> String {
    if token.contains('~') {
        token.replace("~1", "/").replace("~0", "~")
    } else {
        token.to_owned()
    }
}

/// The container that the tokens lead to.
pub(super) fn container<'a>(document: &'a mut Value, tokens: &[String]) -> Option<&'a mut Value> {
    let mut place = document;
    for token in tokens {
        place = match place {
            Value::Object(fields) => fields.get_mut(token)?,
            Value::Array(items) => {
                let position = index_of(token, items.len())?;
                items.get_mut(position)?
            }
            _ => return None,
        };
    }
    matches!(place, Value::Object(_) | Value::Array(_)).then_some(place)
}

/// The position an index names among `count` places; negative ones count from the end.
pub(super) fn index_of(token: &str, count: usize) -> Option<usize> {
    let index: i64 = token.parse().ok()?;
    let position = if index < 0 {
        count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    (position < count).then_some(position)
}
