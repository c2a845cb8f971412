//! Values of parameters from a file.

use std::fs;
use std::path::Path;

use serde_json::Value;
use windlass_api::problem::Problems;
use windlass_api::yaml;

use super::assignment::Assignment;
use crate::error::Error;
use crate::error::Result;

/// Reads a mapping of names to values.
///
/// # Errors
/// When the file cannot be read or holds anything else.
pub(crate) fn values(path: &Path) -> Result<Vec<Assignment>> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Error::input(format!("{name}: cannot be read: {error}")))?;
    let documents = yaml::load(&bytes).map_err(|mut problems: Problems| {
        problems.name_file(&name);
        Error::from(problems)
    })?;
    let mut values = Vec::new();
    for document in documents {
        let Value::Object(members) = document.value else {
            return Err(Error::input(format!(
                "{name}: expected a mapping of names to values"
            )));
        };
        values.extend(members.into_iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Assignment { name, value }
        }));
    }
    Ok(values)
}
