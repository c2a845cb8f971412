//! Changes of objects.

use super::flags::Flags;
use super::object::validate_create;
use super::place::Place;
use super::violation::IMMUTABLE;
use super::violation::Violation;
use crate::defaults::Defaults;
use crate::defaults::SetDefaults;
use crate::meta::Condition;
use crate::object::Object;
use crate::reasons;
use crate::tekton::PipelineRun;
use crate::tekton::TaskRun;

/// Everything that keeps `new` from replacing `old`: what would keep it from being created, and changes that are
/// refused. Defaults have to be set in `new`; `defaults` are those that an old object may lack.
pub fn validate_update(old: &Object, new: &Object, defaults: &Defaults, flags: &Flags) -> Vec<Violation> {
    let mut violations = validate_create(new, flags);
    let root = Place::root();
    match (old, new) {
        (Object::TaskRun(old), Object::TaskRun(new)) => task_run(&root, old, new, defaults, &mut violations),
        (Object::PipelineRun(old), Object::PipelineRun(new)) => {
            pipeline_run(&root, old, new, defaults, &mut violations);
        }
        (Object::Secret(old), Object::Secret(new)) if old.immutable == Some(true) => {
            let same = old.data == new.data && new.immutable == old.immutable;
            violations.extend((!same).then(|| sealed(&root)));
        }
        (Object::ConfigMap(old), Object::ConfigMap(new)) if old.immutable == Some(true) => {
            let same = old.data == new.data && old.binary_data == new.binary_data;
            violations.extend((!same || new.immutable != old.immutable).then(|| sealed(&root)));
        }
        (Object::RoleBinding(old), Object::RoleBinding(new)) => {
            violations.extend((old.role_ref != new.role_ref).then(|| turned(&root)));
        }
        (Object::ClusterRoleBinding(old), Object::ClusterRoleBinding(new)) => {
            violations.extend((old.role_ref != new.role_ref).then(|| turned(&root)));
        }
        _ => {}
    }
    violations
}

/// Whoever was given one role must not find that it has become another.
fn turned(root: &Place<'_>) -> Violation {
    Violation::new(IMMUTABLE, &root.field("roleRef"), "cannot change roleRef")
}

fn sealed(root: &Place<'_>) -> Violation {
    Violation::new(
        IMMUTABLE,
        &root.field("data"),
        "field is immutable when `immutable` is set",
    )
}

fn is_done(conditions: &[Condition]) -> bool {
    let succeeded = conditions
        .iter()
        .find(|condition| condition.r#type == reasons::SUCCEEDED);
    succeeded.is_some_and(|condition| [reasons::TRUE, reasons::FALSE].contains(&condition.status.as_str()))
}

fn managed_by(root: &Place<'_>) -> Violation {
    let spec = root.field("spec");
    Violation::invalid(&spec.field("managedBy"), "managedBy is immutable").code(IMMUTABLE)
}

fn frozen(root: &Place<'_>, message: &str) -> Violation {
    Violation::invalid(&root.field("spec"), message).code(IMMUTABLE)
}

fn task_run(
    root: &Place<'_>,
    old: &TaskRun,
    new: &TaskRun,
    defaults: &Defaults,
    violations: &mut Vec<Violation>,
) {
    if old.spec.managed_by != new.spec.managed_by {
        violations.push(managed_by(root));
    }
    let mut allowed = (*old.spec).clone();
    if is_done(&old.status.conditions) {
        if *old.spec != *new.spec {
            allowed.set_defaults(defaults);
            if allowed != *new.spec {
                violations.push(frozen(
                    root,
                    "Once the TaskRun is complete, no updates are allowed",
                ));
            }
        }
        return;
    }
    allowed.status.clone_from(&new.spec.status);
    allowed.status_message.clone_from(&new.spec.status_message);
    allowed.managed_by.clone_from(&new.spec.managed_by);
    if allowed != *new.spec {
        let message = "Once the TaskRun has started, only status and statusMessage updates are allowed";
        violations.push(frozen(root, message));
    }
}

fn pipeline_run(
    root: &Place<'_>,
    old: &PipelineRun,
    new: &PipelineRun,
    defaults: &Defaults,
    violations: &mut Vec<Violation>,
) {
    if old.spec.managed_by != new.spec.managed_by {
        violations.push(managed_by(root));
    }
    let mut allowed = (*old.spec).clone();
    if is_done(&old.status.conditions) {
        if *old.spec != *new.spec {
            allowed.set_defaults(defaults);
            if allowed != *new.spec {
                violations.push(frozen(
                    root,
                    "Once the PipelineRun is complete, no updates are allowed",
                ));
            }
        }
        return;
    }
    allowed.status.clone_from(&new.spec.status);
    allowed.managed_by.clone_from(&new.spec.managed_by);
    if allowed != *new.spec {
        violations.push(frozen(
            root,
            "Once the PipelineRun has started, only status updates are allowed",
        ));
    }
}
