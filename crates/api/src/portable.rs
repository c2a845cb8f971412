//! What only this program understands, so that it can be told apart from upstream's language.
//!
//! Fields that extend upstream's objects are rows of [`EXTENSIONS`]; kinds of custom tasks that need this program are
//! those of [`OWN_GROUP`]. Upstream refuses unknown fields, so nothing here changes its meaning silently on a cluster.

use serde_json::Value;

use crate::object::Kind;
use crate::object::Object;
use crate::problem::FieldPath;
use crate::problem::Problem;

/// Code of the problem that upstream does not know something.
pub const NOT_PORTABLE: &str = "not-portable";

/// Group of this program's own kinds.
pub const OWN_GROUP: &str = "windlass.dev/";

/// A field of upstream's objects that only this program understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Kind of the objects that have it.
    pub kind: Kind,
    /// Its path: names joined by dots, `[]` behind a list, for instance `spec.tasks[].rollback`.
    pub path: &'static str,
    /// What to do without it.
    pub instead: &'static str,
}

/// Every field that only this program understands. There is none so far.
pub const EXTENSIONS: &[Extension] = &[];

/// Names everything in an object that only this program understands.
pub fn portable_problems(object: &Object) -> Vec<Problem> {
    let value = object.to_json();
    let mut problems = Vec::new();
    for extension in EXTENSIONS
        .iter()
        .filter(|extension| extension.kind == object.kind())
    {
        extended(&value, extension, &mut problems);
    }
    own_kinds(&value, &FieldPath::root(), &mut problems);
    problems
}

fn extended(value: &Value, extension: &Extension, problems: &mut Vec<Problem>) {
    let mut places = vec![(value, FieldPath::root())];
    for part in extension.path.split('.') {
        let name = part.strip_suffix("[]").unwrap_or(part);
        let mut next = Vec::new();
        for (value, path) in places {
            let Some(value) = value.get(name) else { continue };
            let path = path.field(name.to_owned());
            match value.as_array().filter(|_| name != part) {
                Some(items) => {
                    next.extend(
                        items
                            .iter()
                            .enumerate()
                            .map(|(index, item)| (item, path.index(index))),
                    );
                }
                None => next.push((value, path)),
            }
        }
        places = next;
    }
    for (_, path) in places {
        let message = format!("{} is known to Windlass only", extension.path.replace("[]", ""));
        problems.push(Problem::error(NOT_PORTABLE, path, message).hint(extension.instead));
    }
}

/// Custom tasks are references and embedded specs with an `apiVersion` of the own group, wherever they stand.
fn own_kinds(value: &Value, path: &FieldPath, problems: &mut Vec<Problem>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                own_kinds(item, &path.index(index), problems);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let holds_a_task =
                    ["taskRef", "taskSpec", "customRef", "customSpec"].contains(&name.as_str());
                let path = path.field(name.clone());
                let api_version = member
                    .get("apiVersion")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if holds_a_task && api_version.starts_with(OWN_GROUP) {
                    let kind = member.get("kind").and_then(Value::as_str).unwrap_or_default();
                    let message = format!("{api_version} {kind} is known to Windlass only");
                    let problem = Problem::error(NOT_PORTABLE, path.field("apiVersion"), message);
                    problems.push(problem.hint("on a cluster, a controller for this custom task is needed"));
                }
                own_kinds(member, &path, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn own_custom_tasks_are_named_wherever_they_stand() {
        let object = Object::from_json(json!({
            "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "x"},
            "spec": {"pipelineSpec": {
                "tasks": [{"name": "a", "taskRef": {"name": "t"}}, {"name": "b", "taskRef": {"apiVersion": "example.dev/v1", "kind": "K"}}],
                "finally": [{"name": "c", "taskRef": {"apiVersion": "windlass.dev/v1alpha1", "kind": "Wait"}}],
            }},
        }))
        .unwrap();
        let problems: Vec<String> = portable_problems(&object)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            problems,
            [
                "spec.pipelineSpec.finally[0].taskRef.apiVersion: windlass.dev/v1alpha1 Wait is known to Windlass only\n  \
              hint: on a cluster, a controller for this custom task is needed"
            ]
        );
    }

    #[test]
    fn extended_fields_are_found_in_lists() {
        let extension = Extension {
            kind: Kind::Pipeline,
            path: "spec.tasks[].rollback",
            instead: "leave it out",
        };
        let mut problems = Vec::new();
        extended(
            &json!({"spec": {"tasks": [{}, {"rollback": {}}]}}),
            &extension,
            &mut problems,
        );
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["spec.tasks[1].rollback: spec.tasks.rollback is known to Windlass only\n  hint: leave it out"]
        );
    }
}
