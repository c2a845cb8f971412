//! Keeps secrets out of what the end of a run shows.
//!
//! Logs are covered where they arise. Results are not: the tasks after them need their true values, and may well pass a
//! secret on. What leaves the plane is another matter.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_runtime::Client;

/// What a secret becomes, as in logs.
const COVER: &str = "***";

/// Shorter secrets are left alone, as in logs: they would blot out ordinary words.
const SHORTEST: usize = 4;

/// Shorter lines of a secret of several lines say nothing.
const SHORTEST_LINE: usize = 8;

/// Fields into which values are put, from results or otherwise; below them every text is covered.
const FIELDS: [&str; 12] = [
    "args",
    "command",
    "default",
    "env",
    "input",
    "inputs",
    "message",
    "outputs",
    "script",
    "value",
    "values",
    "workingDir",
];

/// The secrets of a plane.
#[derive(Default)]
pub(crate) struct Secrets {
    /// Longer ones first: a secret may be a part of another.
    texts: Vec<String>,
}

impl Secrets {
    /// All secrets that the plane holds; none when it cannot be asked, which is when it has nothing to show either.
    pub(crate) async fn of(client: &Arc<dyn Client>) -> Self {
        let found = client.list(Kind::Secret, None).await;
        let mut texts = Vec::new();
        for object in found.map(|list| list.objects).unwrap_or_default() {
            if let Object::Secret(secret) = &object {
                let entries = secret.entries().unwrap_or_default();
                for value in entries.values() {
                    collect(value, &mut texts);
                }
            }
        }
        texts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        texts.dedup();
        Self { texts }
    }

    /// Covers every secret in a text.
    pub(crate) fn cover<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut covered = Cow::Borrowed(text);
        for secret in &self.texts {
            if covered.contains(secret.as_str()) {
                covered = Cow::Owned(covered.replace(secret.as_str(), COVER));
            }
        }
        covered
    }

    /// Covers the values that an object holds; its names and words for programs stay.
    pub(crate) fn cover_values(&self, object: &mut Value) {
        if !self.texts.is_empty() {
            self.walk(object, false);
        }
    }

    fn walk(&self, value: &mut Value, is_value: bool) {
        match value {
            Value::String(text) if is_value => {
                if let Cow::Owned(covered) = self.cover(text) {
                    *text = covered;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, is_value)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.walk(field, is_value || FIELDS.contains(&name.as_str()));
                }
            }
            _ => {}
        }
    }
}

/// A secret as it is, line by line, and as a string of JSON holds it.
fn collect(secret: &[u8], texts: &mut Vec<String>) {
    let Ok(text) = std::str::from_utf8(secret) else {
        return;
    };
    let whole = Some(text.trim()).filter(|text| text.len() >= SHORTEST);
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= SHORTEST_LINE);
    for text in whole.into_iter().chain(lines) {
        texts.push(text.to_owned());
        let quoted = Value::from(text).to_string();
        texts.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Secrets;
    use super::collect;

    #[test]
    fn values_are_covered_and_names_are_not() {
        let mut texts = Vec::new();
        for secret in [
            &b"to\"ken\n"[..],
            b"first line\nlast one\n",
            b"no",
            b"\xff\xfe\xff\xfe",
        ] {
            collect(secret, &mut texts);
        }
        let mut object = json!({
            "metadata": {"name": "to\"ken"},
            "status": {
                "results": [{"name": "to\"ken", "value": "a to\"ken b"}, {"name": "x", "value": {"first line": "last one"}}],
                "reason": "to\"ken",
                "message": "[{\"value\":\"to\\\"ken\"}] no",
            },
        });
        Secrets { texts }.cover_values(&mut object);
        assert_eq!(
            object,
            json!({
                "metadata": {"name": "to\"ken"},
                "status": {
                    "results": [{"name": "to\"ken", "value": "a *** b"}, {"name": "x", "value": {"first line": "***"}}],
                    "reason": "to\"ken",
                    "message": "[{\"value\":\"***\"}] no",
                },
            })
        );
    }
}
