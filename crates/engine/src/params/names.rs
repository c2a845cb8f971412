//! The ways to write a parameter's name.

/// How the parameters of a task are written, the plain form first; `inputs.params.x` is what the first releases used.
pub fn task_bases(name: &str) -> Vec<String> {
    let mut bases = pipeline_bases(name);
    bases.push(format!("inputs.params.{name}"));
    bases
}

/// How the parameters of a pipeline are written, the plain form first.
pub fn pipeline_bases(name: &str) -> Vec<String> {
    vec![
        format!("params.{name}"),
        format!("params[\"{name}\"]"),
        format!("params['{name}']"),
    ]
}

/// What follows `params` in a variable, in whichever form it is written: name, then key or index.
pub(super) fn parameter(variable: &str) -> Option<&str> {
    let rest = variable
        .strip_prefix("inputs.")
        .unwrap_or(variable)
        .strip_prefix("params")?;
    if let Some(plain) = rest.strip_prefix('.') {
        return Some(plain);
    }
    let quoted = rest.strip_prefix("['").and_then(|rest| rest.strip_suffix("']"));
    quoted.or_else(|| rest.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]")))
}
