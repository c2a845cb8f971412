//! What the steps of a task have in common.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_api::core::EnvVar;
use windlass_api::core::ResourceRequirements;
use windlass_api::tekton::Step;
use windlass_api::tekton::task::StepTemplate;

/// The step with the template's fields where it has none of its own.
///
/// Variables are merged by name, mounts by path, block devices by path, resources and identity field by field. A step
/// whose `StepAction` is not fetched yet stays as it is.
pub fn merge_step_template(template: Option<&StepTemplate>, step: &Step) -> Step {
    let mut step = step.clone();
    let Some(template) = template.filter(|_| step.r#ref.is_none()) else {
        return step;
    };
    text(&mut step.image, &template.image);
    text(&mut step.working_dir, &template.working_dir);
    text(&mut step.image_pull_policy, &template.image_pull_policy);
    list(&mut step.command, &template.command);
    list(&mut step.args, &template.args);
    list(&mut step.env_from, &template.env_from);
    step.env = by_key(&template.env, &step.env, |variable| &variable.name, variable);
    step.volume_mounts = by_key(
        &template.volume_mounts,
        &step.volume_mounts,
        |mount| &mount.mount_path,
        deep,
    );
    step.volume_devices = by_key(
        &template.volume_devices,
        &step.volume_devices,
        |device| &device.device_path,
        deep,
    );
    step.compute_resources = deep(&template.compute_resources, &step.compute_resources);
    step.security_context = match (&template.security_context, step.security_context.take()) {
        (Some(template), Some(own)) => Some(deep(template, &own)),
        (template, own) => own.or_else(|| template.clone()),
    };
    step
}

/// The resources of a step or sidecar with those that a run sets for it, which win.
pub fn merge_resources(declared: &ResourceRequirements, set: &ResourceRequirements) -> ResourceRequirements {
    deep(declared, set)
}

fn text(own: &mut String, template: &str) {
    if own.is_empty() {
        template.clone_into(own);
    }
}

fn list<T: Clone>(own: &mut Vec<T>, template: &[T]) {
    if own.is_empty() {
        own.extend_from_slice(template);
    }
}

/// A variable without any value takes the template's.
fn variable(template: &EnvVar, own: &EnvVar) -> EnvVar {
    let empty = own.value.is_empty() && own.value_from.is_none();
    if empty { template } else { own }.clone()
}

/// Merges two lists as a strategic merge patch does: a template's element stands before the first own element that
/// follows it in the template, otherwise behind all of them.
fn by_key<T: Clone, K: Eq + Hash + ?Sized>(
    template: &[T],
    own: &[T],
    key: impl Fn(&T) -> &K,
    merge: impl Fn(&T, &T) -> T,
) -> Vec<T> {
    let places: HashMap<&K, usize> = template
        .iter()
        .enumerate()
        .map(|(at, item)| (key(item), at))
        .collect();
    let owned: HashSet<&K> = own.iter().map(&key).collect();
    let mut left = template
        .iter()
        .enumerate()
        .filter(|(_, item)| !owned.contains(key(item)))
        .peekable();
    let mut out = Vec::with_capacity(template.len() + own.len());
    for item in own {
        let place = places.get(key(item)).copied();
        while let Some((_, before)) = left.next_if(|(at, _)| place.is_some_and(|place| *at < place)) {
            out.push(before.clone());
        }
        let shared = place.and_then(|place| template.get(place));
        out.push(shared.map_or_else(|| item.clone(), |shared| merge(shared, item)));
    }
    out.extend(left.map(|(_, item)| item.clone()));
    out
}

/// Merges two values field by field; lists are replaced.
fn deep<T: Serialize + DeserializeOwned + Clone>(template: &T, own: &T) -> T {
    let merged = match (serde_json::to_value(template), serde_json::to_value(own)) {
        (Ok(mut template), Ok(own)) => {
            overlay(&mut template, own);
            serde_json::from_value(template).ok()
        }
        _ => None,
    };
    // What was read from JSON can be written to it; if it ever cannot, the step's own value stands.
    merged.unwrap_or_else(|| own.clone())
}

fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
