//! Parameters that nothing refers to.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::references::expressions;
use crate::tekton::ParamSpec;

/// Code of the warning that a parameter is declared for nothing.
const UNUSED_PARAM: &str = "unused-param";

/// Warns of parameters that no text of the specification refers to.
pub(super) fn unused_params(
    at: &FieldPath,
    params: &[ParamSpec],
    spec: &impl Serialize,
    problems: &mut Vec<Problem>,
) {
    if params.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    // A specification is a struct with text keys, which cannot fail to serialise.
    collect(&serde_json::to_value(spec).unwrap_or_default(), &mut used);
    let at = at.field("params");
    for (index, param) in params
        .iter()
        .enumerate()
        .filter(|(_, param)| !used.contains(&param.name))
    {
        let message = format!("parameter {:?} is not used", param.name);
        problems.push(Problem::warning(
            UNUSED_PARAM,
            at.index(index).field("name"),
            message,
        ));
    }
}

/// Notes every name that a reference can mean: `a.b.c` may be a key of `a` or of `a.b`, or `a.b.c` itself.
fn collect(value: &Value, used: &mut HashSet<String>) {
    match value {
        Value::String(text) => {
            for name in expressions(text).filter_map(|expression| expression.param()) {
                let ends = name
                    .match_indices(['.', '['])
                    .map(|(end, _)| end)
                    .chain([name.len()]);
                used.extend(ends.filter_map(|end| name.get(..end)).map(str::to_owned));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, used)),
        Value::Object(members) => members.values().for_each(|member| collect(member, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
