//! Label selectors as objects: `matchLabels` and `matchExpressions`.

use serde_json::Value;

use crate::selector::Error;
use crate::selector::label::LabelSelector;
use crate::selector::label::Operator;
use crate::selector::label::Requirement;

/// Most entries of both lists together. Far above any in use, far below what would cost a server anything.
const MAX_ENTRIES: usize = 1_000;

impl LabelSelector {
    /// Decodes a `LabelSelector` object; `path` is the field it stands in, for errors.
    ///
    /// An empty object selects everything. What an absent one means is the caller's to say.
    ///
    /// # Errors
    /// When a field is unknown or has the wrong type, an operator is unknown, or a key or value is not allowed.
    pub fn from_object(selector: &Value, path: &str) -> Result<Self, Error> {
        let fields = selector
            .as_object()
            .ok_or_else(|| Error::new(format!("{path}: a label selector is an object")))?;
        let mut requirements = Vec::new();
        for (name, content) in fields {
            let at = format!("{path}.{name}");
            match (name.as_str(), content) {
                (_, Value::Null) => {}
                ("matchLabels", Value::Object(labels)) => {
                    check_entries(requirements.len() + labels.len(), &at)?;
                    for (key, value) in labels {
                        let value = value.as_str();
                        let value =
                            value.ok_or_else(|| Error::new(format!("{at}.{key}: must be a string")))?;
                        requirements.push(Requirement::new(
                            key,
                            Operator::Equals,
                            vec![value.to_owned()],
                            &at,
                        )?);
                    }
                }
                ("matchExpressions", Value::Array(entries)) => {
                    check_entries(requirements.len() + entries.len(), &at)?;
                    for (index, entry) in entries.iter().enumerate() {
                        requirements.push(expression(entry, &format!("{at}[{index}]"))?);
                    }
                }
                ("matchLabels" | "matchExpressions", _) => {
                    return Err(Error::new(format!("{at}: has the wrong type")));
                }
                _ => return Err(Error::new(format!("{at}: unknown field"))),
            }
        }
        Ok(Self::new(requirements))
    }
}

fn check_entries(count: usize, path: &str) -> Result<(), Error> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(Error::new(format!(
        "{path}: a label selector has at most {MAX_ENTRIES} entries"
    )))
}

fn expression(entry: &Value, path: &str) -> Result<Requirement, Error> {
    let text = |field: &str| {
        let found = entry.get(field).and_then(Value::as_str);
        found.ok_or_else(|| Error::new(format!("{path}.{field}: Required value")))
    };
    let operator = match text("operator")? {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            return Err(Error::new(format!(
                "{other:?} is not a valid label selector operator"
            )));
        }
    };
    let values = match entry.get("values") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| {
                let text = value.as_str();
                text.map(str::to_owned)
                    .ok_or_else(|| Error::new(format!("{path}.values: must be strings")))
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(Error::new(format!("{path}.values: must be a list"))),
    };
    Requirement::new(text("key")?, operator, values, path)
}
