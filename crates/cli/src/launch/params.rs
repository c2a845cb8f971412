//! Values from the command line.

use serde_json::Value;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;

use crate::error::Error;
use crate::error::Result;
use crate::input::Assignment;

/// Reads values by the types that are declared; `None` when the declarations are not in the input, so that any name
/// and the value's own form are taken.
///
/// # Errors
/// When a name is not declared or a value has the wrong type.
pub(super) fn read(assignments: &[Assignment], declared: Option<&[ParamSpec]>) -> Result<Vec<Param>> {
    let mut params: Vec<Param> = Vec::new();
    for assignment in assignments {
        let value = match declared {
            None => undeclared(&assignment.value),
            Some(specs) => {
                let Some(spec) = specs.iter().find(|spec| spec.name == assignment.name) else {
                    return Err(unknown(&assignment.name, specs));
                };
                typed(&assignment.value, type_of(spec)).map_err(|expected| {
                    Error::usage(format!("--param {}: expected {expected}", assignment.name)).hint(format!(
                        "for instance --param '{}={}'",
                        assignment.name,
                        example(type_of(spec))
                    ))
                })?
            }
        };
        set(
            &mut params,
            Param {
                name: assignment.name.clone(),
                value,
            },
        );
    }
    Ok(params)
}

/// Replaces the value of the same name, or adds it.
pub(super) fn set(params: &mut Vec<Param>, param: Param) {
    match params.iter_mut().find(|known| known.name == param.name) {
        Some(known) => *known = param,
        None => params.push(param),
    }
}

/// Declared parameters that have neither a value nor a default: what is wrong, and the options that mend it.
pub(super) fn missing(declared: &[ParamSpec], given: &[Param]) -> Option<(String, Vec<String>)> {
    let is_given = |name: &str| given.iter().any(|param| param.name == name);
    let missing: Vec<&ParamSpec> = declared
        .iter()
        .filter(|spec| spec.default.is_none() && !is_given(&spec.name))
        .collect();
    let names: Vec<&str> = missing.iter().map(|spec| spec.name.as_str()).collect();
    let what = match names.as_slice() {
        [] => return None,
        [one] => format!("parameter {one} has no value"),
        several => format!("parameters {} have no value", several.join(", ")),
    };
    Some((what, missing.iter().map(|spec| flag(spec)).collect()))
}

fn flag(spec: &ParamSpec) -> String {
    let kind = type_of(spec);
    let value = match kind {
        ParamType::String if !spec.enum_values.is_empty() => spec.enum_values.join("|"),
        ParamType::String => "TEXT".to_owned(),
        other => format!("'{}'", example(other)),
    };
    let about = spec.description.lines().next().unwrap_or_default();
    let about = if about.is_empty() {
        String::new()
    } else {
        format!("  {about}")
    };
    format!("--param {}={value}{about}", spec.name)
}

/// The declared type; upstream infers it from properties and default.
fn type_of(spec: &ParamSpec) -> ParamType {
    match spec.r#type.as_str() {
        "array" => ParamType::Array,
        "object" => ParamType::Object,
        "string" => ParamType::String,
        _ if !spec.properties.is_empty() => ParamType::Object,
        _ => spec.default.as_ref().map_or(ParamType::String, ParamValue::kind),
    }
}

fn example(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "text",
        ParamType::Array => r#"["a","b"]"#,
        ParamType::Object => r#"{"key":"value"}"#,
    }
}

fn unknown(name: &str, specs: &[ParamSpec]) -> Error {
    let error = Error::usage(format!("there is no parameter {name:?}"));
    if specs.is_empty() {
        return error.hint("none is declared");
    }
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    error.hint(format!("declared: {}", names.join(", ")))
}

/// A string stays as it is. An array is JSON, or texts with commas between them. An object is JSON.
fn typed(text: &str, kind: ParamType) -> Result<ParamValue, &'static str> {
    match kind {
        ParamType::String => Ok(ParamValue::String(text.to_owned())),
        ParamType::Array if text.trim_start().starts_with('[') => match json(text) {
            Some(value @ ParamValue::Array(_)) => Ok(value),
            _ => Err("an array: JSON strings, or texts with commas between them"),
        },
        ParamType::Array if text.is_empty() => Ok(ParamValue::Array(Vec::new())),
        ParamType::Array => Ok(ParamValue::Array(text.split(',').map(str::to_owned).collect())),
        ParamType::Object => match json(text) {
            Some(value @ ParamValue::Object(_)) => Ok(value),
            _ => Err("an object: JSON with strings as values"),
        },
    }
}

/// JSON arrays and objects of strings are what they look like, anything else is a string.
fn undeclared(text: &str) -> ParamValue {
    match json(text) {
        Some(value @ (ParamValue::Array(_) | ParamValue::Object(_))) => value,
        _ => ParamValue::String(text.to_owned()),
    }
}

fn json(text: &str) -> Option<ParamValue> {
    serde_json::from_str::<Value>(text)
        .ok()
        .map(ParamValue::from_json)
}

/// A value on one line: strings as they are, or quoted when they would be hard to read; the rest as JSON.
pub(crate) fn value_text(value: &ParamValue) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control) => {
            text.to_owned()
        }
        _ => value.to_json().to_string(),
    }
}
