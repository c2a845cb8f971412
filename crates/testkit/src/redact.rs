//! What differs from run to run without a meaning, taken out in one place.

use serde_json::Value;

/// Members that are points in time.
const TIMES: [&str; 8] = [
    "creationTimestamp",
    "lastTransitionTime",
    "startTime",
    "completionTime",
    "finallyStartTime",
    "startedAt",
    "finishedAt",
    "deletionTimestamp",
];

/// Members that are identities or versions.
const IDENTITIES: [&str; 4] = [
    "uid",
    "resourceVersion",
    "tekton.dev/pipelineRunUID",
    "tekton.dev/taskRunUID",
];

/// The annotation that names the version of the program.
const RELEASE: &str = "pipeline.tekton.dev/release";

/// The flags of a plane.
const FLAGS: &str = "featureFlags";

/// Replaces times, identities and versions in an object, and the flags that every provenance repeats.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if TIMES.contains(&name.as_str()) {
                    *member = Value::String("<time>".to_owned());
                } else if IDENTITIES.contains(&name.as_str()) {
                    *member = Value::String("<id>".to_owned());
                } else if name == RELEASE {
                    *member = Value::String("<release>".to_owned());
                } else if name == FLAGS {
                    *member = Value::String("<flags>".to_owned());
                } else {
                    redact(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
