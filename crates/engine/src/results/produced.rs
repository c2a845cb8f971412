//! What a task's containers wrote, read as results.

use std::collections::BTreeMap;

use windlass_api::references::expressions;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::task::TaskResult;
use windlass_api::tekton::taskrun::TaskRunResult;

use crate::params::USER_ERROR;
use crate::params::go_map;

/// Results that do not fit their declarations; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MismatchedResults {
    /// Values have another type than declared.
    #[error("Provided results don't match declared results; may be invalid JSON or missing result declaration: {}", .0.join(","))]
    Types(Vec<String>),
    /// Objects lack declared keys.
    #[error("missing keys for these results which are required in TaskResult's properties {}", go_map(.0))]
    Keys(BTreeMap<String, Vec<String>>),
}

impl MismatchedResults {
    /// The message of reason `TaskRunValidationFailed`.
    pub fn message(&self) -> String {
        format!("{USER_ERROR}{self}")
    }
}

/// Reads a result file whose type is not declared: JSON of strings has its type, all else is text.
///
/// A JSON string loses its quotes, as upstream.
pub fn from_file(text: &str) -> ParamValue {
    let looks_like_json = text.starts_with(['[', '{', '"']);
    match serde_json::from_str(text) {
        Ok(value) if looks_like_json => match ParamValue::from_json(value) {
            // Not an array or object of strings: the text stays as it was written.
            ParamValue::String(_) if !text.starts_with('"') => ParamValue::from(text),
            value => value,
        },
        _ => ParamValue::from(text),
    }
}

/// Reads a result file by its declared type; strings are never taken for JSON. An empty type is a string.
pub fn task_result(declared_type: &str, text: &str) -> ParamValue {
    match declared_type {
        "" | "string" => ParamValue::from(text),
        _ => from_file(text),
    }
}

/// The step and the result that a task's result is taken from: `value: $(steps.<step>.results.<result>)`.
pub fn step_result_of(declared: &TaskResult) -> Option<(&str, &str)> {
    let text = declared.value.as_ref()?.as_str()?;
    let body = expressions(text).next()?.body;
    body.strip_prefix("steps.")?.split_once(".results.")
}

/// Takes out the results whose type is not the declared one, and says what is wrong with them.
///
/// Undeclared results stay: nothing is known about them.
pub fn check_results(
    declared: &[TaskResult],
    results: &mut Vec<TaskRunResult>,
) -> Result<(), MismatchedResults> {
    let types: BTreeMap<&str, &str> = declared
        .iter()
        .map(|result| (result.name.as_str(), declared_type(result)))
        .collect();
    let mut wrong = BTreeMap::new();
    results.retain(|result| {
        let actual = result.value.kind().as_str();
        let expected = types.get(result.name.as_str()).copied().unwrap_or(actual);
        if expected != actual {
            wrong.insert(result.name.clone(), format!(
                " \"{}\": task result is expected to be \"{expected}\" type but was initialized to a different type \"{actual}\"",
                result.name
            ));
        }
        expected == actual
    });
    if !wrong.is_empty() {
        return Err(MismatchedResults::Types(wrong.into_values().collect()));
    }
    let keys: BTreeMap<String, Vec<String>> = declared
        .iter()
        .filter_map(|declared| {
            let produced = results.iter().find(|result| result.name == declared.name)?;
            let ParamValue::Object(fields) = &produced.value else {
                return None;
            };
            let missing = missing_keys(declared, fields);
            (!missing.is_empty()).then(|| (declared.name.clone(), missing))
        })
        .collect();
    if keys.is_empty() {
        Ok(())
    } else {
        Err(MismatchedResults::Keys(keys))
    }
}

fn declared_type(result: &TaskResult) -> &'static str {
    match result.r#type.as_str() {
        "array" => ParamType::Array.as_str(),
        "object" => ParamType::Object.as_str(),
        "" if !result.properties.is_empty() => ParamType::Object.as_str(),
        _ => ParamType::String.as_str(),
    }
}

/// An object without any key is not looked at, as upstream.
fn missing_keys(declared: &TaskResult, fields: &BTreeMap<String, String>) -> Vec<String> {
    if fields.is_empty() {
        return Vec::new();
    }
    declared
        .properties
        .keys()
        .filter(|key| !fields.contains_key(*key))
        .cloned()
        .collect()
}
