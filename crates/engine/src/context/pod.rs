//! The parameters in what a run says about its pods.

use serde_json::Value;
use windlass_api::core::PodTemplate;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;

use super::error::Error;
use crate::params;
use crate::params::Scope;
use crate::substitution;
use crate::substitution::Expansion;

/// The template with a task's parameters put into every text, the keys of selectors included.
pub fn apply_pod_template(
    template: &PodTemplate,
    declared: &[ParamSpec],
    given: &[Param],
) -> Result<PodTemplate, Error> {
    let values = params::replacer(Scope::Task, declared, given)?;
    let Ok(mut tree) = serde_json::to_value(template) else {
        return Ok(template.clone());
    };
    texts(&mut Expansion::new(&values), &mut tree)?;
    Ok(serde_json::from_value(tree).unwrap_or_else(|_| template.clone()))
}

fn texts(pass: &mut Expansion<'_>, tree: &mut Value) -> Result<(), substitution::Error> {
    match tree {
        Value::String(text) => *text = pass.text(text)?,
        Value::Array(items) => {
            for item in items {
                texts(pass, item)?;
            }
        }
        Value::Object(fields) => {
            for (key, mut value) in std::mem::take(fields) {
                texts(pass, &mut value)?;
                fields.insert(pass.text(&key)?, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}
